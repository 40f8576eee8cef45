"""Periods of an allowance that began and ended before anybody looked, booked together. Pure.

Between two looks nothing is spent, so what each of those periods gave is known without walking
through them, and an account that nobody touched for years costs its next charge no more than one
that was touched yesterday. The laws, which `tests/subscriptions/test_catching_up.py` proves:

- What is so after a look does not depend on how often somebody looked before: balances, debt, what
  can still be spent and until when, and what comes next.
- In sum the same was granted, has expired, was forgiven and paid back.
- Of any moment in between the books tell what was so: missed periods are booked at the beginning of
  the period that runs, and before that moment the books say that they are still to come.
- Fewer than `FEWEST` missed periods are booked one by one, as if a job had run on time.

With `reset` the missed allowances are one grant that expired whole; with `add` they are one grant,
as large as the cap lets it be. Where each grant has a lifetime of its own, those that live have a
grant each. What has a lifetime and a cap as well is walked through (see `renewing`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tollkeeper.decisions.accounts import Account, Entry, Line, OpenGrant, find, post
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.recurrences import Recurrence, expiry, number_at, numbered_period
from tollkeeper.decisions.renewing import Renewed, fact_of, held_of, left_of, overdrawn
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.intervals import Interval
from tollkeeper.values.units import is_money
from tollkeeper.values.zones import zone as zone_named

#: How many missed periods there are at least, where they are booked together: a month of days and
#: a year of months have an entry each.
FEWEST: Final = 36
#: Where a zone's clocks were put by more than this, it skipped a day, or had one twice.
DAY_SKIPPED: Final = timedelta(hours=12)


class Run(NamedTuple):
    """Periods that follow each other, by their numbers."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """Tell how many there are."""
        return self.last - self.first + 1


class Lot(NamedTuple):
    """What periods gave in one grant."""

    run: Run
    amount: int
    expires_at: datetime | None


def passed_over(
    account: Account,
    recurrence: Recurrence,
    moment: datetime,
    holds: Sequence[Hold],
    now: datetime,
) -> tuple[Recurrence, Run] | None:
    """Go on from the period that begins at `moment` to the last one before anything else happens.

    Give what was passed over, too; None where that is little, or must be walked through.
    """
    if not recurrence.every or not _is_steady(account, recurrence, holds):
        return None
    until = _undisturbed(account, recurrence, holds, now)
    last = number_at(recurrence, until)
    if last - recurrence.number < FEWEST:
        return None
    first, running = (
        numbered_period(recurrence, recurrence.number),
        numbered_period(recurrence, last),
    )
    if first.start != moment or _skips_a_day(recurrence, moment, running.start):
        return None
    after = recurrence._replace(number=last, next_at=running.start)
    return after, Run(recurrence.number, last - 1)


def catch_up(
    account: Account, recurrence: Recurrence, run: Run, moment: datetime, holds: Sequence[Hold]
) -> Renewed:
    """Book what the periods of a run gave, and what expired of it, at the moment after them."""
    entries: list[Entry] = []
    made: list[GrantFact] = []
    for lot in _lots(account, recurrence, run, moment, holds):
        account, booked, fact = _given(account, recurrence, lot, moment)
        entries += booked
        made.append(fact)
    started = numbered_period(recurrence, run.first).start
    return Renewed(account, recurrence.id_of("rnw", started), tuple(entries), tuple(made))


def _is_steady(account: Account, recurrence: Recurrence, holds: Sequence[Hold]) -> bool:
    """Tell whether each period does what the one before it did, as far as nothing disturbs it."""
    if recurrence.adds:
        return not recurrence.lifetime or (recurrence.cap is None and not account.debt)
    return is_money(account.unit) or account.debt <= overdrawn(holds)


def _undisturbed(
    account: Account, recurrence: Recurrence, holds: Sequence[Hold], now: datetime
) -> datetime:
    """Tell until when nothing else happens that has to do with it.

    Without debt, allowances have nothing to do with each other.
    """
    others = [recurrence.ends_at] if recurrence.ends_at else []
    others += [hold.expires_at for hold in holds if hold.is_open and hold.expires_at]
    filling = account.allowances
    for grant in account.grants:
        if account.debt or not any(known.gave(grant.id) for known in filling):
            others += _moments(grant)
    if account.debt:
        others += [each.due_at for each in filling if each.due_at and each is not recurrence]
    return min([now, *[moment - moment.resolution for moment in others]])


def _moments(grant: OpenGrant) -> list[datetime]:
    moments = [grant.effective_at] if grant.pending else []
    return moments + ([grant.expires_at] if grant.expires_at else [])


def _skips_a_day(recurrence: Recurrence, start: datetime, end: datetime) -> bool:
    """Tell whether a local day is missing between: its period is empty, and gives nothing."""
    if Interval.parse(recurrence.every).base != "day":
        return False
    zone = zone_named(recurrence.zone)
    before, after = (moment.astimezone(zone).utcoffset() for moment in (start, end))
    return abs((after or timedelta()) - (before or timedelta())) >= DAY_SKIPPED


def _lots(
    account: Account, recurrence: Recurrence, run: Run, moment: datetime, holds: Sequence[Hold]
) -> list[Lot]:
    """Divide a run into what one grant each can hold, the first periods first."""
    if not recurrence.adds:
        return _ended(account, recurrence, run, moment)
    if not recurrence.lifetime:
        amount = _added(account, recurrence, run.length, held_of(recurrence, holds, moment))
        return [Lot(run, amount, None)] if amount > 0 else []
    living: list[Lot] = []
    for number in range(run.last, run.first - 1, -1):
        period = numbered_period(recurrence, number)
        expires = expiry(recurrence, period, period.start)
        if expires is not None and expires <= moment:
            break
        living.append(Lot(Run(number, number), recurrence.amount, expires))
    dead = Run(run.first, run.last - len(living))
    return [*_ended(account, recurrence, dead, moment), *reversed(living)]


def _ended(account: Account, recurrence: Recurrence, run: Run, moment: datetime) -> list[Lot]:
    """Put periods whose grants are over into as few as 64 bits allow."""
    if not recurrence.amount:
        return []
    room = MAXIMUM - account.available - account.restricted - account.held
    most = max(1, room // recurrence.amount)
    starts = range(run.first, run.last + 1, most)
    runs = [Run(first, min(run.last, first + most - 1)) for first in starts]
    return [Lot(each, recurrence.amount * each.length, moment) for each in runs]


def _added(account: Account, recurrence: Recurrence, count: int, counted: int) -> int:
    """Sum what so many renewals add: all of it, or until the cap is reached.

    What pays debt back leaves the room under the cap as it was.
    """
    if recurrence.cap is None:
        return count * recurrence.amount
    room = recurrence.cap - left_of(account, recurrence) - counted
    each = min(recurrence.amount, room)
    if each <= 0:
        return 0
    paying, leaves = divmod(0 if recurrence.features else account.debt, each)
    if count <= paying:
        return count * each
    room -= each - leaves
    return (paying + 1) * each + min((count - paying - 1) * recurrence.amount, room)


def _given(
    account: Account, recurrence: Recurrence, lot: Lot, moment: datetime
) -> tuple[Account, list[Entry], GrantFact]:
    """Grant a lot, pay debt back from it where renewals do, and let it expire if it is over."""
    last = numbered_period(recurrence, lot.run.last)
    first = numbered_period(recurrence, lot.run.first)
    fact = replace(
        fact_of(account, recurrence, last, lot.amount, first.start), expires_at=lot.expires_at
    )
    grants = with_grant(account.grants, fact.opened(lot.amount, moment))
    line = Line(fact.id, lot.amount)
    account, entry = post(account, "grant", (line,), grants, event_at=moment)
    entries = [entry]
    if recurrence.adds or is_money(account.unit):
        account, repaid = repay(account, fact.id, moment)
        entries += repaid
    left = find(account.grants, fact.id)
    if left is not None and lot.expires_at is not None and lot.expires_at <= moment:
        kept = tuple([grant for grant in account.grants if grant.id != fact.id])
        lost = (Line(fact.id, -left.remaining),)
        account, entry = post(account, "expire", lost, kept, event_at=moment)
        entries.append(entry)
    return account, entries, fact
