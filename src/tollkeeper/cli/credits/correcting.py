"""Corrections of credits by hand: each names its reason and its actor (I2)."""

from typing import Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import NEGATIVE_AMOUNTS, Call, verb
from tollkeeper.cli.options import (
    AmountText,
    AnyUnit,
    Customer,
    Expired,
    OperationId,
    UnitKey,
)

app: Final = typer.Typer()


@verb(app, "revoke", by_hand=True)
def revoke(
    call: Call,
    customer: Customer,
    unit: AnyUnit = None,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much: all that is left.")
    ] = None,
    *,
    grant: Annotated[
        str | None, typer.Option(metavar="GRANT", help="Only what is left of this grant.")
    ] = None,
) -> None:
    """Take back what is left: an amount, one grant's rest, a unit, or all credits."""
    with call.correcting(customer) as billing:
        receipt = billing.credits.revoke(customer, unit, amount, grant=grant, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "adjust", by_hand=True, context_settings=NEGATIVE_AMOUNTS)
def adjust(call: Call, customer: Customer, unit: UnitKey, amount: AmountText) -> None:
    """Correct a balance by hand, up or down (-5)."""
    with call.correcting(customer) as billing:
        receipt = billing.credits.adjust(customer, unit, amount, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-balance", by_hand=True, context_settings=NEGATIVE_AMOUNTS)
def set_balance(call: Call, customer: Customer, unit: UnitKey, amount: AmountText) -> None:
    """Make what is available this amount, whatever it was; below zero (-5) it is debt."""
    with call.correcting(customer) as billing:
        receipt = billing.credits.set_balance(customer, unit, amount, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-overdraft", by_hand=True)
def set_overdraft(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    limit: Annotated[
        str, typer.Argument(help="An amount, 'unlimited', or 'default' for the unit's own limit.")
    ],
) -> None:
    """Set how far below zero this customer may go."""
    asked = None if limit == "default" else limit
    with call.correcting(customer) as billing:
        receipt = billing.credits.set_overdraft(customer, unit, asked, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "transfer", by_hand=True)
def transfer(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    to: Annotated[str, typer.Option(metavar="CUSTOMER", help="Who gets them.")],
) -> None:
    """Move credits to another customer, with their expiry and their cost."""
    with call.correcting(customer, to) as billing:
        receipt = billing.credits.transfer(customer, unit, amount, to=to, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "reverse", by_hand=True)
def reverse(
    call: Call,
    customer: Customer,
    operation: OperationId,
    *,
    expired: Expired = None,
) -> None:
    """Undo one operation: give back to the very grants that it drew from."""
    with call.correcting(customer) as billing:
        receipt = billing.credits.reverse(customer, operation, expired=expired, **call.change)
    answers.show_receipt(call, receipt)
