"""Debt, and how new paid value pays it back (RULES.md A4). Pure."""

from tollkeeper.decisions.accounts import Account, Entry, Line, find, post
from tollkeeper.decisions.burning import with_grant


def repay(account: Account, grant_id: str) -> tuple[Account, list[Entry]]:
    """Pay debt back from a grant that every feature may spend, if it was paid for.

    It gets an entry of its own. Promotional value pays no debt.
    """
    grant = find(account.grants, grant_id)
    if grant is None or not grant.paid or not grant.is_general:
        return account, []
    paid = min(account.debt, grant.remaining)
    if not paid:
        return account, []
    grants = with_grant(account.grants, grant.left_with(grant.remaining - paid))
    account, entry = post(account, "repay", (Line(grant_id, -paid),), grants, debt=-paid)
    return account, [entry]
