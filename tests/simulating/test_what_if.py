"""What other catalogs would have come to: prices, costs, allowances, plans, burn order, limits."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tollkeeper import AsyncBilling, Billing, Catalog, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    CustomerNotFound,
    InvalidRequest,
    TollkeeperError,
    UnitMismatch,
    UnknownPlan,
)
from tollkeeper.values.simulations import Simulation

BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)

SOLD = """
currency = "usd"
[units.credits]
[features.image]
scale = 0
cost = { credits = 1 }
rate = "0.10 usd"
[plans.basic]
prices = ["31.00 usd / month"]
allowances.credits = "10 / month"
[plans.large]
prices = ["62.00 usd / month"]
allowances.credits = "100 / month"
"""


@pytest.fixture
def clock() -> FixedClock:
    """A clock that is set by hand, at the beginning of a month of 31 days."""
    return FixedClock(BEGINNING)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """Empty books with a price list, on both databases."""
    with Billing(database_url, catalog=Catalog.from_toml(SOLD), clock=clock) as billing:
        billing.migrate()
        yield billing


def other(old: str, new: str) -> Catalog:
    """The price list, but for one thing."""
    assert old in SOLD
    return Catalog.from_toml(SOLD.replace(old, new))


def test_another_price_is_paid_by_the_wallet(billing: Billing, clock: FixedClock) -> None:
    """Twice the price is twice the money, until the wallet is empty."""
    billing.wallet.deposit("user", Money("1.00", "usd"))
    for _ in range(6):
        clock.advance(minutes=1)
        billing.charge("user", "image")
    found = simulated(billing, clock, other('"0.10 usd"', '"0.20 usd"'))
    assert found.total.happened.spent == (Money("0.60", "usd"),)
    assert found.total.simulated.spent == (Money("1.00", "usd"),)
    assert found.total.simulated.refused == {"insufficient_balance": 1}
    assert found.total.difference == (Money("0.40", "usd"),)
    assert [each.name for each in found.losers] == ["user"]
    assert found.winners == ()


def test_an_allowance_comes_from_the_other_catalog(billing: Billing, clock: FixedClock) -> None:
    """What is left of the running month stays; the next month brings the other allowance."""
    billing.subscriptions.allocate("user", "basic")
    for month in range(2):
        clock.set(BEGINNING + timedelta(days=1 + 31 * month))
        for _ in range(10):
            billing.charge("user", "image")
    clock.set(BEGINNING + timedelta(days=40))
    found = simulated(billing, clock, other('"10 / month"', '"4 / month"'), hours=24)
    assert found.total.simulated.accepted == 4
    assert found.total.happened.accepted == 10


def test_a_plan_is_moved_to_another_one(billing: Billing, clock: FixedClock) -> None:
    """Who is moved has the other plan's allowance and price; half a month costs half of it."""
    billing.subscriptions.allocate("user", "basic", anchor=BEGINNING)
    clock.set(BEGINNING + timedelta(days=15, hours=12))
    found = simulated(billing, clock, Catalog.from_toml(SOLD), move={"basic": "large"})
    assert found.total.happened.plans == (Money("15.50", "usd"),)
    assert found.total.simulated.plans == (Money("31.00", "usd"),)
    assert [(each.name, each.customers) for each in found.plans] == [("basic", 1)]


def test_another_burn_order_saves_what_was_bought(billing: Billing, clock: FixedClock) -> None:
    """Bought credits that burn first earn what they cost; the promotion is left."""
    billing.credits.grant("user", "credits", 10, source="promotion")
    billing.credits.grant("user", "credits", 10, source="purchase", cost_basis=Money("5.00", "usd"))
    clock.advance(minutes=1)
    billing.charge("user", "image", 4)
    found = simulated(billing, clock, Catalog.from_toml(SOLD), burn_order=["purchase", "promotion"])
    assert found.total.happened.credits_used == ()
    assert found.total.simulated.credits_used == (Money("2.00", "usd"),)


def test_what_expires_unused_is_valued(billing: Billing, clock: FixedClock) -> None:
    """An allowance is worth its plan's price, bought credits what they cost; by unit as well."""
    billing.subscriptions.allocate("user", "basic", anchor=BEGINNING)
    billing.credits.grant(
        "user",
        "credits",
        10,
        source="purchase",
        cost_basis=Money("5.00", "usd"),
        expires_at=BEGINNING + timedelta(days=3),
    )
    clock.advance(hours=1)
    billing.charge("user", "image", 5)
    clock.set(BEGINNING + timedelta(days=35))
    found = simulated(billing, clock, other("credits = 1", "credits = 2"))
    assert found.total.happened.expired == {"credits": Decimal(15)}
    assert found.total.happened.breakage == (Money("20.50", "usd"),)
    assert found.total.simulated.expired == {"credits": Decimal(10)}
    assert found.total.simulated.breakage == (Money("5.00", "usd"),)


