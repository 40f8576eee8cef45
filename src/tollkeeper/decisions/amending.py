"""Amending usage: a new event takes the place of an old one, which stays as it was (G5). Pure.

Laws:

- Of a chain of amendments the last one counts; to amend any of them is to amend the last.
- An event of quantity 0 counts as none: it takes the old one back.
- What the later bill asks in a period is afterwards what the rate says of what is billed in it. Who
  comes last carries the difference; where an event leaves its period, a `rated` event, of money
  alone, carries what its leaving changes there.
- Hours, limits and money follow in the same transaction.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.catalog.terms import PriceList, Step
from tollkeeper.decisions import asking
from tollkeeper.decisions.asking import UseRow
from tollkeeper.decisions.limit_counts import CountedBy, Counts, used_by
from tollkeeper.decisions.recording import (
    NOT_BILLED,
    Billed,
    NewUse,
    Recorder,
    check_same,
    use_cells,
)
from tollkeeper.decisions.requests import Book, Kept, Needs, Outcome, Pair, Request, Use
from tollkeeper.decisions.summing import Sums, money_of, put_in, taken_back
from tollkeeper.errors import UsageNotAmendable, UsageNotFound
from tollkeeper.values.moments import to_microseconds

#: The mark of an event that only corrects money.
RATED = "rated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend(Request):
    """Let a new event take the place of one that is wrong."""

    verb: ClassVar[str] = "amend"
    is_operation: ClassVar[bool] = False

    event: str
    #: The id and fingerprint of the new event.
    new_id: str
    asked: str
    prices: PriceList
    #: What is to be different; None leaves it as it is.
    quantity: int | None = None
    dimensions: Mapping[str, str] | None = None
    dimensions_told: str | None = None
    event_at: datetime | None = None
    late: str = "3 days"
    #: The member whose use it is, where the caller looked already.
    member: str | None = None

    def needs(self) -> Needs:
        """Ask for the tallies that count the event."""
        return Needs(tallies=tuple([(self.customer, name) for name in self._subjects(self.member)]))

    def events(self) -> tuple[Pair, ...]:
        """Name the new event."""
        return ((self.customer, self.new_id),)

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take the old event back and count the new one."""
        kept = book.recorded.get((self.customer, self.new_id))
        if kept is not None:
            check_same(kept.use, self._as_new(now))
            return Outcome(result={"use": use_cells(kept), "replayed": [self.new_id]})
        old = self._old(book)
        recorder = Recorder(book, self.prices, now)
        counted_at, event_at, mark = self._time(recorder, old, now)
        change = Change(recorder, old, self._as_new(now, old))
        use, rated = change.made(counted_at, event_at, mark, self)
        tallies, hours = recorder.changes()
        return Outcome(
            result={"use": use_cells(Kept(use, now))},
            notices=recorder.warned(),
            tallies=tallies,
            uses=(use, *rated),
            hours=hours,
        )

    def _subjects(self, member: str | None) -> tuple[str, ...]:
        return used_by(member)

    def _old(self, book: Book) -> UseRow:
        """Find the event that counts now; refuse what cannot be amended."""
        found = asking.standing(book, self.customer, self.event)
        if found is None or found.latest.mark == RATED or found.status == "undone":
            raise UsageNotFound(
                f"{self.customer!r} has no usage event {self.event!r}.", event=self.event
            )
        if found.latest.fingerprint is None:
            raise UsageNotAmendable(
                f"{self.event!r} is the usage of a charge, which was paid for: reverse the charge "
                "(credits.reverse) and charge anew.",
                event=self.event,
            )
        if found.status == "open":
            raise UsageNotAmendable(
                f"{self.event!r} came with the backfill {found.latest.backfill!r}, which is open: "
                "close it first, or undo it.",
                event=self.event,
                backfill=found.latest.backfill,
            )
        return found.latest

    def _time(
        self, recorder: Recorder, old: UseRow, now: datetime
    ) -> tuple[datetime, datetime | None, str | None]:
        """Tell by which time the new event counts: that of the old one, unless it is amended."""
        if self.event_at is None:
            return old.counted_at, old.event_at, old.mark
        counted_at, mark = recorder.counted_at(self._as_new(now, old))
        return counted_at, None if self.event_at == counted_at else self.event_at, mark

    def _as_new(self, now: datetime, old: UseRow | None = None) -> NewUse:
        """Give the new event in the form in which events are recorded."""
        quantity = self.quantity
        if quantity is None:
            quantity = old.quantity if old else 0
        told = self.dimensions_told
        if self.dimensions is None and old is not None:
            told = old.dimensions
        return NewUse(
            self.customer,
            self.new_id,
            old.feature if old else "",
            quantity,
            self.event_at or (old.event_at if old else None) or now,
            old.member if old else None,
            self.dimensions if self.dimensions is not None else dimensions_of(old),
            told,
            self.asked,
            self.late,
        )


def dimensions_of(row: UseRow | None) -> Mapping[str, str]:
    """Read what an event says besides."""
    found: Mapping[str, str] = json.loads(row.dimensions) if row and row.dimensions else {}
    return found


