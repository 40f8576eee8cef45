"""What time alone does to an account: grants begin and expire, holds lapse, plans renew. Pure.

`advance(account, holds, now)` is the one place that knows (A2, A8, B1); decisions, reads
and the audit all use it, so a job that sweeps changes promptness and never the truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.decisions.accounts import Account, Entry, Line, OpenGrant, find, post
from tollkeeper.decisions.catching_up import Run, catch_up, passed_over
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.holds import Hold, give_back
from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.renewing import end, is_dead, pruned, renew, replaced, revoke
from tollkeeper.decisions.requests import GrantFact


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that time did: its operation's id, and the entries it booked."""

    id: str
    entries: tuple[Entry, ...]
    #: The hold that lapsed, closed.
    hold: Hold | None = None
    #: Grants that had to be made (see `holds.give_back`).
    made: tuple[GrantFact, ...] = ()
    #: Whether it goes on from what time did to the account before: what is booked of many periods
    #: together begins when the last grant before them ended.
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Advanced:
    """An account brought to a moment, and what had to be booked for it."""

    account: Account
    due: tuple[Due, ...] = ()


def advance(account: Account, holds: Sequence[Hold], now: datetime) -> Advanced:
    """Bring an account to `now`, step by step in the order of the moments that came due.

    `holds` are all the account's open holds: those that lapse by `now` are given back, the others
    tell when to look again.
    """
    if account.due_at is None or now < account.due_at:
        return Advanced(account)
    booked: list[Due] = []
    waiting = list(holds)
    runs: dict[str, Run] = {}
    while (step := _next_step(account, waiting, now)) is not None:
        moment, subject = step
        if isinstance(subject, Recurrence):
            found = None
            if subject.tail not in runs:
                found = passed_over(account, subject, moment, waiting, now)
            if found is not None:
                after, runs[subject.tail] = found
                account = replaced(account, subject, after)
                continue
            account, dues = _recurred(account, subject, moment, waiting, runs)
            booked += dues
            continue
        if isinstance(subject, Hold):
            waiting.remove(subject)
        account, due = _happened(account, subject, moment)
        booked.append(due)
    account = pruned(account)
    return Advanced(account._replace(due_at=next_due(account, waiting)), tuple(booked))


def _happened(account: Account, subject: OpenGrant | Hold, moment: datetime) -> tuple[Account, Due]:
    """Book that a hold lapsed, or that a grant began or ended."""
    if isinstance(subject, Hold):
        return _lapse(account, subject, moment)
    if subject.pending and subject.effective_at == moment:
        return _activate(account, subject, moment)
    return _expire(account, subject, moment)


def next_due(account: Account, holds: Iterable[Hold]) -> datetime | None:
    """Tell when time alone will next change something, given the account's open holds."""
    moments = [moment for grant in account.grants for moment in _moments(grant)]
    moments += [hold.expires_at for hold in holds if hold.is_open and hold.expires_at]
    moments += [known.due_at for known in account.allowances if known.due_at]
    return min(moments, default=None)


def watch(account: Account, entries: list[Entry]) -> tuple[Account, list[Entry]]:
    """Note in the account when its grants next come due."""
    due = sooner(account.due_at, next_due(account, ()))
    if due == account.due_at:
        return account, entries
    account = account._replace(due_at=due)
    return account, [*entries[:-1], entries[-1]._replace(after=account)]


def watched(account: Account) -> Account:
    """Note in an account without a new entry when it next comes due."""
    return account._replace(due_at=sooner(account.due_at, next_due(account, ())))


def sooner(first: datetime | None, second: datetime | None) -> datetime | None:
    """Give the earlier of two moments, either of which may be absent."""
    if first is None or second is None:
        return first or second
    return min(first, second)


def _moments(grant: OpenGrant) -> list[datetime]:
    moments = [grant.effective_at] if grant.pending else []
    return moments + ([grant.expires_at] if grant.expires_at else [])


def _next_step(
    account: Account, holds: Sequence[Hold], now: datetime
) -> tuple[datetime, OpenGrant | Hold | Recurrence] | None:
    """Find what comes due first; at one moment lapses, then expiries, then renewals; then by id."""
    steps: list[tuple[datetime, int, str, OpenGrant | Hold | Recurrence]] = [
        (hold.expires_at, 0, hold.id, hold)
        for hold in holds
        if hold.is_open and hold.expires_at and hold.expires_at <= now
    ]
    steps += [
        (moment, 1, grant.id, grant)
        for grant in account.grants
        for moment in _moments(grant)
        if moment <= now
    ]
    steps += [
        (known.due_at, 2, known.tail, known)
        for known in account.allowances
        if known.due_at and known.due_at <= now
    ]
    if not steps:
        return None
    moment, _, _, subject = min(steps, key=lambda step: step[:3])
    return moment, subject