def test_a_new_limit_refuses(billing: Billing, clock: FixedClock) -> None:
    """A limit that only the other catalog has counts what was before, and refuses what passes."""
    billing.wallet.deposit("user", Money("9.00", "usd"))
    for _ in range(6):
        clock.advance(hours=1)
        billing.charge("user", "image")
    limited = Catalog.from_toml(
        SOLD + '[[limits]]\nfeature = "image"\nat_most = 4\nevery = "day"\n'
    )
    since = BEGINNING + timedelta(hours=2, minutes=30)
    found = billing.books.simulate(limited, since=since, until=clock.now() + timedelta(hours=1))
    assert found.events == 4
    assert found.total.simulated.accepted == 2
    assert found.total.simulated.refused == {"limit_reached": 2}
    feature = found.total.simulated.features[0]
    assert [(each.reason, each.quantity) for each in feature.refused] == [
        ("limit_reached", Decimal(2))
    ]


def test_who_is_locked_out_has_lost_and_pays_less_for_that_reason(
    billing: Billing, clock: FixedClock
) -> None:
    """Whoever is refused more is no winner; those who pay most more are named before him."""
    for name, money in (("poor", "0.60"), ("rich", "90.00"), ("idle", "0.10")):
        billing.wallet.deposit(name, Money(money, "usd"))
        for _ in range(1 if name == "idle" else 6):
            clock.advance(minutes=1)
            billing.charge(name, "image")
    dear = simulated(billing, clock, other('"0.10 usd"', '"2.00 usd"'))
    assert dear.winners == ()
    assert [(each.name, each.simulated.refused) for each in dear.losers] == [
        ("rich", {}),
        ("poor", {"insufficient_balance": 6}),
        ("idle", {"insufficient_balance": 1}),
    ]
    cheap = simulated(billing, clock, other('"0.10 usd"', '"0.05 usd"'))
    assert [each.name for each in cheap.winners] == ["poor", "rich", "idle"]
    assert cheap.losers == ()


def test_many_who_pay_more_do_not_hide_those_who_are_locked_out(
    billing: Billing, clock: FixedClock
) -> None:
    """Ten are named for what they pay, and ten for how often they are refused."""
    for number in range(12):
        billing.wallet.deposit(f"user_{number}", Money("9.00", "usd"))
        billing.charge(f"user_{number}", "image", number + 1)
    billing.wallet.deposit("poor", Money("0.10", "usd"))
    billing.charge("poor", "image")
    clock.advance(minutes=1)
    found = simulated(billing, clock, other('"0.10 usd"', '"0.20 usd"'))
    names = [each.name for each in found.losers]
    assert names == [*(f"user_{number}" for number in range(11, 1, -1)), "poor"]


def test_a_source_that_the_other_plan_lacks_pays_nothing(
    database_url: str, clock: FixedClock
) -> None:
    """The call named who pays: that is told as what it is, and not as a wrong call."""
    billed = SOLD + '[plans.basic.usage]\nimage = "0.50 usd"\n'
    with Billing(database_url, catalog=Catalog.from_toml(billed), clock=clock) as selling:
        selling.migrate()
        selling.subscriptions.allocate("user", "basic")
        clock.advance(minutes=1)
        selling.charge("user", "image", pay_from="usage")
        found = simulated(selling, clock, Catalog.from_toml(billed), move={"basic": "large"})
    assert found.total.simulated.refused == {"nothing_pays": 1}


def test_a_held_charge_is_played_when_it_is_settled(billing: Billing, clock: FixedClock) -> None:
    """What was set aside before the span is free again, and its use comes with the settle."""
    billing.wallet.deposit("user", Money("1.00", "usd"))
    hold = billing.charges.hold("user", "image", 6)
    clock.advance(minutes=5)
    since = clock.now()
    billing.charges.settle("user", hold, 4)
    until = since + timedelta(minutes=1)
    found = billing.books.simulate(other('"0.10 usd"', '"0.25 usd"'), since=since, until=until)
    assert found.total.happened.spent == (Money("0.40", "usd"),)
    assert found.total.simulated.spent == (Money("1.00", "usd"),)


