"""Recording usage: events that happened, for the later bill or merely to be known (G1). Pure.

Laws:

- An event is its id: the same again changes nothing, and with another content it is a conflict.
- A batch is recorded whole, or not at all; so is each of its duplicates left out.
- Events count by their own time if they come within the tolerance, else by ours, marked `late`.
  What lies ahead of our clock by no more than five minutes counts by our clock.
- Nothing is paid from a balance: all of it is `billed`, by the plan's rate for usage if it has one.
- The order of events changes no total.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple

from tollkeeper.catalog.terms import Limit, PriceList, Step, Terms
from tollkeeper.decisions import limiting
from tollkeeper.decisions.asking import Unread
from tollkeeper.decisions.limit_counts import CountedBy, Counts, used_by
from tollkeeper.decisions.pricing import price_list
from tollkeeper.decisions.requests import (
    Book,
    Hour,
    Kept,
    Needs,
    Outcome,
    Pair,
    Request,
    Use,
)
from tollkeeper.decisions.summing import Sold, Sums, currency_of, sold_to, usage_step
from tollkeeper.decisions.tallies import Running, Tally, TallyKey
from tollkeeper.errors import (
    IdempotencyConflict,
    NotEntitled,
    NotPriced,
    UsageInFuture,
)
from tollkeeper.notices import Notice
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import period

#: How far ahead of our clock an event may be.
AHEAD = timedelta(minutes=5)

LATE = "late"


class NewUse(NamedTuple):
    """A usage event as the caller gave it, checked."""

    customer: str
    id: str
    feature: str
    quantity: int
    event_at: datetime | None
    member: str | None
    dimensions: Mapping[str, str]
    #: The same as canonical JSON.
    told: str | None
    fingerprint: str
    #: How late it may be ("3 days").
    late: str


class Billed(NamedTuple):
    """How a use that nobody paid at once is rated and counted."""

    terms: Terms | None = None
    limits: tuple[Limit, ...] = ()
    #: The step by which the later bill rates it; None where it asks nothing.
    step: Step | None = None
    #: The currency of that bill; "" is none.
    currency: str = ""


#: Of what nobody pays for, or what is counted already.
NOT_BILLED: Final = Billed()

#: What the terms of a use follow from; None stands for the moment of deciding.
_BilledKey = tuple[Sold, str, str | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Request):
    """Record usage events of one customer or many: all of them, or none."""

    verb: ClassVar[str] = "record"
    is_operation: ClassVar[bool] = False

    new: tuple[NewUse, ...]
    prices: PriceList
    tallies: tuple[TallyKey, ...]

    def needs(self) -> Needs:
        """Ask for the tallies of all the customers and members."""
        return Needs(tallies=self.tallies)

    def events(self) -> tuple[Pair, ...]:
        """Name the events, of which some may be there already."""
        return tuple([(new.customer, new.id) for new in self.new])

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Count each event that is new; refuse all where one of them must not be."""
        recorder, recorded = Recorder(book, self.prices, now), book.recorded
        replayed: list[str] = []
        fresh: dict[Pair, Use] = {}
        unread: dict[str, Unread] = {}
        for new in self.new:
            name = (new.customer, new.id)
            kept = recorded.get(name)
            known = kept.use if kept else fresh.get(name)
            if known is not None:
                check_same(known, new)
                replayed.append(new.id)
            elif new.customer not in unread:
                try:
                    fresh[name] = recorder.record(new)
                except Unread as asks:
                    unread[new.customer] = asks
        if unread:
            # All that the batch asks is read at once, and not customer by customer.
            raise Unread(*[asked for asks in unread.values() for asked in asks.questions])
        result = _told(book, self.new, fresh, replayed, now)
        if not fresh:
            return Outcome(result=result)
        tallies, hours = recorder.changes()
        return Outcome(
            result=result,
            notices=recorder.warned(),
            tallies=tallies,
            uses=tuple(fresh.values()),
            hours=hours,
        )


class Recorder:
    """Counts new events, one after the other."""

    __slots__ = ("_billed", "_book", "_moment", "_now", "_prices", "sums")

    def __init__(self, book: Book, prices: PriceList, now: datetime) -> None:
        self._book, self._prices = book, prices
        self._moment, self._now = now, to_microseconds(now)
        self.sums: dict[str, Sums] = {}
        #: Customers to whom the same was sold are asked about once.
        self._billed: dict[_BilledKey, Billed] = {}

    def of(self, customer: str) -> Sums:
        """Give what changes for a customer."""
        sums = self.sums.get(customer)
        if sums is None:
            sums = self.sums[customer] = Sums(self._book, customer, self._now)
        return sums

    def record(self, new: NewUse) -> Use:
        """Count one event, and give it as it is written."""
        counted_at, mark = self.counted_at(new)
        return self.put(new, counted_at, mark)

    def counted_at(self, new: NewUse) -> tuple[datetime, str | None]:
        """Tell by which time an event counts, and whether it came too late for its own."""
        at, now = new.event_at, self._moment
        if at is None or at == now:
            return now, None
        if at > now:
            check_ahead(at, now)
            return now, None
        if at < oldest(new.late, now):
            return now, LATE
        return at, None

    def put(self, new: NewUse, counted_at: datetime, mark: str | None) -> Use:
        """Count an event at a moment."""
        sums, quantity, owed = self.of(new.customer), new.quantity, 0
        at = self._now if counted_at is self._moment else to_microseconds(counted_at)
        billed = self.billed(sums, new.feature, new.dimensions, new.told, counted_at)
        terms, limits, step, currency = billed
        if step is not None and terms is not None:
            owed = sums.rate(terms, step, at, quantity)
        sums.add(at, _running(new.feature, quantity, at, owed, currency))
        if limits:
            amounts = {step.unit: owed} if step is not None else {}
            by = CountedBy(limits, used_by(new.member))
            sums.count(terms, at, Counts(quantity, amounts), by)
        return _use(new, counted_at, owed, currency, mark)

    def billed(
        self,
        sums: Sums,
        feature: str,
        dimensions: Mapping[str, str],
        told: str | None,
        counted_at: datetime,
    ) -> Billed:
        """Give the terms by which a use at a moment is rated, and the limits it counts in.

        Raises:
            NotEntitled: his plans do not include the feature.
        """
        moment, own, sold = None, sums.own, sums.sold
        if counted_at is not self._moment:
            moment, then = counted_at, sums.own_at(to_microseconds(counted_at))
            if then is not own:
                own, sold = then, sold_to(then)
        key = (sold, feature, told, moment)
        found = self._billed.get(key)
        if found is None:
            found = self._billed[key] = usage_terms(
                self._prices, own, feature, dimensions, counted_at
            )
        return found

    def warned(self) -> tuple[Notice, ...]:
        """Give the notices of the limits' thresholds that were crossed (C6)."""
        return tuple([notice for sums in self.sums.values() for notice in sums.warned()])

    def changes(self) -> tuple[tuple[Tally, ...], tuple[Hour, ...]]:
        """Give all tallies and hours as they are now."""
        tallies: list[Tally] = []
        hours: list[Hour] = []
        for sums in self.sums.values():
            tallies += sums.tallies()
            hours += sums.hours()
        return tuple(tallies), tuple(hours)


