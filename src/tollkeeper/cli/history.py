"""The command `history`: the newest entries of a customer, credits and money."""

from typing import TYPE_CHECKING

from tollkeeper.cli import answers, books
from tollkeeper.cli.calls import Call
from tollkeeper.cli.options import Customer, Kinds, Limit, Since, Until
from tollkeeper.cli.sheets import Part

if TYPE_CHECKING:
    from tollkeeper.values.books import Page


def history(
    call: Call,
    customer: Customer,
    *,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> None:
    """List a customer's newest entries: those of credits, and those of the wallet.

    To read on, use `credits history` and `wallet history` with the cursors shown here.
    """
    with call.billing() as billing:
        pages = [
            room.history(customer, kinds=kind or (), since=since, until=until, limit=limit)
            for room in (billing.credits, billing.wallet)
        ]
    named = dict(zip(("credits", "wallet"), pages, strict=True))
    data = {name: page.to_dict() for name, page in named.items()}
    answers.show(call, data, lambda: _parts(named))


def _parts(pages: "dict[str, Page]") -> list[Part]:
    """Show those pages that have entries, each under its name."""
    shown: list[Part] = []
    for name, page in pages.items():
        if page.entries:
            shown += [name.capitalize(), *books.history(page)]
    return shown or ["No entries."]
