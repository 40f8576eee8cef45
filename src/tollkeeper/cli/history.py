"""The command `history`: the newest entries of a customer, credits and money."""

from tollkeeper.cli import answers, sheets
from tollkeeper.cli.calls import Call
from tollkeeper.cli.options import Customer, Kinds, Limit, Since, Until


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
    names = ("credits", "wallet")
    data = {name: page.to_dict() for name, page in zip(names, pages, strict=True)}
    answers.show(call, data, lambda: [part for page in pages for part in sheets.history(page)])
