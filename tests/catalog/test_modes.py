"""The providers' test mode and the live one: other ids and prices of the same catalog."""

import pytest

from tollkeeper.catalog import Catalog
from tollkeeper.errors import CatalogError

MODES = """
currency = "usd"
units.credits = {}
[plans.pro]
prices = "20 usd / month"
ids.paddle = "pro_1"
[packs.starter]
price = "9 usd"
grants.credits = 500
[top_ups.credits]
rate = "0.01 usd"
[test.plans.pro]
prices = "1 usd / month"
ids.stripe = "prod_test"
[test.packs.starter]
price = "1 usd"
[live.plans.pro]
ids.stripe = "prod_live"
[live.top_ups.credits]
rate = "0.02 usd"
"""


def test_s141_test_and_live() -> None:
    """Each has its ids and prices; what is not named is common."""
    catalog = Catalog.from_toml(MODES)
    test, live = catalog.in_mode("test"), catalog.in_mode("live")
    assert str(test.plans["pro"].prices[0].amount) == "1.00 usd"
    assert str(live.plans["pro"].prices[0].amount) == "20.00 usd"
    assert test.plans["pro"].ids == {"paddle": "pro_1", "stripe": "prod_test"}
    assert live.plans["pro"].ids == {"paddle": "pro_1", "stripe": "prod_live"}
    assert str(test.packs["starter"].price[0]) == "1.00 usd"
    assert test.price("credits", 100).minor == 100
    assert live.price("credits", 100).minor == 200
    assert (test.test, test.live, live.test) == (None, None, None)


def test_s141_ids_that_collide_are_told() -> None:
    """Within a mode; the same id in both is fine."""
    with pytest.raises(CatalogError, match="'pro' has the id 'prod_live' already"):
        Catalog.from_toml(
            MODES.replace("[plans.pro]", "[plans.x]\n[plans.pro]")
            + "[live.plans.x]\nids.stripe = 'prod_live'"
        )


def test_a_mode_changes_nothing_else() -> None:
    """Allowances, limits and rates of use are the same in both."""
    with pytest.raises(CatalogError, match="there is no key 'allowances' here"):
        Catalog.from_toml(MODES + "[test.plans.x]\nallowances.credits = 5")


def test_what_a_mode_breaks_is_told_when_it_is_loaded() -> None:
    """Not when the app goes live."""
    with pytest.raises(CatalogError, match=r"live: top_ups.credits.minimum: .* buy 4950 or more"):
        Catalog.from_toml(
            MODES.replace('"0.01 usd"', '"0.01 usd"\nminimum = 100').replace(
                '"0.02 usd"', '"0.0001 usd"'
            )
        )
