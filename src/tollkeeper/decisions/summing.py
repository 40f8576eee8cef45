"""What uses change in one customer's tallies and hours, while a request is decided. Pure.

Uses that are not charged come in here: what was recorded, amended, backfilled or taken back. They
are refused by no limit, but limits count them:

- A counter counts a use whose time lies in its window, and no other. A use after the window's end
  begins the next one; a counter that was never begun is left to be read from the books (C4).
- What the later bill asks in a period is what the rate says of all that was billed in it: each use
  carries the difference that it makes, whenever it is written down.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tollkeeper.catalog.terms import Limit, Step, Terms
from tollkeeper.decisions import asking, limiting
from tollkeeper.decisions.asking import Span, UseRow
from tollkeeper.decisions.counting import priced_name
from tollkeeper.decisions.requests import Book, Hour
from tollkeeper.decisions.tallies import (
    HOUR,
    OWN,
    Counter,
    Running,
    Tally,
    added,
    counted,
    recounted,
    summed,
)
from tollkeeper.decisions.windows import period_of, window_of
from tollkeeper.values.units import MONEY_PREFIX

#: An hour of a feature's uses, by the currency of their money.
_HourKey = tuple[int, str, str]


class Counts(NamedTuple):
    """What a use takes of limits."""

    quantity: int
    #: Amounts by unit.
    amounts: Mapping[str, int]


class Sums:
    """One customer's tallies, hours and rated quantities, as the uses so far leave them."""

    __slots__ = ("_book", "_counters", "_hours", "_now", "_period", "_priced", "own")

    def __init__(self, book: Book, customer: str, now: int) -> None:
        self.own = book.tally(customer, OWN)
        self._book = book
        self._now = now
        self._hours: dict[_HourKey, Running] = {}
        self._period = (0, 0)
        self._counters: dict[str, dict[str, Counter]] = {}
        self._priced: dict[tuple[str, str, int], int] = {}

    def add(self, at: int, use: Running) -> None:
        """Add a use, or what is taken back of one, to its hour."""
        key = (at - at % HOUR, use.feature, use.currency)
        before = self._hours.get(key)
        self._hours[key] = use if before is None else added(before, use)

    def period(self, at: int) -> tuple[int, int]:
        """Give the billing period of a moment; most uses lie in the one of the use before."""
        start, end = self._period
        if not start <= at < end:
            self._period = start, end = period_of(self.own, at)
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

    def count(self, limits: Sequence[Limit], subjects: Sequence[str], at: int, of: Counts) -> None:
        """Count a use in every limit that counts it already."""
        for limit in limits:
            amount = of.quantity
            if limit.measure != limiting.QUANTITY:
                amount = of.amounts.get(limit.measure, 0)
            if not amount:
                continue
            for subject in limiting.subjects_of(limit, subjects):
                self._count(limit, subject, at, amount)

    def tallies(self) -> tuple[Tally, ...]:
        """Give the tallies afterwards, the customer's own first; the hours are in `hours`."""
        hour, running = self._running()
        own = list(self._counters.get(OWN, {}).values())
        made = [
            recounted(
                self.own, counted(self.own.counters, own, self._now), self._now, hour, running
            )
        ]
        for subject, counters in self._counters.items():
            if subject != OWN:
                tally = self._book.tally(self.own.customer, subject)
                further = counted(tally.counters, list(counters.values()), self._now)
                made.append(recounted(tally, further, self._now, tally.hour, tally.running))
        return tuple(made)

    def hours(self) -> tuple[Hour, ...]:
        """Give what goes to hours that do not run: the one that is over now, and other ones."""
        hour = self._hour()
        found: dict[int, tuple[Running, ...]] = {}
        if hour > self.own.hour and self.own.running:
            found[self.own.hour] = self.own.running
        for (start, _, _), use in self._hours.items():
            if start != hour:
                found[start] = summed(found.get(start, ()), use)
        return tuple([Hour(self.own.customer, start, uses) for start, uses in found.items()])

    def _hour(self) -> int:
        return max(self.own.hour, self._now - self._now % HOUR)

    def _running(self) -> tuple[int, tuple[Running, ...]]:
        hour = self._hour()
        running = self.own.running if hour == self.own.hour else ()
        for (start, _, _), use in self._hours.items():
            if start == hour:
                running = summed(running, use)
        return hour, running

    def _priced_so_far(self, terms: Terms, step: Step, start: int, end: int) -> int:
        """Tell how much the rate has rated in a period: by its counter, else by the books."""
        name = priced_name(terms.feature, step.unit)
        for counter in self.own.counters:
            if counter.name == name and counter.start <= start < counter.end:
                return counter.used
            if counter.name == name and counter.end <= start <= self._now < end:
                # It was begun in a period before, so this one has begun with nothing.
                return 0
        if not self.own.version:
            return 0
        measure = priced_measure(terms, step.unit)
        span = Span(self.own.customer, terms.feature, OWN, measure, start, end)
        return asking.used(self._book, span).amount

    def _count(self, limit: Limit, subject: str, at: int, amount: int) -> None:
        counter = self._counter(limit.name, subject)
        if counter is None or at < counter.start:
            return
        if counter.end and at >= counter.end:
            if amount < 0:
                return
            counter = Counter(limit.name, *window_of(limit, self.own, at), 0)
        made = counter._replace(used=max(0, counter.used + amount))
        self._counters.setdefault(subject, {})[limit.name] = made

    def _counter(self, name: str, subject: str) -> Counter | None:
        made = self._counters.get(subject, {}).get(name)
        if made is not None:
            return made
        tally = self.own if subject == OWN else self._book.tally(self.own.customer, subject)
        return next((counter for counter in tally.counters if counter.name == name), None)


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
