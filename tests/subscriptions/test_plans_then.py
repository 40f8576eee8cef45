"""What was used is rated by the plans of its own time, whenever it is written down (G1)."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.subscriptions.prices import seen
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

START = datetime(2026, 3, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

PLANS = Catalog.from_toml("""
currency = "usd"
[policies]
late_usage = "60 days"
[units.credits]
[features.image]
[plans.payg]
prices = ["1.00 usd / month"]
usage.image = "0.50 usd"
[plans.cheap]
prices = ["1.00 usd / month"]
usage.image = "0.10 usd"
[plans.steps]
prices = ["1.00 usd / month"]
[plans.steps.usage.image]
over = "period"
graduated = [{ up_to = 10, each = "1.00 usd" }, { each = "0.10 usd" }]
[plans.free]
allowances.credits = "1 / month"
""")


@pytest.fixture
def shop(database_url: str, clock: FixedClock) -> Billing:
    """A book with plans that bill what is used."""
    clock.set(START)
    billing = Billing(database_url, catalog=PLANS, clock=clock, schema="plans_then")
    billing.migrate()
    return billing


def owed(billing: Billing, customer: str = "u") -> Decimal:
    """Tell what the later bill asks for all that was used."""
    paid = billing.usage.summary(
        customer, "image", since=START - 24 * HOUR, until=START + 2000 * HOUR
    ).paid
    return sum((money.amount for money in paid.owed), Decimal(0))


def test_use_before_an_end_at_once_is_billed(shop: Billing, clock: FixedClock) -> None:
    """A cancellation, or another plan since, takes no use from the plan that it was used under."""
    with shop as billing:
        billing.subscriptions.allocate("u", "payg")
        clock.set(START + 2 * HOUR)
        billing.subscriptions.cancel("u", at="now")
        billing.usage.record("u", "image", 2, event_at=START + HOUR)
        assert seen(owed(billing)) == seen(Decimal("1.00"))
        billing.subscriptions.allocate("u", "cheap")
        clock.set(START + 3 * HOUR)
        billing.usage.record("u", "image", 2, event_at=START + HOUR)
        billing.usage.record("u", "image", 5, event_at=clock.now())
        assert owed(billing) == Decimal("2.50")
        assert billing.books.audit().findings == ()


def test_use_before_a_plan_is_not_billed_by_it(shop: Billing, clock: FixedClock) -> None:
    """Who had no plan then owes nothing for it (C7)."""
    with shop as billing:
        clock.set(START + 2 * HOUR)
        billing.subscriptions.allocate("u", "payg")
        billing.usage.record("u", "image", 2, event_at=START + HOUR)
        assert owed(billing) == 0
        billing.usage.record("u", "image", 2, event_at=START + 2 * HOUR)
        assert owed(billing) == 1


def test_what_is_amended_stays_with_its_plan(shop: Billing, clock: FixedClock) -> None:
    """Whoever amends after a cancellation loses no more than he takes back."""
    with shop as billing:
        billing.subscriptions.allocate("u", "payg")
        used = billing.usage.record("u", "image", 10)
        clock.set(START + HOUR)
        billing.subscriptions.cancel("u", at="now")
        billing.usage.amend("u", used.id, quantity=4)
        assert owed(billing) == 2


def test_another_process_rates_by_the_catalog_of_then(
    shop: Billing, clock: FixedClock, database_url: str
) -> None:
    """A catalog that is known to nobody any more but the books rates what was sold under it."""
    dearer = Catalog.from_toml(
        'currency = "usd"\n[units.credits]\n[features.image]\n[plans.payg]\n'
        'prices = ["1.00 usd / month"]\nusage.image = "9.00 usd"\n'
    )
    with shop as billing:
        billing.subscriptions.allocate("u", "payg")
        clock.set(START + 2 * HOUR)
        billing.subscriptions.cancel("u", at="now")
    with Billing(database_url, catalog=dearer, clock=clock, schema="plans_then") as other:
        other.usage.record("u", "image", 2, event_at=START + HOUR)
        assert owed(other) == 1


def test_rates_of_the_period_begin_anew_with_a_plan(shop: Billing, clock: FixedClock) -> None:
    """The first ten of the new period cost what the first ten cost, charged or recorded (C2)."""
    with shop as billing:
        billing.subscriptions.allocate("u", "steps")
        billing.charge("u", "image", 30)
        assert owed(billing) == 12
        clock.set(START + 24 * HOUR)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.allocate("u", "steps")
        billing.charge("u", "image", 5)
        assert owed(billing) == 17
        for _ in range(2):
            billing.usage.record("u", "image", 1, event_at=START + HOUR)
        assert owed(billing) == Decimal("17.20")
        billing.usage.record("u", "image", 10)
        assert owed(billing) == Decimal("22.70")
        before = billing.usage.summary("u", "image", period="previous")
        assert seen(before.since, before.until) == (START, clock.now())
        summary = billing.usage.summary("u", "image")
        assert seen(summary.quantity, summary.since) == seen(15, clock.now())
        assert billing.books.audit().findings == ()


@pytest.mark.parametrize("seed", range(6))
def test_when_it_is_written_down_changes_nothing(
    shop: Billing, clock: FixedClock, seed: int
) -> None:
    """Uses told at once, and all of them told at the end, come to the same money."""
    chance = random.Random(seed)
    with shop as billing:
        late: list[tuple[int, datetime]] = []
        for _ in range(14):
            clock.set(clock.now() + chance.randint(1, 5) * HOUR)
            _change(chance)(billing)
            clock.set(clock.now() + HOUR)
            quantity = chance.randint(1, 7)
            billing.usage.record("prompt", "image", quantity)
            late.append((quantity, clock.now()))
        clock.set(clock.now() + HOUR)
        _change(chance)(billing)
        chance.shuffle(late)
        for quantity, event_at in late:
            billing.usage.record("late", "image", quantity, event_at=event_at)
        assert owed(billing, "late") == owed(billing, "prompt")
        assert billing.books.audit().findings == ()


def _change(chance: random.Random) -> Callable[[Billing], None]:
    """Choose a change of plans, the same for both customers."""
    plan = chance.choice(["payg", "cheap", "steps", "free", None, None])
    is_new, at = chance.random() < 0.6, chance.choice(["now", "period_end"])

    def change(billing: Billing) -> None:
        for customer in ("prompt", "late"):
            live = billing.subscriptions.is_active(customer)
            if live and is_new:
                billing.subscriptions.cancel(customer, at=at)  # type: ignore[arg-type]  # one of two words
            if plan and not billing.subscriptions.is_active(customer):
                billing.subscriptions.allocate(customer, plan)

    return change
