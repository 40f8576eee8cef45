"""Top-ups: the price shown is the price charged, for every quantity, currency and plan (E1)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.catalog.shop import shop, written_rates
from tollkeeper.catalog import Catalog
from tollkeeper.catalog.processing import minimum_charge, why_not_charged
from tollkeeper.catalog.selling import Offer
from tollkeeper.errors import CatalogError, InvalidAmount, NotPriced, UnknownOffer
from tollkeeper.values.currencies import currencies
from tollkeeper.values.money import Money


def selling(rate: Any, **more: Any) -> Catalog:
    """A catalog that sells credits."""
    return Catalog(currency="usd", units={"c": {}}, top_ups={"c": {"rate": rate, **more}})


def offered(offer: Offer, quantity: int) -> Money | None:
    """The price of a quantity; None where the tier it reaches makes it too cheap to be charged."""
    try:
        return offer.price(quantity)
    except InvalidAmount:
        return None


@pytest.mark.parametrize("quantity", [100, 101, 9_999, 10_000])
def test_s065_at_and_within_the_bounds(quantity: int) -> None:
    """The bounds themselves are sold."""
    assert shop().price("credits", quantity) > Money(0, "usd")


@pytest.mark.parametrize("quantity", [99, "99.999999", 10_001, "10000.000001"])
def test_s065_beyond_the_bounds(quantity: int | str) -> None:
    """The error names both bounds."""
    with pytest.raises(InvalidAmount, match="it is sold from 100 to 10000") as caught:
        shop().price("credits", quantity)
    assert (caught.value.minimum, caught.value.maximum) == ("100", "10000")


@pytest.mark.parametrize(
    ("currency", "rate", "needed"),
    [("usd", "0.01 usd", 50), ("jpy", "2 jpy", 25), ("gbp", "0.10 gbp", 3), ("huf", "10 huf", 18)],
)
def test_s066_below_the_processors_minimum(currency: str, rate: str, needed: int) -> None:
    """The error names the quantity that would do, in each currency."""
    offer = selling(rate).offer("c", currency=currency)
    assert offer.minimum == needed
    assert offer.price(needed) >= minimum_charge(currency)
    with pytest.raises(CatalogError, match=f"buy {needed} or more"):
        selling(rate, minimum=1)


@pytest.mark.parametrize(
    ("quantity", "price"), [(499, "49.90"), (500, "40.00"), (2000, "120.00"), (5000, "300.00")]
)
def test_s076_volume_tiers(quantity: int, price: str) -> None:
    """The tier that is reached prices all of it; the inversion at 500 is told when it is loaded."""
    rate = {
        "volume": [
            {"up_to": 499, "each": "0.10 usd"},
            {"from": 500, "up_to": 1999, "each": "0.08 usd"},
            {"from": 2000, "up_to": 5000, "each": "0.06 usd"},
        ]
    }
    catalog = selling(rate)
    assert catalog.price("c", quantity) == Money(price, "usd")
    assert any("499 cost 49.90 usd, but 500 cost only" in str(each) for each in catalog.warnings)
    with pytest.raises(InvalidAmount, match="to 5000"):
        catalog.price("c", 5001)


def test_s076_a_price_by_plan() -> None:
    """Customers of one plan pay less; others what is said otherwise."""
    rate = {"by": "plan", "rates": {"pro": "0.008 usd"}, "otherwise": "0.01 usd"}
    catalog = shop(top_ups={"credits": {"rate": rate}})
    assert catalog.price("credits", 1000, plans=("pro",)) == Money("8", "usd")
    assert catalog.price("credits", 1000, plans=("free",)) == Money("10", "usd")
    assert catalog.price("credits", 1000) == Money("10", "usd")


def test_s092_zero_decimal_currencies_have_no_cents() -> None:
    """1.25 yen each: 2,001 cost whole yen, rounded once."""
    price = shop().price("credits", 2001, currency="jpy")
    assert price == Money("2751", "jpy")
    assert price.format() == "¥2,751"


@given(st.sampled_from(["usd", "eur", "jpy", "kwd"]), st.data(), st.integers(1, 3000))
def test_s078_the_price_shown_is_the_price_charged(
    currency: str, data: st.DataObject, quantity: int
) -> None:
    """One function gives it, in whole minor units, and never below what can be charged."""
    rate = data.draw(written_rates(currency))
    assume("by" not in rate if isinstance(rate, dict) else True)
    offer = selling(rate).offer("c", currency=currency)
    assume(offer.minimum <= quantity and (offer.maximum is None or quantity <= offer.maximum))
    price = offered(offer, quantity)
    assume(price is not None)
    assert price is not None
    assert why_not_charged(price) is None
    assert offer.price(Decimal(quantity)) == offer.price(f"{quantity}.000") == price
    assert Money.from_minor(price.minor, currency) == price


def test_the_wallet_costs_itself() -> None:
    """Between its bounds, in whole cents."""
    wallet = {"minimum": ["5 usd", "500 jpy"], "maximum": ["100 usd", "10_000 jpy"]}
    catalog = Catalog(currency="usd", top_ups={"wallet": wallet})
    assert catalog.price("wallet", "12.34") == Money("12.34", "usd")
    assert catalog.price("wallet", 500, currency="jpy") == Money(500, "jpy")
    with pytest.raises(InvalidAmount, match="from 5 to 100"):
        catalog.price("wallet", 4)
    with pytest.raises(InvalidAmount, match="decimal digits"):
        catalog.price("wallet", "12.345")


def test_multiples_of_a_step() -> None:
    """Anything else is refused with the step."""
    catalog = selling("1 usd", step=50)
    assert catalog.price("c", 150) == Money(150, "usd")
    with pytest.raises(InvalidAmount, match="multiples of 50"):
        catalog.price("c", 120)


def test_what_is_not_sold_is_refused_by_name() -> None:
    """Another unit, another currency, another plan."""
    catalog = shop(top_ups={"credits": {"rate": "0.01 usd", "plans": ["pro"]}})
    with pytest.raises(UnknownOffer, match="did you mean 'credits'"):
        catalog.price("credit", 100)
    with pytest.raises(NotPriced, match="in gbp"):
        catalog.price("credits", 100, plans=("pro",), currency="gbp")
    with pytest.raises(NotPriced, match="for other plans"):
        catalog.price("credits", 100, plans=("free",))


@pytest.mark.parametrize("code", [each.code for each in currencies()])
def test_every_currency_has_a_least_charge(code: str) -> None:
    """Whole minor units, above nothing."""
    assert minimum_charge(code).minor >= 1
    assert why_not_charged(minimum_charge(code)) is None
    assert why_not_charged(Money(0, code)) is not None
    assert why_not_charged(Money(0, code), zero=True) is None


def test_s089_no_auto_top_up_of_what_is_paid_later() -> None:
    """There is no balance that could fall low, and the reason is told; by hand it can be bought."""
    features: dict[str, object] = {"calls": {}}
    top_up = {"rate": "0.01 usd", "auto": {"below": 10, "buy": 100, "at_most": 3}}
    plans = {"later": {"usage": {"calls": "0.02 usd"}}, "ahead": {"allowances": {"calls": 5}}}
    with pytest.raises(CatalogError, match="used on account and paid later"):
        Catalog(currency="usd", features=features, plans=plans, top_ups={"calls": top_up})
    Catalog(
        currency="usd",
        features=features,
        plans=plans,
        top_ups={"calls": {**top_up, "plans": ["ahead"]}},
    )


def test_on_demand_and_automatic_rules_stand_together() -> None:
    """E5: one top-up has both."""
    catalog = shop()
    assert catalog.top_ups["credits"].auto is not None
    assert catalog.price("credits", 100) == Money(1, "usd")
