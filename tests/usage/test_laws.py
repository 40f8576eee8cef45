"""The laws of usage: any history of it, summed over any span, is the sum of what counts.

Each example is a history of one new customer: charges, records, late ones, amendments, backfills,
reversals, and a clock that jumps. It is told beside it in the simplest way (`model`).
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.usage.conftest import START, Books
from tests.usage.model import Model, month_of
from tollkeeper.values.usage import UsageEvent

FEATURES = {"calls": "sum", "tokens": "sum", "peak": "max", "level": "last", "people": "unique"}

#: The same books serve all examples: each has a customer of its own.
shared = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

features = st.sampled_from(sorted(FEATURES))
quantities = st.integers(1, 300)
people = st.sampled_from([None, "ann", "ben"])
#: How long ago something was used, in minutes; the tolerance is three days.
ages = st.one_of(st.none(), st.integers(-4, 4 * 24 * 60))
jumps = st.one_of(st.integers(0, 90), st.integers(60 * 24, 60 * 24 * 40), st.integers(-200, 0))

actions = st.one_of(
    st.tuples(st.just("record"), features, quantities, ages, people),
    st.tuples(st.just("record"), features, quantities, ages, people),
    st.tuples(st.just("charge"), features, quantities, people),
    st.tuples(st.just("clock"), jumps),
    st.tuples(st.just("amend"), st.integers(0, 50), st.integers(0, 300)),
    st.tuples(st.just("move"), st.integers(0, 50), st.integers(0, 3000)),
    st.tuples(st.just("reverse"), st.integers(0, 50)),
    st.tuples(st.just("fill"), st.sampled_from("AB"), features, quantities, st.integers(0, 90_000)),
    st.tuples(st.just("close"), st.sampled_from("AB")),
    st.tuples(st.just("undo"), st.sampled_from("AB")),
)


class History:
    """Plays actions on the books, and tells them to the model."""

    def __init__(self, books: Books) -> None:
        books.clock.set(START)
        self.books, self.usage = books, books.billing.usage
        self.customer = f"customer_{uuid4().hex}"
        self.model = Model(books.billing, self.customer)
        books.billing.credits.grant(self.customer, "calls", 500)

    def play(self, action: tuple[Any, ...]) -> None:
        verb, *given = action
        getattr(self, verb)(*given)

    def record(self, feature: str, quantity: int, age: int | None, person: str | None) -> None:
        at = None if age is None else self.books.clock.now() - timedelta(minutes=age)
        told = {"person": person} if person else None
        key = uuid4().hex
        for _ in range(2):
            event = self.usage.record(
                self.customer,
                feature,
                quantity,
                event_at=at,
                member=person,
                dimensions=told,
                idempotency_key=key,
            )
            self.model.note(event)

    def charge(self, feature: str, quantity: int, person: str | None) -> None:
        receipt = self.books.billing.try_charge(
            self.customer, feature, quantity, dimensions={"person": person} if person else None
        ).receipt
        if receipt is not None:
            newest = self.usage.history(self.customer, feature, limit=1000).events
            event = next(each for each in newest if each.id == receipt.operation_id)
            self.model.note(event)
            self.model.charges.append(event.id)

    def clock(self, minutes: int) -> None:
        self.books.clock.set(self.books.clock.now() + timedelta(minutes=minutes))

    def amend(self, number: int, quantity: int) -> None:
        name = self._recorded(number)
        if name is not None:
            self.model.note(self.usage.amend(self.customer, name, quantity=quantity))

    def move(self, number: int, age: int) -> None:
        name = self._recorded(number)
        if name is not None:
            at = self.books.clock.now() - timedelta(minutes=age)
            self.model.note(self.usage.amend(self.customer, name, event_at=at))

    def reverse(self, number: int) -> None:
        if self.model.charges:
            name = self.model.charges.pop(number % len(self.model.charges))
            self.books.billing.credits.reverse(self.customer, name)
            del self.model.events[name]

    def fill(self, letter: str, feature: str, quantity: int, age: int) -> None:
        name = f"{letter}_{self.customer}"
        if self.model.status.get(name, "open") != "open":
            return
        at = self.books.clock.now() - timedelta(minutes=age)
        key = uuid4().hex
        event: Any = {"customer": self.customer, "feature": feature, "quantity": quantity}
        self.usage.backfill(name, [event | {"event_at": at, "idempotency_key": key}])
        self.model.status[name] = "open"
        self.model.note(_as_event(self.customer, key, feature, quantity, at, name))

    def close(self, letter: str) -> None:
        name = f"{letter}_{self.customer}"
        if self.model.status.get(name) in ("open", "closed"):
            self.usage.close_backfill(name)
            self.usage.close_backfill(name)
            self.model.status[name] = "closed"

    def undo(self, letter: str) -> None:
        name = f"{letter}_{self.customer}"
        if name in self.model.status:
            self.usage.undo_backfill(name)
            self.usage.undo_backfill(name)
            self.model.drop(name)

    def _recorded(self, number: int) -> str | None:
        """Choose an event that can be amended."""
        found = [
            event.id
            for event in self.model.events.values()
            if event.id not in self.model.charges
            and (event.backfill is None or self.model.status[event.backfill] == "closed")
        ]
        return found[number % len(found)] if found else None


def _as_event(
    customer: str, key: str, feature: str, quantity: int, at: datetime, name: str
) -> UsageEvent:
    return UsageEvent(
        id=key,
        customer=customer,
        feature=feature,
        quantity=Decimal(quantity),
        event_at=at,
        counted_at=at,
        created_at=at,
        backfill=name,
    )


@shared
@given(
    some=st.lists(actions, min_size=1, max_size=14),
    spans=st.lists(st.tuples(st.integers(-6000, 3000), st.integers(1, 5000)), max_size=4),
)
def test_a_summary_is_the_sum_of_what_counts(
    books: Books, some: list[tuple[Any, ...]], spans: list[tuple[int, int]]
) -> None:
    """Over any span, cut anywhere in its hours; and its parts add up to the whole."""
    history = History(books)
    for action in some:
        history.play(action)
    now = books.clock.now()
    cuts = [(now + timedelta(minutes=start, seconds=7), timedelta(minutes=m)) for start, m in spans]
    for since, length in [*cuts, (START - timedelta(days=200), timedelta(days=2000))]:
        for feature, meter in FEATURES.items():
            until = since + length
            found = history.usage.summary(history.customer, feature, since=since, until=until)
            history.model.check(found, history.model.counting(feature, since, until), meter)
            middle = since + length / 3
            parts = [
                history.usage.summary(history.customer, feature, since=start, until=end)
                for start, end in ((since, middle), (middle, until))
            ]
            assert sum((part.quantity for part in parts), Decimal(0)) == found.quantity
            assert sum(part.events for part in parts) == found.events
            assert sum((_owed(part) for part in parts), Decimal(0)) == _owed(found)
    _check_bills(history)
    _check_scans(history)
    assert books.billing.books.audit(customer=history.customer).ok


def _check_bills(history: History) -> None:
    """What each month asks is what the rate says of all that was billed in it."""
    months = {month_of(event.at) for event in history.model.events.values()}
    for feature in ("calls", "tokens"):
        step = history.books.catalog.terms(feature).steps[-1]
        scale = history.books.catalog.scale(feature)
        for since, until in months:
            counting = history.model.counting(feature, since, until)
            billed = sum((event.billed for event in counting), Decimal(0))
            found = history.usage.summary(history.customer, feature, since=since, until=until)
            expected = Decimal(step.rate.cost(int(billed * 10**scale))) / 10**9
            assert _owed(found) == expected, (feature, since)


def _check_scans(history: History) -> None:
    """Totals say what a scan says; groups add up to the whole."""
    since, until = START - timedelta(days=200), START + timedelta(days=2000)
    for feature in FEATURES:
        bounds: Any = {"since": since, "until": until}
        whole = history.usage.summary(history.customer, feature, **bounds)
        split = history.usage.summary(history.customer, feature, group_by="person", **bounds)
        assert split.scanned
        assert split.total.to_dict() == whole.total.to_dict()
        assert sum((group.quantity for group in split.groups), Decimal(0)) == whole.quantity
        listed = history.usage.history(history.customer, feature, limit=1000).events
        counting = [event for event in listed if event.amended_by is None and event.quantity]
        assert len(counting) == whole.events


def _owed(found: Any) -> Decimal:
    return sum((money.amount for money in found.paid.owed), Decimal(0))
