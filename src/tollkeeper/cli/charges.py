"""The noun `charges`: set aside a use whose quantity is known only later; settle or release it."""

from typing import Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.charging import said
from tollkeeper.cli.options import (
    ApiKey,
    Customer,
    Dimensions,
    Excess,
    FeatureKey,
    Hold,
    Lifetime,
    Member,
    PayFrom,
    Quantity,
    Tags,
)

app: Final = typer.Typer(
    help="Set uses aside before their quantity is known, then settle them.", no_args_is_help=True
)


@verb(app, "hold", changes=True)
def hold(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    quantity: Quantity = "1",
    *,
    lifetime: Lifetime = None,
    pay_from: PayFrom = None,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tags = None,
    dimension: Dimensions = None,
) -> None:
    """Set a quantity aside, as `charge` would pay it; without --lifetime it lapses after 15m."""
    named = said(pay_from, member, api_key, tag, dimension)
    with call.billing() as billing:
        receipt = billing.charges.hold(
            customer, feature, quantity, lifetime=lifetime, **named, **call.change
        )
    answers.show_charge(call, receipt)


@verb(app, "extend", changes=True)
def extend(
    call: Call,
    customer: Customer,
    hold: Hold,
    quantity: Annotated[
        str, typer.Argument(metavar="[QUANTITY]", help="How much more to hold.")
    ] = "0",
    *,
    lifetime: Lifetime = None,
) -> None:
    """Let a hold grow by a quantity, or live on for --lifetime from now."""
    with call.billing() as billing:
        receipt = billing.charges.extend(customer, hold, quantity, lifetime=lifetime, **call.change)
    answers.show_charge(call, receipt)


@verb(app, "settle", changes=True)
def settle(
    call: Call,
    customer: Customer,
    hold: Hold,
    quantity: Annotated[
        str | None,
        typer.Argument(metavar="[QUANTITY]", help="What was really used: all that is held."),
    ] = None,
    *,
    excess: Excess = None,
) -> None:
    """Charge what was really used, and give the rest of the hold back."""
    with call.billing() as billing:
        receipt = billing.charges.settle(customer, hold, quantity, excess=excess, **call.change)
    answers.show_charge(call, receipt)


@verb(app, "release", changes=True)
def release(call: Call, customer: Customer, hold: Hold) -> None:
    """Give a hold back untouched: nothing was used."""
    with call.billing() as billing:
        receipt = billing.charges.release(customer, hold, **call.change)
    answers.show_receipt(call, receipt)
