"""A state machine of random operations by random customers, against a model written from the rules.

Two Billings and a host's transactions take turns over one database; after every step each law is
checked by the second opinion of `checks.py`, and balances and grants are compared with the model.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.ledger import strategies as some
from tests.ledger.model import Entry, Grant, Hold
from tests.ledger.side_by_side import DOORS, LIMITS, Predict, SideBySide, side_by_side
from tests.ledger.strategies import limit_of, written
from tollkeeper import Money

#: How many steps an example takes, and how many examples there are for each fifty of the profile's.
STEPS = 60
EXAMPLES = 7

#: A hold or a grant: its customer, its unit, its id.
Named = tuple[str, str, str]


class How(NamedTuple):
    """How a call is made: through which door, and whether under an idempotency key."""

    door: str
    keyed: bool


calls = st.builds(How, st.sampled_from(DOORS), st.booleans())
people = st.integers(0, 2)
units = st.sampled_from(["calls", "calls", "tokens"])
picks = st.integers(0, 10_000)
moments = st.sampled_from([0, 1, 60, 3600, 7200]).map(lambda seconds: timedelta(seconds=seconds))


class Machine(RuleBasedStateMachine):
    """What may happen next."""

    url = ""

    @initialize()
    def begin(self) -> None:
        self.both: SideBySide = side_by_side(self.url)
        self.book = self.both.book
        self.touched: set[str] = set()
        self.holds: list[Named] = []
        self.grants: list[Named] = []
        self.keys = 0
        #: How much happened since the clock last moved.
        self.changes = 0

    def teardown(self) -> None:
        if hasattr(self, "both"):
            self.both.close()

    def person(self, number: int) -> str:
        name = self.both.customers[number % 3]
        self.touched.add(name)
        return name

    def picked(self, found: list[Named], pick: int) -> Named:
        """Pick one of the newest few."""
        one = found[-1 - pick % min(len(found), 6)]
        self.touched.add(one[0])
        return one

    def change(
        self, how: How, predict: Predict, verb: str, name: str, *given: Any, **more: Any
    ) -> Any:
        self.keys += 1
        key = f"key {self.keys}" if how.keyed else None

        def call(room: Any) -> Any:
            return getattr(room, verb)(name, *given, idempotency_key=key, **more)

        self.changes += 1
        return self.both.change(how.door, name, call, predict, key)

    def is_there_anything(self) -> bool:
        """Whether some grant has something left."""
        return any(account.remains() for account in self.book.accounts.values())

    @rule(
        how=calls,
        who=people,
        unit=units,
        amount=some.amounts,
        source=some.sources,
        priority=some.priorities,
        times=some.times,
        features=some.restrictions,
        cost=some.costs,
    )
    def grant(
        self,
        how: How,
        who: int,
        unit: str,
        amount: int,
        source: str,
        priority: int | None,
        times: some.Times,
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

    @rule(
        how=calls,
        who=people,
        unit=units,
        amount=some.small_amounts,
        feature=some.features,
        overdraft=some.limits,
    )
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

    @rule(who=people, unit=units, amount=some.small_amounts, feature=some.features)
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

    @rule(
        how=calls,
        who=people,
        unit=units,
        amount=some.small_amounts,
        lifetime=some.lifetimes,
        feature=some.features,
        overdraft=some.limits,
    )
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

    @precondition(lambda self: self.holds)
    @rule(how=calls, pick=picks, amount=st.none() | some.small_amounts, lifetime=some.lifetimes)
    def extend(self, how: How, pick: int, amount: int | None, lifetime: timedelta) -> None:
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

    @precondition(lambda self: self.holds)
    @rule(how=calls, pick=picks, amount=some.uses, excess=some.excesses)
    def settle(self, how: How, pick: int, amount: int | None, excess: str) -> None:
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

    @precondition(lambda self: self.holds)
    @rule(how=calls, pick=picks)
    def release(self, how: How, pick: int) -> None:
        name, unit, hold = self.picked(self.holds, pick)
        self.change(
            how, lambda now: self.book.release(name, unit, hold, now), "release", name, hold
        )

    @precondition(lambda self: self.is_there_anything())
    @rule(
        how=calls,
        who=people,
        unit=st.none() | units,
        amount=st.none() | some.amounts,
        pick=st.none() | picks,
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

        def predict(now: Any) -> list[Entry]:
            named = opened if unit is None else [unit]
            done = [self.book.revoke(name, key, amount, grant, now) for key in named]
            return [entry for entries in done for entry in entries]

        taken = None if amount is None else written(amount)
        self.change(how, predict, "revoke", name, unit, taken, grant=grant)

    @rule(
        how=calls,
        who=people,
        unit=units,
        amount=some.signed_amounts,
        verb=st.sampled_from(["adjust", "set_balance"]),
    )
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

    @precondition(lambda self: self.is_there_anything())
    @rule(how=calls, who=people, unit=units, limit=some.limits)
    def set_overdraft(self, how: How, who: int, unit: str, limit: int | None) -> None:
        name = self.person(who)

        def predict(now: Any) -> list[Entry]:
            self.book.open(name, unit, now).limit = limit
            return []

        self.change(how, predict, "set_overdraft", name, unit, limit_of(limit))

    @rule(how=calls, who=people, further=st.integers(1, 2), unit=units, amount=some.small_amounts)
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

    @precondition(lambda self: self.both.done)
    @rule(how=calls, pick=picks, expired=st.sampled_from(["expire", "reissue"]))
    def reverse(self, how: How, pick: int, expired: str) -> None:
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

    @precondition(lambda self: self.changes)
    @rule(step=some.steps)
    def time_passes(self, step: timedelta) -> None:
        self.changes = 0
        self.both.move_on(step)
        self.touched.update(self.both.customers)

    @precondition(lambda self: self.both.keyed)
    @rule(door=st.sampled_from(DOORS), pick=picks, request=st.sampled_from(["same", "another"]))
    def key_again(self, door: str, pick: int, request: str) -> None:
        seen = self.both.keyed[-1 - pick % len(self.both.keyed)]
        self.touched.add(seen.customer)
        (self.both.repeat if request == "same" else self.both.contradict)(door, seen)

    @precondition(lambda self: self.both.past)
    @rule(pick=picks, who=people, unit=units, later=moments)
    def look_back(self, pick: int, who: int, unit: str, later: timedelta) -> None:
        number = pick % len(self.both.past)
        self.both.compare_then(number, later, self.both.customers[who], unit)

    @precondition(lambda self: self.is_there_anything())
    @rule(who=people, unit=units, amount=some.amounts)
    def roll_back(self, who: int, unit: str, amount: int) -> None:
        """What a host rolls back never happened."""
        name = self.person(who)
        with self.both.engine.connect() as connection:
            room = self.both.first.using(connection).credits
            room.grant(name, unit, written(amount), idempotency_key="rolled back")
            room.set_balance(name, unit, Decimal(1))
            connection.rollback()

    @invariant()
    def both_sides_agree(self) -> None:
        if not hasattr(self, "both"):
            return
        for customer in sorted(self.touched):
            self.both.compare_now(customer)
        self.touched.clear()
        self.both.audit()


def test_books_agree_with_a_model_of_the_rules(books_url: str) -> None:
    """Whatever happens, in any order, the books say what the rules say and every law holds."""
    machine = type("BoundMachine", (Machine,), {"url": books_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES * settings().max_examples // 50,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
