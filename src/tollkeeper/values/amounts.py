"""Amounts: between a caller's number and the ledger's integer. Must never round in silence.

A caller writes `int`, `Decimal` or a decimal string; the ledger keeps the 64-bit integer
`value × 10^scale`. Nothing here depends on the caller's decimal context, nothing accepts a `float`,
and `round_half_even` is the only place that rounds.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final, TypeAlias

from tollkeeper.errors import InvalidAmount
from tollkeeper.values.texts import MAXIMUM_ECHO, echo

#: How a caller may write an amount.
Amount: TypeAlias = int | Decimal | str

#: Largest amount of any unit, in the ledger's integers: what 64 bits hold.
MAXIMUM: Final = 2**63 - 1
#: Most decimal digits that a unit can keep.
MAXIMUM_SCALE: Final = 12
#: Most characters of an amount written as a string.
MAXIMUM_CHARACTERS: Final = 100

#: For `at_least`: amounts are greater than zero, since the direction is in the verb.
POSITIVE: Final = 1
#: For `at_least`: zero too, where a rate may yield it.
ZERO_OR_MORE: Final = 0
#: For `at_least`: negative amounts too, for money that is added up.
ANY_SIGN: Final = -MAXIMUM

#: What an amount is multiplied by, for each scale.
POWERS_OF_TEN: Final[tuple[int, ...]] = tuple(10**scale for scale in range(MAXIMUM_SCALE + 1))

# Contexts of our own: wide enough for any product of two amounts, and narrow enough that
# "1e999999999" fails at once instead of filling the memory. They differ in what they refuse. Each
# field is named, because what is left out comes from a default that the host can change.
_DIGITS: Final = 100
_ROUNDING: Final = Context(
    prec=_DIGITS,
    rounding=ROUND_HALF_EVEN,
    Emin=-_DIGITS,
    Emax=_DIGITS,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, Overflow],
)
_EXACT: Final = _ROUNDING.copy()
_EXACT.traps[Inexact] = True

_SHIFTS: Final = tuple(Decimal(power) for power in POWERS_OF_TEN)
_STEPS: Final = tuple(Decimal((0, (1,), -scale)) for scale in range(MAXIMUM_SCALE + 1))
_NUMBER: Final = re.compile(r"[+-]?(?=\.?[0-9])[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]{1,3})?")
_FLOAT_REFUSED: Final = (
    "float is refused, because it cannot carry decimal amounts exactly; pass a Decimal or a string"
)


def to_scaled(value: Amount, scale: int, *, at_least: int = POSITIVE) -> int:
    """Turn a caller's number into the ledger's integer of `scale` decimal digits, exactly.

    Strings are plain decimals (`"12.50"`), or have an exponent of up to three digits (`"1e-7"`),
    since programs write them so. White space, underscores and digits beyond 0-9 are refused.

    Args:
        value: the number.
        scale: decimal digits of the unit, 0 to 12.
        at_least: smallest integer allowed: `POSITIVE`, `ZERO_OR_MORE` or `ANY_SIGN`.

    Raises:
        InvalidAmount: a `float`, `bool` or other type, NaN or infinite, out of range, of too many
            digits, or a string that is no number.

    >>> to_scaled("12.50", 6)
    12500000
    >>> to_scaled(0.1, 6)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tollkeeper.errors.InvalidAmount: float is refused, because it cannot carry decimal amounts ...
    """
    scaled = value * POWERS_OF_TEN[scale] if type(value) is int else _scaled(value, scale)
    if at_least <= scaled <= MAXIMUM:
        return scaled
    raise _outside(value, scaled, scale, at_least)


def amount_key(value: Amount) -> int:
    """Give a caller's number as an integer that is equal for equal numbers, whatever their unit.

    Raises:
        InvalidAmount: as `to_scaled` does for the widest scale; the range is left to the unit.

    >>> amount_key("12.50") == amount_key(Decimal("1.25e1"))
    True
    """
    found = _scaled(value, MAXIMUM_SCALE)
    if abs(found) > MAXIMUM * POWERS_OF_TEN[MAXIMUM_SCALE]:
        raise InvalidAmount(_too_large(value, 0))
    return found


def from_scaled(scaled: int, scale: int) -> Decimal:
    """Turn the ledger's integer into an exact `Decimal` without needless zeros.

    To write it, use `format_amount`: Python's own `str` turns a `Decimal` below 0.000001 into
    `1E-7`.

    >>> from_scaled(997000000, 6), from_scaled(500000, 6), from_scaled(1000000000, 6)
    (Decimal('997'), Decimal('0.5'), Decimal('1000'))
    """
    power = POWERS_OF_TEN[scale]
    if scaled % power == 0:
        return Decimal(scaled // power)
    return _EXACT.normalize(_EXACT.multiply(scaled, _STEPS[scale]))


def format_amount(scaled: int, scale: int, *, digits: int = 0, grouped: bool = False) -> str:
    """Write the ledger's integer as a decimal string, never with an exponent.

    Args:
        scaled: the ledger's integer.
        scale: decimal digits of the unit.
        digits: decimal digits to write even if they are zeros.
        grouped: whether to set a comma between thousands.

    >>> format_amount(997000000, 6), format_amount(100, 9), format_amount(-25, 0, digits=2)
    ('997', '0.0000001', '-25.00')
    """
    whole, rest = divmod(abs(scaled), POWERS_OF_TEN[scale])
    decimals = (str(rest).rjust(scale, "0").rstrip("0") if rest else "").ljust(digits, "0")
    text = f"{whole:,}" if grouped else str(whole)
    return ("-" if scaled < 0 else "") + (f"{text}.{decimals}" if decimals else text)


def multiply_exactly(price: Decimal, quantity: Decimal) -> Decimal:
    """Multiply without rounding, whatever the caller's decimal context.

    Raises:
        InvalidAmount: a factor is NaN or infinite, or the product has more than 100 digits.

    >>> multiply_exactly(Decimal("0.0000025"), Decimal("1234567"))
    Decimal('3.0864175')
    """
    try:
        product = _EXACT.multiply(price, quantity)
    except ArithmeticError as error:
        raise InvalidAmount(_without_product(price, quantity)) from error
    if not product.is_finite():
        raise InvalidAmount(_without_product(price, quantity))
    return product


def round_half_even(value: Decimal, scale: int) -> int:
    """Round a rated price to the ledger's integer; a tie goes to the even neighbour.

    The result may be zero or negative, and is one rounding away from `value` whatever the caller's
    decimal context. To keep it the only one, get `value` from `multiply_exactly`.

    Raises:
        InvalidAmount: not a `Decimal`, NaN, infinite or too large.

    >>> round_half_even(Decimal("0.0000025"), 6), round_half_even(Decimal("0.0000035"), 6)
    (2, 4)
    """
    if not isinstance(value, Decimal):
        raise InvalidAmount(_wrong_kind(value))
    try:
        scaled = int(_EXACT.multiply(_ROUNDING.quantize(value, _STEPS[scale]), _SHIFTS[scale]))
    except (ArithmeticError, ValueError) as error:
        raise InvalidAmount(_not_exact(value, scale)) from error
    if abs(scaled) > MAXIMUM:
        raise InvalidAmount(_too_large(value, scale))
    return scaled


def _scaled(value: object, scale: int) -> int:
    if isinstance(value, Decimal):
        return _scaled_decimal(value, scale)
    if isinstance(value, str):
        return _scaled_decimal(_parsed(value), scale)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__index__(value) * POWERS_OF_TEN[scale]
    raise InvalidAmount(_wrong_kind(value))


def _scaled_decimal(value: Decimal, scale: int) -> int:
    try:
        shifted = _EXACT.multiply(value, _SHIFTS[scale])
        scaled = int(shifted)
    except (ArithmeticError, ValueError) as error:
        raise InvalidAmount(_not_exact(value, scale)) from error
    if scaled != shifted:
        raise InvalidAmount(_not_exact(value, scale))
    return scaled


def _parsed(text: str) -> Decimal:
    if len(text) > MAXIMUM_CHARACTERS:
        raise InvalidAmount(f"an amount has {MAXIMUM_CHARACTERS} characters at most: {echo(text)}")
    if not _NUMBER.fullmatch(text):
        raise InvalidAmount(f"{echo(text)} is not a decimal number; write it like '12.50'")
    return Decimal(text)


def _wrong_kind(value: object) -> str:
    if isinstance(value, float):
        return _FLOAT_REFUSED
    kind = type(value).__name__
    return f"{kind} is not an amount; pass an int, a Decimal or a decimal string"


def _without_product(price: Decimal, quantity: Decimal) -> str:
    return (
        f"{_shown(price)} × {_shown(quantity)} is not a finite number of at most {_DIGITS} digits"
    )


def _not_exact(value: Decimal, scale: int) -> str:
    if not value.is_finite():
        return f"{_shown(value)} is not a finite number; an amount must be one"
    if value.adjusted() > _DIGITS // 2:
        return _too_large(value, scale)
    return f"{_shown(value)} has more than the {scale} decimal digits of its unit; round it first"


def _outside(value: object, scaled: int, scale: int, at_least: int) -> InvalidAmount:
    if abs(scaled) > MAXIMUM:
        return InvalidAmount(_too_large(value, scale))
    least = format_amount(at_least, scale) + " or more"
    wanted = "greater than zero" if at_least == POSITIVE else least
    return InvalidAmount(f"{_shown(value)} is refused; an amount must be {wanted}")


def _too_large(value: object, scale: int) -> str:
    most = format_amount(MAXIMUM, scale)
    return f"{_shown(value)} is outside the range of its unit, which ends at {most}"


def _shown(value: object) -> str:
    # Python refuses to print an integer of more than 4,300 digits, and nobody would read it.
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        return f"an integer of {value.bit_length()} bits"
    text = str(value)
    return text if len(text) <= MAXIMUM_ECHO else text[:MAXIMUM_ECHO] + " …"
