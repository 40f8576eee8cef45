"""What a call costs: tokens times a price, rounded once. Pure; hold and settle share it."""

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.amounts import MAXIMUM_CHARACTERS, multiply_exactly, round_half_even
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit, currency_unit

#: Wide enough for the sum of two products, whatever the context of the process is.
_SUM: Final = Context(prec=2 * MAXIMUM_CHARACTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a token costs; of finer digits than a balance, since only a call's cost is rounded."""

    currency: str
    #: Price of a token that goes in.
    context: Decimal
    #: Price of a token that comes out.
    generated: Decimal

    @property
    def unit(self) -> Unit:
        """The unit of the currency."""
        return currency_unit(self.currency)

    def cost(self, context: int, generated: int) -> Money:
        """Rate a call: exactly, then rounded once, half-even, to the unit's scale.

        >>> usd = Prices(currency="usd", context=Decimal("0.0000025"), generated=Decimal("0.00001"))
        >>> usd.cost(374, 44)
        Money('0.001375', 'usd')
        """
        total = _SUM.add(
            multiply_exactly(self.context, Decimal(context)),
            multiply_exactly(self.generated, Decimal(generated)),
        )
        return self.money(round_half_even(total, self.unit.scale))

    def money(self, scaled: int) -> Money:
        """Give money of this currency from the ledger's integer."""
        return Money.from_scaled(scaled, self.currency)


def price(text: str, name: str) -> Decimal:
    """Read the price of a token: a decimal number of zero or more.

    Raises:
        InvalidRequest: it is anything else.
    """
    try:
        read = Decimal(text)
    except ArithmeticError as error:
        raise InvalidRequest(f"{name} {text!r} is not a decimal number.") from error
    if not read.is_finite() or not 0 <= read <= 1_000_000 or read.adjusted() < -20:
        raise InvalidRequest(f"{name} {text!r} is no price of a token.")
    return read
