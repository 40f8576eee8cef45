"""A subscription as it stands in the books, and how it reads at a moment. Pure.

Whether it is over is a comparison of moments, and waits for no job (A8).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.tallies import OnPlan
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.periods import Period
from tollkeeper.values.subscriptions import Subscription
from tollkeeper.values.successions import NumberedPeriod, numbered_after, numbered_at
from tollkeeper.values.zones import zone as zone_named

#: The period of a plan that names none: a free one.
USUAL_PERIOD = "month"


class Subscribed(NamedTuple):
    """One subscription of a customer: its row (see store.subscriptions)."""

    customer: str
    id: str
    plan: str
    group: str
    is_add_on: bool
    #: Whether it has no price: it gives way to one that has.
    is_free: bool
    interval: str | None
    quantity: int
    version: str
    anchor: datetime
    zone: str | None
    started_at: datetime
    ends_at: datetime | None
    payment_id: str | None
    #: What it gives, each with its unit, as it began.
    allowances: tuple[tuple[str, Recurrence], ...]
    #: The period in which the customer last moved to another zone: it kept its end (D4).
    moved_in: NumberedPeriod | None
    #: What an end at once took back of the running period's allowances, by unit; else nothing.
    left_over: tuple[tuple[str, int], ...]
    created_at: datetime
    updated_at: datetime

    @property
    def units(self) -> tuple[str, ...]:
        """Name the units that it gives something of."""
        return tuple([unit for unit, _ in self.allowances])

    def is_live(self, now: datetime) -> bool:
        """Tell whether it gives its plan to the customer."""
        return self.ends_at is None or now < self.ends_at

    def running(self, now: datetime) -> Period:
        """Give the billing period at a moment; the last one where it is over."""
        return self.numbered(now).period

    def numbered(self, now: datetime) -> NumberedPeriod:
        """Give the billing period at a moment, and its number; the last one where it is over."""
        moment = now if self.ends_at is None else min(now, self.ends_at)
        found = self._numbered(moment)
        start = found.period.start
        if self.ends_at is not None and moment == start == self.ends_at > self.started_at:
            return self._numbered(start - start.resolution)
        return found

    def _numbered(self, moment: datetime) -> NumberedPeriod:
        every, zone = Interval.parse(self.interval or USUAL_PERIOD), zone_named(self.zone)
        if self.moved_in is None:
            return numbered_at(self.anchor, every, moment, zone)
        return numbered_after(self.moved_in, self.anchor, every, moment, zone)

    def told(self, now: datetime) -> Subscription:
        """Tell how it stands at a moment."""
        return Subscription(
            id=self.id,
            customer=self.customer,
            plan=self.plan,
            group=self.group,
            is_add_on=self.is_add_on,
            status="active" if self.is_live(now) else "cancelled",
            interval=self.interval,
            quantity=self.quantity,
            catalog_version=self.version,
            anchor=self.anchor,
            started_at=self.started_at,
            period=self.running(now),
            ends_at=self.ends_at,
            payment_id=self.payment_id,
        )

    def on_plan(self, now: datetime) -> OnPlan:
        """Give what charges need to know of it."""
        number, running = self.numbered(now)
        return OnPlan(
            plan=self.plan,
            subscription=self.id,
            version=self.version,
            anchor=to_microseconds(self.anchor),
            interval=self.interval or USUAL_PERIOD,
            start=to_microseconds(running.start),
            end=to_microseconds(running.end),
            ends=to_microseconds(self.ends_at) if self.ends_at else 0,
            group=self.group,
            is_add_on=self.is_add_on,
            number=None if self.moved_in is None else number,
        )


class SubscriptionsOf(NamedTuple):
    """Every subscription that a customer has or had, in the order of their ids: a question."""

    customer: str


def preferred(found: Iterable[Subscribed], now: datetime) -> Subscribed | None:
    """Choose the one that counts: live before over, plans before add-ons, then the latest."""
    return max(found, key=lambda each: _rank(each, now), default=None)


def live(found: Sequence[Subscribed], now: datetime) -> list[Subscribed]:
    """Keep those that are live at a moment."""
    return [each for each in found if each.is_live(now)]


def with_plan(plans: Iterable[OnPlan], added: OnPlan, now: datetime) -> tuple[OnPlan, ...]:
    """Put a plan among those that are not over: plans first, then add-ons, in the order taken."""
    moment = to_microseconds(now)
    others = [
        plan
        for plan in plans
        if plan.subscription != added.subscription and (not plan.ends or moment < plan.ends)
    ]
    return ordered([*others, added])


def ordered(plans: Iterable[OnPlan]) -> tuple[OnPlan, ...]:
    """Put plans in their order: plans first, then add-ons, in the order taken."""
    return tuple(sorted(plans, key=_order))


def _order(plan: OnPlan) -> tuple[bool, str]:
    return plan.is_add_on, plan.subscription


def _rank(each: Subscribed, now: datetime) -> tuple[bool, bool, str]:
    return each.is_live(now), not each.is_add_on, each.id
