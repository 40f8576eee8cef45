"""The catalog in force reaches every verb of every process, before it scales or names anything."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tollkeeper import AsyncBilling, Billing, Catalog
from tollkeeper.catalog.in_force import InForce
from tollkeeper.clock import FixedClock
from tollkeeper.errors import NotMetered, TollkeeperError, UnknownFeature, UnknownUnit
from tollkeeper.operations import pricing
from tollkeeper.operations.calls import Desk

PLAIN = """
currency = "usd"
[units.credits]
[features.chat]
cost = { credits = 1 }
"""

#: What it adds is counted in whole ones, and in hundredths.
WIDER = (
    PLAIN
    + """
[features.tokens]
scale = 0
cost = { credits = 1 }
[features.seats]
type = "gauge"
[units.gems]
scale = 2
[plans.pro]
prices = ["20.00 usd / month"]
usage.tokens = "0.01 usd"
entitlements = { seats = 3 }
"""
)

WHY: dict[str, Any] = {"actor": "ann", "reason": "test"}
EVENT: Any = {"customer": "c", "feature": "tokens", "quantity": 500}


@pytest.fixture
def shop(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A Billing that was given the plain catalog; its books keep every law at the end."""
    with Billing(database_url, catalog=Catalog.from_toml(PLAIN), clock=clock) as billing:
        billing.migrate()
        billing.credits.grant("c", "credits", 1000)
        billing.charge("c", "chat")
        yield billing
        assert billing.books.audit().findings == ()


def test_a_fresh_process_books_a_backfill_in_the_digits_of_the_catalog_in_force(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """It has no file of its own; 500 tokens are 500, and the bill is what they cost."""
    shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
    shop.subscriptions.allocate("c", "pro")
    with Billing(database_url, clock=clock) as fresh:
        fresh.usage.backfill("may", [EVENT])
        fresh.usage.close_backfill("may")
    found = shop.usage.summary("c", "tokens")
    assert (found.quantity, found.paid.owed[0].amount) == (Decimal(500), Decimal(5))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"feature": "tokenz"}, UnknownFeature),
        ({"feature": "seats"}, NotMetered),
        ({"quantity": "0.5"}, TollkeeperError),
    ],
)
def test_a_backfill_refuses_what_record_refuses(
    shop: Billing,
    database_url: str,
    clock: FixedClock,
    event: Any,
    error: type[TollkeeperError],
) -> None:
    """Unknown features, gauges, and more digits than the feature has; nothing is written."""
    shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
    with Billing(database_url, clock=clock) as fresh:
        with pytest.raises(error, match="Event 1"):
            fresh.usage.backfill("may", [EVENT, EVENT | event])
        with pytest.raises(TollkeeperError, match="no backfill"):
            fresh.usage.get_backfill("may")


@pytest.mark.parametrize("catalog", [None, PLAIN])
def test_a_fresh_process_sums_up_in_the_digits_of_the_catalog_in_force(
    shop: Billing, database_url: str, clock: FixedClock, catalog: str | None
) -> None:
    """The first thing it does; with no file, and with a file that is not in force."""
    shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
    shop.usage.record("c", "tokens", 7)
    given = None if catalog is None else Catalog.from_toml(catalog)

    def asked(ask: Callable[[Billing], Any]) -> Any:
        with Billing(database_url, catalog=given, clock=clock) as fresh:
            return ask(fresh)

    assert asked(lambda fresh: fresh.usage.summary("c", "tokens").quantity) == 7
    tokens = [
        row.quantity
        for row in asked(lambda fresh: fresh.usage.report(by="customer")).rows
        if row.key["feature"] == "tokens"
    ]
    assert tokens == [7]
    assert asked(lambda fresh: fresh.usage.history("c", "tokens").events[0].quantity) == 7
    with pytest.raises(UnknownFeature, match="tokens"):
        asked(lambda fresh: fresh.usage.summary("c", "tokenz"))


#: Every way to use a feature that was just put into force.
USES: dict[str, Callable[[Any], Any]] = {
    "charge": lambda billing: billing.charge("c", "tokens", 5),
    "try_charge": lambda billing: billing.try_charge("c", "tokens", 5),
    "charge_many": lambda billing: billing.charge_many([EVENT, EVENT]),
    "check": lambda billing: billing.check("c", "tokens"),
    "explain": lambda billing: billing.explain("c", "tokens"),
    "hold": lambda billing: billing.charges.hold("c", "tokens", 5),
    "record": lambda billing: billing.usage.record("c", "tokens", 5),
    "record_many": lambda billing: billing.usage.record_many([EVENT]),
    "backfill": lambda billing: billing.usage.backfill("may", [EVENT]),
    "summary": lambda billing: billing.usage.summary("c", "tokens"),
    "estimate": lambda billing: billing.usage.estimate("c", "tokens"),
    "limit": lambda billing: billing.limits.set(
        "c", feature="tokens", at_most=5000, every="day", **WHY
    ),
    "entitlement": lambda billing: billing.entitlements.get("c", "seats"),
    "gauge": lambda billing: billing.entitlements.set_gauge("c", "seats", 0),
    "preview": lambda billing: billing.catalog.preview("tokens"),
    "grant": lambda billing: billing.credits.grant("c", "gems", "0.25"),
    "allocate": lambda billing: billing.subscriptions.allocate("c", "pro"),
}