def usage_terms(
    prices: PriceList, own: Tally, feature: str, dimensions: Mapping[str, str], at: datetime
) -> Billed:
    """Give the terms by which a customer's use at a moment is rated, and its limits.

    Raises:
        NotEntitled: his plans do not include the feature.
    """
    moment = to_microseconds(at)
    prices, plans = price_list(prices, own, moment)
    try:
        terms = prices.terms(feature, plans, own.currency, dimensions, at)
    except NotPriced:
        # What nobody pays for can be tracked all the same.
        return NOT_BILLED
    if not terms.is_allowed:
        shown = ", ".join(plans) or "none"
        raise NotEntitled(
            f"{feature!r} is not part of the customer's plans ({shown}): put him on a plan that "
            "includes it, or include it in the catalog.",
            feature=feature,
            plans=list(plans),
        )
    step = usage_step(terms)
    return Billed(terms, tuple(limiting.limits_of(terms, own, moment)), step, currency_of(step))


def _running(feature: str, quantity: int, at: int, owed: int, currency: str) -> Running:
    """Count one event, all of which is left to the later bill."""
    return Running(
        feature, 1, quantity, quantity, quantity, at, 0, 0, 0, quantity, 0, owed, currency
    )


def _use(new: NewUse, counted_at: datetime, owed: int, currency: str, mark: str | None) -> Use:
    """Write an event down as it was counted (by position: this is the hot path)."""
    at = new.event_at
    return Use(
        new.customer,
        new.id,
        new.feature,
        new.quantity,
        counted_at,
        None if at is None or at == counted_at else at,
        new.member,
        None,
        None,
        new.told,
        None,
        None,
        None,
        None,
        None,
        owed or None,
        currency or None,
        None,
        None,
        mark,
        new.fingerprint,
    )


def check_ahead(at: datetime, now: datetime) -> None:
    """Refuse an event from the future."""
    if at > now + AHEAD:
        raise UsageInFuture(
            f"event_at {at.isoformat()} is more than {AHEAD.seconds // 60} minutes ahead of our "
            f"clock ({now.isoformat()}); is the clock that made it right?",
            event_at=at,
            now=now,
        )


@lru_cache(maxsize=1024)
def oldest(late: str, now: datetime) -> datetime:
    """Give the oldest time of use that still counts by itself."""
    return period(now, Interval.parse(late), -1).start


def check_same(known: Use, new: NewUse) -> None:
    """Refuse an id that names another event already."""
    if known.fingerprint != new.fingerprint:
        raise IdempotencyConflict(
            f"The event {new.id!r} of {new.customer!r} is in the books with another content; use a "
            "new key for a new event, or amend this one.",
            idempotency_key=new.id,
            event=new.id,
            customer=new.customer,
        )


def _told(
    book: Book,
    new: tuple[NewUse, ...],
    fresh: Mapping[Pair, Use],
    replayed: list[str],
    now: datetime,
) -> dict[str, Any]:
    """Tell what was recorded; of one event all that it says."""
    told: dict[str, Any] = {"recorded": len(fresh)}
    if replayed:
        told["replayed"] = replayed
    if len(new) == 1:
        name = (new[0].customer, new[0].id)
        kept = book.recorded.get(name) or Kept(fresh[name], now)
        told["use"] = use_cells(kept)
    return told


def use_cells(kept: Kept) -> list[Any]:
    """Write an event as JSON takes it: moments in microseconds, the last when it was written."""
    use, created_at = kept
    at = None if use.event_at is None else to_microseconds(use.event_at)
    counted_at = to_microseconds(use.counted_at)
    return [*use[:4], counted_at, at, *use[6:], to_microseconds(created_at)]


def use_from(cells: list[Any]) -> Kept:
    """Read what `use_cells` wrote."""
    at = None if cells[5] is None else from_microseconds(cells[5])
    use = Use._make([*cells[:4], from_microseconds(cells[4]), at, *cells[6:-1]])
    return Kept(use, from_microseconds(cells[-1]))
