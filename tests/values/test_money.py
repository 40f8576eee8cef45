"""Laws of money: exact, of one currency, and readable."""

import copy
import pickle
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tollkeeper.errors import CurrencyMismatch, InvalidAmount, UnknownCurrency
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.currencies import currencies, currency
from tollkeeper.values.money import Money

codes = st.sampled_from([known.code for known in currencies()])
scaled = st.integers(-MAXIMUM // 4, MAXIMUM // 4)
monies = st.builds(Money.from_scaled, scaled, codes)
dollars = st.builds(Money.from_scaled, scaled, st.just("usd"))


@given(monies)
def test_parse_reads_what_str_writes(money: Money) -> None:
    """Money survives being written and read."""
    assert Money.parse(str(money)) == money
    assert Money(money.amount, money.currency) == money
    assert eval(repr(money)) == money


@given(monies)
def test_copies_are_equal(money: Money) -> None:
    """Pickle and copy give equal money with an equal hash."""
    copies = [pickle.loads(pickle.dumps(money)), copy.copy(money), copy.deepcopy(money)]
    assert copies == [money] * 3
    assert {money, *copies} == {money}


@given(st.integers(-(10**9), 10**9), codes)
def test_minor_units_round_trip(minor: int, code: str) -> None:
    """Minor units survive, and mean what ISO 4217 says."""
    money = Money.from_minor(minor, code)
    assert money.minor == minor
    assert money.amount.scaleb(currency(code).exponent) == minor


@given(dollars, dollars, dollars)
def test_addition_is_that_of_numbers(a: Money, b: Money, c: Money) -> None:
    """Addition commutes, associates and is undone by subtraction."""
    small = Money.from_scaled(c.scaled // 4, "usd")
    assert a + b == b + a
    assert (a + b) - b == a
    assert a - b == -(b - a)
    assert (a + b) + small == a + (b + small)
    assert a + Money(0, "usd") == a


@given(st.integers(-(10**9), 10**9), st.integers(-100, 100), codes)
def test_multiplication_repeats_addition(minor: int, factor: int, code: str) -> None:
    """Money times n is n times the money."""
    money = Money.from_minor(minor, code)
    assume(abs(money.scaled * factor) <= MAXIMUM)
    assert money * factor == factor * money == Money.from_scaled(money.scaled * factor, code)


@given(dollars, dollars)
def test_order_is_that_of_numbers(a: Money, b: Money) -> None:
    """Comparison is that of the amounts."""
    assert (a < b) == (a.amount < b.amount)
    assert (a <= b) == (a.amount <= b.amount)
    assert (a > b) == (b < a)
    assert (a >= b) == (b <= a)
    assert (a == b) == (a.amount == b.amount)
    assert abs(a) >= Money(0, "usd")


@given(dollars)
def test_independent_of_the_ambient_context(money: Money) -> None:
    """A host's decimal context with three digits rounds nothing."""
    text, shown = str(money), money.format()
    with localcontext(Context(prec=3)):
        assert Money(money.amount, "usd") == money
        assert (str(money), money.format()) == (text, shown)


@given(monies, monies)
def test_currencies_do_not_mix(a: Money, b: Money) -> None:
    """E8: two currencies are never added, subtracted or compared, and never equal."""
    assume(a.currency != b.currency)
    assert a != b
    for mix in (a.__add__, a.__sub__, a.__lt__, a.__le__, a.__gt__, a.__ge__):
        with pytest.raises(CurrencyMismatch, match=f"{a.currency}.*{b.currency}"):
            mix(b)


@pytest.mark.parametrize(
    ("amount", "code", "shown"),
    [
        ("25", "usd", "$25.00"),
        ("25", "eur", "€25.00"),
        ("25", "gbp", "£25.00"),
        ("2500", "jpy", "¥2,500"),
        ("2500", "krw", "₩2,500"),
        ("25", "chf", "25.00 CHF"),
        ("-25", "chf", "-25.00 CHF"),
        ("-1", "usd", "-$1.00"),
        ("0", "usd", "$0.00"),
        ("0.0012", "usd", "$0.0012"),
        ("-0.0012", "usd", "-$0.0012"),
        ("0.5", "jpy", "¥0.5"),
        ("1234567.5", "usd", "$1,234,567.50"),
        ("1234567.891", "kwd", "1,234,567.891 KWD"),
        ("0.000000001", "usd", "$0.000000001"),
    ],
)
def test_formatting(amount: str, code: str, shown: str) -> None:
    """Scenario 92: a person reads dollars, yen, unknown signs, debts and fractions of a cent."""
    assert Money(amount, code).format() == shown


def test_str_and_repr() -> None:
    """Money is written with its minor digits, and with more where it has more."""
    assert str(Money(25, "USD")) == "25.00 usd"
    assert str(Money("0.0012", "usd")) == "0.0012 usd"
    assert str(Money(2500, "jpy")) == "2500 jpy"
    assert repr(Money("25.5", "usd")) == "Money('25.50', 'usd')"


def test_the_parts_of_money() -> None:
    """Money gives its amount, its currency, its unit and the ledger's integer."""
    money = Money("25.00", "USD")
    assert money == Money.from_minor(2500, "usd") == Money(Decimal(25), "usd")
    assert (money.amount, money.currency, money.minor) == (Decimal(25), "usd", 2500)
    assert (money.scaled, money.unit.key) == (25 * 10**9, "money:usd")
    match money:
        case Money(amount, code):
            assert (amount, code) == (Decimal(25), "usd")


def test_a_fraction_of_a_cent_has_no_minor_units() -> None:
    """What is not a whole number of cents is not rounded to one."""
    with pytest.raises(InvalidAmount, match="whole number of minor units"):
        _ = Money("0.0012", "usd").minor


@pytest.mark.parametrize(
    "amount", [0.1, True, None, "", "1e99", "NaN", Decimal("NaN"), "0.0000000001", b"1"]
)
def test_other_amounts_are_refused(amount: Any) -> None:
    """What is no exact amount of the currency is refused, wherever money is made."""
    with pytest.raises(InvalidAmount):
        Money(amount, "usd")
    with pytest.raises(InvalidAmount):
        Money.from_minor(amount, "usd")


def test_unknown_currencies_are_refused() -> None:
    """Money is of a currency that exists."""
    with pytest.raises(UnknownCurrency):
        Money(1, "xxx")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20.00",
        "20.00usd",
        "usd 20.00",
        " 20 usd",
        "20 usd ",
        "20  usd",
        "$20",
        "1,000 usd",
        None,
        20,
        b"20 usd",
    ],
)
def test_other_texts_are_no_money(text: Any) -> None:
    """Text is an amount, one space and a currency, or it is refused."""
    with pytest.raises((InvalidAmount, UnknownCurrency)):
        Money.parse(text)


@pytest.mark.parametrize("factor", [1.5, True, Decimal(2), "2", None])
def test_only_whole_numbers_multiply(factor: Any) -> None:
    """A rate is rounded where it is rated, not inside money."""
    with pytest.raises(InvalidAmount, match=type(factor).__name__):
        Money(1, "usd") * factor


def test_arithmetic_beyond_the_range_is_refused() -> None:
    """Money never leaves 64 bits."""
    most = Money.from_scaled(MAXIMUM, "usd")
    with pytest.raises(InvalidAmount, match="outside the range"):
        most + most
    with pytest.raises(InvalidAmount, match="outside the range"):
        -most - most
    with pytest.raises(InvalidAmount, match="outside the range"):
        most * 2


@pytest.mark.parametrize("other", [1, Decimal(1), "1.00 usd", None])
def test_money_and_numbers_do_not_mix(other: Any) -> None:
    """A bare number has no currency."""
    money = Money(1, "usd")
    assert money != other
    with pytest.raises(TypeError):
        money + other
    with pytest.raises(TypeError):
        _ = money < other


def test_money_is_frozen() -> None:
    """Nothing in money can be changed or added."""
    money: Any = Money(1, "usd")
    for name in ("scaled", "currency", "amount", "note"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(money, name, 1)
