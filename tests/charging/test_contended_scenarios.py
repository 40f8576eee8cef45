"""Scenarios in which several callers want the same: a balance, and a pool with its members."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.charging.scene import Scene, refused
from tollkeeper import Billing, Catalog, Money


@pytest.mark.parametrize(
    ("unit", "granted", "each", "successes", "left"),
    [("credits", 100, 20, 5, 0), ("gems", 500, 100, 5, 0), ("gems", 5, 1, 10, -5)],
)
def test_s025_ten_parallel_charges(
    scene: Scene, customer: str, unit: str, granted: int, each: int, successes: int, left: int
) -> None:
    """As many as the balance pays succeed; gems may be overdrawn by 5, and no further."""
    scene.billing.credits.grant(customer, unit, granted)
    feature, quantity = {"credits": ("image", each // 10), "gems": ("bundle", 4 * each)}[unit]

    def charge(_: int) -> bool:
        return scene.billing.try_charge(customer, feature, quantity, pay_from=unit).success

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(charge, range(10))) == successes
    assert scene.billing.credits.balance(customer, unit).available == left
    assert scene.billing.usage.summary(customer, feature).events == successes
    scene.audited(customer)


POOL = """
currency = "usd"

[units.credits]

[features.image]
scale = 0
cost = { credits = 10 }
rate = "0.50 usd"

[plans.team]
prices = ["20.00 usd / month"]
seats = "pool"
allowances.credits = "1_000 / month"
limits = [
    { unit = "credits", at_most = 300, every = "period", per = "member" },
    { spend = "5.00 usd", every = "month", per = "member" },
]
"""


def test_s129_each_member_spends_so_much_of_the_pool(database_url: str) -> None:
    """Two seats share 2,000 credits; no member takes more than 300 of them, or 5 dollars."""
    with Billing(database_url, catalog=Catalog.from_toml(POOL)) as billing:
        billing.migrate()
        billing.subscriptions.allocate("org", "team", quantity=2, payment_id="pay_1")
        billing.wallet.deposit("org", Money("20.00", "usd"))

        def charge(member: str) -> bool:
            return billing.try_charge("org", "image", 10, member=member, pay_from="credits").success

        with ThreadPoolExecutor(8) as threads:
            accepted = list(threads.map(charge, ["ann", "bob"] * 5))
        assert sum(accepted) == 6
        refusal = refused(
            "limit_reached", billing.charge, "org", "image", member="ann", pay_from="credits"
        )
        assert (refusal.limit, refusal.left) == ("all:credits:member:period", "0")
        billing.charge("org", "image", 10, member="ann", pay_from="wallet")
        refused("limit_reached", billing.charge, "org", "image", member="ann", pay_from="wallet")
        billing.charge("org", "image", 3, member="cid")
        billing.limits.set(
            "org",
            unit="credits",
            at_most=400,
            every="period",
            member="ann",
            reason="a big week",
            actor="boss",
        )
        assert charge("ann")
        assert not charge("bob")
        assert billing.credits.balance("org", "credits").available == Decimal(2000 - 730)
        assert billing.books.audit().ok
