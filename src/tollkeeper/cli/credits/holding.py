"""Credits are set aside before the cost is known."""

from typing import Annotated, Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import (
    AmountText,
    Customer,
    Excess,
    Feature,
    Hold,
    Lifetime,
    Overdraft,
    UnitKey,
)

app: Final = typer.Typer()


@verb(app, "hold", changes=True)
def hold(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    lifetime: Lifetime = None,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Set credits aside before the cost is known; without --lifetime they come back after 15m."""
    spans: dict[str, Any] = {} if lifetime is None else {"lifetime": lifetime}
    with call.billing() as billing:
        receipt = billing.credits.hold(
            customer, unit, amount, feature=feature, overdraft=overdraft, **spans, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "extend", changes=True)
def extend(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much more to hold.")
    ] = None,
    *,
    lifetime: Lifetime = None,
) -> None:
    """Add an amount to an open hold, or let it live on for --lifetime from now."""
    with call.billing() as billing:
        receipt = billing.credits.extend(customer, hold, amount, lifetime=lifetime, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "settle", changes=True)
def settle(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What it did cost: all that is held.")
    ] = None,
    *,
    excess: Excess = None,
) -> None:
    """Consume what a hold turned out to cost, and give the rest back."""
    with call.billing() as billing:
        receipt = billing.credits.settle(customer, hold, amount, excess=excess, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "release", changes=True)
def release(call: Call, customer: Customer, hold: Hold) -> None:
    """Give a hold back, untouched, to the grants it came from."""
    with call.billing() as billing:
        receipt = billing.credits.release(customer, hold, **call.change)
    answers.show_receipt(call, receipt)
