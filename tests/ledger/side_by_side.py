"""Runs a call on the product and on the model, through any door, and compares what both say.

Owns the two `Billing`s over one database (two processes would look the same to it), the clock, the
model, and what was seen before: keys with their first answers, and balances at past moments.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine

from tests.ledger.checks import broken_laws
from tests.ledger.model import Account, Entry, Refused
from tests.ledger.model_book import Book
from tests.ledger.strategies import HALF
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import IdempotencyConflict, TollkeeperError
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.books import Amounts
from tollkeeper.values.units import credits_unit

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: Units and their own overdraft limits.
LIMITS: dict[str, int | None] = {"calls": 0, "tokens": 20 * HALF}

Call = Callable[[Any], Any]
#: What the model does for a call; None where an earlier answer is given again.
Predict = Callable[[datetime], list[Entry] | None]


@dataclass
class Seen:
    """A call that was accepted under a key, and its first answer."""

    customer: str
    key: str
    call: Call
    answer: str


@dataclass
class SideBySide:
    """The product and the model, side by side."""

    engine: Engine
    clock: FixedClock
    first: Billing
    second: Billing
    book: Book = field(default_factory=lambda: Book(LIMITS))
    customers: tuple[str, ...] = ()
    keyed: list[Seen] = field(default_factory=list)
    #: Operations that `reverse` may name, as (customer, operation).
    done: list[tuple[str, str]] = field(default_factory=list)
    #: Moments at which the clock stood, with the accounts as they were when it moved on.
    past: list[tuple[datetime, dict[tuple[str, str], Account]]] = field(default_factory=list)

    def run(self, door: str, call: Call) -> Any:
        """Make a call through a door: one of two Billings, or a host's own transaction."""
        if door != "joined":
            return call((self.first if door == "first" else self.second).credits)
        with self.engine.begin() as connection:
            return call(self.first.using(connection).credits)

    def change(
        self,
        door: str,
        customer: str,
        call: Call,
        predict: Predict,
        key: str | None,
    ) -> Any:
        """Make a change on both sides; both accept it, or both refuse it for the same reason."""
        try:
            entries = predict(self.clock.now())
        except Refused as refused:
            self.book.forget()
            self._expect_refusal(door, call, refused.code)
            return None
        receipt = self.run(door, call)
        if entries is None:
            self.book.forget()
            return receipt
        self.book.name_new(self._made(receipt), entries)
        self.book.commit(customer, receipt.operation_id, receipt.kind, entries)
        self._remember(customer, receipt, call, key)
        return receipt

    def _expect_refusal(self, door: str, call: Call, code: str) -> None:
        with pytest.raises(TollkeeperError) as refusal:
            self.run(door, call)
        assert refusal.value.code == code

    def _made(self, receipt: Any) -> dict[tuple[str, str], list[str]]:
        """Find the grants that an operation made and the model has not named yet."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in receipt.entries:
            key = (entry.customer, entry.unit.key)
            known = self.book.draft[key].grants if key in self.book.draft else {}
            for name, remaining, _ in entry.raw_lines:
                if name and remaining > 0 and name not in known and name not in found[key]:
                    found[key].append(name)
        return found

    def _remember(self, customer: str, receipt: Any, call: Call, key: str | None) -> None:
        if receipt.entries:
            self.done.append((customer, receipt.operation_id))
        if key is not None and not receipt.replayed:
            self.keyed.append(Seen(customer, key, call, receipt.to_json()))

    def repeat(self, door: str, seen: Seen) -> None:
        """The same key with the same request gives the first answer, byte for byte (law 5)."""
        receipt = self.run(door, seen.call)
        assert receipt.replayed
        assert receipt.to_json() == seen.answer

    def contradict(self, door: str, seen: Seen) -> None:
        """The same key with another request is a conflict (law 5)."""
        options = {"reason": "not the same", "actor": "test", "idempotency_key": seen.key}
        with pytest.raises(IdempotencyConflict):
            self.run(door, lambda room: room.adjust(seen.customer, "calls", 1, **options))

    def move_on(self, step: timedelta) -> None:
        """Move the clock, and remember how everything stood."""
        copies = {key: account.copy() for key, account in self.book.accounts.items()}
        if not self.past or self.past[-1][0] < self.clock.now():
            self.past.append((self.clock.now(), copies))
        else:
            self.past[-1] = (self.clock.now(), copies)
        self.clock.set(self.clock.now() + step)

    def compare_now(self, customer: str) -> None:
        """Balances and grants read now are those of the model."""
        room, now = self.second.credits, self.clock.now()
        shown = room.balances(customer)
        remains: dict[str, int] = {}
        for unit in LIMITS:
            expected = self.book.look(customer, unit, now)
            found = shown[unit].scaled if unit in shown else Amounts()
            assert tuple(found) == expected.numbers(), f"{customer} {unit} now"
            remains |= expected.remains()
        listed = {grant.id: grant.remaining_scaled for grant in room.grants(customer)}
        # A lapse that is not booked yet may make a grant that no row tells of.
        assert {name: n for name, n in listed.items() if n} == {
            name: n for name, n in remains.items() if name in listed
        }

    def compare_then(self, number: int, later: timedelta, customer: str, unit: str) -> None:
        """A8: a balance at a past moment, and what was known then of a later one."""
        moment, accounts = self.past[number]
        account = accounts.get((customer, unit), Account(customer, unit)).copy()
        account.advance(moment + later)
        room = self.first.credits
        known = room.balance(customer, unit, at=moment + later, known_at=moment)
        assert tuple(known.scaled) == account.numbers(), f"{customer} {unit} as known then"
        following = self.past[number + 1][0] if number + 1 < len(self.past) else self.clock.now()
        if moment + later < following:
            shown = room.balance(customer, unit, at=moment + later)
            assert tuple(shown.scaled) == account.numbers(), f"{customer} {unit} then"

    def audit(self, customers: Iterable[str]) -> None:
        """Every law holds: by the product's own audit, and by the second opinion."""
        assert broken_laws(self.engine, self.customers) == []
        for customer in customers:
            assert self.second.books.audit(customer=customer).findings == ()

    def close(self) -> None:
        self.first.close()
        self.second.close()
        self.engine.dispose()


def side_by_side(url: str) -> SideBySide:
    """Open both sides over a database, with customers that nobody has used."""
    clock = FixedClock(START)
    units = [
        credits_unit(key, overdraft=from_scaled(limit or 0, 6)) for key, limit in LIMITS.items()
    ]
    engine = create_engine(url)
    both = SideBySide(
        engine,
        clock,
        Billing(url, clock=clock, units=units),
        Billing(url, clock=clock, units=units),
    )
    name = uuid4().hex
    both.customers = tuple(f"{name}_{number}" for number in range(3))
    return both
