"""Gauges: how many of something a customer has at once, such as seats or projects (C4). Pure.

A gauge goes up and down; going up is compared with its ceiling under the customer's lock, so it
holds whatever happens at once. Going down is always possible: after a downgrade there may be more
than a plan allows, and none can be added until there are fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from tollkeeper.catalog.terms import SoldPlan
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.tallies import OWN, Counter, Tally, counted
from tollkeeper.errors import InvalidRequest, LimitReached, NotEntitled
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.moments import to_microseconds

if TYPE_CHECKING:
    from tollkeeper.catalog.entitlements import Promised

#: What counters of gauges are named by; no limit's name begins so.
PREFIX = "gauge:"


class Promising(Protocol):
    """A price list that knows what plans promise."""

    def promised(self, feature: str, plans: Sequence[SoldPlan]) -> "Promised":
        """Tell what a feature is to a customer on these plans."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveGauge(Request):
    """Add to a gauge, take from it, or set it."""

    verb: ClassVar[str] = "move_gauge"

    feature: str
    #: By how much, or to how many: one of the two.
    by: int | None
    to: int | None
    prices: Promising

    def needs(self) -> Needs:
        """Ask for the customer's own tally."""
        return Needs(tallies=((self.customer, OWN),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Move it, unless that would pass its ceiling.

        Raises LimitReached, NotEntitled, or InvalidRequest below zero.
        """
        own, moment = book.tally(self.customer, OWN), to_microseconds(now)
        before = in_use(own, self.feature)
        after = before + (self.by or 0) if self.to is None else self.to
        if not 0 <= after <= MAXIMUM:
            raise InvalidRequest(
                f"{self.customer!r} has {before} of {self.feature!r}; there cannot be {after}.",
                feature=self.feature,
                in_use=before,
            )
        plans = sold(own, moment)
        promised = self.prices.promised(self.feature, plans)
        if after > before:
            self._check(promised, [plan for plan, _ in plans], before, after)
        counter = Counter(PREFIX + self.feature, 0, 0, after)
        tally = own._replace(
            version=own.version + 1,
            counters=counted(own.counters, [counter], moment),
            updated=max(own.updated, moment),
        )
        told = {"feature": self.feature, "in_use": after, "ceiling": promised.ceiling}
        return Outcome(result={"gauge": told}, tallies=(tally,), is_kept=True)

    def _check(self, promised: "Promised", plans: list[str], before: int, after: int) -> None:
        most = promised.ceiling
        if most is None or after <= most:
            return
        if not promised.is_allowed:
            shown = ", ".join(plans) or "none"
            raise NotEntitled(
                f"{self.feature!r} is not part of the customer's plans ({shown}).",
                feature=self.feature,
                plans=plans,
            )
        raise LimitReached(
            f"{after} {self.feature} asked, {most} allowed; {before} are in use.",
            limit=PREFIX + self.feature,
            subject=OWN,
            at_most=str(most),
            used=str(before),
            held="0",
            left=str(max(0, most - before)),
            required=str(after - before),
            resets_at=None,
            retry_after_seconds=None,
        )


def in_use(own: Tally, feature: str) -> int:
    """Tell how many there are."""
    counter = own.counter(PREFIX + feature, 0)
    return 0 if counter is None else counter.used


def sold(own: Tally, now: int) -> list[SoldPlan]:
    """Name the plans that are live, the main one first, with what they were sold under."""
    live = [plan for plan in own.plans if not plan.ends or now < plan.ends]
    return [(plan.plan, plan.version) for plan in live]
