"""Taking, cancelling and keeping plans, on both databases."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.subscriptions.prices import CATALOG, available, shown
from tollkeeper import AsyncBilling, Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    AlreadySubscribed,
    AmbiguousPlan,
    IdempotencyConflict,
    InvalidRequest,
    NotEntitled,
    NotReversible,
    StillSubscribed,
    SubscriptionNotFound,
    UnknownPlan,
)

FEBRUARY = datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_s039_new_subscription_grants_each_feature_once(billing: Billing) -> None:
    """Each allowance comes once; a plan without any grants nothing; a payment buys once."""
    first = billing.subscriptions.allocate("u", "pro", interval="month", payment_id="pay_1")
    again = billing.subscriptions.allocate("u", "pro", interval="month", payment_id="pay_1")
    assert first == again
    assert available(billing, "u") == 10_000
    assert available(billing, "u", "storage") == 100
    billing.subscriptions.allocate("u", "bare")
    assert available(billing, "u") == 10_000


def test_a_payment_buys_one_thing(billing: Billing) -> None:
    """The same payment for another plan is a conflict, and nothing is written."""
    billing.subscriptions.allocate("u", "basic", payment_id="pay_1")
    with pytest.raises(IdempotencyConflict):
        billing.subscriptions.allocate("u", "bare", payment_id="pay_1")
    assert [known.plan for known in billing.subscriptions.list("u")] == ["basic"]


def test_a_key_replays(billing: Billing, clock: FixedClock) -> None:
    """The same key gives the first answer, whatever happened since."""
    first = billing.subscriptions.allocate("u", "basic", idempotency_key="k")
    clock.set(FEBRUARY)
    billing.subscriptions.cancel("u", at="now", idempotency_key="c")
    assert billing.subscriptions.allocate("u", "basic", idempotency_key="k") == first
    with pytest.raises(IdempotencyConflict):
        billing.subscriptions.allocate(
            "u", "basic", quantity=1, interval="month", idempotency_key="k"
        )


def test_s043_free_to_paid(billing: Billing) -> None:
    """What remains of the free allowance is revoked, partly spent too; then the paid one comes."""
    billing.subscriptions.assign_free("u")
    billing.credits.consume("u", "calls", 30)
    billing.credits.grant("u", "calls", 5, source="purchase")
    paid = billing.subscriptions.allocate("u", "basic")
    assert shown(billing, "u")[-2:] == [("revoke", -70, 5), ("grant", 1000, 1005)]
    found = billing.subscriptions.list("u")
    assert [(known.plan, known.status) for known in found] == [
        ("basic", "active"),
        ("free", "cancelled"),
    ]
    assert billing.subscriptions.get("u") == paid


def test_two_plans_of_one_group_are_refused(billing: Billing) -> None:
    """Another plan of the group is refused, and nothing is written; other groups are welcome."""
    billing.subscriptions.allocate("u", "basic")
    with pytest.raises(AlreadySubscribed) as refusal:
        billing.subscriptions.allocate("u", "pro", interval="month")
    assert (refusal.value.plan, refusal.value.group) == ("basic", "main")
    assert len(shown(billing, "u")) == 1
    billing.subscriptions.allocate("u", "more")
    billing.subscriptions.allocate("u", "more")
    assert available(billing, "u") == 1100


def test_s051_cancel_now(billing: Billing) -> None:
    """The allowance goes at once; what was bought stays, and open holds can be settled (D6)."""
    billing.credits.grant("u", "calls", 40, source="purchase")
    billing.subscriptions.allocate("u", "pro", interval="month")
    held = billing.credits.hold("u", "calls", 100)
    billing.subscriptions.cancel("u", at="now")
    assert available(billing, "u") == 40
    assert available(billing, "u", "storage") == 0
    billing.credits.settle("u", held, 60)
    assert available(billing, "u") == 40
    assert not billing.subscriptions.is_active("u")


def test_s052_cancel_at_period_end(billing: Billing, clock: FixedClock) -> None:
    """Everything stays until the period ends, and then goes; asked twice, it has one effect."""
    billing.subscriptions.allocate("u", "pro", interval="month")
    cancelled = billing.subscriptions.cancel("u")
    assert (cancelled.is_active, cancelled.ends_at) == (True, FEBRUARY)
    assert billing.subscriptions.cancel("u") == cancelled
    clock.set(FEBRUARY - timedelta(seconds=1))
    assert (available(billing, "u"), available(billing, "u", "storage")) == (10_000, 100)
    clock.set(FEBRUARY)
    assert (available(billing, "u"), available(billing, "u", "storage")) == (0, 0)
    found = billing.subscriptions.get("u")
    assert found is not None
    assert (found.status, found.period.end) == ("cancelled", FEBRUARY)
    billing.jobs.run_due()
    assert billing.jobs.run_due().accounts == 0
    assert shown(billing, "u", "storage")[-1] == ("revoke", -100, 0)
    clock.set(FEBRUARY + timedelta(days=100))
    assert available(billing, "u") == 0


def test_cancelled_by_period_end_then_now(billing: Billing) -> None:
    """Now is sooner than the period's end; the period's end is no later than now."""
    billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.cancel("u")
    ended = billing.subscriptions.cancel("u", at="now")
    assert ended.status == "cancelled"
    assert billing.subscriptions.cancel("u") == ended
    assert available(billing, "u") == 0


def test_resume(billing: Billing, clock: FixedClock) -> None:
    """A cancellation can be taken back before the period is over."""
    billing.subscriptions.allocate("u", "pro", interval="month")
    billing.subscriptions.cancel("u")
    assert billing.subscriptions.resume("u").ends_at is None
    clock.set(FEBRUARY)
    assert (available(billing, "u"), available(billing, "u", "storage")) == (10_000, 200)
    billing.subscriptions.cancel("u", at="now")
    with pytest.raises(SubscriptionNotFound):
        billing.subscriptions.resume("u")


def test_s056_manual_grants_nothing(billing: Billing, clock: FixedClock) -> None:
    """Where the app grants by hand, nothing comes by itself."""
    billing.subscriptions.allocate("u", "by_hand")
    clock.set(FEBRUARY)
    assert available(billing, "u") == 0


def test_s057_assign_free_plan(billing: Billing) -> None:
    """It is made once; whoever has a plan gets none; a plan with a price is no free one."""
    found = billing.subscriptions.assign_free("u")
    assert found is not None
    assert found.plan == "free"
    assert billing.subscriptions.assign_free("u") is None
    billing.subscriptions.allocate("v", "basic")
    assert billing.subscriptions.assign_free("v", "free", idempotency_key="k") is None
    assert billing.subscriptions.assign_free("v", "free", idempotency_key="k") is None
    with pytest.raises(InvalidRequest):
        billing.subscriptions.assign_free("w", "basic")
    with pytest.raises(UnknownPlan):
        billing.subscriptions.assign_free("w", "fre")


def test_s057_several_free_plans(database_url: str) -> None:
    """Several free plans, or none, are errors that name the fix."""
    several = Catalog.from_toml("[plans.one]\n[plans.two]\n")
    with Billing(database_url, catalog=several) as billing:
        billing.migrate()
        with pytest.raises(AmbiguousPlan) as error:
            billing.subscriptions.assign_free("u")
        assert error.value.known == ["one", "two"]
        found = billing.subscriptions.assign_free("u", "two")
        assert found is not None
        assert found.plan == "two"


def test_s060_is_active(billing: Billing, clock: FixedClock) -> None:
    """Active until it is over, by the clock and not by a job."""
    assert not billing.subscriptions.is_active("u")
    billing.subscriptions.allocate("u", "basic")
    assert billing.subscriptions.is_active("u")
    assert billing.subscriptions.is_active("u", "basic")
    assert not billing.subscriptions.is_active("u", "pro")
    billing.subscriptions.cancel("u")
    clock.set(FEBRUARY)
    assert not billing.subscriptions.is_active("u")


def test_s062_get_and_list(billing: Billing, clock: FixedClock) -> None:
    """An active one before one that is over, a plan before an add-on, else the latest."""
    assert billing.subscriptions.get("u") is None
    assert billing.subscriptions.list("u") == ()
    billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.cancel("u", at="now")
    billing.subscriptions.allocate("u", "pro", interval="month")
    billing.subscriptions.allocate("u", "more")
    found = billing.subscriptions.get("u")
    assert found is not None
    assert found.plan == "pro"
    assert [known.plan for known in billing.subscriptions.list("u")] == ["more", "pro", "basic"]


def test_several_must_be_named(billing: Billing) -> None:
    """Whoever has several subscriptions names the one that is to end."""
    plan = billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.allocate("u", "more")
    with pytest.raises(AmbiguousPlan):
        billing.subscriptions.cancel("u", at="now")
    billing.subscriptions.cancel("u", plan, at="now")
    assert available(billing, "u") == 50
    with pytest.raises(SubscriptionNotFound):
        billing.subscriptions.cancel("u", "sub_nobody")
    with pytest.raises(SubscriptionNotFound):
        billing.subscriptions.cancel("nobody")


@pytest.mark.parametrize(
    ("plan", "options", "error"),
    [
        ("prro", {}, UnknownPlan),
        ("pro", {}, AmbiguousPlan),
        ("pro", {"interval": "week"}, InvalidRequest),
        ("pro", {"interval": "mounth"}, InvalidRequest),
        ("basic", {"quantity": 2}, InvalidRequest),
        ("basic", {"quantity": 0}, InvalidRequest),
        ("basic", {"quantity": True}, InvalidRequest),
        ("team", {"quantity": 51}, InvalidRequest),
        ("basic", {"anchor": datetime(2026, 1, 1)}, InvalidRequest),  # noqa: DTZ001  # what is refused
        ("basic", {"payment_id": ""}, InvalidRequest),
        (None, {}, InvalidRequest),
    ],
)
def test_bad_input(billing: Billing, plan: str, options: dict[str, object], error: type) -> None:
    """Each mistake has its own error, and nothing is written."""
    with pytest.raises(error):
        billing.subscriptions.allocate("u", plan, **options)  # type: ignore[arg-type]  # what is refused
    assert billing.subscriptions.list("u") == ()
    assert billing.credits.balances("u") == {}


def test_there_must_be_a_catalog(database_url: str) -> None:
    """Without a price list there are no plans."""
    with Billing(database_url) as billing:
        billing.migrate()
        with pytest.raises(InvalidRequest, match="catalog"):
            billing.subscriptions.allocate("u", "basic")


def test_a_merge_is_refused_while_a_plan_is_live(billing: Billing) -> None:
    """Who pays for it is not ours to guess; once it is cancelled, everything else moves."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.grant("u", "calls", 7)
    with pytest.raises(StillSubscribed):
        billing.customers.merge("u", into="v")
    billing.subscriptions.cancel("u", at="now")
    billing.customers.merge("u", into="v")
    assert available(billing, "v") == 7


