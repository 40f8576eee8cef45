"""Examples of ISO 4217."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import UnknownCurrency
from tollkeeper.values.currencies import currencies, currency


@pytest.mark.parametrize(
    ("code", "exponent"), [("usd", 2), ("jpy", 0), ("kwd", 3), ("clf", 4), ("isk", 0), ("zwg", 2)]
)
def test_minor_digits(code: str, exponent: int) -> None:
    """Minor digits are those of ISO 4217."""
    assert currency(code).exponent == exponent


def test_the_list_is_complete_and_sorted() -> None:
    """Every code appears once, in lower case and sorted."""
    codes = [known.code for known in currencies()]
    assert codes == sorted(set(codes))
    assert len(codes) == 165
    assert all(len(code) == 3 and code.islower() for code in codes)
    by_exponent = [[c for c in currencies() if c.exponent == digits] for digits in range(5)]
    assert list(map(len, by_exponent)) == [17, 0, 139, 7, 2]


def test_signs_mean_one_currency() -> None:
    """No sign stands for two currencies."""
    signs = [known.symbol for known in currencies() if known.symbol]
    assert len(signs) == len(set(signs))


def test_case_does_not_matter() -> None:
    """A code may be written in any case and comes back in lower case."""
    assert currency("USD") is currency("usd") is currency("Usd")


@pytest.mark.parametrize(
    ("code", "nearest"), [("uds", "usd"), ("euro", "eur"), ("us", "usd"), ("gpb", "gbp")]
)
def test_unknown_codes_name_the_nearest(code: str, nearest: str) -> None:
    """A mistyped code is refused, and the nearest known one is suggested."""
    with pytest.raises(UnknownCurrency, match=f"did you mean '{nearest}'"):
        currency(code)


@pytest.mark.parametrize(
    "code", ["", " usd", "usd ", "\u212arw", "xau", "x" * 1_000_000, "\ud800", None, 840]
)
def test_other_codes_are_refused_briefly(code: Any) -> None:
    """Whatever else is no code is refused in a short message."""
    with pytest.raises(UnknownCurrency) as caught:
        currency(code)
    assert len(str(caught.value).encode()) < 200


@given(st.text())
def test_any_text_is_a_currency_or_refused(text: str) -> None:
    """No text raises another error."""
    with suppress(UnknownCurrency):
        assert currency(text).code == text.lower()
