"""Successions: what follows when the zone or the interval changed in the middle of a period.

Owns the seam between two ways of counting; must never read a clock. A change applies from the next
period (D4). The laws: the period under way keeps its end, the next one begins there, it is not
empty, and the periods after it tile as ever. A change of the zone alone keeps the anchor and the
number of each period, so nobody gets a period more by moving about. A window of the calendar keeps
its end as well, so that moving about refills no counter.
"""

from calendar import MONDAY
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.intervals import Base, Interval
from tollkeeper.values.moments import utc
from tollkeeper.values.periods import Period, period, period_number, wall_start
from tollkeeper.values.windows import CalendarKind, window
from tollkeeper.values.zones import local_time, reached

#: How many periods are looked through for one that begins on the anchor's own day and time: enough
#: for a month that is as long, and for a leap year.
MAXIMUM_TRIES: Final = 12


class Succession(NamedTuple):
    """The period under way, the one that follows, and what those after it are counted from."""

    #: The period in which the change was made, by the old zone and interval.
    current: Period
    #: The period after it. Where the zone changed it may be some days longer or shorter than usual.
    following: Period
    #: What later periods are counted from, by the new zone and interval.
    anchor: datetime
    #: The number of `following`; the next one is `period(anchor, interval, number + 1, zone)`.
    number: int


class NumberedPeriod(NamedTuple):
    """A period, and which one it is, counted from the anchor."""

    number: int
    period: Period


def numbered_after(
    earlier: NumberedPeriod, anchor: datetime, interval: Interval, moment: datetime, zone: tzinfo
) -> NumberedPeriod:
    """Give the period of a moment, after one that keeps its end although the zone is another now.

    Raises:
        InvalidRequest: as `period` does.

    >>> from zoneinfo import ZoneInfo
    >>> anchor, tokyo = datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Tokyo")
    >>> month = Interval(1, "month")
    >>> kept = NumberedPeriod(1, period(anchor, month, 1))
    >>> found = numbered_after(kept, anchor, month, datetime(2026, 3, 1, tzinfo=UTC), tokyo)
    >>> print(found.number, *found.period)
    2 2026-03-01 00:00:00+00:00 2026-04-01 00:00:00+00:00
    """
    if moment < earlier.period.end:
        return earlier
    found = _succession(earlier.period, anchor, interval, earlier.number + 1, zone)
    if moment < found.following.end:
        return NumberedPeriod(found.number, found.following)
    return numbered_at(anchor, interval, moment, zone)


def numbered_at(
    anchor: datetime, interval: Interval, moment: datetime, zone: tzinfo
) -> NumberedPeriod:
    """Give the period of a moment, where the zone was always the same.

    Raises:
        InvalidRequest: as `period` does.
    """
    number = period_number(anchor, interval, moment, zone)
    return NumberedPeriod(number, period(anchor, interval, number, zone))


def change_interval(
    anchor: datetime,
    interval: Interval,
    moment: datetime,
    new: Interval,
    zone: tzinfo = UTC,
) -> Succession:
    """Tell what follows when another interval was chosen at a moment.

    The new interval begins where the period under way ends. An anchor on the 31st stays on it:
    after February the periods end on the 31st again.

    Raises:
        InvalidRequest: a time has no zone, or a period reaches outside the years 1 to 9999.

    >>> anchor = datetime(2027, 1, 31, tzinfo=UTC)
    >>> chosen = datetime(2027, 2, 10, tzinfo=UTC)
    >>> changed = change_interval(anchor, Interval(1, "month"), chosen, Interval(3, "month"))
    >>> print(*changed.following)
    2027-02-28 00:00:00+00:00 2027-05-31 00:00:00+00:00
    """
    number = period_number(anchor, interval, moment, zone)
    current = period(anchor, interval, number, zone)
    if new == interval:
        return _succession(current, utc(anchor, "anchor"), interval, number + 1, zone)
    wall = local_time(utc(anchor, "anchor"), zone)
    for back in range(MAXIMUM_TRIES if interval.base == new.base != "second" else 0):
        kept = _kept(wall, (number + 1) * interval.length + back * new.length, new.base, zone)
        if kept:
            return _succession(current, kept, new, -back, zone)
    return _succession(current, current.end, new, 0, zone)


def window_after(
    previous: Period,
    kind: CalendarKind,
    moment: datetime,
    zone: tzinfo = UTC,
    *,
    week_start: int = MONDAY,
) -> Period:
    """Give the window of a moment to a counter whose last window may be of another zone.

    The last window holds until its end. What it overlaps of the next one is left out; if no more
    than half of that remains, the remainder is joined with the window after it.

    Raises:
        InvalidRequest: as `window` does.

    A day in Berlin ends at three in the afternoon in Los Angeles. There are nine hours left, too
    few for a day's limit of their own:

    >>> from zoneinfo import ZoneInfo
    >>> berlin, los_angeles = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")
    >>> previous = window("day", datetime(2026, 6, 1, 12, tzinfo=UTC), berlin)
    >>> print(*window_after(previous, "day", datetime(2026, 6, 2, tzinfo=UTC), los_angeles))
    2026-06-01 22:00:00+00:00 2026-06-03 07:00:00+00:00
    """
    moment = utc(moment, "moment")
    if previous.covers(moment):
        return previous
    found = window(kind, moment, zone, week_start=week_start)
    if moment < previous.start:
        return Period(found.start, min(found.end, previous.start))
    if found.start >= previous.end:
        return found
    remains = Period(previous.end, found.end)
    if remains.duration * 2 > found.duration:
        return remains
    return Period(previous.end, window(kind, found.end, zone, week_start=week_start).end)


def _succession(
    current: Period, anchor: datetime, interval: Interval, number: int, zone: tzinfo
) -> Succession:
    """Begin the next period where the current one ends; pass over those that ended before."""
    while (end := period(anchor, interval, number, zone).end) <= current.end:
        number += 1
    return Succession(current, Period(current.end, end), anchor, number)


def _kept(wall: datetime, ahead: int, base: Base, zone: tzinfo) -> datetime | None:
    """Give the moment so many days or months after the anchor, if its day and time are kept."""
    try:
        wanted = wall_start(wall, Interval(1, "day" if base == "day" else "month"), ahead)
    except InvalidRequest:
        return None
    moment = reached(wanted, zone)
    is_kept = local_time(moment, zone) == wanted and (base == "day" or wanted.day == wall.day)
    return moment if is_kept else None