@pytest.mark.parametrize("use", USES)
def test_a_running_process_finds_what_another_one_just_applied(
    shop: Billing, database_url: str, clock: FixedClock, use: str
) -> None:
    """However little time has passed since it last looked; and so does who applied it."""
    with Billing(database_url, catalog=Catalog.from_toml(PLAIN), clock=clock) as other:
        other.check("c", "chat")
        shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
        USES[use](other)
    if use != "allocate":
        USES[use](shop)


def test_tasks_find_it_too(shop: Billing, database_url: str, clock: FixedClock) -> None:
    """Without a wait, and many names in one call."""

    async def main() -> None:
        async with AsyncBilling(
            database_url, catalog=Catalog.from_toml(PLAIN), clock=clock
        ) as other:
            await other.check("c", "chat")
            await asyncio.to_thread(shop.catalog.apply, Catalog.from_toml(WIDER), **WHY)
            for name, use in USES.items():
                if name != "allocate":
                    await use(other)
            for _ in range(2):
                with pytest.raises(UnknownFeature, match="tokens"):
                    await other.charge("c", "tokenz")
                with pytest.raises(UnknownUnit, match="gems"):
                    await other.credits.grant("c", "gemz", 1)
            host = engine_for_tasks(database_url)
            async with host.begin() as connection:
                joined = other.using(connection)
                await joined.charge("c", "tokens", 2)
                with pytest.raises(UnknownFeature):
                    await joined.usage.record("c", "tokenz")
            await host.dispose()

    asyncio.run(main())


def engine_for_tasks(database_url: str) -> AsyncEngine:
    """The app's own engine, for tasks."""
    url = database_url.replace("sqlite://", "sqlite+aiosqlite://", 1)
    return create_async_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))


