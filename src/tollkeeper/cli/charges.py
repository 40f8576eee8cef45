"""The noun `charges`: set aside a use whose quantity is known only later, settle it, look it up."""

from typing import Annotated, Final

import typer

from tollkeeper.cli import answers, held_charges
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.charging import said
from tollkeeper.cli.options import (
    ApiKey,
    Cursor,
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

OnlyFeature = Annotated[
    str | None, typer.Option("--feature", metavar="KEY", help="Only holds of this feature.")
]
Status = Annotated[
    str,
    typer.Option(metavar="WORD", help="Only these: open, lapsed, settled or released; or 'all'."),
]
Most = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
]

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


@verb(app, "get")
def get(call: Call, customer: Customer, hold: Hold) -> None:
    """Show a hold as it stands now: what each source has set aside, until when."""
    with call.billing() as billing:
        found = billing.charges.get(customer, hold)
    answers.show(call, found.to_dict(), lambda: held_charges.one(found))


@verb(app, "list")
def list_(
    call: Call,
    customer: Customer,
    *,
    feature: OnlyFeature = None,
    status: Status = "open",
    limit: Most = 50,
    cursor: Cursor = None,
) -> None:
    """List a customer's holds, newest first: those that are open, unless you say so."""
    wanted = None if status == "all" else status
    with call.billing() as billing:
        found = billing.charges.list(customer, feature, status=wanted, limit=limit, cursor=cursor)
    answers.show(call, found.to_dict(), lambda: held_charges.page(found))
