"""The catalog's room: what is sold, what another one would do, and putting it into force (D9)."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.subscriptions.prices import CATALOG, available, seen
from tollkeeper import Billing, Money
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    CatalogError,
    CatalogNotFound,
    CatalogRefused,
    InvalidRequest,
    UnknownOffer,
    UnknownPlan,
    UnknownUnit,
)

OLD = """
currency = "usd"
[units.calls]
[units.old]
[features.call]
cost = { calls = 1 }
[plans.pro]
prices = ["20.00 usd / month", "200.00 usd / year"]
allowances.calls = "10 / month"
limits = [{ feature = "call", at_most = 8, every = "month" }]
[packs.starter]
price = "9.00 usd"
grants.calls = 500
[top_ups.calls]
rate = "0.01 usd"
minimum = 100
"""

NEW = """
currency = "usd"
[units.calls]
[features.call]
cost = { calls = 2 }
[plans.pro]
prices = ["30.00 usd / month", "240.00 usd / year"]
allowances.calls = "25 / month"
limits = [{ feature = "call", at_most = 2, every = "month" }]
"""

WHY: dict[str, Any] = {"actor": "ann", "reason": "spring prices"}


@pytest.fixture
def shop(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A Billing with the old price list, and three customers."""
    with Billing(database_url, catalog=Catalog.from_toml(OLD), clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.allocate("a", "pro", interval="month")
        billing.subscriptions.allocate("b", "pro", interval="year")
        billing.credits.grant("c", "old", 7)
        billing.charge("a", "call", 5)
        yield billing
        assert billing.books.audit().findings == ()


def test_diff_shows_customers_money_and_balances(shop: Billing) -> None:
    """Who is affected, what they bring in a month, and what of the books would not fit."""
    found = shop.catalog.diff(Catalog.from_toml(NEW))
    assert seen(found.customers, found.first_customers) == (2, ("a", "b"))
    assert [(each.plan, each.kind, each.subscriptions) for each in found.plans] == [
        ("pro", "changed", 2)
    ]
    assert found.plans[0].allowances == {"calls": (Decimal(20), Decimal(50))}
    (revenue,) = found.revenue
    assert seen(revenue.before, revenue.after) == (Money("36.67", "usd"), Money("50.00", "usd"))
    (unit,) = found.units
    assert seen(unit.unit, unit.customers, unit.amount) == ("old", 1, 7)
    (limit,) = found.limits
    assert seen(limit.customer, limit.used, limit.at_most) == ("a", 5, 2)
    assert {each.effect for each in found.differences} >= {"money", "balances", "access"}
    assert shop.catalog.versions() == ()


def test_the_same_catalog_differs_in_nothing(shop: Billing) -> None:
    """Comments and order say nothing."""
    found = shop.catalog.diff(Catalog.from_toml("# a comment\n" + OLD))
    assert found.is_empty
    assert seen(found.customers, found.revenue) == (0, ())


def test_apply_and_go_back(shop: Billing, clock: FixedClock) -> None:
    """What is applied holds for whoever subscribes then; the earlier one can be applied again."""
    old = shop.catalog.in_force().version
    shop.catalog.apply(Catalog.from_toml(OLD), **WHY)
    applied = shop.catalog.apply(Catalog.from_toml(NEW), **WHY)
    assert seen(applied.actor, applied.reason, applied.is_in_force) == (
        "ann",
        "spring prices",
        True,
    )
    assert shop.catalog.in_force().version == applied.version
    shop.subscriptions.allocate("d", "pro", interval="month")
    assert available(shop, "d") == 25
    assert shop.charge("d", "call").balance.available == 23
    assert shop.charge("a", "call").balance.available == 4
    clock.set(clock.now() + timedelta(days=40))
    assert seen(available(shop, "a"), available(shop, "d")) == (10, 25)
    back = shop.catalog.apply(shop.catalog.version(old), actor="bob", reason="too dear")
    assert shop.catalog.apply(shop.catalog.version(old), actor="bob", reason="again") == back
    assert [each.version for each in shop.catalog.versions()] == [old, applied.version, old]
    shop.subscriptions.allocate("e", "pro", interval="month")
    assert available(shop, "e") == 10


def test_other_processes_notice(
    shop: Billing, database_url: str, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Another Billing takes what was applied, whatever it was given itself, and says so."""
    with (
        Billing(database_url, catalog=Catalog.from_toml(OLD), clock=clock) as given,
        Billing(database_url, clock=clock) as bare,
        caplog.at_level(logging.WARNING, "tollkeeper"),
    ):
        new = Catalog.from_toml(NEW)
        shop.catalog.apply(new, **WHY)
        assert given.catalog.in_force().version == new.version
        assert "catalog apply" in caplog.text
        bare.subscriptions.allocate("f", "pro", interval="year")
        assert available(bare, "f") == 25
        given._wired.ledger.looked.next_look = 0
        assert given.charge("f", "call").balance.available == 23


def test_a_running_process_notices_within_seconds(
    shop: Billing, database_url: str, clock: FixedClock
) -> None:
    """A charge looks now and then."""
    with Billing(database_url, catalog=Catalog.from_toml(OLD), clock=clock) as other:
        other.credits.grant("g", "calls", 10)
        assert other.charge("g", "call").balance.available == 9
        shop.catalog.apply(Catalog.from_toml(NEW), **WHY)
        other._wired.ledger.looked.next_look = 0
        assert other.charge("g", "call").balance.available == 7


def test_a_unit_keeps_its_scale(shop: Billing) -> None:
    """The books hold integers of that scale: nothing is written."""
    other = Catalog.from_toml(OLD.replace("[units.calls]", "[units.calls]\nscale = 2"))
    with pytest.raises(CatalogRefused) as refusal:
        shop.catalog.apply(other, **WHY)
    assert "scale" in refusal.value.differences[0]
    assert shop.catalog.versions() == ()
    assert shop.catalog.in_force().version != other.version


def test_units_of_a_new_catalog_can_be_granted(shop: Billing) -> None:
    """What an applied catalog declares is known from then on; what it does not is refused still."""
    with pytest.raises(UnknownUnit):
        shop.credits.grant("a", "stars", 1)
    shop.catalog.apply(Catalog.from_toml(OLD + "[units.stars]\nscale = 0\n"), **WHY)
    shop.catalog.in_force()
    shop.credits.grant("a", "stars", 3)
    assert shop.credits.balance("a", "stars").unit.scale == 0


def test_what_is_sold(shop: Billing) -> None:
    """Plans, packs and prices as pages show them; the price shown is the price charged."""
    assert [plan.key for plan in shop.catalog.plans()] == ["pro"]
    assert shop.catalog.plan("pro").prices[1].saving_percent == 16
    (pack,) = shop.catalog.packs()
    assert seen(pack.key, pack.price, pack.grants) == (
        "starter",
        Money("9.00", "usd"),
        {"calls": 500},
    )
    assert shop.catalog.price("starter", 2) == Money("18.00", "usd")
    assert shop.catalog.price("calls", 250) == Money("2.50", "usd")
    (cost,) = shop.catalog.preview("call", 3, plan="pro")
    assert seen(cost.source, cost.unit, cost.amount) == ("calls", "calls", 3)
    with pytest.raises(UnknownPlan):
        shop.catalog.plan("prro")
    with pytest.raises(UnknownOffer):
        shop.catalog.price("started")


def test_from_a_file(shop: Billing, tmp_path: Path) -> None:
    """A catalog may be named by its file; mistakes are told with their lines."""
    file = tmp_path / "billing.toml"
    file.write_text(NEW, "utf-8")
    assert shop.catalog.diff(file).after == Catalog.from_toml(NEW).version
    file.write_text("[units.calls]\nskale = 3\n", "utf-8")
    with pytest.raises(CatalogError):
        shop.catalog.diff(str(file))
    with pytest.raises(InvalidRequest):
        shop.catalog.apply(tmp_path / "none.toml", **WHY)
    with pytest.raises(InvalidRequest):
        shop.catalog.apply(7, **WHY)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidRequest):
        shop.catalog.apply(CATALOG, actor="", reason="x")
    with pytest.raises(CatalogNotFound):
        shop.catalog.version("0000")


def test_a_joined_catalog_says_what_its_parts_say() -> None:
    """Whoever has plans of two versions has each as it was sold, and new features besides."""
    from tollkeeper.catalog.in_force import InForce

    old, new = Catalog.from_toml(OLD), Catalog.from_toml(NEW + "[features.extra]\n")
    prices = InForce(new)
    assert prices.lacks([old.version, new.version, ""]) == [old.version]
    prices.learn(old.version, old)
    sold = prices.under([("pro", old.version)])
    assert sold.terms("call", ("pro",), None, {}).steps[0].rate.cost(1) == 1
    assert prices.terms("call", ("pro",), None, {}).steps[0].rate.cost(1) == 2
    assert sold.scale("extra") == new.scale("extra")
    prices.learn("gone", None)
    assert prices.lacks(["gone"]) == []
    assert prices.under([("pro", "gone")]).version == new.version


def test_a_feature_that_comes_back_keeps_its_digits(shop: Billing) -> None:
    """What was used of it under an earlier catalog is in the books."""
    image = OLD + "[features.image]\nscale = 0\ncost = { calls = 1 }\n"
    shop.catalog.apply(Catalog.from_toml(image), **WHY)
    shop.usage.record("c", "image", 5)
    shop.catalog.apply(Catalog.from_toml(OLD), **WHY)
    other = Catalog.from_toml(image.replace("scale = 0", "scale = 2"))
    with pytest.raises(CatalogRefused, match="with 0 decimal digits; declare another feature"):
        shop.catalog.apply(other, **WHY)
    shop.catalog.apply(Catalog.from_toml(image), **WHY)
    assert shop.usage.summary("c", "image").quantity == 5


def test_who_is_on_a_free_plan_is_moved_to_the_one_in_force(
    shop: Billing, clock: FixedClock
) -> None:
    """He cancels now and takes it again: what he used stays used; the new terms hold (D1, D9)."""
    text = (
        OLD
        + """
[plans.free]
allowances.calls = "50 / month"
limits = [{ feature = "call", at_most = 4, every = "day" }]
"""
    )
    shop.catalog.apply(Catalog.from_toml(text), **WHY)
    shop.subscriptions.assign_free("u")
    shop.charge("u", "call", 3)
    text = text.replace("50 / month", "80 / month").replace("at_most = 4", "at_most = 6")
    shop.catalog.apply(Catalog.from_toml(text), **WHY)
    assert seen(available(shop, "u"), shop.limits.list("u")[0].at_most) == (47, 4)
    shop.subscriptions.cancel("u", at="now")
    shop.subscriptions.assign_free("u")
    assert seen(available(shop, "u"), shop.limits.list("u")[0].at_most) == (77, 6)
    clock.set(clock.now() + timedelta(days=31))
    assert available(shop, "u") == 80
