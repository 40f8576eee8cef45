"""The waterfall: which source of payment takes which part of a quantity (C1, C2). Pure.

It divides a quantity, exactly: the parts add up to it, and where parts are paid at one rate, their
amounts add up to the rated total, because each is the difference of two totals rounded once
(`catalog.rates`). It touches no account.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tollkeeper.catalog.rates import Rate
from tollkeeper.catalog.terms import Step, StepKind


class Source(NamedTuple):
    """A step of the waterfall, with what it can pay."""

    step: Step
    #: The most it can pay now; None pays whatever it is asked (the later bill).
    capacity: int | None


class Share(NamedTuple):
    """What one source pays of a charge."""

    source: str
    kind: StepKind
    unit: str
    quantity: int
    amount: int


#: Parts are rated as one total where unit and rate are the same; rates that count from the period's
#: start go on from what the period has rated of the feature in that unit, whatever the rate was.
RatedAs = tuple[str, Rate | None]

#: How much was rated as one total so far: in the period, and by the parts of a charge before.
Rated = Mapping[RatedAs, int]

_NONE: Rated = {}


class Divided(NamedTuple):
    """A quantity divided among sources."""

    shares: tuple[Share, ...]
    #: What nobody could pay.
    unpaid: int
    #: How much of it was rated, by what it is rated as.
    rated: Rated
    #: The step of each share.
    steps: tuple[Step, ...] = ()


def divide(
    quantity: int, sources: Iterable[Source], *, whole: int = 0, before: Rated = _NONE
) -> Divided:
    """Let each source in turn pay what it can of what is left.

    Args:
        quantity: what was used, scaled.
        sources: who pays, in order.
        whole: the scaled quantity of one whole unit, where each is paid by one source alone.
        before: what was rated earlier, in the period or in this charge.
    """
    shares: list[Share] = []
    paying: list[Step] = []
    rated: dict[RatedAs, int] = {}
    left = quantity
    for step, capacity in sources:
        source, kind, unit, rate, _ = step
        key = rated_as(step)
        done = rated.get(key, 0)
        earlier = done + before.get(key, 0) if before else done
        taken = left
        if capacity is not None:
            taken = _affordable(rate, earlier, capacity, left, whole)
        if not taken:
            continue
        amount = rate.between(earlier, taken)
        shares.append(Share(source, kind, unit, taken, amount))
        paying.append(step)
        rated[key] = done + taken
        left -= taken
        if not left:
            break
    return Divided(tuple(shares), left, rated, tuple(paying))


def _affordable(rate: Rate, earlier: int, capacity: int, left: int, whole: int) -> int:
    """Tell how much a source can pay; nothing is free there only because it rounds to nothing."""
    if capacity <= 0:
        # What goes on from a total that was rounded up costs nothing more, and is paid already.
        is_paid = bool(earlier) or rate.is_free
        return left if is_paid and not rate.between(earlier, left) else 0
    taken = rate.affordable(earlier, capacity, left)
    if not whole or taken == left:
        return taken
    taken -= taken % whole
    # Fewer may cost more where a rate falls with the quantity (volume tiers).
    while taken and rate.between(earlier, taken) > capacity:
        taken = rate.affordable(earlier, capacity, taken - 1)
        taken -= taken % whole
    return taken


def summed(first: Rated, second: Rated) -> Rated:
    """Add up what was rated."""
    if not (first and second):
        return first or second
    return {key: first.get(key, 0) + second.get(key, 0) for key in {**first, **second}}


def rated_as(step: Step) -> RatedAs:
    """Tell with what a step's quantity is rated as one total."""
    return (step.unit, None if step.by_period else step.rate)


def rated_before(step: Step, before: Rated) -> int:
    """Tell how much was rated before, by what a step is rated as."""
    return before.get(rated_as(step), 0)


def amounts_by_unit(shares: Sequence[Share]) -> dict[str, int]:
    """Sum what is paid in each unit, in the order of the shares."""
    amounts: dict[str, int] = {}
    for share in shares:
        amounts[share.unit] = amounts.get(share.unit, 0) + share.amount
    return amounts
