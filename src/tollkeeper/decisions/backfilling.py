"""Backfills: usage that was missed, filled in unseen, then counted at once; or undone (G5). Pure.

A backfill has a part for each customer, which is `open` (its events count nowhere), `closed` (they
count) or `undone` (they count no more, for ever). Laws:

- Closing or undoing a part twice changes nothing the second time.
- Undoing a part that was closed leaves what there was before: totals, limits, money.
- Events of a backfill count by their own time, however long ago that is.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions import asking
from tollkeeper.decisions.amending import RATED, add, dimensions_of, take_back
from tollkeeper.decisions.asking import Part, Question, Unread, UseRow
from tollkeeper.decisions.limit_counts import CountedBy, Counts, used_by
from tollkeeper.decisions.limiting import subjects
from tollkeeper.decisions.recording import NOT_BILLED, NewUse, Recorder, check_ahead, check_same
from tollkeeper.decisions.requests import Book, Needs, Outcome, Pair, Request, Use
from tollkeeper.decisions.summing import money_of, put_in
from tollkeeper.decisions.tallies import OWN, Tally, TallyKey
from tollkeeper.errors import BackfillClosed, BackfillNotFound
from tollkeeper.values.moments import to_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBackfill(Request):
    """What concerns one customer's part of a backfill."""

    is_operation: ClassVar[bool] = False

    backfill: str
    prices: PriceList
    #: The members whose use it has.
    members: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """Ask for the tallies that count its events."""
        names = [name for member in self.members for name in subjects(member, None, ())]
        keys: list[TallyKey] = [(self.customer, name) for name in (OWN, *names)]
        return Needs(tallies=tuple(keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(OnBackfill):
    """Put events into a backfill, where nobody sees them yet."""

    verb: ClassVar[str] = "backfill"

    new: tuple[NewUse, ...]

    def events(self) -> tuple[Pair, ...]:
        """Name the events, of which some may be there already."""
        return tuple([(new.customer, new.id) for new in self.new])

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Keep what is new; refuse all where the part is not open."""
        part = asking.part(book, self.customer, self.backfill)
        fresh: dict[str, Use] = {}
        replayed: list[str] = []
        for new in self.new:
            kept = book.recorded.get((new.customer, new.id))
            known = kept.use if kept else fresh.get(new.id)
            if known is None:
                fresh[new.id] = _unseen(new, self.backfill, now)
            else:
                check_same(known, new)
                replayed.append(new.id)
        told = {"recorded": len(fresh), "replayed": replayed}
        if not fresh:
            return Outcome(result=told)
        if part is not None and part.status != "open":
            raise closed(part)
        opened = part or Part(self.customer, self.backfill, "open", now)
        return Outcome(
            result=told,
            tallies=(_touched(book, self.customer, now),),
            uses=tuple(fresh.values()),
            parts=(opened,),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(OnBackfill):
    """Let the events of a part count."""

    verb: ClassVar[str] = "close_backfill"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Count all events of the part; rate them period by period."""
        part = found(book, self)
        if part.status == "closed":
            return Outcome()
        if part.status == "undone":
            raise closed(part)
        recorder = Recorder(book, self.prices, now)
        rows = asking.events(book, self.customer, self.backfill)
        for row in rows:
            _count(recorder, self.customer, row)
        rated = _rated(recorder, self, rows, self.backfill)
        tallies, hours = recorder.changes() if rows else ((_touched(book, self.customer, now),), ())
        done = part._replace(status="closed", closed_at=now)
        return Outcome(
            notices=recorder.warned(),
            tallies=tallies,
            uses=rated,
            hours=hours,
            parts=(done,),
            counted=rows,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(OnBackfill):
    """Let the events of a part count no more."""

    verb: ClassVar[str] = "undo_backfill"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take all events of the part back, if they count."""
        part = found(book, self)
        if part.status == "undone":
            return Outcome()
        done = part._replace(status="undone", undone_at=now)
        rows = asking.events(book, self.customer, self.backfill)
        if part.status == "open" or not rows:
            return Outcome(tallies=(_touched(book, self.customer, now),), parts=(done,))
        recorder = Recorder(book, self.prices, now)
        for row in rows:
            take_back(recorder, row, self.customer)
        rated = _rated(recorder, self, rows, None, sign=-1)
        tallies, hours = recorder.changes()
        told = recorder.warned()
        return Outcome(notices=told, tallies=tallies, uses=rated, hours=hours, parts=(done,))


def found(book: Book, request: OnBackfill) -> Part:
    """Find a customer's part of a backfill."""
    part = asking.part(book, request.customer, request.backfill)
    if part is None:
        raise BackfillNotFound(
            f"{request.customer!r} has no part in the backfill {request.backfill!r}.",
            backfill=request.backfill,
        )
    return part


def closed(part: Part) -> BackfillClosed:
    """Make the refusal of what comes too late for a part."""
    return BackfillClosed(
        f"The backfill {part.backfill!r} is {part.status} for {part.customer!r}; begin another "
        "one, with events of other ids.",
        backfill=part.backfill,
        status=part.status,
        customer=part.customer,
    )


def _unseen(new: NewUse, backfill: str, now: datetime) -> Use:
    at = now if new.event_at is None else new.event_at
    check_ahead(at, now)
    counted_at = min(at, now)
    return Use(
        new.customer,
        new.id,
        new.feature,
        new.quantity,
        counted_at,
        None if at == counted_at else at,
        new.member,
        None,
        None,
        new.told,
        backfill=backfill,
        fingerprint=new.fingerprint,
    )


def _count(recorder: Recorder, customer: str, row: UseRow) -> None:
    """Put an event that was unseen into its hour and its limits."""
    sums, at = recorder.of(customer), to_microseconds(row.counted_at)
    sums.add(at, put_in(row, at))
    billed = recorder.billed(sums, row.feature, dimensions_of(row), row.dimensions, row.counted_at)
    by = CountedBy(billed.limits, used_by(row.member))
    sums.count(billed.terms, at, Counts(row.quantity, money_of(row)), by)


def _rated(
    recorder: Recorder,
    request: OnBackfill,
    rows: tuple[UseRow, ...],
    backfill: str | None,
    *,
    sign: int = 1,
) -> tuple[Use, ...]:
    """Rate what came or went, period by period; give events of money alone that carry it.

    What the part asked already goes with its own events, and comes off what is carried.
    """
    owed: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    last: dict[tuple[str, str, int], UseRow] = {}
    sums, unread = recorder.of(request.customer), dict[Question, None]()
    for row in rows:
        at = to_microseconds(row.counted_at)
        billed = recorder.billed(
            sums, row.feature, dimensions_of(row), row.dimensions, row.counted_at
        )
        step = billed.step
        key = (row.feature, billed.currency or row.currency, sums.period(at)[0])
        last[key] = row
        if step is not None and billed.terms is not None and row.quantity:
            try:
                owed[key] += sums.rate(billed.terms, step, at, sign * row.quantity)
            except Unread as asks:
                unread.update(dict.fromkeys(asks.questions))
        if sign < 0:
            owed[key] += row.owed
    if unread:
        raise Unread(*unread)
    made: list[Use] = []
    for number, (key, amount) in enumerate(sorted(owed.items())):
        if amount:
            name = f"rtd_{request.id.partition('_')[2]}_{number}"
            use = _money_alone(request.customer, name, last[key], amount, key[1], backfill)
            add(recorder, use, NOT_BILLED)
            made.append(use)
    return tuple(made)


def _money_alone(
    customer: str, name: str, row: UseRow, owed: int, currency: str, backfill: str | None
) -> Use:
    return Use(
        customer,
        name,
        row.feature,
        0,
        row.counted_at,
        owed=owed,
        currency=currency or None,
        backfill=backfill,
        mark=RATED,
        fingerprint=RATED,
    )


def _touched(book: Book, customer: str, now: datetime) -> Tally:
    """Give the customer's own tally one version on: whoever changes usage writes it."""
    own = book.tally(customer, OWN)
    return own._replace(version=own.version + 1, updated=max(to_microseconds(now), own.updated))
