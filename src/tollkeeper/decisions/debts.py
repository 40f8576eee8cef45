"""Debt, and how new paid value pays it back (A4). Pure."""

from datetime import datetime

from tollkeeper.decisions.accounts import Account, Entry, Line, find, post
from tollkeeper.decisions.burning import with_grant


def repay(
    account: Account, grant_id: str, event_at: datetime | None = None
) -> tuple[Account, list[Entry]]:
    """Pay debt back from a grant that every feature may spend, if it was paid for.

    It gets an entry of its own; `event_at` says when it happened, where it is booked later.
    Promotional value pays no debt, unless the catalog said so when it was given.
    """
    grant = find(account.grants, grant_id)
    if grant is None or not (grant.paid or grant.repays) or not grant.is_general:
        return account, []
    paid = min(account.debt, grant.remaining)
    if not paid:
        return account, []
    grants = with_grant(account.grants, grant.left_with(grant.remaining - paid))
    lines = (Line(grant_id, -paid),)
    account, entry = post(account, "repay", lines, grants, debt=-paid, event_at=event_at)
    return account, [entry]
