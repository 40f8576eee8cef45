"""What uses change in one customer's tallies and hours, while a request is decided. Pure.

Uses that are not charged come in here: what was recorded, amended, backfilled or taken back. They
are refused by no limit, but limits count them:

- What they take of limits, and which thresholds they cross, is `limit_counts`' to say (C4, C6).
- What the later bill asks in a period is what the rate says of all that was billed in it: each use
  carries the difference that it makes, whenever it is written down.
"""

from tollkeeper.catalog.terms import Step, Terms
from tollkeeper.decisions import asking
from tollkeeper.decisions.asking import Span, UseRow
from tollkeeper.decisions.counting import priced_name
from tollkeeper.decisions.limit_counts import CountedBy, Counters, Counts, LimitCounts
from tollkeeper.decisions.plans_then import Then, plans_then
from tollkeeper.decisions.requests import Book, Hour
from tollkeeper.decisions.tallies import (
    HOUR,
    OWN,
    Counter,
    OwnLimit,
    Running,
    Tally,
    added,
    counted,
    recounted,
    summed,
)
from tollkeeper.decisions.windows import period_of
from tollkeeper.notices import Notice
from tollkeeper.values.units import MONEY_PREFIX

#: An hour of a feature's uses, by the currency of their money.
_HourKey = tuple[int, str, str]

#: A plan as it was sold: its key, the version, and when it ends.
_SoldPlan = tuple[str, str, int]

#: What the terms of a customer follow from: his currency, his plans, and limits of his own.
Sold = tuple[str | None, tuple[_SoldPlan, ...], tuple[OwnLimit, ...]]


class Sums:
    """One customer's tallies, hours and rated quantities, as the uses so far leave them."""

    __slots__ = (
        "_book",
        "_counters",
        "_hour",
        "_hours",
        "_limits",
        "_now",
        "_others",
        "_period",
        "_priced",
        "_then",
        "own",
        "sold",
    )

    def __init__(self, book: Book, customer: str, now: int) -> None:
        self.own = own = book.tally(customer, OWN)
        self.sold = sold_to(own)
        self._book = book
        self._now = now
        #: The hour that runs; a clock that stepped back begins none before it.
        self._hour = max(own.hour, now - now % HOUR)
        #: What is added to it, and what to other hours.
        self._hours: dict[_HourKey, Running] = {}
        self._others: dict[_HourKey, Running] = {}
        self._period = (0, 0)
        self._counters: Counters = {}
        self._priced: dict[tuple[str, str, int], int] = {}
        self._then: Then | None = None
        self._limits: LimitCounts | None = None

    def own_at(self, at: int) -> Tally:
        """Give the customer's own tally with the plans of a moment, which may be past (G1)."""
        if at >= self.own.plans_since:
            return self.own
        then = self._then
        if then is None or not then.covers(at):
            found = asking.subscriptions(self._book, self.own.customer)
            then = self._then = plans_then(found, self.own, at)
        return then.own

    def add(self, at: int, use: Running) -> None:
        """Add a use, or what is taken back of one, to its hour."""
        hour = at - at % HOUR
        key, hours = (hour, use.feature, use.currency), self._others
        if hour == self._hour:
            hours = self._hours
        before = hours.get(key)
        hours[key] = use if before is None else added(before, use)

    def period(self, at: int) -> tuple[int, int]:
        """Give the billing period of a moment; most uses lie in the one of the use before."""
        start, end = self._period
        if not start <= at < end:
            self._period = start, end = period_of(self.own_at(at), at)
        return start, end

    def rate(self, terms: Terms, step: Step, at: int, quantity: int) -> int:
        """Rate a quantity, below zero for what is taken back; give the difference it makes."""
        if not step.by_period:
            return step.rate.cost(quantity) if quantity >= 0 else -step.rate.cost(-quantity)
        start, end = self.period(at)
        key = (terms.feature, step.unit, start)
        before = self._priced.get(key)
        if before is None:
            before = self._priced_so_far(terms, step, start, end)
        after = self._priced[key] = max(0, before + quantity)
        if start <= self._now < end:
            name = priced_name(terms.feature, step.unit)
            self._counters.setdefault(OWN, {})[name] = Counter(name, start, end, after)
        return step.rate.cost(after) - step.rate.cost(before)

    def count(self, terms: Terms | None, at: int, of: Counts, by: CountedBy) -> None:
        """Count a use in every limit that counts it; most customers have none."""
        if terms is None or not by.limits:
            return
        if self._limits is None:
            self._limits = LimitCounts(self._book, self.own, self._now, self._counters)
        self._limits.count(terms, at, of, by)

    def warned(self) -> list[Notice]:
        """Give the notices of the limits' thresholds that were crossed (C6)."""
        return [] if self._limits is None else self._limits.warned()

    def tallies(self) -> tuple[Tally, ...]:
        """Give the tallies afterwards, the customer's own first; the hours are in `hours`."""
        own, now = self.own, self._now
        if not self._counters:
            return (recounted(own, own.counters, now, self._hour, self._running()),)
        counters = counted(own.counters, list(self._counters.get(OWN, {}).values()), now)
        made = [recounted(own, counters, now, self._hour, self._running())]
        for subject, changed in self._counters.items():
            if subject != OWN:
                tally = self._book.tally(own.customer, subject)
                counters = counted(tally.counters, list(changed.values()), now)
                made.append(recounted(tally, counters, now, tally.hour, tally.running))
        return tuple(made)

    def hours(self) -> tuple[Hour, ...]:
        """Give what goes to hours that do not run: the one that is over now, and other ones."""
        own = self.own
        is_over = self._hour > own.hour and own.running
        if not is_over and not self._others:
            return ()
        found = {own.hour: own.running} if is_over else {}
        for (start, _, _), use in self._others.items():
            found[start] = summed(found.get(start, ()), use)
        return tuple([Hour(own.customer, start, uses) for start, uses in found.items()])

    def _running(self) -> tuple[Running, ...]:
        """Give what was used in the hour that runs."""
        running = self.own.running if self._hour == self.own.hour else ()
        for use in self._hours.values():
            running = summed(running, use)
        return running

    def _priced_so_far(self, terms: Terms, step: Step, start: int, end: int) -> int:
        """Tell how much the rate has rated in a period: by its counter, else by the books."""
        name = priced_name(terms.feature, step.unit)
        for counter in self.own.counters:
            is_running = self._now < counter.end
            if counter.name == name and counter.start <= start < counter.end and is_running:
                return counter.used
            if counter.name == name and counter.end <= start <= self._now < end:
                # It was begun in a period before, so this one has begun with nothing.
                return 0
        if not self.own.version:
            return 0
        measure = priced_measure(terms, step.unit)
        span = Span(self.own.customer, terms.feature, OWN, measure, start, end)
        return asking.used(self._book, span).amount


