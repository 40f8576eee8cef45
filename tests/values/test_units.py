"""Laws of units: a key means one unit, with its kind and scale."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import (
    InvalidAmount,
    InvalidRequest,
    InvalidText,
    UnitMismatch,
    UnknownCurrency,
)
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.currencies import currencies
from tollkeeper.values.units import Unit, credits_unit, currency_unit, is_money

codes = [known.code for known in currencies()]
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True).filter(
    lambda key: key.lower() not in codes
)


@given(keys)
def test_credits_have_six_digits(key: str) -> None:
    """Credits of any key keep six digits unless another scale is asked for."""
    assert credits_unit(key) == Unit(key=key, kind="credits", scale=6)
    assert credits_unit(key, 0).scale == 0
    assert credits_unit(key).currency is None


def test_currencies_have_nine_digits_or_six() -> None:
    """A currency keeps nine digits, or six where it has no minor unit."""
    for known in currencies():
        unit = currency_unit(known.code.upper())
        assert unit.key == f"money:{known.code}"
        assert unit.kind == "currency"
        assert unit.currency == known.code
        assert unit.scale == (9 if known.exponent else 6)


@given(keys)
def test_a_key_of_credits_is_never_one_of_money(key: str) -> None:
    """The two kinds of unit cannot be mistaken for one another."""
    assert not is_money(key)
    assert is_money(currency_unit("usd").key)


@pytest.mark.parametrize(
    "key", ["", "a:b", "money:usd", "_a", "-a", "a b", "a\n", "é", "a" * 65, "\ud800", None, 1]
)
def test_other_keys_are_refused(key: Any) -> None:
    """A key that could be mistaken or not be stored is refused."""
    with pytest.raises(InvalidText):
        credits_unit(key)


@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
def test_credits_are_not_named_like_a_currency(write: Callable[[str], str]) -> None:
    """A balance of 5 usd would be taken for money; any longer name is free."""
    for code in codes:
        with pytest.raises(UnitMismatch, match=f"'{write(code)}_credits'"):
            credits_unit(write(code))
        assert credits_unit(f"{write(code)}_credits").kind == "credits"
        with pytest.raises(UnitMismatch):
            Unit(key=write(code), kind="credits", scale=2)


@pytest.mark.parametrize("scale", [-1, 13, 1.0, True, None, "6"])
def test_other_scales_are_refused(scale: Any) -> None:
    """A scale is an integer from 0 to 12."""
    with pytest.raises(InvalidRequest, match="0 to 12"):
        credits_unit("api_calls", scale)


@pytest.mark.parametrize("overdraft", [-1, MAXIMUM + 1, 1.0, False, "much", None, "0.0000001"])
def test_other_overdrafts_are_refused(overdraft: Any) -> None:
    """An overdraft is an amount from 0, or "unlimited"."""
    with pytest.raises(InvalidAmount):
        credits_unit("api_calls", overdraft=overdraft)
    with pytest.raises(InvalidRequest, match="overdraft"):
        Unit(key="api_calls", kind="credits", scale=6, overdraft=-1)


def test_overdrafts() -> None:
    """A unit may carry its own overdraft."""
    assert credits_unit("api_calls", overdraft="unlimited").overdraft is None
    assert currency_unit("usd", overdraft=5).overdraft == 5_000_000_000
    assert currency_unit("jpy", overdraft="12.5").overdraft == 12_500_000
    assert credits_unit("api_calls", 2, overdraft=Decimal("0.25")).overdraft == 25
    assert currency_unit("usd").overdraft == 0


@pytest.mark.parametrize(
    ("key", "error"),
    [("money:USD", InvalidText), ("usd", InvalidText), ("money:xxx", UnknownCurrency)],
)
def test_the_key_of_a_currency_names_it(key: str, error: type[InvalidRequest]) -> None:
    """A currency's unit has the one key that its code gives."""
    with pytest.raises(error):
        Unit(key=key, kind="currency", scale=9)


def test_other_kinds_are_refused() -> None:
    """There are two kinds of unit and no third."""
    kind: Any = "points"
    with pytest.raises(InvalidRequest, match="kind"):
        Unit(key="a", kind=kind, scale=0)
