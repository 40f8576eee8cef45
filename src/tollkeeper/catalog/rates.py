"""Rates: what a quantity costs, exactly, in integers. Owns the one rounding of rating. Pure.

A rate is cumulative: it tells what the first `quantity` of a period costs, and a part of it costs
the difference of two such totals, each rounded once, half-even. So the parts always add up to the
rated whole, to the last digit, however it was split among calls and payers (C2).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Mode = Literal["flat", "graduated", "volume", "package"]


class Tier(NamedTuple):
    """One step of a rate, up to a quantity."""

    #: The quantity, scaled, that the tier reaches (it is included); None has no end.
    up_to: int | None
    #: What one scaled unit of quantity costs, in parts of the rate's `denominator`.
    each: int
    #: What the tier costs once it is entered, in parts of the rate's `denominator`.
    flat: int = 0


class Rate(NamedTuple):
    """The price of a quantity, in a unit's scaled integers times `denominator`."""

    tiers: tuple[Tier, ...]
    denominator: int
    mode: Mode = "flat"
    #: For `package`: how much, scaled, is sold at once; each begun package costs `each` as a whole.
    package: int = 0

    @property
    def is_free(self) -> bool:
        """Tell whether no quantity ever costs anything."""
        return not any(tier.each or tier.flat for tier in self.tiers)

    def cost(self, quantity: int) -> int:
        """Give what the first `quantity` of a period costs, as the unit's integer, rounded once."""
        if self.mode == "flat":
            return half_even(self.tiers[0].each * quantity, self.denominator)
        return half_even(_EXACT[self.mode](self, quantity), self.denominator)

    def between(self, before: int, quantity: int) -> int:
        """Give what `quantity` costs after `before` was rated in the same period."""
        return self.cost(before + quantity) - self.cost(before) if before else self.cost(quantity)

    def affordable(self, before: int, amount: int, at_most: int) -> int:
        """Give the largest quantity up to `at_most` whose price after `before` is within `amount`.

        A rate whose total may fall (volume tiers) is asked at the ends of its tiers as well.
        """
        if self.mode == "flat":
            return _largest_flat(self, before, amount, at_most)
        if self.between(before, at_most) <= amount:
            return at_most
        ends = [tier.up_to - before for tier in self.tiers[:-1] if tier.up_to is not None]
        starts = sorted({0, *(end for end in ends if 0 < end < at_most)})
        best = 0
        for start, end in zip(starts, [*starts[1:], at_most], strict=True):
            if start and self.between(before, start) <= amount:
                best = start
            # One step past a tier's end another price may hold for everything (volume tiers).
            if start + 1 <= end and self.between(before, start + 1) <= amount:
                best = _largest(self, before, amount, start + 1, end)
        return best


def flat(numerator: int, denominator: int) -> Rate:
    """Make the rate that costs `numerator / denominator` integers for each scaled quantity."""
    return Rate((Tier(None, numerator),), denominator)


def half_even(numerator: int, denominator: int) -> int:
    """Divide and round once; a tie goes to the even neighbour. The only rounding of rating.

    >>> half_even(5, 2), half_even(7, 2), half_even(-5, 2), half_even(2, 3)
    (2, 4, -2, 1)
    """
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole % 2):
        return whole + 1
    return whole


def _largest_flat(rate: Rate, before: int, amount: int, at_most: int) -> int:
    """Solve for the largest affordable quantity of a flat rate, without a search.

    A total of at most `limit` is left by rounding what is up to half above it; the half itself
    goes down where `limit` is even.
    """
    each = rate.tiers[0].each
    if not each:
        return at_most if amount >= 0 else 0
    limit = amount + rate.cost(before)
    reached = ((2 * limit + 1) * rate.denominator - limit % 2) // (2 * each)
    return max(0, min(at_most, reached - before))


def _largest(rate: Rate, before: int, amount: int, low: int, high: int) -> int:
    """Find by halving the largest quantity in a tier that is affordable; `low` is."""
    while low < high:
        middle = (low + high + 1) // 2
        if rate.between(before, middle) <= amount:
            low = middle
        else:
            high = middle - 1
    return low


def _graduated(rate: Rate, quantity: int) -> int:
    """Add up what falls into each tier."""
    total = start = 0
    for tier in rate.tiers:
        if quantity <= start:
            break
        end = quantity if tier.up_to is None else min(quantity, tier.up_to)
        total += tier.flat + tier.each * (end - start)
        start = end
    return total


def _volume(rate: Rate, quantity: int) -> int:
    """Price everything by the one tier that the quantity reaches."""
    tier = _tier_of(rate.tiers, quantity)
    return tier.flat + tier.each * quantity if quantity else 0


def _package(rate: Rate, quantity: int) -> int:
    """Price each begun package as a whole."""
    return -(-quantity // rate.package) * rate.tiers[0].each


def _tier_of(tiers: Sequence[Tier], quantity: int) -> Tier:
    for tier in tiers:
        if tier.up_to is None or quantity <= tier.up_to:
            return tier
    return tiers[-1]


_EXACT = {"graduated": _graduated, "volume": _volume, "package": _package}
