"""How an answer is shown: as one line of canonical JSON, or as tables."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tollkeeper.cli import books, entitlements, receipts, screen
from tollkeeper.cli.calls import Call
from tollkeeper.cli.sheets import Part
from tollkeeper.values.texts import canonical_json

if TYPE_CHECKING:
    from tollkeeper.values.books import Balance, Page
    from tollkeeper.values.charges import ChargeReceipt
    from tollkeeper.values.customers import Customer
    from tollkeeper.values.grants import Grant
    from tollkeeper.values.receipts import Receipt


def show(call: Call, data: Any, parts: Callable[[], list[Part]]) -> None:
    """Print data as JSON, or what `parts` makes of it."""
    if call.as_json:
        print(canonical_json(data))
    else:
        screen.draw(parts())


def show_receipt(call: Call, receipt: "Receipt") -> None:
    """Show the answer to a change; that it is a replay is told beside it."""
    _note_replay(call, receipt)
    show(call, receipt.to_dict(), lambda: receipts.receipt(receipt))


def show_charge(call: Call, receipt: "ChargeReceipt") -> None:
    """Show the answer to a charge; that it is a replay is told beside it."""
    _note_replay(call, receipt)
    show(call, receipt.to_dict(), lambda: entitlements.charge(receipt))


def show_balance(call: Call, balance: "Balance") -> None:
    """Show one balance."""
    show(call, balance.to_dict(), lambda: books.balances([balance]))


def show_balances(call: Call, balances: "Mapping[str, Balance]") -> None:
    """Show the balances of several units."""
    found = list(balances.values())
    data = {"balances": [balance.to_dict() for balance in found]}
    show(call, data, lambda: books.balances(found))


def show_page(call: Call, page: "Page") -> None:
    """Show some entries, and how to ask for the next ones."""
    show(call, page.to_dict(), lambda: books.history(page))


def show_grants(call: Call, grants: "list[Grant]") -> None:
    """Show grants."""
    data = {"grants": [grant.to_dict() for grant in grants]}
    show(call, data, lambda: books.grants(grants))


def show_customer(call: Call, customer: "Customer") -> None:
    """Show what is known of a customer."""
    show(call, customer.to_dict(), lambda: books.customer(customer))


def show_yes_or_no(call: Call, name: str, *, answer: bool) -> None:
    """Show the answer to a question."""
    show(call, {name: answer}, lambda: ["yes" if answer else "no"])


def _note_replay(call: Call, receipt: "Receipt") -> None:
    """Tell beside the answer that it is the first one again."""
    if receipt.replayed:
        has_key = "idempotency_key" in call.change
        before = "this key was used before" if has_key else "this was done before"
        sys.stderr.write(f"note: {before}; this is the first answer.\n")
