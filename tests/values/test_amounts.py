"""Laws of amounts: what goes in comes out exactly, and what cannot be exact is refused by name."""

from collections.abc import Iterator
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Rounded,
    Subnormal,
    Underflow,
    localcontext,
)
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollkeeper.errors import InvalidAmount
from tollkeeper.values.amounts import (
    ANY_SIGN,
    MAXIMUM,
    MAXIMUM_SCALE,
    ZERO_OR_MORE,
    format_amount,
    from_scaled,
    multiply_exactly,
    round_half_even,
    to_scaled,
)

scales = st.integers(0, MAXIMUM_SCALE)
integers = st.integers(-MAXIMUM, MAXIMUM)
HOSTILE = Context(
    prec=1,
    rounding=ROUND_DOWN,
    Emin=-1,
    Emax=1,
    traps=[Clamped, Inexact, InvalidOperation, Rounded, Subnormal, Underflow],
)


@pytest.fixture
def hostile_context() -> Iterator[None]:
    """Let the host's decimal context be as narrow and as strict as it can be."""
    with localcontext(HOSTILE):
        yield


class Level(IntEnum):
    """A host's own kind of integer."""

    LOW = 3


class Label(str):
    """A host's own kind of string."""

    __slots__ = ()


@given(integers, scales)
def test_round_trip_through_decimal(scaled: int, scale: int) -> None:
    """Every integer of every scale survives the way to Decimal and back."""
    assert to_scaled(from_scaled(scaled, scale), scale, at_least=ANY_SIGN) == scaled


@given(integers, scales)
def test_round_trip_through_text(scaled: int, scale: int) -> None:
    """Every integer of every scale survives the way to text and back."""
    assert to_scaled(format_amount(scaled, scale), scale, at_least=ANY_SIGN) == scaled


@given(integers, scales)
def test_decimal_text_and_integer_agree(scaled: int, scale: int) -> None:
    """Decimal, its own text (exponents and all) and the written amount mean the same."""
    amount = from_scaled(scaled, scale)
    assert to_scaled(str(amount), scale, at_least=ANY_SIGN) == scaled
    assert Decimal(format_amount(scaled, scale)) == amount


@given(integers, scales)
def test_decimals_are_normal(scaled: int, scale: int) -> None:
    """A Decimal from the ledger has no trailing zero and no positive exponent."""
    _, digits, exponent = from_scaled(scaled, scale).as_tuple()
    assert isinstance(exponent, int)
    assert -scale <= exponent <= 0
    assert exponent == 0 or digits[-1] != 0


@given(integers, scales)
def test_independent_of_the_ambient_context(scaled: int, scale: int) -> None:
    """A host's decimal context changes nothing, neither its precision nor its traps."""
    expected = format_amount(scaled, scale)
    with localcontext(HOSTILE):
        amount = from_scaled(scaled, scale)
        assert to_scaled(amount, scale, at_least=ANY_SIGN) == scaled
        assert to_scaled(expected, scale, at_least=ANY_SIGN) == scaled
    assert f"{amount:f}" == expected


@given(st.integers(-(10**30), 10**30), scales)
def test_int_and_decimal_refuse_the_same(value: int, scale: int) -> None:
    """An int, the same Decimal and the same text are accepted alike or refused alike."""

    def attempt(spelling: int | Decimal | str) -> int | None:
        try:
            return to_scaled(spelling, scale)
        except InvalidAmount:
            return None

    assert attempt(value) == attempt(Decimal(value)) == attempt(str(value))


@given(st.text(max_size=12))
@example("1_000")
@example(" 1")
@example("1\n")
@example("٣")
@example("NaN")
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    """Whatever the text, it is read as Decimal reads it or refused with InvalidAmount."""
    try:
        scaled = to_scaled(text, 6, at_least=ANY_SIGN)
    except InvalidAmount:
        return
    assert text.isascii()
    assert from_scaled(scaled, 6) == Decimal(text)


@given(
    st.one_of(
        st.floats(),
        st.booleans(),
        st.none(),
        st.binary(),
        st.complex_numbers(),
        st.fractions(),
        st.lists(st.integers()),
    )
)
def test_other_types_are_refused_by_name(value: Any) -> None:
    """A value of another type is refused, and the message names the type."""
    with pytest.raises(InvalidAmount, match=type(value).__name__):
        to_scaled(value, 6)


