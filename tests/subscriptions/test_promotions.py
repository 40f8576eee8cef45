"""Welcome credits, and codes that give credits: once each, whatever happens (132)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.subscriptions.prices import available
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    AlreadyRedeemed,
    IdempotencyConflict,
    PromotionClosed,
    Refusal,
    UnknownOffer,
)
from tollkeeper.ledger import promotions

CATALOG = Catalog.from_toml("""
currency = "usd"
[units.calls]
[units.stars]
[plans.pro]

[sign_up]
calls = { amount = 25, expires_after = "1 month" }
stars = 3

[promotions.spring]
code = "SPRING26"
from = 2026-02-01
until = 2026-03-01
at_most = 5
grants.calls = 100
grants.stars = 1

[promotions.twice]
per_customer = 2
grants.calls = 7

[promotions.members]
plans = ["pro"]
grants.calls = 9
""")


@pytest.fixture
def shop(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A Billing whose catalog gives things away."""
    with Billing(database_url, catalog=CATALOG, clock=clock) as billing:
        billing.migrate()
        yield billing
        assert billing.books.audit().findings == ()


def test_s132_welcome_credits_once_per_customer_and_unit(shop: Billing, clock: FixedClock) -> None:
    """Whoever signs up twice gets them once; what a later catalog adds comes then."""
    first = shop.promotions.welcome("u")
    assert [receipt.amount for receipt in first] == [25, 3]
    assert shop.promotions.welcome("u") == first
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: shop.promotions.welcome("v"), range(16)))
    assert (available(shop, "v"), available(shop, "v", "stars")) == (25, 3)
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    assert (available(shop, "u"), available(shop, "u", "stars")) == (0, 3)
    [gift] = [grant for grant in shop.credits.grants("u", "stars") if grant.source_id == "sign_up"]
    assert (gift.source, gift.paid, gift.priority) == ("promotion", False, 40)


def test_a_code_is_used_once(shop: Billing, clock: FixedClock) -> None:
    """In its time, whatever the case of its letters, and no more often than it says."""
    with pytest.raises(PromotionClosed):
        shop.promotions.redeem("u", "spring26")
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))
    receipts = shop.promotions.redeem("u", "spring26")
    assert [receipt.amount for receipt in receipts] == [100, 1]
    with pytest.raises(AlreadyRedeemed) as refusal:
        shop.promotions.redeem("u", "SPRING26")
    assert refusal.value.times == 1
    assert available(shop, "u") == 100
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(PromotionClosed):
        shop.promotions.redeem("v", "SPRING26")


def test_a_key_is_one_use(shop: Billing, clock: FixedClock) -> None:
    """Asked for again with its key, a use is the same use, also when the promotion is over."""
    first = shop.promotions.redeem("u", "twice", idempotency_key="k1")
    with ThreadPoolExecutor(4) as pool:
        again = list(
            pool.map(lambda _: shop.promotions.redeem("u", "TWICE", idempotency_key="k1"), range(8))
        )
    assert again == [first] * 8
    assert available(shop, "u") == 7
    shop.promotions.redeem("u", "twice", idempotency_key="k2")
    with pytest.raises(AlreadyRedeemed):
        shop.promotions.redeem("u", "twice", idempotency_key="k3")
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))
    spring = shop.promotions.redeem("u", "spring26", idempotency_key="k4")
    clock.set(datetime(2026, 3, 10, tzinfo=UTC))
    assert shop.promotions.redeem("u", "spring26", idempotency_key="k4") == spring
    assert available(shop, "u") == 114


def test_eight_at_once_with_a_key_are_one_use(shop: Billing) -> None:
    """Two that come at the same time claim once."""
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: shop.promotions.redeem("u", "twice", idempotency_key="k"), range(8))
        )
    assert found == found[:1] * 8
    assert available(shop, "u") == 7


def test_a_key_stands_for_one_request(shop: Billing, clock: FixedClock) -> None:
    """Another code, or a key of another verb, is refused, and nothing is used."""
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))
    shop.promotions.redeem("u", "twice", idempotency_key="k1")
    shop.credits.grant("u", "calls", 1, idempotency_key="k2")
    for key in ("k1", "k2"):
        with pytest.raises(IdempotencyConflict):
            shop.promotions.redeem("u", "spring26", idempotency_key=key)
    assert available(shop, "u") == 8
    shop.promotions.redeem("u", "spring26", idempotency_key="k3")


def test_a_use_that_died_is_finished_with_its_key(shop: Billing) -> None:
    """And by nobody else: another key is another use."""
    database = shop._wired.ledger.database
    shop._wired.threads.transact(
        lambda connection: promotions.claim(
            connection,
            database,
            "u",
            "twice",
            per_customer=2,
            at_most=None,
            now=datetime(2026, 2, 1, tzinfo=UTC),
            idempotency_key="k",
        )
    )
    shop.promotions.redeem("u", "twice")
    assert available(shop, "u") == 7
    shop.promotions.redeem("u", "twice", idempotency_key="k")
    assert available(shop, "u") == 14


def test_some_codes_may_be_used_again(shop: Billing) -> None:
    """As often as the catalog says."""
    shop.promotions.redeem("u", "twice")
    shop.promotions.redeem("u", "twice")
    with pytest.raises(AlreadyRedeemed):
        shop.promotions.redeem("u", "twice")
    assert available(shop, "u") == 14


def test_some_are_for_customers_of_a_plan(shop: Billing) -> None:
    """Whoever is on another plan, or none, is refused."""
    with pytest.raises(PromotionClosed):
        shop.promotions.redeem("u", "members")
    shop.subscriptions.allocate("u", "pro")
    shop.promotions.redeem("u", "members")
    assert available(shop, "u") == 9
    with pytest.raises(UnknownOffer):
        shop.promotions.redeem("u", "nobody")


def test_a_promotion_is_used_up(shop: Billing, clock: FixedClock) -> None:
    """Many customers at once for five uses: five get it."""
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))

    def redeem(number: int) -> bool:
        try:
            shop.promotions.redeem(f"u{number}", "SPRING26")
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(redeem, range(24))) == 5
    assert sum(available(shop, f"u{n}") for n in range(24)) == 500


def test_a_claim_that_was_not_granted_is_finished(shop: Billing, clock: FixedClock) -> None:
    """Whoever died between claim and grant gets it when he asks again, and only then."""
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))
    ledger = shop._wired.ledger
    shop._wired.threads.transact(
        lambda connection: promotions.claim(
            connection,
            ledger.database,
            "u",
            "spring",
            per_customer=1,
            at_most=5,
            now=clock.now(),
        )
    )
    assert shop.credits.balances("u") == {}
    shop.promotions.redeem("u", "SPRING26")
    assert (available(shop, "u"), available(shop, "u", "stars")) == (100, 1)
    with pytest.raises(AlreadyRedeemed):
        shop.promotions.redeem("u", "SPRING26")
