"""What uses that are not charged take of one customer's limits, and what they cross (C4, C6). Pure.

Whatever was recorded, amended, filled in or taken back is refused by no limit, but each counts it.

- A counter counts a use whose time lies in its window, and no other. A use after the window's end
  begins the next one; a counter that was never begun begins with what the books say.
- Each threshold between what was used before all of these uses and afterwards is told once,
  upwards or downwards; nothing is told of windows that are over, nor of limits of plans that are.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tollkeeper.catalog.terms import Limit, Terms
from tollkeeper.decisions import limiting
from tollkeeper.decisions.limiting import Meter
from tollkeeper.decisions.requests import Book
from tollkeeper.decisions.tallies import OWN, Counter, Tally
from tollkeeper.decisions.warning import Change, Scene, crosses, warnings
from tollkeeper.decisions.windows import window_of
from tollkeeper.notices import Notice
from tollkeeper.values.units import is_money

_OWN_ALONE = (OWN,)

#: Counters as uses leave them: by the tally's subject, then by name.
Counters = dict[str, dict[str, Counter]]

_NONE: Final[dict[str, Counter]] = {}

#: A feature, who used it, and whether by plans that were changed since.
_Use = tuple[str, Sequence[str], bool]


class Counts(NamedTuple):
    """What a use takes of limits."""

    quantity: int
    #: Amounts by unit.
    amounts: Mapping[str, int]


class CountedBy(NamedTuple):
    """Which limits may count a use, and the tallies of those who used it."""

    limits: Sequence[Limit]
    subjects: Sequence[str] = _OWN_ALONE


class _Read(NamedTuple):
    """Limits as they stood before all of the uses, and the terms of the first that they count."""

    limits: Sequence[Limit]
    meters: list[Meter]
    terms: Terms


def used_by(
    member: str | None, api_key: str | None = None, tags: Sequence[str] = ()
) -> tuple[str, ...]:
    """Name the tallies that a use touches, the customer's own first."""
    if member is api_key is None and not tags:
        return _OWN_ALONE
    return (OWN, *limiting.subjects(member, api_key, tags))


class LimitCounts:
    """The limits of one customer, as the uses so far leave them."""

    __slots__ = ("_book", "_counters", "_now", "_own", "_read")

    def __init__(self, book: Book, own: Tally, now: int, counters: Counters) -> None:
        self._book, self._own, self._now = book, own, now
        self._counters = counters
        #: The limits that count uses of a feature by some subjects, those of plans that are over
        #: apart.
        self._read: dict[_Use, _Read] = {}

    def count(self, terms: Terms, at: int, of: Counts, by: CountedBy) -> None:
        """Count a use in every limit that counts it."""
        for meter in self._metered(terms, at, by):
            amount = of.quantity
            if meter.limit.measure != limiting.QUANTITY:
                amount = of.amounts.get(meter.limit.measure, 0)
            if amount:
                self._count(meter, at, amount)

    def warned(self) -> list[Notice]:
        """Give the notices of the thresholds that all of the uses crossed together."""
        told: list[Notice] = []
        seen: set[tuple[str, str]] = set()
        for (_, _, is_past), (_, meters, terms) in self._read.items():
            for meter in meters if not is_past else ():
                name = (meter.subject, meter.limit.name)
                change = self._change(meter)
                if change is not None and name not in seen:
                    seen.add(name)
                    scene = Scene(self._own.customer, terms.feature, terms.scale, self._book.units)
                    told += warnings([change], scene)
        return told

    def _change(self, meter: Meter) -> Change | None:
        """Tell how the use of a limit changed; mostly no threshold lies between."""
        counter = self._counters.get(meter.subject, _NONE).get(meter.limit.name)
        if counter is None or (counter.end and counter.end <= self._now):
            return None
        before, after = meter.counter.used + meter.held, counter.used + meter.held
        if not crosses(meter.limit, before, after):
            return None
        return Change(meter._replace(counter=counter), before, after)

    def _metered(self, terms: Terms, at: int, by: CountedBy) -> list[Meter]:
        """Give the limits of a use as they stood before; most uses have those of one before."""
        key = (terms.feature, by.subjects, at < self._own.plans_since)
        known = self._read.get(key)
        if known is not None and (known.limits is by.limits or known.limits == by.limits):
            return known.meters
        limits = [limit for limit in by.limits if _counts(limit)]
        tallies = {name: self._tally(name) for name in by.subjects}
        found = limiting.meters(limits, tallies, self._now, window_of, self._book)
        self._read[key] = _Read(by.limits, found, terms)
        for meter in found:
            if meter.is_begun:
                made = self._counters.setdefault(meter.subject, {})
                made.setdefault(meter.limit.name, meter.counter)
        return found

    def _count(self, meter: Meter, at: int, amount: int) -> None:
        limit, counter = meter.limit, self._counter(meter, at)
        if at < counter.start:
            return
        if counter.end and at >= counter.end:
            if amount < 0:
                return
            counter = Counter(limit.name, *window_of(limit, self._own, at), 0)
        made = counter._replace(used=max(0, counter.used + amount))
        self._counters.setdefault(meter.subject, {})[limit.name] = made

    def _counter(self, meter: Meter, at: int) -> Counter:
        """Give a limit's counter as the uses so far leave it; one that never was begins now."""
        limit, subject = meter.limit, meter.subject
        made = self._counters.get(subject, {}).get(limit.name)
        known = made or self._tally(subject).last_counter(limit.name)
        if known is None and limit.window.kind == "rolling":
            # It begins with the first use, which may be past.
            return Counter(limit.name, *window_of(limit, self._own, at), 0)
        return known or meter.counter

    def _tally(self, subject: str) -> Tally:
        return self._own if subject == OWN else self._book.tally(self._own.customer, subject)


def _counts(limit: Limit) -> bool:
    """Tell whether uses that nobody charged for can take something of a limit."""
    return limit.measure == limiting.QUANTITY or is_money(limit.measure)
