"""Exact decimals: how the prices of a caller are read, and added without rounding. Pure.

Everything here is exact or refused, whatever the host made of the default decimal context.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final

from tollkeeper.errors import InvalidAmount, InvalidRates
from tollkeeper.values.amounts import ANY_SIGN, MAXIMUM_SCALE, to_scaled

#: Digits of the price of one where a quoted price does not divide evenly (a minute by its seconds).
DIGITS_OF_ONE: Final = 18

#: A context in which nothing is lost: what would be rounded is an error.
EXACT: Final = Context(
    prec=200,
    rounding=ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[Inexact, InvalidOperation, Overflow],
)
_ROUNDING: Final = EXACT.copy()
_ROUNDING.traps[Inexact] = False
_WHOLE: Final = Decimal(1)
_SMALLEST: Final = Decimal((0, (1,), -DIGITS_OF_ONE))


def exact(value: object, name: str) -> Decimal:
    """Read a number of a price, exactly.

    Raises:
        InvalidRates: a float, a bool, NaN, no number, or more than 12 decimal digits.

    >>> exact("2.50", "a rate")
    Decimal('2.50')
    """
    if not isinstance(value, int | str | Decimal) or isinstance(value, bool):
        kind = type(value).__name__
        raise InvalidRates(f"{name} is an int, a Decimal or a decimal string, not a {kind}")
    try:
        to_scaled(value, MAXIMUM_SCALE, at_least=ANY_SIGN)
    except InvalidAmount as error:
        raise InvalidRates(f"{name} cannot be so: {error.message}") from error
    return Decimal(value)


def price_of_one(price: Decimal, quoted_per: int) -> Decimal:
    """Give the price of one from the price of so many.

    Exact for powers of ten. Elsewhere it is fixed at 18 decimal digits, half-even, and from then on
    that is the price: every cost made of it is exact again.

    >>> price_of_one(Decimal("2.50"), 1_000_000)
    Decimal('0.0000025')
    """
    digits = len(str(quoted_per)) - 1
    if quoted_per == 10**digits:
        return price.scaleb(-digits, EXACT).normalize(EXACT)
    quotient = _ROUNDING.divide(price, Decimal(quoted_per))
    return _ROUNDING.quantize(quotient, _SMALLEST).normalize(EXACT)


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Add up without rounding.

    >>> add([Decimal("0.1"), Decimal("1e-20")])
    Decimal('0.10000000000000000001')
    """
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return trimmed(total)


def trimmed(amount: Decimal) -> Decimal:
    """Take needless zeros off the end, without an exponent above zero.

    >>> trimmed(Decimal("2.500")), trimmed(Decimal("1E+2"))
    (Decimal('2.5'), Decimal('100'))
    """
    found = amount.normalize(EXACT)
    return found.quantize(_WHOLE, context=EXACT) if found == found.to_integral_value() else found
