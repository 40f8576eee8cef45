"""What a call will cost, before it is made: from calls like it, else from its limits. Pure.

The estimate sizes a hold, so it looks at the upper end and says how sure it is. Where the history
comes from is not its matter: it takes a sample of past usages of one feature and model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from tollkeeper.errors import InvalidUsage
from tollkeeper.metering.costs import to_money
from tollkeeper.metering.rates import PinnedRates
from tollkeeper.metering.usage import ModelUsage, check_count
from tollkeeper.values.money import Money

#: How an estimate was made: from enough calls, from a few, from the call's own limits, or from
#: nothing but a usual length of answers.
Basis = Literal["history", "few", "limits", "guess"]

#: Most samples that are looked at, the last ones.
MAXIMUM_SAMPLES: Final = 1_000
#: Fewest samples of which one in twenty, which p95 leaves out, is one at least.
ENOUGH_SAMPLES: Final = 20
#: Tokens of an answer whose length nobody limited.
USUAL_OUTPUT: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """What a call will probably cost, exactly, in one currency."""

    #: The currency of the amounts.
    currency: str
    #: Half of such calls cost no more than this.
    p50: Decimal
    #: Nineteen in twenty cost no more than this: what to hold.
    p95: Decimal
    #: How it was made.
    basis: Basis
    #: How many calls it was made from.
    samples: int

    @property
    def money(self) -> Money:
        """What to hold: p95 as money, rounded once, half-even."""
        return to_money(self.p95, self.currency)


def estimate_cost(
    rates: PinnedRates,
    *,
    history: Sequence[ModelUsage] = (),
    prompt_tokens: int = 0,
    maximum_output: int | None = None,
) -> CostEstimate:
    """Estimate what the next call costs at these rates, markup included.

    Past usages are priced at today's rates. With twenty or more, p50 and p95 are the smallest costs
    that half and 95 % of them do not pass. With fewer, p95 is the dearest of them or what the
    limits allow, whichever is more. Without any, both are what the limits allow: the prompt, and
    an answer as long as `maximum_output` (4,096 tokens if nobody limits it).

    Args:
        rates: the pinned rates that the call will be priced at.
        history: usages of past calls of the same feature and model, the latest last; the last
            1,000 count.
        prompt_tokens: tokens of the prompt; `estimated_tokens(text)` gives a rough number.
        maximum_output: the `max_tokens` of the call.

    Raises:
        InvalidUsage: a number of tokens is negative or no integer.
        UsageMismatch: the history has usages of another model.

    >>> from tollkeeper.metering.rates import Rate
    >>> rates = PinnedRates(
    ...     vendor="acme", model="small", currency="usd", at=None,
    ...     rates=(("input", Rate(Decimal("0.000001"))), ("output", Rate(Decimal("0.000004")))),
    ... )
    >>> estimate = estimate_cost(rates, prompt_tokens=1000, maximum_output=500)
    >>> estimate.p95, estimate.basis
    (Decimal('0.003'), 'limits')
    """
    check_count(prompt_tokens, "prompt_tokens")
    sample = history[-MAXIMUM_SAMPLES:]
    costs = sorted(rates.cost_of_known(usage).amount for usage in sample)
    bound = _at_most(rates, prompt_tokens, maximum_output)
    if not costs:
        p50 = p95 = bound
    elif len(costs) < ENOUGH_SAMPLES:
        p50, p95 = nearest_rank(costs, 50), max(costs[-1], bound if maximum_output else costs[-1])
    else:
        p50, p95 = nearest_rank(costs, 50), nearest_rank(costs, 95)
    return CostEstimate(
        currency=rates.currency,
        p50=p50,
        p95=p95,
        basis=_basis(len(costs), maximum_output),
        samples=len(costs),
    )


def nearest_rank(ascending: Sequence[Decimal], percent: int) -> Decimal:
    """Give the smallest of the values that so many per cent of them do not pass.

    Raises:
        InvalidUsage: there are no values, or `percent` is not from 1 to 100.

    >>> nearest_rank([Decimal(1), Decimal(2), Decimal(3)], 50)
    Decimal('2')
    """
    if not ascending or not 1 <= percent <= 100:
        raise InvalidUsage(f"no value is at {percent} % of {len(ascending)}")
    rank = -(-len(ascending) * percent // 100)
    return ascending[rank - 1]


def _at_most(rates: PinnedRates, prompt_tokens: int, maximum_output: int | None) -> Decimal:
    output = USUAL_OUTPUT if maximum_output is None else maximum_output
    usage = ModelUsage(vendor=rates.vendor, model=rates.model, input=prompt_tokens, output=output)
    return rates.cost_of_known(usage).amount


def _basis(samples: int, maximum_output: int | None) -> Basis:
    if samples:
        return "history" if samples >= ENOUGH_SAMPLES else "few"
    return "guess" if maximum_output is None else "limits"