def _recurred(
    account: Account,
    recurrence: Recurrence,
    moment: datetime,
    holds: Sequence[Hold],
    runs: dict[str, Run],
) -> tuple[Account, list[Due]]:
    """Renew an allowance, after the periods that were passed over, or end it."""
    dues: list[Due] = []
    run = runs.pop(recurrence.tail, None)
    if run is not None:
        caught = catch_up(account, recurrence, run, moment, holds)
        account = caught.account
        dues.append(Due(caught.id, caught.entries, made=caught.made, continues=True))
    if moment == recurrence.ends_at:
        done = end(account, recurrence, moment)
    else:
        done = renew(account, recurrence, moment, holds)
    dues.append(Due(done.id, done.entries, made=done.made))
    # Nothing may have to be booked for a renewal or an end.
    return done.account, [due for due in dues if due.entries]


def _activate(account: Account, grant: OpenGrant, moment: datetime) -> tuple[Account, Due]:
    """Book that a grant became spendable, unless bound to features: now it pays debt too (A4)."""
    grants = tuple(g._replace(pending=False) if g.id == grant.id else g for g in account.grants)
    moved = 0 if grant.features else grant.remaining
    after = account._replace(
        grants=grants,
        available=account.available + moved,
        restricted=account.restricted - moved,
        version=account.version + 1,
    )
    lines = (Line(grant.id, 0),)
    entry = Entry("activate", after, moved, -moved, 0, 0, lines, moment)
    after, repaid = repay(after, grant.id, moment)
    return after, Due(f"act_{suffix(grant.id)}", (entry, *repaid))


def _expire(account: Account, grant: OpenGrant, moment: datetime) -> tuple[Account, Due]:
    """Book that what remained of a grant expired (A2)."""
    account, entry = expire_grant(account, grant.id, moment)
    return account, Due(f"exp_{suffix(grant.id)}", (entry,))


def expire_grant(account: Account, grant_id: str, moment: datetime) -> tuple[Account, Entry]:
    """Take what remains of an open grant out of the account, as of its expiry."""
    grant = find(account.grants, grant_id)
    remaining = grant.remaining if grant else 0
    grants = tuple(other for other in account.grants if other.id != grant_id)
    return post(account, "expire", (Line(grant_id, -remaining),), grants, event_at=moment)


def expire_dead(account: Account, ids: Iterable[str], now: datetime) -> tuple[Account, list[Entry]]:
    """Expire at once, visibly, what came back to grants whose time is over (B1).

    What comes back to the allowance of a subscription that is over is revoked.
    """
    entries: list[Entry] = []
    for grant_id in ids:
        grant = find(account.grants, grant_id)
        if grant and grant.expires_at and grant.expires_at <= now:
            account, entry = expire_grant(account, grant_id, now)
            entries.append(entry)
        elif grant and account.allowances and is_dead(account, grant_id):
            account, revoked = revoke(account, [grant_id], now)
            entries += revoked
    return account, entries


def _lapse(account: Account, hold: Hold, moment: datetime) -> tuple[Account, Due]:
    """Book that a hold lapsed: everything goes back to where it was drawn from."""
    name = suffix(hold.id)
    back = give_back(account, hold.drawn, name=name, now=moment)
    account, entry = post(
        account, "lapse", back.lines, back.grants, debt=back.debt, event_at=moment
    )
    account, dead = expire_dead(account, [line.grant for line in back.lines], moment)
    closed = hold.closed("lapsed", moment)
    return account, Due(f"lps_{name}", (entry, *dead), closed, returned_facts(hold, back.made))


def returned_facts(hold: Hold, made: Iterable[OpenGrant]) -> tuple[GrantFact, ...]:
    """Give the facts of grants that a hold's end had to make."""
    return tuple(
        GrantFact(
            id=grant.id,
            customer=hold.customer,
            unit=hold.unit,
            amount=grant.amount,
            source="returned",
            priority=grant.priority,
            paid=grant.paid,
            effective_at=grant.effective_at,
            source_id=hold.id,
        )
        for grant in made
    )


def suffix(identifier: str) -> str:
    """Give an id without its prefix: operations, grants and holds made together share it."""
    return identifier.partition("_")[2]
