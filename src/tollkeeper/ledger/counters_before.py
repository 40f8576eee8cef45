"""Where the counters of limits stood when a span of time began: read from the usage before it.

What-if plays the span from there. It decides nothing: what a window is, is said by the decisions.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.catalog.terms import Limit, Terms
from tollkeeper.decisions import asking, limiting
from tollkeeper.decisions.asking import Span, Used
from tollkeeper.decisions.charging import Charging
from tollkeeper.decisions.counting import priced_name
from tollkeeper.decisions.playing import AskedBefore, PlayedBook
from tollkeeper.decisions.summing import priced_measure
from tollkeeper.decisions.tallies import OWN, Counter, Tally, counted
from tollkeeper.decisions.windows import period_of, window_of
from tollkeeper.ledger.questions import answered, span_conditions
from tollkeeper.store import simulations
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import is_money

#: A window that is over: the next use begins another.
_OVER = (0, 1)


class CountersBefore:
    """Answers for one customer what was used before the span, and seeds his counters by it."""

    def __init__(self, connection: Connection, database: Database, real: Tally) -> None:
        self._connection, self._database = connection, database
        #: The customer's own tally as it stands now: it has the running hour.
        self._real = real
        self._answers: dict[Span, Used] = {}

    @property
    def asked(self) -> AskedBefore:
        """Give the function that is asked for what was used before."""
        return self._used

    def seed(self, book: PlayedBook, charge: Charging, now: datetime) -> None:
        """Begin the counters that a use is about to be counted by, where they began before."""
        own, moment = book.tally(book.customer, OWN), to_microseconds(now)
        terms = charge.terms(own, now)
        self._seed_priced(book, terms, moment)
        limits = [*limiting.limits_of(terms, own, moment)]
        for limit in limits:
            if limit.window.kind == "rolling":
                self._seed_rolling(book, charge, limit)
        tallies = {name: book.tally(book.customer, name) for name in charge.subjects}
        for meter in limiting.meters(limits, tallies, moment, window_of, book):
            if meter.is_begun:
                _put(book, meter.subject, meter.counter, moment)

    def _used(self, span: Span) -> Used:
        found = self._answers.get(span)
        if found is None:
            answer = answered(self._connection, self._database, span, self._real)
            assert isinstance(answer, Used)
            found = self._answers[span] = answer
        return found

    def _seed_priced(self, book: PlayedBook, terms: Terms, now: int) -> None:
        """Bring what the period's rates have rated so far."""
        own = book.tally(book.customer, OWN)
        start, end = period_of(own, now)
        if start >= to_microseconds(book.since):
            return
        steps = (*terms.steps, *terms.overage)
        for unit in dict.fromkeys(step.unit for step in steps if step.by_period):
            name = priced_name(terms.feature, unit)
            if own.last_counter(name) is None:
                used = self._rated(book, terms, unit, start)
                _put(book, OWN, Counter(name, start, end, used), now)

    def _rated(self, book: PlayedBook, terms: Terms, unit: str, start: int) -> int:
        def asked(measure: str) -> int:
            span = Span(book.customer, terms.feature, OWN, measure, start, 0)
            return asking.used(book, span).amount

        if is_money(unit):
            return asked(priced_measure(terms, unit))
        return asked(asking.QUANTITY) - asked(asking.PRICED)

    def _seed_rolling(self, book: PlayedBook, charge: Charging, limit: Limit) -> None:
        """Find the window that was rolling when the span began; each begins with a first use."""
        for subject in limiting.subjects_of(limit, charge.subjects):
            if book.tally(book.customer, subject).last_counter(limit.name) is not None:
                continue
            start, end = self._rolled(book, limit, subject)
            measure = "quantity" if limit.measure == limiting.QUANTITY else limit.measure
            used = 0
            if (start, end) != _OVER:
                span = Span(book.customer, limit.feature, subject, measure, start, 0)
                used = max(0, asking.used(book, span).amount)
            since = to_microseconds(book.since)
            _put(book, subject, Counter(limit.name, start, end, used), since)

    def _rolled(self, book: PlayedBook, limit: Limit, subject: str) -> tuple[int, int]:
        """Follow the windows from the last pause that was longer than one."""
        length, since = limit.window.seconds * 1_000_000, to_microseconds(book.since)
        span = Span(book.customer, limit.feature, subject, "quantity", 0, since)
        start, latest = 0, since
        for at in self._backwards(span):
            if latest - at >= length:
                break
            start = latest = at
        if not start:
            return _OVER
        while (following := self._first_from(span, start + length)) is not None:
            start = following
        return start, start + length

    def _backwards(self, span: Span) -> Iterator[int]:
        conditions, values = span_conditions(self._database, span, span.start, span.end)
        rows = simulations.uses_backwards(self._connection, self._database, values, conditions)
        return (to_microseconds(_read(row)) for row in rows)

    def _first_from(self, span: Span, start: int) -> int | None:
        """Find the first use from a moment on, before the span that is played."""
        if start >= span.end:
            return None
        later = Span(span.customer, span.feature, span.subject, "quantity", start, span.end)
        conditions, values = span_conditions(self._database, later, start, span.end)
        row = simulations.first_use(self._connection, self._database, values, conditions)
        return None if row is None else to_microseconds(_read(row))


def _put(book: PlayedBook, subject: str, counter: Counter, now: int) -> None:
    tally = book.tally(book.customer, subject)
    book.tallies[tally.key] = tally._replace(counters=counted(tally.counters, [counter], now))


def _read(row: Any) -> datetime:
    moment = read_moment(row[0])
    assert moment is not None, "every event counts by a time"
    return moment
