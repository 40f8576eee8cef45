"""A free plan gives once a period, however often it is taken and cancelled (D1). Pure.

The laws, which `tests/subscriptions` proves:

- Free plans of one group give a customer, for one period, no more than the allowance that is taken
  last: what was used of the period before counts, what an end at once took back does not.
- While a period runs that was given for, a free plan that is taken again goes on with it: the next
  allowance comes when it would have come. Of any later period it gives all, from that moment on.
- While a billing period runs, a free plan that is taken again goes on with it, whether or not it
  gave anything: what its rates have counted stays counted.
- What comes once comes once for good.
- Who pays is given anew: plans with a price know nothing of this.

A free add-on counts by itself: what other add-ons gave is no matter of its own. What a period gave
to a subscription that ended with its billing period counts whole, used or not.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.accounts import Account
from tollkeeper.decisions.recurrences import Recurrence, numbered
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.values.intervals import Interval
from tollkeeper.values.periods import period, period_number
from tollkeeper.values.zones import zone as zone_named


class GivenBefore(NamedTuple):
    """What a free plan that is over gave in one unit, for a period that still runs."""

    #: How much of it was used, at the unit's scale.
    used: int
    #: The allowance that gave it.
    recurrence: Recurrence
    #: Which of its periods that was; of what comes once, the first.
    number: int


class TakenBefore(NamedTuple):
    """What free plans that are over gave, by unit: those of one group, or one add-on."""

    by_unit: tuple[tuple[str, GivenBefore], ...] = ()
    #: What the billing period is counted from that still runs of one of them; None where none does.
    billed_from: datetime | None = None

    def used(self, unit: str) -> int:
        """Tell how much of the running period was used already."""
        return max([each.used for key, each in self.by_unit if key == unit], default=0)

    def anchor(self) -> datetime | None:
        """Give what periods are counted from, where one still runs: of the bill, or of a gift.

        Rates that count over the billing period go on with it, as what was given does (D5).
        """
        if self.billed_from is not None:
            return self.billed_from
        recurring = [each.recurrence for _, each in self.by_unit if each.recurrence.every]
        return recurring[-1].anchor if recurring else None

    def number(self, unit: str, recurrence: Recurrence) -> int | None:
        """Give the number of the last period that was given for, of an equal recurrence."""
        numbers = [
            each.number
            for key, each in self.by_unit
            if key == unit
            and (each.recurrence.every, each.recurrence.anchor)
            == (recurrence.every, recurrence.anchor)
        ]
        return max(numbers, default=None)


def taken_before(
    found: Iterable[Subscribed],
    *,
    plan: str,
    group: str,
    is_add_on: bool,
    zone: str | None,
    now: datetime,
) -> TakenBefore:
    """Tell what free plans that are over gave for periods that still run, in a zone."""
    over = [
        known
        for known in found
        if known.is_free
        and not known.is_live(now)
        and known.is_add_on == is_add_on
        and (known.plan == plan if is_add_on else known.group == group)
    ]
    given = [
        (unit, before)
        for known in over
        for unit, recurrence in known.allowances
        if (before := _given(known, unit, recurrence, zone, now)) is not None
    ]
    running = [known for known in over if now < known.running(now).end]
    last = max(running, key=lambda known: known.ends_at or now, default=None)
    return TakenBefore(tuple(given), None if last is None else last.anchor)


def left_over(account: Account, filling: Sequence[Recurrence]) -> int:
    """Sum what is left of the running period's allowance; what rolled over is no part of it."""
    return sum(
        grant.remaining
        for recurrence in filling
        for grant in account.grants
        if recurrence.gave(grant.id) and grant.effective_at >= _since(recurrence)
    )


def _since(recurrence: Recurrence) -> datetime:
    """Tell from when on grants are of the running period: of others than `add` all are."""
    if not (recurrence.adds and recurrence.every):
        return datetime.min.replace(tzinfo=recurrence.anchor.tzinfo)
    every, zone = Interval.parse(recurrence.every), zone_named(recurrence.zone)
    return period(recurrence.anchor, every, recurrence.number - 1, zone).start


def _given(
    known: Subscribed, unit: str, recurrence: Recurrence, zone: str | None, now: datetime
) -> GivenBefore | None:
    """Tell what one gave in a unit for a period that still runs; None where none does."""
    number = 0
    if recurrence.every:
        number = numbered(recurrence, _last_live(known))
        every = Interval.parse(recurrence.every)
        if number < period_number(recurrence.anchor, every, now, zone_named(zone)):
            return None
    left = dict(known.left_over).get(unit, 0)
    return GivenBefore(max(0, recurrence.amount - left), recurrence, number)


def _last_live(known: Subscribed) -> datetime:
    """Give the last moment of a subscription: one that ended at once had that moment too."""
    assert known.ends_at is not None
    if known.ends_at == known.updated_at or known.ends_at == known.started_at:
        return known.ends_at
    return known.ends_at - known.ends_at.resolution
