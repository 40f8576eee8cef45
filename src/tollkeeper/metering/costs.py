"""Costs: what a usage costs the app and what its customer pays, line by line. Pure values.

`vendor_cost` is what the AI vendor takes, `amount` what the customer is charged, markup included;
both are exact, and rounded once, half-even, when they become money.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tollkeeper.errors import CurrencyMismatch
from tollkeeper.metering.exact import EXACT, add
from tollkeeper.values.amounts import round_half_even
from tollkeeper.values.money import Money
from tollkeeper.values.units import currency_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """What one kind of use costs."""

    #: The kind: `input`, `cache_read`, `output` …
    kind: str
    #: How many were used.
    count: int
    #: The vendor's price of one.
    each: Decimal
    #: What the vendor takes for them, exactly.
    vendor_cost: Decimal
    #: What the customer is charged for them, exactly.
    amount: Decimal
    #: Where the price comes from.
    source: str = ""
    #: Since when the price holds, if the source tells.
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What a usage costs, with its parts.

    Costs in one currency add up with `+`; lines are kept apart.
    """

    #: Who runs the model.
    vendor: str
    #: The model.
    model: str
    #: The currency of every number here, in small letters.
    currency: str
    #: The moment whose rates were used; None where rates hold at any time.
    at: datetime | None
    #: What the vendor takes, exactly.
    vendor_cost: Decimal
    #: What the customer is charged, exactly: the vendor's cost and the markup.
    amount: Decimal
    #: The parts, one for each kind that was used and has a rate.
    lines: tuple[CostLine, ...] = ()
    #: What was used and has no rate, by name; its cost is not in the sums.
    unpriced: tuple[tuple[str, int], ...] = ()
    #: Why other rates than the model's were used: `free`, `fallback`, or None.
    policy: str | None = None
    #: Whether counts, or the tier of a rate, are estimates.
    is_estimated: bool = False

    @property
    def margin(self) -> Decimal:
        """What is left of the charge when the vendor is paid."""
        return EXACT.subtract(self.amount, self.vendor_cost)

    @property
    def money(self) -> Money:
        """What the customer is charged, rounded once, half-even, to the currency's unit."""
        return to_money(self.amount, self.currency)

    @property
    def vendor_money(self) -> Money:
        """What the vendor takes, rounded once, half-even, to the currency's unit."""
        return to_money(self.vendor_cost, self.currency)


def total(costs: Iterable[ModelCost]) -> tuple[Decimal, Decimal]:
    """Add up costs in one currency: what the vendors take, and what the customer is charged.

    Raises:
        CurrencyMismatch: they are in several currencies.
    """
    costs = list(costs)
    currencies = sorted({cost.currency for cost in costs})
    if len(currencies) > 1:
        raise CurrencyMismatch(f"costs in {' and '.join(currencies)} do not add up")
    return add([cost.vendor_cost for cost in costs]), add([cost.amount for cost in costs])


def to_money(amount: Decimal, currency: str) -> Money:
    """Round an exact amount to money, half-even: the only rounding between usage and books.

    >>> to_money(Decimal("0.0000000025"), "usd")
    Money('0.000000002', 'usd')
    """
    unit = currency_unit(currency)
    return Money.from_scaled(round_half_even(amount, unit.scale), currency)
