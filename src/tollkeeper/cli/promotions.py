"""The noun `promotions`: welcome credits, and codes that give credits."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Customer
from tollkeeper.cli.sheets import Column, Part, Sheet, number

if TYPE_CHECKING:
    from tollkeeper.values.receipts import Receipt

app: Final = typer.Typer(help="Give welcome credits; redeem codes.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="CODE", help="What the customer was given.")]


@verb(app, "welcome")
def welcome(call: Call, customer: Customer) -> None:
    """Grant what the catalog gives at the sign-up, once per customer and unit."""
    with call.billing() as billing:
        found = billing.promotions.welcome(customer)
    _show(call, found)


@verb(app, "redeem")
def redeem(call: Call, customer: Customer, code: Code) -> None:
    """Grant what a code gives, as often as the catalog lets a customer use it."""
    with call.billing() as billing:
        found = billing.promotions.redeem(customer, code)
    _show(call, found)


def _show(call: Call, found: "tuple[Receipt, ...]") -> None:
    data = {"receipts": [receipt.to_dict() for receipt in found]}
    answers.show(call, data, lambda: [_sheet(found)])


def _sheet(found: "tuple[Receipt, ...]") -> Part:
    columns = (Column("unit"), Column("granted", is_number=True), Column("grant"), Column(""))
    rows = [
        (
            receipt.unit or "",
            number(receipt.amount, receipt.balance.unit),
            receipt.grant_id or "",
            "before" if receipt.replayed else "",
        )
        for receipt in found
    ]
    return Sheet(columns=columns, rows=tuple(rows), empty="The catalog gives nothing.")