def test_recorded_usage_is_rated_anew(billing: Billing, clock: FixedClock) -> None:
    """Amended events count as amended; those of a feature that is gone are refused."""
    billed = '[plans.basic.usage]\nimage = "0.50 usd"\n'
    with_usage = Catalog.from_toml(SOLD + billed)
    billing.subscriptions.allocate("user", "basic")
    for number in range(5):
        clock.advance(minutes=1)
        billing.usage.record("user", "image", 2, idempotency_key=f"use-{number}")
    billing.usage.amend("user", "use-0", quantity=1)
    found = simulated(billing, clock, with_usage)
    assert found.total.happened.events == found.total.simulated.accepted == 5
    assert found.total.happened.owed == ()
    assert found.total.simulated.owed == (Money("4.50", "usd"),)
    gone = simulated(billing, clock, other("features.image", "features.photo"))
    assert gone.total.simulated.refused == {"unknown_feature": 5}


def test_tasks_simulate_as_threads_do(database_url: str) -> None:
    """The awaited verb gives the same answer, and tells its progress."""
    told: list[tuple[int, int]] = []

    async def main() -> Simulation:
        async with AsyncBilling(database_url, catalog=Catalog.from_toml(SOLD)) as billing:
            await billing.migrate()
            await billing.wallet.deposit("user", Money("1.00", "usd"))
            await billing.charge("user", "image")
            return await billing.books.simulate(
                Catalog.from_toml(SOLD),
                since=BEGINNING,
                progress=lambda done, total: told.append((done, total)),
            )

    found = asyncio.run(main())
    assert found.total.simulated == found.total.happened
    assert found.to_dict()["total"]["simulated"]["spent"] == {"usd": "0.1"}
    assert told[-1] == (1, 1)


def test_other_scales_are_refused(billing: Billing, clock: FixedClock) -> None:
    """Neither a unit nor a feature may be counted otherwise than in the books."""
    billing.credits.grant("user", "credits", 1)
    refused(UnitMismatch, billing, clock, other("[units.credits]", "[units.credits]\nscale = 2"))
    refused(UnitMismatch, billing, clock, other("scale = 0", "scale = 3"))


def test_plans_have_to_be_known(billing: Billing, clock: FixedClock) -> None:
    """A plan that customers have, that is moved, or that is moved to, is named where it is not."""
    billing.subscriptions.allocate("user", "basic")
    clock.advance(hours=1)
    gone = other("[plans.basic]", "[plans.tiny]")
    error = refused(UnknownPlan, billing, clock, gone)
    assert "'basic'" in str(error)
    assert simulated(billing, clock, gone, move={"basic": "tiny"}).total.customers == 1
    sold = Catalog.from_toml(SOLD)
    assert "'huge'" in str(refused(UnknownPlan, billing, clock, sold, move={"basic": "huge"}))
    assert "'small'" in str(refused(UnknownPlan, billing, clock, sold, move={"small": "basic"}))


def test_the_span_and_the_customers_have_to_be_there(billing: Billing, clock: FixedClock) -> None:
    """Since lies before until, and who is named exists."""
    sold = Catalog.from_toml(SOLD)
    with pytest.raises(InvalidRequest, match="must lie before"):
        billing.books.simulate(sold, since=BEGINNING, until=BEGINNING)
    with pytest.raises(InvalidRequest):
        billing.books.simulate(sold, since=BEGINNING.replace(tzinfo=None))
    with pytest.raises(CustomerNotFound, match="nobody"):
        billing.books.simulate(
            sold, since=BEGINNING, until=BEGINNING + timedelta(1), customers=["nobody"]
        )
    refused(InvalidRequest, billing, clock, sold, burn_order="promotion")
    refused(InvalidRequest, billing, clock, sold, burn_order=["promotion", "promotion"])
    refused(InvalidRequest, billing, clock, sold, customers=[])


def simulated(
    billing: Billing, clock: FixedClock, catalog: Catalog, *, hours: int = 0, **asked: object
) -> Simulation:
    """Simulate from the beginning, or from the second month on, until now."""
    since = BEGINNING + timedelta(days=31) if hours else BEGINNING
    until = clock.now() + timedelta(microseconds=1)
    return billing.books.simulate(catalog, since=since, until=until, **asked)  # type: ignore[arg-type]  # as each test gives it


def refused(
    kind: type[TollkeeperError],
    billing: Billing,
    clock: FixedClock,
    catalog: Catalog,
    **asked: object,
) -> TollkeeperError:
    """Ask for what cannot be, and give the error."""
    with pytest.raises(kind) as found:
        simulated(billing, clock, catalog, **asked)  # type: ignore[arg-type]  # wrong on purpose
    return found.value
