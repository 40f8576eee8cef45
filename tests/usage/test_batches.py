"""A batch of events leaves what the same events leave one by one, whoever's they are (G1).

Customers of one batch differ in all that their terms follow from: the plan and when it ends, the
currency, limits of their own. Each has a twin, whose events are recorded one at a time.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.databases import PostgresServer
from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import IdempotencyConflict

PRICES = """
currency = "usd"
default_plan = "pro"

[features.calls]
scale = 0

[features.tokens]
scale = 0
dimensions = ["model"]

[plans.pro]
waterfall = ["own", "usage"]
limits = [{ feature = "calls", at_most = 5000, every = "day" }]

[plans.pro.usage]
calls = ["0.5 usd", "0.4 eur"]
tokens = [
  { by = "model", rates = { small = "0.01 usd" }, otherwise = "0.07 usd" },
  "0.06 eur",
]

[plans.basic]
waterfall = ["own", "usage"]
limits = [{ feature = "calls", at_most = 5000, every = "day", per = "member" }]

[plans.basic.usage]
calls.graduated = [{ up_to = 40, each = "1 usd" }, { each = "0.1 usd" }]
tokens = "0.03 usd"
"""

#: Kinds of customers; what each is, `make` says.
KINDS = ("plain", "euro", "basic", "ended", "limited", "member")

#: How long ago something was used, in minutes: a little ahead, in time, too late.
AGES = (None, -4, 45, 14 * 24 * 60)
#: Everybody uses the same at the same time.
ALIKE = [
    (kind, feature, 50, age, "small", member)
    for kind in KINDS
    for feature in ("calls", "tokens")
    for age in AGES[:3]
    for member in (None, "ann")
]

#: When it is recorded: the plan that was cancelled has ended by then.
LATER = START + timedelta(days=45)

WHY: Any = {"reason": "agreed", "actor": "support"}

events = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["calls", "tokens"]),
        st.integers(1, 60),
        st.sampled_from(AGES),
        st.sampled_from([None, "small", "large"]),
        st.sampled_from([None, "ann"]),
    ),
    min_size=1,
    max_size=25,
)


class Scene(NamedTuple):
    """Books, and the clock that they go by."""

    billing: Billing
    clock: FixedClock


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Books on each database, with plans that rate usage differently."""
    url = f"sqlite:///{tmp_path_factory.mktemp('batches') / 'books.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    clock = FixedClock(START)
    with Billing(url, clock=clock, catalog=Catalog.from_toml(PRICES)) as billing:
        billing.migrate()
        yield Scene(billing, clock)


def make(billing: Billing, kind: str) -> str:
    """Introduce a customer of a kind."""
    name = f"{kind}_{uuid4().hex}"
    billing.customers.create(name, currency="eur" if kind == "euro" else "usd")
    if kind in ("basic", "ended"):
        billing.subscriptions.assign_free(name, "basic")
    if kind == "ended":
        billing.subscriptions.cancel(name)
    if kind == "limited":
        billing.limits.set(name, feature="calls", at_most=4000, every="day", **WHY)
    if kind == "member":
        billing.limits.set(name, feature="calls", at_most=2000, every="day", member="ann", **WHY)
    return name


def begin(billing: Billing, customer: str) -> None:
    """Begin the counters of a customer's limits, so that they count what is recorded."""
    billing.charge(customer, "calls", 1, member="ann")


def told(billing: Billing, customer: str) -> list[Any]:
    """Tell all that the books say of a customer's usage, but for his name."""
    said: list[Any] = []
    for feature in ("calls", "tokens"):
        found = billing.usage.summary(
            customer, feature, since=START, until=LATER + timedelta(days=1)
        )
        said.append((found.quantity, found.events, found.paid))
        page = billing.usage.history(customer, feature, limit=100)
        said.append(sorted((use.counted_at, use.quantity, str(use.mark)) for use in page.events))
        said += [billing.usage.estimate(customer, feature, 3, dimensions={"model": "small"})]
    said += [billing.check(customer, "calls", member=member).left for member in (None, "ann")]
    return said


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=events)
@example(batch=ALIKE)
def test_g1_a_batch_leaves_what_its_events_leave_one_by_one(
    scene: Scene, batch: list[tuple[Any, ...]]
) -> None:
    """Quantities, money, limits and the events themselves; the same batch again changes nothing."""
    billing = scene.billing
    scene.clock.set(START)
    names = {kind: (make(billing, kind), make(billing, kind)) for kind in KINDS}
    scene.clock.set(LATER)
    for pair in names.values():
        for name in pair:
            begin(billing, name)
    together: list[Any] = []
    for kind, feature, quantity, age, model, member in batch:
        event: dict[str, Any] = {"feature": feature, "quantity": quantity, "member": member}
        event["event_at"] = None if age is None else LATER - timedelta(minutes=age)
        event["dimensions"] = None if model is None else {"model": model}
        event["idempotency_key"] = uuid4().hex
        together.append({"customer": names[kind][0], **event})
        billing.usage.record(names[kind][1], **event)
    assert billing.usage.record_many([*together, together[0]]).recorded == len(batch)
    assert len(billing.usage.record_many(together).replayed) == len(batch)
    for one, other in names.values():
        assert told(billing, one) == told(billing, other)


def test_g1_one_wrong_event_keeps_all_out(scene: Scene) -> None:
    """Two events of one id that differ: not one of the batch is recorded."""
    billing = scene.billing
    good, other = make(billing, "plain"), make(billing, "basic")
    first: Any = {"customer": good, "feature": "calls", "quantity": 1, "idempotency_key": "a"}
    wrong: list[Any] = [{**first, "customer": other}, first, {**first, "quantity": 2}]
    with pytest.raises(IdempotencyConflict, match="another content"):
        billing.usage.record_many(wrong)
    assert [billing.usage.summary(name, "calls").events for name in (good, other)] == [0, 0]


def test_g1_an_event_that_two_batches_bring_is_there_once(scene: Scene) -> None:
    """In whatever order a batch names its customers, the next one knows all its events."""
    billing = scene.billing
    names = sorted((make(billing, "plain") for _ in range(20)), reverse=True)
    batch: list[Any] = [
        {"customer": name, "feature": "calls", "idempotency_key": key}
        for name in names
        for key in ("b", "a")
    ]
    assert billing.usage.record_many(batch).recorded == 40
    more: list[Any] = [*batch[::-1], {**batch[0], "idempotency_key": "c"}]
    again = billing.usage.record_many(more)
    assert (again.recorded, len(again.replayed)) == (1, 40)
