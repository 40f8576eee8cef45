"""The burn order (A1) and burning down: which grants pay, and how much each. Pure."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

from tollkeeper.decisions.accounts import Account, Line, OpenGrant

NEVER = datetime.max.replace(tzinfo=UTC)

BurnKey = tuple[int, datetime, bool, Fraction, datetime, str]


class Burn(NamedTuple):
    """What burning an amount down does: the lines, the grants afterwards, the part left unpaid."""

    lines: tuple[Line, ...]
    grants: tuple[OpenGrant, ...]
    unpaid: int
    #: How much of `available` the lines took.
    general: int


def burn_key(grant: OpenGrant) -> BurnKey:
    """Rank a grant: priority, sooner expiry, promotional before paid, cheaper, earlier, id (A1)."""
    return (
        grant.priority,
        grant.expires_at or NEVER,
        grant.paid,
        Fraction(grant.cost, grant.amount or 1),
        grant.effective_at,
        grant.id,
    )


def with_grant(grants: tuple[OpenGrant, ...], grant: OpenGrant) -> tuple[OpenGrant, ...]:
    """Put a grant, new or returned, in its place in the burn order; an empty one leaves."""
    others = [other for other in grants if other.id != grant.id]
    if grant.remaining:
        others.append(grant)
        others.sort(key=burn_key)
    return tuple(others)


def burn(account: Account, amount: int, feature: str | None, floor: int) -> Burn:
    """Take `amount` from the grants in burn order, without bringing `available` below `floor`.

    Grants restricted to the feature do not count against the floor: a debt elsewhere does not
    block what was given for this feature. What the grants cannot pay comes back as `unpaid`.
    """
    if account.grants and (whole := _by_the_first(account, amount, floor)) is not None:
        return whole
    at_most = general_left = account.available - floor
    lines: list[Line] = []
    kept: list[OpenGrant] = []
    for grant in account.grants:
        taken = 0
        if amount and grant.covers(feature):
            taken = min(amount, grant.remaining)
            if not grant.features:
                taken = max(0, min(taken, general_left))
                general_left -= taken
        if not taken:
            kept.append(grant)
            continue
        amount -= taken
        lines.append(Line(grant.id, -taken))
        if taken < grant.remaining:
            kept.append(grant.left_with(grant.remaining - taken))
    return Burn(tuple(lines), tuple(kept), amount, at_most - general_left)


def _by_the_first(account: Account, amount: int, floor: int) -> Burn | None:
    """Burn from the first grant alone where it can pay everything: what nearly every call does."""
    grant = account.grants[0]
    if not grant.is_general or amount > grant.remaining or amount > account.available - floor:
        return None
    left = grant.remaining - amount
    kept = (grant.left_with(left), *account.grants[1:]) if left else account.grants[1:]
    return Burn((Line(grant.id, -amount),) if amount else (), kept, 0, amount)


def spendable(account: Account, feature: str | None) -> int:
    """Tell how much could be consumed for a feature without any overdraft."""
    restricted = sum(
        grant.remaining for grant in account.grants if grant.features and grant.covers(feature)
    )
    return max(account.available, 0) + restricted if restricted else account.available
