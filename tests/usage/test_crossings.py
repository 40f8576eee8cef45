"""A limit that is crossed is told, whatever crosses it: use recorded, amended, taken back (C6).

Law: after every step the app was told exactly the thresholds that lie between what the limit said
was used before it and what it says afterwards. Nobody but `limits.list` is asked what is used.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.databases import PostgresServer
from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

PRICES = """
currency = "usd"
default_plan = "pro"

[features.calls]
scale = 0

[features.other]
scale = 0

[plans.pro]
waterfall = ["own", "usage"]
limits = [
  { feature = "calls", at_most = 10, every = "month", warn_at = [50, 80] },
  { feature = "calls", at_most = 6, every = "month", per = "member" },
  { spend = "4.00 usd", every = "month" },
]

[plans.pro.usage]
calls = "0.5 usd"
other = "0.25 usd"
"""

#: A number that crosses something, and one that crosses everything at once.
QUANTITIES = some.sampled_from([1, 2, 3, 5, 8, 20])
MEMBERS = some.sampled_from([None, "ann"])
FEATURES = some.sampled_from(["calls", "other"])

STEPS = some.one_of(
    some.tuples(some.just("record"), FEATURES, QUANTITIES, MEMBERS),
    some.tuples(some.just("many"), FEATURES, QUANTITIES, MEMBERS),
    some.tuples(some.just("charge"), some.just("calls"), some.sampled_from([1, 2]), MEMBERS),
    some.tuples(some.just("amend"), some.integers(0, 9), some.sampled_from([0, 1, 4, 9])),
    some.tuples(some.just("reverse"), some.integers(0, 9)),
    some.tuples(some.just("backfill"), FEATURES, QUANTITIES, MEMBERS),
    some.tuples(some.just("undo"), some.integers(0, 9)),
)
Step = tuple[Any, ...]

#: A threshold that was crossed: which limit, of whom, at how many percent, upwards or not.
Crossing = tuple[str, str, int, bool]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Billing]:
    """Books that a module's tests share, each with a customer of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('crossings') / 'books.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    with Billing(url, clock=FixedClock(START), catalog=Catalog.from_toml(PRICES)) as billing:
        billing.migrate()
        yield billing


def notices(billing: Billing, customer: str) -> list[Any]:
    """What was told of a customer's limits, oldest first."""
    found: list[Any] = []
    cursor = None
    while True:
        page = billing.notices.list(customer=customer, limit=1000, cursor=cursor)
        found += [state.notice for state in page.notices]
        if (cursor := page.next_cursor) is None:
            return [each for each in found[::-1] if each.kind.startswith("limit_")]


def crossings(billing: Billing, customer: str) -> list[Crossing]:
    """The same in short."""
    return [
        (each.limit, each.subject or "", getattr(each, "percent", 100), each.kind != CLEARED)
        for each in notices(billing, customer)
    ]


CLEARED = "limit_cleared"


class World(NamedTuple):
    """One customer, what he used, and what a model says has to be told."""

    billing: Billing
    customer: str
    events: list[str]
    charges: list[str]
    backfills: list[str]

    def used(self) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
        """How much is used of each limit, and how much may be."""
        found = {}
        for member in (None, "ann"):
            for limit in self.billing.limits.list(self.customer, member=member):
                key = (limit.name, limit.subject or "")
                found[key] = (limit.used + limit.held, limit.at_most)
        return found

    def take(self, step: Step) -> None:
        """Take one step; one that has nothing to work on does nothing."""
        kind, *rest = step
        if kind in ("record", "many", "charge", "backfill"):
            getattr(self, f"_{kind}")(*rest)
            return
        things = {"amend": self.events, "reverse": self.charges, "undo": self.backfills}[kind]
        if things:
            getattr(self, f"_{kind}")(things[rest[0] % len(things)], *rest[1:])

    def _record(self, feature: str, quantity: int, member: str | None) -> None:
        made = self.billing.usage.record(self.customer, feature, quantity, member=member)
        self.events.append(made.id)

    def _many(self, feature: str, quantity: int, member: str | None) -> None:
        one: Any = {"customer": self.customer, "feature": feature, "member": member}
        self.billing.usage.record_many([one for _ in range(quantity)])

    def _charge(self, feature: str, quantity: int, member: str | None) -> None:
        attempt = self.billing.try_charge(self.customer, feature, quantity, member=member)
        if attempt.receipt is not None:
            self.charges.append(attempt.receipt.operation_id)

    def _amend(self, event: str, quantity: int) -> None:
        self.billing.usage.amend(self.customer, event, quantity=quantity)

    def _reverse(self, charge: str) -> None:
        self.billing.credits.reverse(self.customer, charge)

    def _backfill(self, feature: str, quantity: int, member: str | None) -> None:
        name = uuid4().hex
        one: Any = {"customer": self.customer, "feature": feature, "quantity": quantity}
        self.billing.usage.backfill(name, [one | {"member": member}])
        self.billing.usage.close_backfill(name)
        self.backfills.append(name)

    def _undo(self, name: str) -> None:
        self.billing.usage.undo_backfill(name)


