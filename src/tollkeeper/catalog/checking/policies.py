"""Policies of a catalog that cannot be kept as they are written."""

from collections.abc import Iterator
from typing import Final

from tollkeeper.catalog.checking.looks import Check, Finding, Look
from tollkeeper.values.intervals import Interval

#: What a hold lives where the call names nothing else must fit; and a year is far more than a hold.
SHORTEST: Final = Interval(15, "minute")
LONGEST: Final = Interval(366, "day")
#: The digits behind the point that a margin is compared with.
PERCENT_DIGITS: Final = 6


def _hold_lifetime(look: Look) -> Iterator[Finding]:
    lifetime = look.catalog.policies.hold_lifetime
    path = ("policies", "hold_lifetime")
    if lifetime.base == "month":
        yield path, f"a {lifetime.span} is not always as long; write minutes, hours, days or weeks"
    elif not SHORTEST.seconds <= lifetime.seconds <= LONGEST.seconds:
        yield (
            path,
            f"a hold may live for {SHORTEST} at least and {LONGEST} at most, not for {lifetime}",
        )


def _least_margin(look: Look) -> Iterator[Finding]:
    margin = look.catalog.policies.least_margin
    if margin is None:
        return
    if not -100 <= margin <= 100 or round(margin, PERCENT_DIGITS) != margin:
        yield (
            ("policies", "least_margin"),
            f"a margin is from -100 % to 100 %, with {PERCENT_DIGITS} digits behind the point",
        )


CHECKS: Final[tuple[Check, ...]] = (_hold_lifetime, _least_margin)
