"""Money is set aside before the cost is known."""

from typing import Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import (
    Currency,
    CurrencyOfHold,
    Customer,
    Excess,
    Feature,
    Hold,
    Lifetime,
    Money,
    MoneyOfHold,
    Overdraft,
)
from tollkeeper.cli.wallet.reading import limit_of, part

app: Final = typer.Typer()


@verb(app, "hold", changes=True)
def hold(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
    *,
    lifetime: Lifetime = None,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Set money aside before the cost is known; without --lifetime it comes back after 15m."""
    from tollkeeper import Money

    spans: dict[str, Any] = {} if lifetime is None else {"lifetime": lifetime}
    with call.billing() as billing:
        receipt = billing.wallet.hold(
            customer,
            Money(amount, currency),
            feature=feature,
            overdraft=limit_of(overdraft, currency),
            **spans,
            **call.change,
        )
    answers.show_receipt(call, receipt)


@verb(app, "extend", changes=True)
def extend(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: MoneyOfHold = None,
    currency: CurrencyOfHold = None,
    *,
    lifetime: Lifetime = None,
) -> None:
    """Add money to an open hold, or let it live on for --lifetime from now."""
    with call.billing() as billing:
        receipt = billing.wallet.extend(
            customer, hold, part(amount, currency), lifetime=lifetime, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "settle", changes=True)
def settle(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: MoneyOfHold = None,
    currency: CurrencyOfHold = None,
    *,
    excess: Excess = None,
) -> None:
    """Spend what a hold turned out to cost (all of it without AMOUNT), and give the rest back."""
    with call.billing() as billing:
        receipt = billing.wallet.settle(
            customer, hold, part(amount, currency), excess=excess, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "release", changes=True)
def release(call: Call, customer: Customer, hold: Hold) -> None:
    """Give a hold back, untouched, to the deposits it came from."""
    with call.billing() as billing:
        receipt = billing.wallet.release(customer, hold, **call.change)
    answers.show_receipt(call, receipt)
