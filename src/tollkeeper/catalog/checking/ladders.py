"""Tiers of rates: ascending, without gaps, overlaps or steps that nobody reaches (E1)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tollkeeper.catalog.checking.looks import Check, Finding, Look, ladders, rate_lists
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.scalars import write_amount
from tollkeeper.catalog.written_rates import WrittenTier


def _ladders(look: Look) -> Iterator[Finding]:
    for rates in rate_lists(look):
        for path, tiers in ladders(rates):
            yield from ladder(path, tiers, is_endless=rates.is_endless)


def ladder(path: Path, tiers: Sequence[WrittenTier], *, is_endless: bool) -> Iterator[Finding]:
    """Check that steps ascend without a gap, and that each is reached."""
    if not tiers:
        yield path, "there is no step; write at least { each = … }"
        return
    for place, tier in enumerate(tiers[:-1]):
        if tier.up_to is None:
            yield (
                (*path, place + 1),
                "nobody reaches this step, because the one before has no `up_to`",
            )
    if tiers[-1].up_to is not None and is_endless:
        yield (
            (*path, len(tiers) - 1, "up_to"),
            "the last step has no end, or more than that has no price; leave `up_to` out",
        )
    yield from _beginning(path, tiers[0])
    for place, (before, tier) in enumerate(pairwise(tiers), 1):
        if before.up_to is not None:
            yield from _next(path, place, before.up_to, tier)


def _beginning(path: Path, tier: WrittenTier) -> Iterator[Finding]:
    if tier.from_ is not None and tier.from_ > 1:
        least = write_amount(tier.from_)
        yield (*path, 0, "from"), f"there is a gap: less than {least} has no price; begin at 0 or 1"
    if tier.up_to is not None and not tier.up_to:
        yield (*path, 0, "up_to"), "nobody reaches this step, because it ends at 0"


def _next(path: Path, place: int, end: Decimal, tier: WrittenTier) -> Iterator[Finding]:
    """Check one step against the end of the one before; it may begin there, or at one more."""
    if tier.up_to is not None and tier.up_to <= end:
        yield (
            (*path, place, "up_to"),
            f"nobody reaches this step, because the one before goes up to {write_amount(end)}",
        )
    if tier.from_ is None:
        return
    begins = write_amount(tier.from_)
    if tier.from_ < end:
        yield (
            (*path, place, "from"),
            f"the steps overlap: the one before goes up to {write_amount(end)}, this one begins at "
            f"{begins}",
        )
    elif tier.from_ > end + 1:
        yield (
            (*path, place, "from"),
            f"there is a gap: the step before ends at {write_amount(end)}, this one begins at "
            f"{begins}",
        )


CHECKS: Final[tuple[Check, ...]] = (_ladders,)