def test_an_idle_process_books_in_the_digits_of_what_was_applied_meanwhile(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """The first use after a long pause is scaled and decided by one and the same catalog."""
    with Billing(database_url, clock=clock) as bare:
        bare.check("c", "other")
        shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
        bare._wired.ledger.looked.next_look = 0.001
        assert bare.usage.record("c", "tokens", 5).quantity == 5
        assert bare.charge("c", "tokens", 6).quantity == 6
    assert shop.usage.summary("c", "tokens").quantity == 11


def test_a_request_is_decided_by_the_catalog_that_scaled_it(shop: Billing) -> None:
    """Should another one come into force between the two, it is as if the call had come before."""
    wired = shop._wired
    finer = PLAIN.replace("[features.chat]", "[features.chat]\nscale = 6")
    coarse = PLAIN + "\n[features.image]\nscale = 2\ncost = { credits = 1 }\n"
    shop.catalog.apply(Catalog.from_toml(coarse), **WHY)
    request = pricing.charge(Desk(wired.threads, wired.ledger), "c", "image", 3, {})
    prices = wired.ledger.prices
    assert isinstance(prices, InForce)
    prices.activate(Catalog.from_toml(finer))
    assert wired.threads.change(request).quantity == 3


def test_a_host_that_rolls_back_has_applied_nothing(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """In its own transaction the new catalog holds; nowhere else, and not afterwards."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        connection.begin()
        joined = shop.using(connection)
        joined.catalog.apply(Catalog.from_toml(WIDER), **WHY)
        assert joined.charge("c", "tokens", 5).quantity == 5
        assert shop.using(connection).usage.record("c", "tokens", 2).quantity == 2
        with pytest.raises(UnknownFeature):
            shop.check("c", "tokens")
        connection.rollback()
    with pytest.raises(UnknownFeature):
        shop.check("c", "tokens")
    assert shop.charge("c", "chat").quantity == 1
    with engine.begin() as connection:
        shop.using(connection).catalog.apply(Catalog.from_toml(WIDER), **WHY)
    assert shop.charge("c", "tokens", 5).quantity == 5
    engine.dispose()


def test_an_older_state_of_the_books_brings_no_earlier_catalog_back(
    shop: Billing, postgres_url: str, database_url: str
) -> None:
    """A host's transaction that began before sees the books as they were then."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite's transactions see what is committed when they first read")
    engine = create_engine(
        database_url.replace("postgresql://", "postgresql+psycopg://", 1),
        isolation_level="REPEATABLE READ",
    )
    with engine.begin() as connection:
        joined = shop.using(connection)
        joined.usage.summary("c", "chat")
        shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
        shop._wired.ledger.looked.next_look = 0.001
        shop.using(connection).usage.summary("c", "chat")
        with pytest.raises(UnknownFeature):
            shop.using(connection).usage.summary("c", "none")
        assert shop.charge("c", "tokens", 5).quantity == 5
    engine.dispose()


def test_what_a_catalog_no_longer_has_is_told_in_its_own_digits(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """A process that never saw the earlier catalog reads it when a feature is not in this one."""
    shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
    shop.usage.record("c", "tokens", 7)
    shop.catalog.apply(Catalog.from_toml(PLAIN), **WHY)
    with Billing(database_url, clock=clock) as fresh:
        assert fresh.usage.history("c", "tokens").events[0].quantity == 7
    with Billing(database_url, clock=clock) as fresh:
        assert fresh.usage.summary("c", "tokens").quantity == 7


def test_a_unit_that_nobody_knows_is_refused_once_a_catalog_is_in_force(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """By its name, with the nearest; what the books hold already stays good."""
    with Billing(database_url, clock=clock) as bare:
        bare.credits.grant("c", "coins", 5)
        shop.catalog.apply(Catalog.from_toml(WIDER), **WHY)
    with Billing(database_url, clock=clock) as fresh:
        with pytest.raises(UnknownUnit, match="did you mean 'credits'"):
            fresh.credits.grant("c", "creditz", 5)
        assert fresh.credits.grant("c", "coins", 5).balance.available == 10
        assert fresh.credits.grant("c", "gems", "0.25").balance.available == Decimal("0.25")


def test_what_was_sold_keeps_its_price_whoever_looks_first(
    database_url: str, clock: FixedClock
) -> None:
    """A threshold by plan, met before anything was charged, says nothing of prices (D9, H3)."""

    def selling(cost: int) -> Catalog:
        return Catalog.from_toml(f"""
            [units.credits]
            low_balance = 50
            [features.chat]
            cost = {{ credits = {cost} }}
            [plans.gold]
            allowances.credits = "1000 / month"
            low_balance.credits = 900
        """)

    with Billing(database_url, catalog=selling(1), clock=clock) as billing:
        billing.migrate()
        billing.catalog.apply(selling(1), **WHY)
        billing.subscriptions.allocate("c", "gold")
        billing.catalog.apply(selling(7), **WHY)
    with Billing(database_url, clock=clock) as fresh:
        fresh.credits.consume("c", "credits", 200)
        [low] = fresh.notices.list(kind="credits_low").notices
        assert low.notice.to_dict()["threshold"] == "900"
        [share] = fresh.charge("c", "chat").shares
        assert share.amount == 1


def test_a_plan_that_is_sold_no_more_silences_no_other(
    database_url: str, clock: FixedClock
) -> None:
    """The threshold of the plan that is left still holds (H3)."""
    added = """
        [plans.extra]
        add_on = true
        allowances.credits = "100 / month"
        low_balance.credits = 150
    """
    units = "[units.credits]\nlow_balance = 10\n"
    gone = '[plans.gone]\nallowances.credits = "100 / month"\n'
    both = Catalog.from_toml(units + gone + added)
    with Billing(database_url, catalog=both, clock=clock) as billing:
        billing.migrate()
        billing.catalog.apply(both, **WHY)
        billing.subscriptions.allocate("c", "gone")
        billing.subscriptions.allocate("c", "extra")
        billing.catalog.apply(Catalog.from_toml(units + added), **WHY)
        billing.credits.consume("c", "credits", 60)
        [low] = billing.notices.list(kind="credits_low").notices
        assert low.notice.to_dict()["threshold"] == "150"


def test_a_key_means_the_same_under_every_catalog(database_url: str, clock: FixedClock) -> None:
    """A call that is repeated after the first catalog came, with other digits, is a replay."""
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        billing.credits.grant("c", "tokens", 10)
        first = billing.charge("c", "tokens", 3, idempotency_key="k1")
        event = billing.usage.record("c", "tokens", 2, idempotency_key="e1")
    with Billing(database_url, catalog=Catalog.from_toml(WIDER), clock=clock) as later:
        again = later.charge("c", "tokens", "3.0", idempotency_key="k1")
        assert again.replayed
        assert again == first
        assert later.usage.record("c", "tokens", 2, idempotency_key="e1").id == event.id


def test_tasks_that_ask_for_all_features_look_no_further(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """What is asked within a read asks nothing of the loop, however old the last look is."""

    async def main() -> None:
        async with AsyncBilling(database_url, clock=clock) as billing:
            await billing.entitlements.of("c")
            looked = billing._wired.ledger.looked
            for _ in range(20):
                asked = asyncio.ensure_future(billing.entitlements.of("c"))
                await asyncio.sleep(0)
                looked.next_look = 0.0  # the two seconds run out while the reader is at work
                assert (await asked)["chat"].metered

    shop.catalog.apply(Catalog.from_toml(PLAIN), **WHY)
    asyncio.run(main())