class Change:
    """One event in the place of another."""

    __slots__ = ("_new", "_old", "_recorder", "_sums")

    def __init__(self, recorder: Recorder, old: UseRow, new: NewUse) -> None:
        self._recorder, self._old, self._new = recorder, old, new
        self._sums = recorder.of(new.customer)

    def made(
        self, counted_at: datetime, event_at: datetime | None, mark: str | None, request: Request
    ) -> tuple[Use, tuple[Use, ...]]:
        """Give the new event, and one of money alone where the old one leaves its period."""
        old, new, sums = self._old, self._new, self._sums
        then = take_back(self._recorder, old, new.customer)
        billed = self._recorder.billed(sums, new.feature, new.dimensions, new.told, counted_at)
        owed, left = self._rated(then, billed, to_microseconds(counted_at))
        use = Use(
            new.customer,
            new.id,
            new.feature,
            new.quantity,
            counted_at,
            event_at,
            old.member,
            None,
            None,
            new.told,
            owed=owed or None,
            currency=billed.currency or old.currency or None,
            amends=old.id,
            backfill=old.backfill,
            mark=mark,
            fingerprint=new.fingerprint,
        )
        add(self._recorder, use, billed)
        rated = rated_use(request, old, left) if left else None
        if rated is not None:
            add(self._recorder, rated, NOT_BILLED)
        return use, () if rated is None else (rated,)

    def _rated(self, then: Billed, billed: Billed, at: int) -> tuple[int, int]:
        """Rate the change; give what the new event owes, and what stays in the old one's period."""
        old, new, sums = self._old, self._new, self._sums
        before, after = then.step, billed.step
        left = left_of(sums, then, old)
        owed = 0
        if after is not None and billed.terms is not None and new.quantity:
            owed = sums.rate(billed.terms, after, at, new.quantity)
        if _same_bill(sums, before, after, old, at):
            return owed + left, 0
        return owed, left


def left_of(sums: Sums, then: Billed, old: UseRow) -> int:
    """Tell what the period of an event asks beyond what the rate says once it is gone.

    Where wallets pay by the same rate of the period, what they paid is part of it.
    """
    step = then.step
    if step is None or then.terms is None or not step.by_period:
        return 0
    quantity, money = old.billed, old.owed
    if any(other.kind == "wallet" and other.by_period for other in then.terms.steps):
        quantity, money = quantity + old.wallet, money + old.spent
    return money + sums.rate(then.terms, step, to_microseconds(old.counted_at), -quantity)


def _same_bill(sums: Sums, before: Step | None, after: Step | None, old: UseRow, at: int) -> bool:
    """Tell whether two moments are rated together: in one period, in one currency."""
    same_unit = (before.unit if before else None) == (after.unit if after else None)
    then = to_microseconds(old.counted_at)
    return same_unit and sums.period(then) == sums.period(at)


def rated_use(request: Request, old: UseRow, owed: int) -> Use:
    """Make the event that carries what an event's leaving changes in its period."""
    return Use(
        request.customer,
        f"rtd_{request.id.partition('_')[2]}",
        old.feature,
        0,
        old.counted_at,
        owed=owed,
        currency=old.currency or None,
        mark=RATED,
        fingerprint=RATED,
    )


def withdrawn(recorder: Recorder, old: UseRow, request: Request) -> Use:
    """Take the usage of a charge back, which is reversed."""
    then = take_back(recorder, old, request.customer)
    left = left_of(recorder.of(request.customer), then, old)
    use = Use(
        request.customer,
        request.id,
        old.feature,
        0,
        old.counted_at,
        None,
        old.member,
        old.api_key,
        json.dumps(list(old.tags)) if old.tags else None,
        owed=left or None,
        currency=old.currency or None,
        amends=old.id,
    )
    add(recorder, use, NOT_BILLED)
    return use


def take_back(recorder: Recorder, old: UseRow, customer: str) -> Billed:
    """Take an event out of its hour and its limits; give the terms that it was counted by."""
    sums = recorder.of(customer)
    at = to_microseconds(old.counted_at)
    sums.add(at, taken_back(old))
    billed = recorder.billed(sums, old.feature, dimensions_of(old), old.dimensions, old.counted_at)
    amounts = {unit: -amount for unit, amount in money_of(old).items()}
    by = CountedBy(billed.limits, used_by(old.member, old.api_key, old.tags))
    sums.count(billed.terms, at, Counts(-old.quantity, amounts), by)
    return billed


def add(recorder: Recorder, use: Use, billed: Billed) -> None:
    """Put an event into its hour and its limits."""
    sums = recorder.of(use.customer)
    row = row_of(use)
    at = to_microseconds(use.counted_at)
    sums.add(at, put_in(row, at))
    by = CountedBy(billed.limits, used_by(use.member))
    sums.count(billed.terms, at, Counts(use.quantity, money_of(row)), by)


def row_of(use: Use) -> UseRow:
    """Give a new event as one in the books."""
    return UseRow(
        use.id,
        use.feature,
        use.quantity,
        use.counted_at,
        use.event_at,
        use.member,
        use.api_key,
        (),
        use.dimensions,
        use.included or 0,
        use.credits or 0,
        use.wallet or 0,
        use.unpaid or 0,
        use.spent or 0,
        use.owed or 0,
        use.currency or "",
        use.amends,
        use.backfill,
        use.mark,
        use.fingerprint,
        use.counted_at,
    )
