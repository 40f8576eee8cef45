"""What may happen to the books: each verb of the room of credits, beside what the model does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.ledger.model import Entry, Grant, Hold
from tests.ledger.side_by_side import LIMITS, Predict, SideBySide
from tests.ledger.strategies import How, Times, limit_of, written
from tollkeeper import Money

#: A hold or a grant: its customer, its unit, its id.
Named = tuple[str, str, str]


class Actions:
    """Does things on both sides; remembers what later actions may name."""

    def __init__(self, both: SideBySide) -> None:
        self.both = both
        self.book = both.book
        #: Customers to whom something happened since they were last looked at.
        self.touched: set[str] = set()
        self.holds: list[Named] = []
        self.grants: list[Named] = []
        self.keys = 0

    def person(self, number: int) -> str:
        name = self.both.customers[number % 3]
        self.touched.add(name)
        return name

    def picked(self, found: Sequence[Named], pick: int) -> Named:
        """Pick one of the newest few."""
        one = found[-1 - pick % min(len(found), 4)]
        self.touched.add(one[0])
        return one

    def change(
        self, how: How, predict: Predict, verb: str, name: str, *given: Any, **more: Any
    ) -> Any:
        self.keys += 1
        key = f"key {self.keys}" if how.keyed else None

        def call(room: Any) -> Any:
            return getattr(room, verb)(name, *given, idempotency_key=key, **more)

        return self.both.change(how.door, name, call, predict, key)

    def grant(
        self,
        how: How,
        who: int,
        unit: str,
        amount: int,
        source: str,
        priority: int | None,
        times: Times,
        features: tuple[str, ...],
        cost: int | None,
    ) -> None:
        name, now = self.person(who), self.both.clock.now()
        begins, ends = times.begins_at(now), times.ends_at(now)
        money = None if cost is None else Money(cost, "usd")
        order = {"allowance": 20, "purchase": 60}.get(source, 40)
        expected = Grant(
            "?",
            amount,
            amount,
            priority=order if priority is None else priority,
            paid=source in ("allowance", "purchase"),
            effective=begins or now,
            expires=ends,
            cost=money.scaled if money else 0,
            features=features,
        )
        receipt = self.change(
            how,
            lambda now: self.book.grant(name, unit, expected, now),
            "grant",
            name,
            unit,
            written(amount),
            source=source,
            priority=priority,
            effective_at=begins,
            expires_at=ends,
            features=features,
            cost_basis=money,
        )
        self.grants.append((name, unit, receipt.grant_id))

    def consume(
        self,
        how: How,
        who: int,
        unit: str,
        amount: int,
        feature: str | None,
        overdraft: int | None,
    ) -> None:
        name = self.person(who)
        self.change(
            how,
            lambda now: self.book.consume(name, unit, amount, feature, overdraft, now),
            "consume",
            name,
            unit,
            written(amount),
            feature=feature,
            overdraft=limit_of(overdraft),
        )

    def ask_and_try(self, who: int, unit: str, amount: int, feature: str | None) -> None:
        """`has` foretells whether `try_consume` succeeds where there is no overdraft."""
        name, now = self.person(who), self.both.clock.now()
        _, missing = self.book.look(name, unit, now).take_most(
            amount, feature, max(0, self.book.look(name, unit, now).available)
        )
        room = self.both.first.credits
        assert room.has(name, unit, written(amount), feature=feature) is not bool(missing)
        if missing:
            asked: dict[str, Any] = {"feature": feature, "overdraft": 0}
            attempt = room.try_consume(name, unit, written(amount), **asked)
            assert (attempt.success, attempt.required) == (False, written(amount))

    def hold(
        self,
        how: How,
        who: int,
        unit: str,
        amount: int,
        lifetime: timedelta,
        feature: str | None,
        overdraft: int | None,
    ) -> None:
        name, now = self.person(who), self.both.clock.now()
        placed = Hold("?", unit, now, now + lifetime, feature)
        receipt = self.change(
            how,
            lambda _: self.book.hold(name, placed, amount, overdraft),
            "hold",
            name,
            unit,
            written(amount),
            lifetime=lifetime,
            feature=feature,
            overdraft=limit_of(overdraft),
        )
        if receipt is not None:
            placed.id = receipt.id
            holds = self.book.accounts[(name, unit)].holds
            holds[placed.id] = holds.pop("?")
            self.holds.append((name, unit, placed.id))

    def extend(self, how: How, pick: int, amount: int | None, lifetime: timedelta) -> None:
        if not self.holds:
            return
        name, unit, hold = self.picked(self.holds, pick)
        longer = lifetime if amount is None or pick % 2 else None
        more = None if amount is None else written(amount)
        self.change(
            how,
            lambda now: self.book.extend(name, unit, hold, amount, longer, now),
            "extend",
            name,
            hold,
            more,
            lifetime=longer,
        )

    def settle(self, how: How, pick: int, amount: int | None, excess: str) -> None:
        if not self.holds:
            return
        name, unit, hold = self.picked(self.holds, pick)
        used = None if amount is None else written(amount)
        self.change(
            how,
            lambda now: self.book.settle(name, unit, hold, amount, excess, now),
            "settle",
            name,
            hold,
            used,
            excess=excess,
        )

    def release(self, how: How, pick: int) -> None:
        if not self.holds:
            return
        name, unit, hold = self.picked(self.holds, pick)
        self.change(
            how, lambda now: self.book.release(name, unit, hold, now), "release", name, hold
        )

    def revoke(
        self, how: How, who: int, unit: str | None, amount: int | None, pick: int | None
    ) -> None:
        """Take back an amount or all of a unit, or everything, or one grant."""
        name, grant = self.person(who), None
        if unit is None:
            amount = None
        elif pick is not None and self.grants:
            name, unit, grant = self.picked(self.grants, pick)
        opened = sorted(key for key in LIMITS if (name, key) in self.book.accounts)

        def predict(now: datetime) -> list[Entry]:
            named = opened if unit is None else [unit]
            done = [self.book.revoke(name, key, amount, grant, now) for key in named]
            return [entry for entries in done for entry in entries]

        taken = None if amount is None else written(amount)
        self.change(how, predict, "revoke", name, unit, taken, grant=grant)

    def correct(self, how: How, who: int, unit: str, amount: int, verb: str) -> None:
        name, note = self.person(who), {"reason": "a test", "actor": "somebody"}
        predict = self.book.adjust if verb == "adjust" else self.book.set_balance
        self.change(
            how,
            lambda now: predict(name, unit, amount, now),
            verb,
            name,
            unit,
            written(amount),
            **note,
        )

    def set_overdraft(self, how: How, who: int, unit: str, limit: int | None) -> None:
        name = self.person(who)

        def predict(now: datetime) -> list[Entry]:
            self.book.open(name, unit, now).limit = limit
            return []

        self.change(how, predict, "set_overdraft", name, unit, limit_of(limit))

    def transfer(self, how: How, who: int, further: int, unit: str, amount: int) -> None:
        name, to = self.person(who), self.person(who + further)
        self.change(
            how,
            lambda now: self.book.transfer(name, unit, amount, to, now),
            "transfer",
            name,
            unit,
            written(amount),
            to=to,
        )

    def reverse(self, how: How, pick: int, expired: str) -> None:
        if not self.both.done:
            return
        name, operation = self.both.done[-1 - pick % len(self.both.done)]
        self.touched.update(self.both.customers)
        reissue = expired == "reissue"
        self.change(
            how,
            lambda now: self.book.reverse(name, operation, now, reissue=reissue),
            "reverse",
            name,
            operation,
            expired=expired,
        )

    def time_passes(self, step: timedelta) -> None:
        self.both.move_on(step)
        self.touched.update(self.both.customers)

    def sweep(self) -> None:
        """A worker books what is due; nobody sees a difference but in the entries."""
        self.touched.update(self.both.customers)
        assert self.both.second.jobs.run_due(limit=100_000).skipped == 0

    def key_again(self, door: str, pick: int, request: str) -> None:
        if not self.both.keyed:
            return
        seen = self.both.keyed[-1 - pick % len(self.both.keyed)]
        self.touched.add(seen.customer)
        (self.both.repeat if request == "same" else self.both.contradict)(door, seen)

    def look_back(self, pick: int, who: int, unit: str, later: timedelta) -> None:
        if not self.both.past:
            return
        number = pick % len(self.both.past)
        self.both.compare_then(number, later, self.both.customers[who], unit)

    def roll_back(self, who: int, unit: str, amount: int) -> None:
        """What a host rolls back never happened."""
        name = self.person(who)
        with self.both.engine.connect() as connection:
            room = self.both.first.using(connection).credits
            room.grant(name, unit, written(amount), idempotency_key="rolled back")
            room.set_balance(name, unit, Decimal(1))
            connection.rollback()