def sold_to(own: Tally) -> Sold:
    """Tell what the terms of a customer follow from; most customers share them with others."""
    plans = tuple([(plan.plan, plan.version, plan.ends) for plan in own.plans]) if own.plans else ()
    return own.currency, plans, own.limits


def priced_measure(terms: Terms, unit: str) -> str:
    """Say which part of a use rates in a unit that count from the period's start have rated."""
    by_period = [step for step in terms.steps if step.by_period and step.unit == unit]
    is_wallet = any(step.kind == "wallet" for step in by_period)
    return asking.PRICED if is_wallet else asking.BILLED


def taken_back(row: UseRow) -> Running:
    """Give what leaves its hour with an event that counts no more.

    The greatest and the last of the hour are known to its events alone from then on.
    """
    events = 1 if row.quantity else 0
    return Running(
        row.feature,
        -events,
        -row.quantity,
        None,
        None,
        None,
        -row.included,
        -row.credits,
        -row.wallet,
        -row.billed,
        -row.spent,
        -row.owed,
        row.currency,
    )


def put_in(row: UseRow, at: int) -> Running:
    """Give what an event brings to its hour."""
    if not row.quantity:
        return taken_back(row)._replace(owed=row.owed, events=0)
    return Running(
        row.feature,
        1,
        row.quantity,
        row.quantity,
        row.quantity,
        at,
        row.included,
        row.credits,
        row.wallet,
        row.billed,
        row.spent,
        row.owed,
        row.currency,
    )


def money_of(row: UseRow) -> dict[str, int]:
    """Give what an event cost in money, by unit."""
    return {MONEY_PREFIX + row.currency: row.spent + row.owed} if row.currency else {}


def usage_step(terms: Terms | None) -> Step | None:
    """Give the step by which the later bill rates a use; None where there is none."""
    if terms is None:
        return None
    for step in (*terms.steps, *terms.overage):
        if step.kind == "usage":
            return step
    return None


def currency_of(step: Step | None) -> str:
    """Name the currency of a step; none is ""."""
    return "" if step is None else step.unit.removeprefix(MONEY_PREFIX)