def test_float_is_refused_with_the_way_out() -> None:
    """The refusal of a float says why, and what to pass instead."""
    with pytest.raises(InvalidAmount) as caught:
        to_scaled(0.1, 6)  # type: ignore[arg-type]  # what a careless caller does
    assert str(caught.value) == (
        "float is refused, because it cannot carry decimal amounts exactly; "
        "pass a Decimal or a string"
    )


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_not_finite_is_refused_by_name(value: str) -> None:
    """NaN and infinity are refused as what they are."""
    with pytest.raises(InvalidAmount, match="not a finite number"):
        to_scaled(Decimal(value), 6)


@given(scales, st.integers(1, 10**6))
def test_too_large_is_refused_by_name(scale: int, excess: int) -> None:
    """One step beyond 64 bits is refused, in every spelling and on both sides."""
    for scaled in (MAXIMUM + excess, -MAXIMUM - excess):
        text = format_amount(scaled, scale)
        for spelling in (text, Decimal(text)):
            with pytest.raises(InvalidAmount, match="outside the range"):
                to_scaled(spelling, scale, at_least=ANY_SIGN)


@given(integers, scales)
def test_too_many_digits_are_refused_by_name(scaled: int, scale: int) -> None:
    """One digit more than the scale is refused, never rounded."""
    text = format_amount(scaled, scale, digits=scale) + ("1" if scale else ".1")
    for spelling in (text, Decimal(text)):
        with pytest.raises(InvalidAmount, match="decimal digits"):
            to_scaled(spelling, scale, at_least=ANY_SIGN)


@pytest.mark.parametrize("sign", ["", "-"])
def test_huge_exponents_are_refused_at_once(sign: str) -> None:
    """An exponent that would fill the memory costs nothing."""
    for spelling in (f"{sign}1e999999999", f"{sign}1e-999999999"):
        with pytest.raises(InvalidAmount):
            to_scaled(spelling, 6, at_least=ANY_SIGN)
        with pytest.raises(InvalidAmount):
            to_scaled(Decimal(spelling), 6, at_least=ANY_SIGN)
    with pytest.raises(InvalidAmount, match="outside the range"):
        to_scaled(f"{sign}1e999", 6, at_least=ANY_SIGN)
    assert to_scaled(Decimal("0e999999999"), 6, at_least=ZERO_OR_MORE) == 0
    assert to_scaled(Decimal("0e-999999999"), 6, at_least=ZERO_OR_MORE) == 0


def test_huge_integers_are_refused_readably() -> None:
    """An int that Python would not even print is refused with a short message."""
    for value in (10**5000, Level.LOW * 10**5000, Decimal(10) ** 99, Decimal("1" * 5000)):
        with pytest.raises(InvalidAmount) as caught:
            to_scaled(value, 6)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "+",
        "1 ",
        "1_0",
        "1,5",
        "1.2.3",
        "--1",
        "0x1",
        "1e",
        "e1",
        "\uff11",
        "1e9999",
    ],
)
def test_malformed_text_is_refused(text: str) -> None:
    """Texts that are no plain decimals are refused, and the message shows how to write one."""
    with pytest.raises(InvalidAmount, match=r"write it like '12\.50'"):
        to_scaled(text, 6)


def test_long_text_is_refused_without_repeating_it() -> None:
    """A text of a million characters is refused in a short message."""
    with pytest.raises(InvalidAmount) as caught:
        to_scaled("1" * 1_000_000, 6)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1e3", 1000_000000),
        ("1E-6", 1),
        ("+1.5", 1_500000),
        (".5", 500000),
        ("5.", 5_000000),
        ("007", 7_000000),
        (Level.LOW, 3_000000),
        (Label("2.5"), 2_500000),
        (Decimal("1.50000000000000"), 1_500000),
        (Decimal("1E+3"), 1000_000000),
    ],
)
def test_accepted_spellings(value: int | Decimal | str, expected: int) -> None:
    """Every unambiguous spelling is read, subclasses of int and str among them, as a plain int."""
    scaled = to_scaled(value, 6)
    assert scaled == expected
    assert type(scaled) is int


