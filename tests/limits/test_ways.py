"""What happens beyond limits of one kind that differ in it: each of these ways holds (C4, C5)."""

from decimal import Decimal

import pytest

from tests.limits.shop import BEGINNING, WHY, seen
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import LimitReached

CATALOG = Catalog.from_toml("""
currency = "usd"
limits = [{ feature = "image", at_most = 20, every = "day" }]
[units.credits]
[features.image]
cost = { credits = 1 }
rate = "0.10 usd"
[plans.pro]
prices = ["9.00 usd / month"]
limits = [{ feature = "image", at_most = 10, every = "day", at_limit = "overage" }]
overage.image = "0.50 usd"
""")
NAME = "image:quantity:customer:day"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEGINNING)


@pytest.fixture
def shop(database_url: str, clock: FixedClock) -> Billing:
    billing = Billing(database_url, catalog=CATALOG, clock=clock)
    billing.migrate()
    billing.subscriptions.allocate("u", "pro")
    billing.credits.grant("u", "credits", 1000)
    return billing


def test_a_limit_that_refuses_stands_beside_one_that_costs_more(shop: Billing) -> None:
    """Above ten each costs more, and above twenty there are none, whichever is written first."""
    with shop as billing:
        receipt = billing.charge("u", "image", 15)
        assert [(share.source, share.quantity) for share in receipt.shares] == [
            ("credits", Decimal(10)),
            ("usage", Decimal(5)),
        ]
        with pytest.raises(LimitReached) as refusal:
            billing.charge("u", "image", 6)
        assert (refusal.value.limit, refusal.value.left) == (NAME, "5")
        billing.charge("u", "image", 5)
        found = {limit.name: seen(limit.at_most, limit.used) for limit in billing.limits.list("u")}
        assert found == {NAME: (20, 20), f"{NAME}:overage": (10, 20)}
        assert billing.books.audit().findings == ()


def test_a_customers_own_takes_the_place_of_the_one_that_does_the_same(shop: Billing) -> None:
    """What is not said is meant of the one that refuses."""
    with shop as billing:
        higher = billing.limits.set("u", feature="image", at_most=30, every="day", **WHY)
        assert (higher.name, higher.at_limit) == (NAME, "refuse")
        lower = billing.limits.set(
            "u", feature="image", at_most=2, every="day", at_limit="overage", **WHY
        )
        assert (lower.name, lower.at_limit) == (f"{NAME}:overage", "overage")
        receipt = billing.charge("u", "image", 5)
        assert [share.quantity for share in receipt.shares] == [2, 3]
        assert billing.check("u", "image", 25)
        assert not billing.check("u", "image", 26)


def test_explain_says_why_money_pays_though_there_are_credits(shop: Billing) -> None:
    """Beyond a limit of overage the credits are not asked."""
    with shop as billing:
        billing.charge("u", "image", 9)
        lines = billing.explain("u", "image", 3).splitlines()
        assert "  2 paid by usage: 1 usd" in lines
        [limit] = [line for line in lines if f"{NAME}:overage" in line]
        assert "9 of 10 image used, beyond it the overage is paid, starts anew at" in limit