def test_a_plan_decides_what_may_be_used(billing: Billing) -> None:
    """A charge knows the plans of the customer at once."""
    billing.subscriptions.allocate("u", "basic")
    assert billing.charge("u", "call", 3).shares[0].source == "calls"


def test_joined_transactions_subscribe_or_do_not(billing: Billing, database_url: str) -> None:
    """A host that rolls back has sold nothing."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        billing.using(connection).subscriptions.allocate("u", "basic")
        connection.rollback()
    assert billing.subscriptions.list("u") == ()
    assert billing.credits.balances("u") == {}
    with engine.begin() as connection:
        billing.using(connection).subscriptions.allocate("u", "basic")
    assert available(billing, "u") == 1000
    engine.dispose()


def test_many_at_once_sell_once(billing: Billing) -> None:
    """Sixteen callers with one payment make one subscription and one grant."""
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(
                lambda n: billing.subscriptions.allocate("u", "basic", payment_id="pay_1"),
                range(16),
            )
        )
    assert len({subscription.id for subscription in found}) == 1
    assert len(shown(billing, "u")) == 1


def test_tasks_subscribe(database_url: str) -> None:
    """The same verbs, awaited."""

    async def subscribe() -> tuple[bool, object]:
        async with AsyncBilling(database_url, catalog=CATALOG) as billing:
            await billing.migrate()
            await billing.subscriptions.allocate("u", "basic")
            active = await billing.subscriptions.is_active("u")
            balance = await billing.credits.balance("u", "calls")
            await billing.subscriptions.cancel("u", at="now")
            return active, balance.available

    assert asyncio.run(subscribe()) == (True, 1000)


def test_a_subscription_keeps_the_catalog_it_was_sold_under(
    database_url: str, clock: FixedClock
) -> None:
    """Another price list changes nothing for whoever subscribed before; new features are there."""
    old = Catalog.from_toml("""
        [units.calls]
        [features.call]
        cost = { calls = 1 }
        [plans.pro]
        allowances.calls = "10 / month"
    """)
    new = Catalog.from_toml("""
        [units.calls]
        [features.call]
        cost = { calls = 5 }
        [features.image]
        cost = { calls = 2 }
        [plans.pro]
        allowances.calls = "99 / month"
        entitlements.call = false
        [plans.other]
        allowances.calls = "1 / month"
    """)
    with Billing(database_url, catalog=old, clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.allocate("u", "pro")
    with Billing(database_url, catalog=new, clock=clock) as billing:
        billing.subscriptions.allocate("v", "pro")
        assert billing.check("u", "call").sources[0].covers == 10
        assert billing.charge("u", "call", 3).balance.available == 7
        assert billing.charge("u", "image", 2).balance.available == 3
        clock.set(FEBRUARY)
        assert available(billing, "u") == 10
        with pytest.raises(NotEntitled):
            billing.charge("v", "call")
        assert available(billing, "v") == 99


def test_what_a_plan_granted_is_not_reversed(billing: Billing, clock: FixedClock) -> None:
    """The plan would go on without it; a consume of it is reversed as any other."""
    billing.subscriptions.allocate("u", "basic")
    clock.set(FEBRUARY)
    receipt = billing.credits.consume("u", "calls", 10)
    granted = [e for e in billing.credits.history("u", "calls").entries if e.kind == "grant"]
    for entry in granted:
        with pytest.raises(NotReversible, match="subscription"):
            billing.credits.reverse("u", entry.operation_id)
    billing.credits.reverse("u", receipt.operation_id)
    assert available(billing, "u") == 1000
