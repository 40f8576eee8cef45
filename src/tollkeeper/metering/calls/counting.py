"""From what a call used to what is charged and what the vendor takes. Pure; it knows no books.

A feature with a price book is charged in money, as the pinned rates say (B6); any other is counted:
tokens, requests, or whatever the app's own function gives. The vendor's cost is known either way,
as far as a price book knows the model; where none does it is unknown, never zero (C7).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from tollkeeper.errors import CurrencyMismatch, InvalidRequest, UnknownModel, UnknownVendor
from tollkeeper.metering.books import PriceBook
from tollkeeper.metering.costs import ModelCost, to_money, total
from tollkeeper.metering.rates import PinnedRates
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.values.amounts import ZERO_OR_MORE, Amount, round_half_even, to_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.texts import echo

#: What of a usage is counted, where the feature is not priced by a price book.
CountName = Literal["tokens", "input_tokens", "output_tokens", "requests"]
#: A name, or the app's own function of a usage.
Count = CountName | Callable[[ModelUsage], Amount]

#: The mark of a call whose model nobody knows: it is priced as the one that was asked for.
AS_ASKED: Final = "as_asked"

#: What vendors add to a model's name for one state of it: `-2024-07-18`, `-20250929`, `@001`.
_STATE: Final = re.compile(r"[-@](?:\d{4}-?\d{2}-?\d{2}|\d{3}|latest)")

COUNTS: Final[dict[str, Callable[[ModelUsage], int]]] = {
    "tokens": lambda usage: usage.total_tokens,
    "input_tokens": lambda usage: usage.input_tokens,
    "output_tokens": lambda usage: usage.output_tokens,
    "requests": lambda usage: usage.requests,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What usages come to."""

    #: What is charged, at the feature's scale; None where no rate tells.
    quantity: int | None
    #: What the vendor takes; None where nobody knows.
    cost: Money | None
    #: What is to be known about the numbers.
    marks: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Pricing:
    """How the usages of one call are counted: fixed when it begins."""

    #: Decimal digits of the feature's quantity.
    scale: int
    #: The currency of the quantity; None where it is counted.
    currency: str | None
    count: Count
    book: PriceBook | None
    at: datetime
    #: The rates of the model that was asked for; None where nobody named or knows it.
    pinned: PinnedRates | None = None
    _found: dict[tuple[str, str], PinnedRates | None] = field(default_factory=dict)

    def counted(self, usages: Sequence[ModelUsage], numbers: int = 0) -> Counted:
        """Count usages, and numbers that were told beside them (at the feature's scale)."""
        costs = [self._cost(usage) for usage in usages]
        known = [cost for cost in costs if cost is not None]
        marks = _marks(usages, known, is_missing=len(known) < len(costs))
        if any(self._is_strange(usage) for usage in usages):
            marks = (*marks, AS_ASKED)
        quantity = self._quantity(usages, costs)
        summed = None if quantity is None else quantity + numbers
        return Counted(quantity=summed, cost=self._total(costs), marks=marks)

    def _quantity(
        self, usages: Sequence[ModelUsage], costs: Sequence[ModelCost | None]
    ) -> int | None:
        if self.currency is None:
            return sum(to_scaled(_counted(self.count, u), self.scale, at_least=0) for u in usages)
        known = [cost for cost in costs if cost is not None and cost.currency == self.currency]
        if len(known) < len(costs):
            return None
        return round_half_even(total(known)[1], self.scale)

    def _cost(self, usage: ModelUsage) -> ModelCost | None:
        """Price a usage by the model that answered, else by the one that was asked for."""
        own = self._rates(usage.vendor, usage.model)
        if own is not None:
            return own.cost_of_known(usage)
        if self.pinned is None:
            return None
        asked = replace(usage, vendor=self.pinned.vendor, model=self.pinned.model)
        return self.pinned.cost_of_known(asked)

    def _is_strange(self, usage: ModelUsage) -> bool:
        """Tell whether another model answered than was asked for, and nobody has its price."""
        asked = self.pinned
        if asked is None or self._rates(usage.vendor, usage.model) is not None:
            return False
        is_same = usage.vendor == asked.vendor and usage.model.startswith(asked.model)
        return not (is_same and _STATE.fullmatch(usage.model[len(asked.model) :]))

    def _rates(self, vendor: str, model: str) -> PinnedRates | None:
        pinned = self.pinned
        if pinned is not None and (pinned.vendor, pinned.model) == (vendor, model):
            return pinned
        key = (vendor, model)
        if key not in self._found:
            self._found[key] = self._pin(vendor, model)
        return self._found[key]

    def _pin(self, vendor: str, model: str) -> PinnedRates | None:
        if self.book is None:
            return None
        try:
            found = self.book.pin(vendor, model, self.at)
        except (UnknownModel, UnknownVendor):
            return None
        is_policy = found.policy is not None and self.pinned is not None
        is_foreign = self.currency not in (None, found.currency)
        # The model that was asked for has a price of its own: that is nearer than any policy.
        return None if is_policy or is_foreign else found

    def _total(self, costs: Sequence[ModelCost | None]) -> Money | None:
        known = [cost for cost in costs if cost is not None]
        if not known or len(known) < len(costs) or any(cost.unpriced for cost in known):
            return None
        if len({cost.currency for cost in known}) > 1:
            return None
        return to_money(total(known)[0], known[0].currency)


def check_count(count: object) -> Count:
    """Check what is to be counted."""
    if callable(count) or (isinstance(count, str) and count in COUNTS):
        return count  # type: ignore[return-value]  # just checked
    raise InvalidRequest(f"count is one of {', '.join(COUNTS)}, or a function of a ModelUsage.")


def check_currency(pinned: PinnedRates, currency: str | None) -> None:
    """Refuse rates that are not in the currency of the feature's quantity.

    Raises:
        CurrencyMismatch: they are in another one.
    """
    if currency is not None and pinned.currency != currency:
        raise CurrencyMismatch(
            f"The rates of {echo(pinned.model)} are in {pinned.currency}, and the feature is "
            f"charged in {currency}; give the feature the currency of its price book."
        )


def scaled_number(number: Amount | Money, pricing: Pricing) -> int:
    """Read a number of a feature's quantity, or money where the feature is charged in it."""
    if isinstance(number, Money):
        if number.currency != pricing.currency:
            raise CurrencyMismatch(
                f"{number} is no quantity of this feature, which is charged in "
                f"{pricing.currency or 'what it counts'}."
            )
        number = number.amount
    return to_scaled(number, pricing.scale, at_least=ZERO_OR_MORE)


def _counted(count: Count, usage: ModelUsage) -> Amount:
    found: Amount = COUNTS[count](usage) if isinstance(count, str) else count(usage)
    return found


def _marks(
    usages: Iterable[ModelUsage], costs: Sequence[ModelCost], *, is_missing: bool
) -> tuple[str, ...]:
    """Say what is to be known: estimates, policies, and what nobody could price."""
    marks: dict[str, None] = {}
    if any(usage.is_estimated for usage in usages) or any(cost.is_estimated for cost in costs):
        marks["estimated"] = None
    if is_missing or any(cost.unpriced for cost in costs):
        marks["unpriced"] = None
    marks.update({cost.policy: None for cost in costs if cost.policy})
    return tuple(marks)
