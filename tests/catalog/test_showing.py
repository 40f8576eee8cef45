"""Prices as people read them (scenario 145)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.catalog.shop import shop
from tollkeeper.catalog import Catalog
from tollkeeper.catalog.showing import rate_text
from tollkeeper.catalog.written_rates import WrittenRate
from tollkeeper.values.money import Money


def test_s145_allocation_interval_and_what_comes_then() -> None:
    """What is included, how it renews, and what is paid beyond it."""
    assert shop().shown("pro").included == (
        "1,000 AI credits / month, what is left accumulates up to 3,000",
        "10,000 API calls / month, then $0.01 each",
        "Image: $0.12 each",
    )
    assert (
        shop().shown("pro", currency="eur").included[1]
        == "10,000 API calls / month, then €0.009 each"
    )


def test_s145_yearly_discount() -> None:
    """Twelve months at 20 are 240; 200 is 16 per cent less, in whole per cents."""
    month, year = shop().shown("pro").prices
    assert (month.text, month.saving_percent) == ("$20.00 / month", 0)
    assert (year.text, year.saving_percent) == ("$200.00 / year", 16)
    assert year.amount == Money(200, "usd")


def test_a_free_plan_and_a_trial() -> None:
    """No price is free; a trial says how long."""
    assert shop().shown("free").prices == ()
    plans = {"x": {"prices": ["5 usd", "1 usd / week"], "trial": "14 days", "highlights": ["Fast"]}}
    shown = shop(plans=plans, default_plan=None).shown("x")
    assert (shown.name, shown.trial, shown.highlights) == ("X", "14 days free", ("Fast",))
    assert [price.text for price in shown.prices] == ["$1.00 / week", "$5.00"]


def test_plans_are_shown_by_price_and_add_ons_last() -> None:
    """Whatever their order in the file; hidden ones are not shown."""
    assert [plan.key for plan in shop().all_shown()] == ["free", "pro", "boost"]
    hidden = {**shop().plans, "old": {"is_public": False, "prices": "1 usd / month"}}
    assert "old" not in [plan.key for plan in shop(plans=hidden).all_shown()]


def test_an_allowance_of_money() -> None:
    """In the customer's currency, or not at all."""
    plans = {"x": {"allowances": {"wallet": {"amount": ["5 usd", "4 eur"]}}}}
    catalog = Catalog(currency="usd", plans=plans)
    assert catalog.shown("x").included == ("$5.00 of usage / month",)
    assert catalog.shown("x", currency="gbp").included == ()


READ: TypeAdapter[Any] = TypeAdapter(WrittenRate)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ({"package": 1000, "each": "1 usd"}, "$1.00 for every 1,000 begun"),
        (
            {"graduated": [{"up_to": 1000, "each": "0.01 usd"}, {"each": "0.008 usd"}]},
            "$0.01 each up to 1,000, then $0.008 each",
        ),
        (
            {"volume": [{"up_to": 10, "each": "2 usd", "flat": "5 usd"}, {"each": "1 usd"}]},
            "$2.00 each plus $5.00 up to 10; for all $1.00 each beyond",
        ),
    ],
)
def test_rates_in_words(rate: object, text: str) -> None:
    """As a price list writes them."""
    assert rate_text(READ.validate_python(rate)) == text


def test_a_dated_rate_shows_what_holds() -> None:
    """At the moment that is asked for."""
    catalog = Catalog.from_toml(
        'features.x = {}\nplans.p.usage.x = { card = "c" }\n'
        '[[rates.c]]\nfrom = 2026-01-01\nrate = "2 usd"\n'
        '[[rates.c]]\nfrom = 2027-01-01\nrate = "3 usd"'
    )
    assert catalog.shown("p", at=datetime(2026, 5, 1, tzinfo=UTC)).included == ("X: $2.00 each",)
    assert catalog.shown("p").included == ("X: by date",)


def test_a_plan_shows_what_it_lets_one_do() -> None:
    """Entitlements and limits, too; what it keeps from its customers is not said."""
    pro = shop().shown("pro")
    assert set(pro.entitlements) == {"Sso", "Projects: 10", "Support: mail"}
    assert pro.limits == ("at most 200 Image / day", "at most $500.00 spent / month")
    assert shop().shown("pro", currency="eur").limits[1] == "at most €450.00 spent / month"
    assert shop().shown("boost").entitlements == ("Projects: 5 more", "Image")
    assert shop().shown("free").entitlements == ("Projects: 1", "Support: forum")
