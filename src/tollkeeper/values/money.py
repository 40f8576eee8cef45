"""Money: an amount with its currency. Owns arithmetic in one currency; must never convert or round.

It is exact to the scale of the currency's unit, so it can hold a fraction of a cent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from tollkeeper.errors import CurrencyMismatch, InvalidAmount
from tollkeeper.values.amounts import (
    ANY_SIGN,
    POWERS_OF_TEN,
    Amount,
    format_amount,
    from_scaled,
    to_scaled,
)
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.texts import echo
from tollkeeper.values.units import Unit, currency_unit


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Money:
    """An exact amount of one currency; zero and negative amounts are allowed.

    Equal amounts are equal however they were written. Arithmetic and comparison stay within one
    currency: another one is a `CurrencyMismatch`.

    Raises:
        InvalidAmount: a `float`, NaN, too many digits, too large: see `to_scaled`.
        UnknownCurrency: the code is not in ISO 4217.

    >>> Money("25.00", "usd") == Money.from_minor(2500, "USD")
    True
    >>> print(Money("25.00", "usd") + Money("0.0012", "usd"))
    25.0012 usd
    """

    __match_args__: ClassVar = ("amount", "currency")

    #: The amount in the integers of its unit's scale, as the ledger keeps it.
    scaled: int
    #: ISO 4217 code in lower case.
    currency: str

    def __init__(self, amount: Amount, currency: str) -> None:
        unit = currency_unit(currency)
        _fill(self, to_scaled(amount, unit.scale, at_least=ANY_SIGN), unit)

    @classmethod
    def from_minor(cls, minor: Amount, currency: str) -> "Money":
        """Make money from ISO minor units: cents for dollars, whole yen for yen.

        >>> Money.from_minor(2500, "jpy").format()
        '¥2,500'
        """
        unit = currency_unit(currency)
        return _money(to_scaled(minor, _minor_scale(unit), at_least=ANY_SIGN), unit)

    @classmethod
    def from_scaled(cls, scaled: int, currency: str) -> "Money":
        """Make money from the ledger's integer.

        >>> Money.from_scaled(1_200_000, "usd")
        Money('0.0012', 'usd')
        """
        return _money(to_scaled(scaled, 0, at_least=ANY_SIGN), currency_unit(currency))

    @classmethod
    def parse(cls, text: str) -> "Money":
        """Read money as `str` writes it: an amount, one space, a currency.

        >>> Money.parse("20.00 usd")
        Money('20.00', 'usd')
        """
        if not isinstance(text, str):
            raise InvalidAmount(f"{type(text).__name__} is not money; write a str like '20.00 usd'")
        amount, space, code = text.partition(" ")
        if not space:
            raise InvalidAmount(f"{echo(text)} is not money; write it like '20.00 usd'")
        return cls(amount, code)

    @property
    def amount(self) -> Decimal:
        """The amount, exactly."""
        return from_scaled(self.scaled, self.unit.scale)

    @property
    def minor(self) -> int:
        """The amount in ISO minor units, such as cents.

        Raises:
            InvalidAmount: it is not a whole number of them.
        """
        whole, rest = divmod(self.scaled, POWERS_OF_TEN[_minor_scale(self.unit)])
        if rest:
            raise InvalidAmount(f"{self} is not a whole number of minor units; round it first")
        return whole

    @property
    def unit(self) -> Unit:
        """The unit that the ledger counts this currency in."""
        return currency_unit(self.currency)

    def format(self) -> str:
        """Write the money as an English reader expects it, with every digit that is not zero.

        >>> Money("-1234.5", "usd").format(), Money("0.0012", "usd").format()
        ('-$1,234.50', '$0.0012')
        >>> Money(2500, "jpy").format(), Money(25, "chf").format()
        ('¥2,500', '25.00 CHF')
        """
        symbol = currency_of(self.currency).symbol
        digits = _digits(self, grouped=True)
        if symbol is None:
            return f"{digits} {self.currency.upper()}"
        return f"-{symbol}{digits[1:]}" if self.scaled < 0 else symbol + digits

    def __str__(self) -> str:
        return f"{_digits(self)} {self.currency}"

    def __repr__(self) -> str:
        return f"Money({_digits(self)!r}, {self.currency!r})"

    def __add__(self, other: "Money") -> "Money":
        return _combined(self, other, int.__add__)

    def __sub__(self, other: "Money") -> "Money":
        return _combined(self, other, int.__sub__)

    def __mul__(self, factor: int) -> "Money":
        return _money(self.scaled * _whole(factor), self.unit)

    __rmul__ = __mul__

    def __neg__(self) -> "Money":
        return _money(-self.scaled, self.unit)

    def __abs__(self) -> "Money":
        return _money(abs(self.scaled), self.unit)

    def __lt__(self, other: "Money") -> bool:
        return _compared(self, other, int.__lt__)

    def __le__(self, other: "Money") -> bool:
        return _compared(self, other, int.__le__)

    def __gt__(self, other: "Money") -> bool:
        return _compared(self, other, int.__gt__)

    def __ge__(self, other: "Money") -> bool:
        return _compared(self, other, int.__ge__)

    def __reduce__(self) -> tuple[Any, ...]:
        return Money, (_digits(self), self.currency)


def _money(scaled: int, unit: Unit) -> Money:
    made = object.__new__(Money)
    _fill(made, to_scaled(scaled, 0, at_least=ANY_SIGN), unit)
    return made


def _fill(money: Money, scaled: int, unit: Unit) -> None:
    object.__setattr__(money, "scaled", scaled)
    object.__setattr__(money, "currency", unit.currency)


def _minor_scale(unit: Unit) -> int:
    return unit.scale - currency_of(unit.currency or "").exponent


def _digits(money: Money, *, grouped: bool = False) -> str:
    exponent = currency_of(money.currency).exponent
    return format_amount(money.scaled, money.unit.scale, digits=exponent, grouped=grouped)


def _combined(left: Money, right: Money, operation: Callable[[int, int], int]) -> Money:
    if not isinstance(right, Money):
        return NotImplemented
    _check_same_currency(left, right)
    return _money(operation(left.scaled, right.scaled), left.unit)


def _compared(left: Money, right: Money, operation: Callable[[int, int], bool]) -> bool:
    if not isinstance(right, Money):
        return NotImplemented
    _check_same_currency(left, right)
    return operation(left.scaled, right.scaled)


def _check_same_currency(left: Money, right: Money) -> None:
    if left.currency != right.currency:
        raise CurrencyMismatch(
            f"{left} and {right} differ in currency; convert one at a rate first"
        )


def _whole(factor: object) -> int:
    if isinstance(factor, bool) or not isinstance(factor, int):
        raise InvalidAmount(f"money is multiplied by an int, not by {type(factor).__name__}")
    return int.__index__(factor)
