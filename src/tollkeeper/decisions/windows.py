"""When the window of a limit begins and ends for one customer, in microseconds. Pure.

A window once begun keeps its end: a customer's new time zone holds from the next one (D4).
"""

from tollkeeper.catalog.terms import Limit, WindowKind
from tollkeeper.decisions.tallies import Counter, OnPlan, Tally
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import Period, period_at
from tollkeeper.values.successions import NumberedPeriod, numbered_after, window_after
from tollkeeper.values.windows import CalendarKind, window
from tollkeeper.values.zones import zone

#: A window that never ends.
FOR_EVER = (0, 0)


def window_of(limit: Limit, own: Tally, now: int, before: Counter | None = None) -> tuple[int, int]:
    """Give the window of a limit that a moment lies in: start and end, 0 for none.

    `before` is the counter of the window before; where the customer's zone changed since, the new
    window begins where that one ended.
    """
    kind = limit.window.kind
    if kind == "rolling":
        return now, now + limit.window.seconds * 1_000_000
    if kind == "lifetime":
        return FOR_EVER
    if kind == "period":
        return period_of(own, now)
    return calendar_window(kind, own.zone, now, before)


def period_of(own: Tally, now: int) -> tuple[int, int]:
    """Give the running billing period: of the plan, else the calendar's month (D4).

    The period in which a customer moved to another zone keeps its end, and so its number.
    """
    plan = main_plan(own, now)
    if plan is None:
        return calendar_window("month", own.zone, now)
    if plan.start <= now < plan.end:
        return plan.start, plan.end
    return _period_at(plan, own.zone, now)


def main_plan(own: Tally, now: int) -> OnPlan | None:
    """Give the first plan that is live: its periods are the customer's."""
    for plan in own.plans:
        if not plan.ends or now < plan.ends:
            return plan
    return None


def calendar_window(
    kind: WindowKind, zone_name: str | None, now: int, before: Counter | None = None
) -> tuple[int, int]:
    """Give the window of a zone's calendar, after the one before it."""
    named, moment, place = _CALENDAR[kind], from_microseconds(now), zone(zone_name)
    if before is None or not before.end:
        found = window(named, moment, place)
    else:
        previous = Period(from_microseconds(before.start), from_microseconds(before.end))
        found = window_after(previous, named, moment, place)
    return to_microseconds(found.start), to_microseconds(found.end)


_CALENDAR: dict[WindowKind, CalendarKind] = {
    "minute": "minute",
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
    "quarter": "quarter",
    "year": "year",
}


def _period_at(plan: OnPlan, zone_name: str | None, now: int) -> tuple[int, int]:
    anchor, every = from_microseconds(plan.anchor), Interval.parse(plan.interval)
    moment, place = from_microseconds(now), zone(zone_name)
    if plan.number is None or now < plan.start:
        found = period_at(anchor, every, moment, place)
    else:
        running = Period(from_microseconds(plan.start), from_microseconds(plan.end))
        kept = NumberedPeriod(plan.number, running)
        found = numbered_after(kept, anchor, every, moment, place).period
    return to_microseconds(found.start), to_microseconds(found.end)
