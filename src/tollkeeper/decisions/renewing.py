"""Renewals: what the beginning of a period does to an account, and a subscription's end. Pure.

The laws, which `tests/subscriptions` proves:

- A renewal happens at its period's own time, once, whoever is first to look (H2, A8). Missed ones
  follow each other in order, as if a job had run on time; only `created_at` is later. Where many
  were missed they are booked together (see `catching_up`).
- `reset`: what is left of the old allowance has expired at that moment (its grant says when), debt
  is forgiven with an entry of its own, then the new allowance is granted (D2, A4). What open holds
  have drawn from the overdraft is no debt yet and stays, and so does debt of money.
- `add`: the new allowance is granted, at most up to the cap, and pays debt back. What open holds
  have drawn of it counts as left, since it may come back (B1).
- Nothing else is touched: not what was bought or given, nor another plan's allowance (D10).
- At a subscription's end what is left of its allowance is revoked (D6); nothing comes any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.recurrences import OVER, Recurrence, expiry, stepped
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.values.periods import Period
from tollkeeper.values.units import is_money


class Renewed(NamedTuple):
    """What a renewal, or an end, did to an account."""

    account: Account
    #: The operation's id; the entries may be none.
    id: str
    entries: tuple[Entry, ...]
    made: tuple[GrantFact, ...] = ()


def renew(
    account: Account, recurrence: Recurrence, moment: datetime, holds: Sequence[Hold]
) -> Renewed:
    """Begin the period that begins at `moment`."""
    after, running = stepped(recurrence, moment)
    account = replaced(account, recurrence, after)
    entries: list[Entry] = []
    if not recurrence.adds and not is_money(account.unit):
        account, entries = forgive(account, holds, moment)
    held = held_of(recurrence, holds, moment)
    account, granted, made = give(account, recurrence, running, moment, counted=held)
    return Renewed(account, recurrence.id_of("rnw", moment), (*entries, *granted), made)


def end(account: Account, recurrence: Recurrence, moment: datetime) -> Renewed:
    """Revoke what is left of an allowance when its subscription ends.

    While anything is held the recurrence stays, over, so that what comes back to its grants is
    known to be dead.
    """
    gone = recurrence._replace(number=OVER, next_at=None)
    account = replaced(account, recurrence, gone if account.held else None)
    taken = [grant.id for grant in account.grants if recurrence.gave(grant.id)]
    account, entries = revoke(account, taken, moment)
    return Renewed(account, recurrence.id_of("end", moment), tuple(entries))


def revoke(
    account: Account, grants: Sequence[str], moment: datetime | None = None
) -> tuple[Account, list[Entry]]:
    """Take back what is left of some grants; `moment` is when that happened, if it is past."""
    taken = [grant for grant in account.grants if grant.id in grants]
    if not taken:
        return account, []
    lines = tuple([Line(grant.id, -grant.remaining) for grant in taken])
    kept = tuple([grant for grant in account.grants if grant.id not in grants])
    account, entry = post(account, "revoke", lines, kept, event_at=moment)
    return account, [entry]


def give(
    account: Account,
    recurrence: Recurrence,
    running: Period,
    moment: datetime,
    *,
    is_first: bool = False,
    used: int = 0,
    counted: int = 0,
) -> tuple[Account, list[Entry], tuple[GrantFact, ...]]:
    """Grant the allowance of a period from a moment on; the first is booked as it happens.

    Only what a cap leaves room for, where `counted` of it may still come back, and less what was
    `used` of the period's before; nothing at all is granted where that is nothing.
    """
    amount = _room(account, recurrence, counted) - used
    if amount <= 0:
        return account, [], ()
    fact = fact_of(account, recurrence, running, amount, moment)
    grants = with_grant(account.grants, fact.opened(amount, moment))
    happened = None if is_first else moment
    account, entry = post(account, "grant", (Line(fact.id, amount),), grants, event_at=happened)
    entries = [entry]
    if recurrence.adds or is_first or is_money(account.unit):
        account, repaid = repay(account, fact.id, happened)
        entries += repaid
    return account, entries, (fact,)


def forgive(
    account: Account, holds: Iterable[Hold], moment: datetime
) -> tuple[Account, list[Entry]]:
    """Forgive ordinary debt with an entry of its own (A4)."""
    debt = max(0, account.debt - overdrawn(holds))
    if not debt:
        return account, []
    account, entry = post(account, "forgive", (), account.grants, debt=-debt, event_at=moment)
    return account, [entry]


def overdrawn(holds: Iterable[Hold]) -> int:
    """Sum what open holds have drawn from the overdraft."""
    return sum(part.amount for hold in holds for part in hold.drawn if part.grant is None)


def fact_of(
    account: Account, recurrence: Recurrence, running: Period, amount: int, moment: datetime
) -> GrantFact:
    """Make the fact of a period's grant; its id follows from the subscription and the period."""
    return GrantFact(
        id=recurrence.id_of("grt", running.start),
        customer=account.customer,
        unit=account.unit,
        amount=amount,
        source="allowance",
        priority=recurrence.priority,
        paid=True,
        effective_at=moment,
        expires_at=expiry(recurrence, running, moment),
        features=recurrence.features,
        source_id=recurrence.subscription,
    )


def replaced(account: Account, before: Recurrence, after: Recurrence | None) -> Account:
    """Put a recurrence in the place of another; None takes it out."""
    others = [after if known is before else known for known in account.allowances]
    return account._replace(allowances=tuple([known for known in others if known is not None]))


def pruned(account: Account) -> Account:
    """Forget what is over, once nothing is held that could come back to it."""
    if account.held or not any(known.is_over for known in account.allowances):
        return account
    live = tuple([known for known in account.allowances if not known.is_over])
    return account._replace(allowances=live)


def is_dead(account: Account, grant_id: str) -> bool:
    """Tell whether a grant's subscription is over."""
    return any(known.is_over and known.gave(grant_id) for known in account.allowances)


def held_of(recurrence: Recurrence, holds: Iterable[Hold], moment: datetime) -> int:
    """Sum what open holds have drawn of an allowance, and could give back to it alive."""
    return sum(
        part.amount
        for hold in holds
        if hold.is_open
        for part in hold.drawn
        if part.grant is not None
        and recurrence.gave(part.grant.id)
        and (part.grant.expires_at is None or part.grant.expires_at > moment)
    )


def _room(account: Account, recurrence: Recurrence, counted: int) -> int:
    """Tell how much of an allowance there is room for under its cap (D2)."""
    if not recurrence.adds or recurrence.cap is None:
        return recurrence.amount
    left = left_of(account, recurrence)
    return max(0, min(recurrence.amount, recurrence.cap - left - counted))


def left_of(account: Account, recurrence: Recurrence) -> int:
    """Sum what is left of an allowance, of whatever period."""
    return sum(grant.remaining for grant in account.grants if recurrence.gave(grant.id))