def world(billing: Billing) -> World:
    """Begin with a new customer."""
    return World(billing, f"customer_{uuid4().hex}", [], [], [])


def passed(
    before: dict[tuple[str, str], tuple[Decimal, Decimal]],
    after: dict[tuple[str, str], tuple[Decimal, Decimal]],
) -> set[Crossing]:
    """Name the thresholds between two states."""
    found: set[Crossing] = set()
    for key, (used, most) in after.items():
        earlier = before.get(key, (Decimal(0), most))[0]
        for percent in (50, 80, 100) if "calls:quantity:customer" in key[0] else (80, 100):
            least = most * percent / 100
            if (earlier >= least) != (used >= least):
                found.add((*key, percent, used >= least))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=some.lists(STEPS, min_size=2, max_size=8))
def test_c6_each_crossing_is_told_once_whoever_crosses(told: Billing, steps: list[Step]) -> None:
    """The notices are the differences of what the limits say was used, step by step."""
    played = world(told)
    for step in steps:
        before, heard = played.used(), len(crossings(told, played.customer))
        played.take(step)
        new = crossings(told, played.customer)[heard:]
        assert len(new) == len(set(new))
        assert set(new) == passed(before, played.used()), step


def test_c6_the_first_use_that_is_recorded_warns(told: Billing) -> None:
    """No charge was made before: 9 of 10 approaches the limit, and 9 more reach it."""
    customer = f"customer_{uuid4().hex}"
    told.usage.record(customer, "other", 1)
    told.usage.record(customer, "calls", 9)
    told.usage.record(customer, "calls", 9)
    assert [(each.kind, each.measure, each.used) for each in notices(told, customer)] == [
        ("limit_approaching", "quantity", Decimal(9)),
        ("limit_approaching", "quantity", Decimal(9)),
        ("limit_approaching", "usd", Decimal("4.75")),
        ("limit_reached", "usd", Decimal("4.75")),
        ("limit_reached", "quantity", Decimal(18)),
    ]


def test_c6_a_batch_tells_each_threshold_once_for_all_of_its_events(told: Billing) -> None:
    """What is crossed and crossed back within one batch is not told; customers are told apart."""
    one, other = f"customer_{uuid4().hex}", f"customer_{uuid4().hex}"
    events: Any = [{"customer": name, "feature": "calls"} for name in [one, other, one] * 5]
    told.usage.record_many(events)
    assert [each.kind for each in notices(told, one)].count("limit_reached") == 2
    assert {each.customer for each in notices(told, one)} == {one}
    assert [(each.percent, each.used) for each in notices(told, other)] == [(50, Decimal(5))]


def test_c6_use_of_a_window_that_is_over_tells_nothing(told: Billing) -> None:
    """Nobody can do anything about it any more."""
    customer = f"customer_{uuid4().hex}"
    past = START - timedelta(days=20)
    told.usage.backfill("over", [{"customer": customer, "feature": "calls", "event_at": past}] * 20)
    told.usage.close_backfill("over")
    assert notices(told, customer) == []


def test_c6_reversing_a_charge_clears_what_it_had_crossed(told: Billing) -> None:
    """The app hears it upwards and downwards."""
    customer = f"customer_{uuid4().hex}"
    charge = told.charge(customer, "calls", 5)
    told.credits.reverse(customer, charge.operation_id)
    assert [(each.kind, each.percent, each.used) for each in notices(told, customer)] == [
        ("limit_approaching", 50, Decimal(5)),
        ("limit_cleared", 50, Decimal(0)),
    ]
