"""Rates: what one of each kind costs at a moment, frozen, and the one way from usage to cost. Pure.

Hold and settle use the same code (B6): rates are pinned once, and whatever is used later is priced
by `PinnedRates.cost`. Every rate is the exact price of one; a cost is the sum of count × rate, and
nothing is rounded here. So the cost of two usages is the sum of their costs, to the last digit.

What no rate prices is refused, never taken for free in silence (C7).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from tollkeeper.errors import InvalidRates, UnpricedUsage, UsageMismatch
from tollkeeper.metering.costs import CostLine, ModelCost
from tollkeeper.metering.exact import add, trimmed
from tollkeeper.metering.markups import NO_MARKUP, Markup
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.values.amounts import multiply_exactly
from tollkeeper.values.model_kinds import KINDS, TOKEN_KINDS, kind_of
from tollkeeper.values.texts import echo

#: Most tiers of a rate.
MAXIMUM_TIERS: Final = 20

#: Conditions that mean the standard rates, at whichever vendor.
_USUAL: Final = {("service_tier", "default"), ("service_tier", "standard"), ("speed", "standard")}


class RateTier(NamedTuple):
    """A rate that holds for the whole request once its prompt is longer than so many tokens."""

    #: The prompt must be longer than this, cached tokens included.
    above: int
    #: The price of one.
    each: Decimal


class Rate(NamedTuple):
    """What one of a kind costs."""

    #: The price of one, exactly.
    each: Decimal
    #: Dearer or cheaper prices for long prompts, ascending.
    tiers: tuple[RateTier, ...] = ()
    #: Who says so: `genai-prices 0.2.3`, a rate card's source …
    source: str = ""
    #: Since when it holds, if the source tells.
    since: datetime | None = None

    def at(self, prompt: int) -> Decimal:
        """Give the price of one in a request whose prompt has so many tokens."""
        each = self.each
        for tier in self.tiers:
            if prompt > tier.above:
                each = tier.each
        return each


class RateVariant(NamedTuple):
    """Rates that take the place of the standard ones under a condition, such as batches."""

    #: What must hold of a usage: (("processing", "batch"),).
    when: tuple[tuple[str, str], ...]
    #: The rates that differ, by kind.
    rates: tuple[tuple[str, Rate], ...]


class QuotedRate(NamedTuple):
    """A rate as vendors quote it: for a million tokens, a thousand searches, an hour."""

    kind: str
    #: For how many of the kind the prices are.
    per: int
    #: What the vendor takes.
    cost: Decimal
    #: What the customer is charged, markup included.
    price: Decimal
    #: It holds for prompts of more than so many tokens.
    above: int
    #: Who says so.
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedRates:
    """The rates of one model as they were at a moment: a value to keep with a hold.

    Raises:
        InvalidRates: a kind is unknown, or a price is negative or no finite Decimal.

    >>> rates = PinnedRates(
    ...     vendor="acme", model="small", currency="usd", at=None,
    ...     rates=(("input", Rate(Decimal("0.000001"))), ("output", Rate(Decimal("0.000004")))),
    ... )
    >>> rates.cost(ModelUsage(vendor="acme", model="small", input=10, reasoning=5)).amount
    Decimal('0.00003')
    """

    #: Who runs the model.
    vendor: str
    #: The model that was asked for.
    model: str
    #: The currency of every rate, in small letters.
    currency: str
    #: The moment whose rates these are; None where rates hold at any time.
    at: datetime | None
    #: The standard rates, by kind.
    rates: tuple[tuple[str, Rate], ...]
    #: What differs under conditions; the first that fits wins, kind by kind.
    variants: tuple[RateVariant, ...] = ()
    #: What is added to the vendor's cost.
    markup: Markup = NO_MARKUP
    #: Why these are no rates of the model itself: `free` or `fallback`, by the app's own policy.
    policy: str | None = None
    #: Whether kinds without a rate have none, rather than that of the next price book.
    is_complete: bool = False

    def __post_init__(self) -> None:
        for pairs in (self.rates, *(variant.rates for variant in self.variants)):
            for kind, rate in pairs:
                _check_rate(kind, rate)

    def rates_for(self, conditions: tuple[tuple[str, str], ...] = ()) -> dict[str, Rate]:
        """Give the rates that hold under these conditions, by kind, without what falls back."""
        found: dict[str, Rate] = {}
        holding = dict(conditions)
        for variant in self.variants:
            if all(holding.get(name) == value for name, value in variant.when):
                found = {**dict(variant.rates), **found}
        return {**dict(self.rates), **found}

    def quoted(self) -> tuple[QuotedRate, ...]:
        """Give the standard rates as vendors quote them, and what the customer is charged.

        >>> rates = PinnedRates(
        ...     vendor="acme", model="small", currency="usd", at=None, markup=Markup(percent=20),
        ...     rates=(("output", Rate(Decimal("0.000004"))),),
        ... )
        >>> [(row.kind, row.per, row.cost, row.price) for row in rates.quoted()]
        [('output', 1000000, Decimal('4'), Decimal('4.8'))]
        """
        return tuple([row for pair in sorted(self.rates) for row in _quoted(*pair, self.markup)])

    def cost(self, usage: ModelUsage) -> ModelCost:
        """Give what a usage costs, exactly, by kind.

        A rate with tiers goes by the length of one request's prompt. For several requests in one
        usage their average decides, and the cost is marked as estimated where that may matter.

        Raises:
            UnpricedUsage: something was used that has no rate; `cost` is that of the rest.
            UsageMismatch: the usage is of another model.
        """
        cost = self.cost_of_known(usage)
        if cost.unpriced:
            raise _unpriced(cost)
        return cost

    def cost_of_known(self, usage: ModelUsage) -> ModelCost:
        """Give what a usage costs as far as rates are known; `unpriced` lists the rest.

        Raises:
            UsageMismatch: the usage is of another model.
        """
        if (usage.vendor, usage.model) != (self.vendor, self.model):
            raise UsageMismatch(
                f"rates of {echo(self.model)} by {echo(self.vendor)} do not price a usage of "
                f"{echo(usage.model)} by {echo(usage.vendor)}"
            )
        return _cost(self, usage)


def _quoted(kind: str, rate: Rate, markup: Markup) -> Iterator[QuotedRate]:
    known = kind_of(kind)
    per = known.quoted_per if known else 1
    tokens = per if kind in TOKEN_KINDS else 0
    for above, each in ((0, rate.each), *rate.tiers):
        cost = trimmed(multiply_exactly(each, Decimal(per)))
        yield QuotedRate(kind, per, cost, markup.applied(cost, tokens), above, rate.source)


def _cost(rates: PinnedRates, usage: ModelUsage) -> ModelCost:
    table = rates.rates_for(usage.conditions)
    prompt = -(-usage.input_tokens // max(usage.requests, 1))
    used = usage.all_counts
    priced = {kind: rate for kind in used if (rate := rate_of(table, kind))}
    lines = tuple(
        _line(kind, used[kind], rate, prompt, rates.markup) for kind, rate in priced.items()
    )
    return ModelCost(
        vendor=rates.vendor,
        model=rates.model,
        currency=rates.currency,
        at=rates.at,
        vendor_cost=add([line.vendor_cost for line in lines]),
        amount=add([line.amount for line in lines]),
        lines=lines,
        unpriced=_without_rate(rates, usage, priced),
        policy=rates.policy,
        is_estimated=usage.is_estimated or _is_uncertain(rates, usage, priced),
    )


def _without_rate(
    rates: PinnedRates, usage: ModelUsage, priced: Mapping[str, Rate]
) -> tuple[tuple[str, int], ...]:
    """List what was used and has no rate, though it may cost something."""
    if rates.policy == "free":
        return ()
    free = {kind for kind, known in KINDS.items() if known.is_free}
    missing = usage.all_counts.keys() - priced.keys() - free
    return tuple(sorted((kind, usage.all_counts[kind]) for kind in missing))


def rate_of(table: Mapping[str, Rate], kind: str) -> Rate | None:
    """Find the rate of a kind, or of the first kind that it falls back to.

    >>> rate_of({"input": Rate(Decimal(2))}, "cache_read").each
    Decimal('2')
    """
    known = KINDS.get(kind)
    for name in (kind, *(known.falls_back_to if known else ())):
        if name in table:
            return table[name]
    return None


def _line(kind: str, count: int, rate: Rate, prompt: int, markup: Markup) -> CostLine:
    each = rate.at(prompt)
    cost = trimmed(multiply_exactly(each, Decimal(count)))
    tokens = count if kind in TOKEN_KINDS else 0
    return CostLine(
        kind=kind,
        count=count,
        each=each,
        vendor_cost=cost,
        amount=markup.applied(cost, tokens),
        source=rate.source,
        since=rate.since,
    )


def _is_uncertain(rates: PinnedRates, usage: ModelUsage, priced: Mapping[str, Rate]) -> bool:
    """Tell whether another rate than the one taken may be the right one.

    So it is where requests of one usage may lie in different tiers, where the vendor told no
    direction, and under a condition that the rates know nothing of.
    """
    lowest = [rate.tiers[0].above for rate in priced.values() if rate.tiers]
    may_differ = usage.requests > 1 and any(usage.input_tokens > start for start in lowest)
    known = {pair for variant in rates.variants for pair in variant.when}
    strange = {pair for pair in usage.conditions if pair not in known} - _USUAL
    return may_differ or bool(usage.undirected) or bool(strange)


def _unpriced(cost: ModelCost) -> UnpricedUsage:
    told = ", ".join(f"{count} {echo(name)}" for name, count in cost.unpriced)
    return UnpricedUsage(
        f"{echo(cost.model)} by {echo(cost.vendor)} used {told}, and no rate prices that; add it "
        "to a rate card of the model, at 0 if it costs nothing",
        unpriced=dict(cost.unpriced),
        cost=cost,
    )


def _check_rate(kind: str, rate: Rate) -> None:
    if kind_of(kind) is None:
        raise InvalidRates(f"{echo(kind)} is no kind of use; known are {', '.join(KINDS)}")
    if len(rate.tiers) > MAXIMUM_TIERS:
        raise InvalidRates(f"a rate of {kind} has more than {MAXIMUM_TIERS} tiers")
    prices: list[object] = [rate.each, *(tier.each for tier in rate.tiers)]
    for each in prices:
        if not isinstance(each, Decimal) or not each.is_finite() or each < 0:
            raise InvalidRates(f"the rate of {kind} must be a Decimal of 0 or more, not {each!r}")
    starts = [tier.above for tier in rate.tiers]
    if starts != sorted(set(starts)):
        raise InvalidRates(f"the tiers of {kind} must ascend, each above another length")
