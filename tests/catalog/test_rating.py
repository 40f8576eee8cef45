"""Written rates become exact integers: compared with plain decimal arithmetic, text to amount."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tollkeeper.catalog import Catalog, rating
from tollkeeper.catalog.rating import Scales
from tollkeeper.catalog.scalars import write_amount
from tollkeeper.catalog.written_rates import WrittenRate
from tollkeeper.errors import InvalidRequest, NotPriced

READ: TypeAdapter[Any] = TypeAdapter(WrittenRate)
WIDE = Context(prec=200, rounding=ROUND_HALF_EVEN)

prices = st.decimals(0, 1000, places=6, allow_nan=False).map(abs)
quantities = st.decimals(0, 5000, places=3, allow_nan=False).map(abs)
pers = st.sampled_from([1, 3, 7, 1000, 1_000_000])


def to_scale(exact: Decimal, scale: int) -> int:
    """Round once at the unit's scale."""
    return int(WIDE.quantize(exact, Decimal(1).scaleb(-scale)).scaleb(scale))


def cost(written: object, quantity: Decimal, *, unit_scale: int) -> int:
    """What our rate says."""
    exact = rating.compiled(READ.validate_python(written), Scales(3, unit_scale))
    return exact.rate.cost(int(quantity.scaleb(3)))


@given(prices, pers, quantities, st.integers(0, 9))
def test_a_price_each_is_price_times_quantity(
    price: Decimal, per: int, quantity: Decimal, scale: int
) -> None:
    """Exact for thirds and sevenths as well: the division comes last, and the rounding once."""
    # A fraction of which the decimal expansion never ends is compared by its multiple.
    ours = cost(f"{write_amount(price)} usd / {per}", quantity, unit_scale=scale)
    exact_times_per = WIDE.multiply(price, quantity).scaleb(scale)
    assert abs(2 * (ours * per - exact_times_per)) <= per


@given(prices, prices, quantities, st.integers(1, 4000))
def test_graduated_and_volume_by_decimals(
    low: Decimal, high: Decimal, quantity: Decimal, end: int
) -> None:
    """Two steps, computed by hand."""
    steps = [
        {"up_to": end, "each": f"{write_amount(low)} usd"},
        {"each": f"{write_amount(high)} usd", "flat": "1.5 usd"},
    ]
    beyond = max(quantity - end, Decimal(0))
    graduated = (
        min(quantity, Decimal(end)) * low + beyond * high + (Decimal("1.5") if beyond else 0)
    )
    volume = quantity * low if quantity <= end else quantity * high + Decimal("1.5")
    assert cost({"graduated": steps}, quantity, unit_scale=9) == to_scale(graduated, 9)
    assert cost({"volume": steps}, quantity, unit_scale=9) == to_scale(volume, 9)


@given(prices, quantities)
def test_begun_packages_are_paid_whole(price: Decimal, quantity: Decimal) -> None:
    """1 of 1,000 costs as much as 1,000."""
    begun = (quantity / 1000).to_integral_value(rounding="ROUND_CEILING")
    ours = cost({"package": 1000, "each": f"{write_amount(price)} usd"}, quantity, unit_scale=9)
    assert ours == to_scale(begun * price, 9)


BY_MODEL = """
currency = "usd"
[features.tokens]
rate = { by = "model", rates = { large = "3 usd / 1_000_000", small = { card = "small" } } }
[[rates.small]]
from = 2026-01-01
rate = "2 usd / 1_000_000"
[[rates.small]]
from = 2026-03-01T12:00:00Z
rate = "1 usd / 1_000_000"
"""


@pytest.mark.parametrize(
    ("model", "at", "each"),
    [
        ("large", datetime(2026, 2, 1, tzinfo=UTC), 3000),
        ("small", datetime(2026, 2, 1, tzinfo=UTC), 2000),
        ("small", datetime(2026, 3, 1, 11, 59, 59, tzinfo=UTC), 2000),
        ("small", datetime(2026, 3, 1, 12, tzinfo=UTC), 1000),
        ("small", datetime(2030, 1, 1, tzinfo=UTC), 1000),
    ],
)
def test_a_charge_takes_the_card_of_its_moment(model: str, at: datetime, each: int) -> None:
    """A card holds from its moment until the next begins; other models have no card."""
    terms = Catalog.from_toml(BY_MODEL).terms("tokens", (), None, {"model": model}, at)
    assert terms.steps[0].rate.cost(1_000_000) == each


def test_before_the_first_card_there_is_no_price() -> None:
    """Nothing is free because its price had not begun."""
    catalog = Catalog.from_toml(BY_MODEL)
    with pytest.raises(NotPriced):
        catalog.terms("tokens", (), None, {"model": "small"}, datetime(2025, 12, 31, tzinfo=UTC))


def test_dated_rates_need_the_moment() -> None:
    """Without it any card could be taken, so none is."""
    with pytest.raises(InvalidRequest, match="at="):
        Catalog.from_toml(BY_MODEL).terms("tokens", (), None, {"model": "small"})


@pytest.mark.parametrize("dimensions", [{}, {"model": "lrge"}, {"region": "eu"}])
def test_an_unknown_value_of_a_dimension_is_never_free(dimensions: dict[str, str]) -> None:
    """C7: it is refused, and the nearest is named."""
    catalog, now = Catalog.from_toml(BY_MODEL), datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(NotPriced, match="model") as caught:
        catalog.terms("tokens", (), None, dimensions, now)
    assert caught.value.feature == "tokens"
    if dimensions.get("model"):
        assert "did you mean 'large'?" in caught.value.message
