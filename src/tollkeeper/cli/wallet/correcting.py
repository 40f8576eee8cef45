"""Corrections of money by hand: each names its reason and its actor (I2)."""

from typing import Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import NEGATIVE_AMOUNTS, Call, verb
from tollkeeper.cli.options import (
    Currency,
    CurrencyOfHold,
    Customer,
    Expired,
    Money,
    OperationId,
)
from tollkeeper.cli.wallet.reading import limit_of

app: Final = typer.Typer()


@verb(app, "adjust", by_hand=True, context_settings=NEGATIVE_AMOUNTS)
def adjust(call: Call, customer: Customer, amount: Money, currency: Currency) -> None:
    """Correct the wallet by hand, up or down (-5.00)."""
    from tollkeeper import Money

    with call.correcting(customer) as billing:
        receipt = billing.wallet.adjust(customer, Money(amount, currency), **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-overdraft", by_hand=True)
def set_overdraft(
    call: Call,
    customer: Customer,
    limit: Annotated[
        str,
        typer.Argument(
            metavar="LIMIT", help="An amount, 'unlimited', or 'default' for the unit's own limit."
        ),
    ],
    currency: CurrencyOfHold = None,
) -> None:
    """Set how far below zero this wallet may go."""
    asked = None if limit == "default" else limit_of(limit, currency)
    with call.correcting(customer) as billing:
        receipt = billing.wallet.set_overdraft(customer, asked, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "transfer", by_hand=True)
def transfer(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
    *,
    to: Annotated[str, typer.Option(metavar="CUSTOMER", help="Who gets it.")],
) -> None:
    """Move money to another customer's wallet, where the catalog allows it."""
    from tollkeeper import Money

    with call.correcting(customer, to) as billing:
        receipt = billing.wallet.transfer(customer, Money(amount, currency), to=to, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "reverse", by_hand=True)
def reverse(
    call: Call, customer: Customer, operation: OperationId, *, expired: Expired = None
) -> None:
    """Undo one operation: give back to the very deposits that it drew from."""
    with call.correcting(customer) as billing:
        receipt = billing.wallet.reverse(customer, operation, expired=expired, **call.change)
    answers.show_receipt(call, receipt)