@pytest.mark.parametrize("zero", [0, "0", "-0", Decimal("-0.00")])
def test_zero_needs_permission(zero: int | Decimal | str) -> None:
    """A5: zero is refused unless a rate may yield it."""
    with pytest.raises(InvalidAmount, match="greater than zero"):
        to_scaled(zero, 6)
    assert to_scaled(zero, 6, at_least=ZERO_OR_MORE) == 0


@pytest.mark.parametrize("negative", [-1, "-0.000001", Decimal(-1)])
def test_negative_needs_permission(negative: int | Decimal | str) -> None:
    """A5: amounts are positive; the direction is in the verb."""
    with pytest.raises(InvalidAmount, match="greater than zero"):
        to_scaled(negative, 6)
    with pytest.raises(InvalidAmount, match="0 or more"):
        to_scaled(negative, 6, at_least=ZERO_OR_MORE)
    assert to_scaled(negative, 6, at_least=ANY_SIGN) < 0


@pytest.mark.parametrize(
    ("scaled", "scale", "amount"),
    [
        (997_000000, 6, "997"),
        (500000, 6, "0.5"),
        (1000_000000, 6, "1000"),
        (0, 9, "0"),
        (-15, 1, "-1.5"),
    ],
)
def test_examples_from_the_ledger(scaled: int, scale: int, amount: str) -> None:
    """Amounts come back as a person would write them."""
    assert str(from_scaled(scaled, scale)) == amount == format_amount(scaled, scale)


@pytest.mark.usefixtures("hostile_context")
def test_totals_beyond_64_bits_can_be_read() -> None:
    """A sum over all customers may pass 64 bits; reading it stays exact."""
    assert from_scaled(MAXIMUM * 10**6 + 1, 6).as_tuple().exponent == -6


@given(st.fractions(-(10**6), 10**6, max_denominator=10**6), scales)
def test_rounding_is_half_even_and_only_once(fraction: Fraction, scale: int) -> None:
    """The result is the nearest integer, the even one of two, whatever the ambient context."""
    with localcontext(Context(prec=60, rounding=ROUND_HALF_EVEN)):
        value = Decimal(fraction.numerator) / Decimal(fraction.denominator)
    exact = Fraction(value) * 10**scale
    with localcontext(HOSTILE):
        assert round_half_even(value, scale) == round(exact)


@given(st.integers(-(10**12), 10**12), scales)
def test_ties_go_to_the_even_neighbour(scaled: int, scale: int) -> None:
    """Exactly between two integers, the even one is taken."""
    tie = Decimal((int(scaled < 0), tuple(map(int, f"{abs(scaled)}5")), -scale - 1))
    assert round_half_even(tie, scale) % 2 == 0


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), 0.5, "1", None]
)
def test_rounding_refuses_what_is_no_finite_decimal(value: Any) -> None:
    """Only a finite Decimal can be rounded."""
    with pytest.raises(InvalidAmount):
        round_half_even(value, 6)


@pytest.mark.parametrize("value", ["1e999999999", "9223372036854.775808", "-1e60"])
def test_rounding_refuses_what_is_too_large(value: str) -> None:
    """A price beyond 64 bits is refused, and at once."""
    with pytest.raises(InvalidAmount, match="outside the range"):
        round_half_even(Decimal(value), 6)
    assert round_half_even(Decimal("1e-999999999"), 6) == 0


@given(integers, scales, integers, scales)
def test_products_are_exact(left: int, left_scale: int, right: int, right_scale: int) -> None:
    """The product of any two amounts is exact, whatever the ambient context."""
    factors = from_scaled(left, left_scale), from_scaled(right, right_scale)
    with localcontext(HOSTILE):
        product = multiply_exactly(*factors)
    assert Fraction(product) == Fraction(factors[0]) * Fraction(factors[1])


@pytest.mark.parametrize("factor", ["NaN", "Infinity", "1e90", "1e-200", "1." + "1" * 90])
def test_products_without_an_exact_result_are_refused(factor: str) -> None:
    """A product that is not finite or has too many digits is refused."""
    with pytest.raises(InvalidAmount, match="not a finite number of at most 100 digits"):
        multiply_exactly(Decimal(factor), Decimal("1." + "1" * 20) * 10**12)
