"""Periods: where each one begins and ends, counted from an anchor. Must never read a clock.

Period n begins at anchor + n × interval, reckoned each time from the anchor and never from the
period before, so that a month's end is not lost in February (D4). Months, weeks and days are those
of the calendar in a zone, hours and minutes are time that passes. The laws, for every zone:

- Periods tile: each ends where the next begins, and none ends before it begins.
- Period 0 begins at the anchor itself, to the microsecond.
- Every other one begins when the clock on the wall first shows the anchor's time of day or later,
  on the anchor's day of the month or the last one of a shorter month.
- Each moment lies in exactly one period.

A zone may skip a whole day (Samoa had no 30 December 2011). A daily period of that day is empty: it
ends where it begins, so nothing lies in it, and those after it keep their numbers.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import utc
from tollkeeper.values.zones import local_time, out_of_range, reached

#: Days that every month has.
SHORTEST_MONTH: Final = 28


class Period(NamedTuple):
    """A span of time, in UTC: `start` belongs to it, `end` does not."""

    #: The first moment of it, UTC.
    start: datetime
    #: The first moment after it, UTC.
    end: datetime

    @property
    def is_empty(self) -> bool:
        """Whether no moment lies in it, as in a local day that the zone skipped."""
        return self.start == self.end

    @property
    def duration(self) -> timedelta:
        """The time that passes in it."""
        return self.end - self.start

    def covers(self, moment: datetime) -> bool:
        """Tell whether a moment lies in it.

        >>> june = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
        >>> june.covers(june.start), june.covers(june.end)
        (True, False)
        """
        return self.start <= moment < self.end


def period(anchor: datetime, interval: Interval, number: int, zone: tzinfo = UTC) -> Period:
    """Give the period with a number: 0 begins at the anchor, -1 ends there.

    Args:
        anchor: the moment that periods are counted from, aware.
        interval: how long each period lasts.
        number: which one; negative ones lie before the anchor.
        zone: whose calendar counts.

    Raises:
        InvalidRequest: the anchor has no zone, or the period reaches outside the years 1 to 9999.

    >>> anchor = datetime(2027, 1, 31, 9, tzinfo=UTC)
    >>> [f"{period(anchor, Interval(1, 'month'), n).start:%d %b}" for n in range(4)]
    ['31 Jan', '28 Feb', '31 Mar', '30 Apr']
    """
    start = _starts(utc(anchor, "anchor"), interval, zone)
    return Period(start(number), start(number + 1))


def period_number(
    anchor: datetime, interval: Interval, moment: datetime, zone: tzinfo = UTC
) -> int:
    """Give the number of the period that a moment lies in.

    Raises:
        InvalidRequest: a time has no zone, or the period reaches outside the years 1 to 9999.

    >>> anchor = datetime(2027, 1, 31, 9, tzinfo=UTC)
    >>> period_number(anchor, Interval(1, "month"), datetime(2027, 2, 28, 9, tzinfo=UTC))
    1
    """
    return _located(utc(anchor, "anchor"), interval, utc(moment, "moment"), zone)[0]


def period_at(anchor: datetime, interval: Interval, moment: datetime, zone: tzinfo = UTC) -> Period:
    """Give the period that a moment lies in; it is never empty.

    Raises:
        InvalidRequest: a time has no zone, or the period reaches outside the years 1 to 9999.

    >>> anchor = datetime(2024, 2, 29, tzinfo=UTC)
    >>> print(*period_at(anchor, Interval(1, "year"), datetime(2027, 7, 1, tzinfo=UTC)))
    2027-02-28 00:00:00+00:00 2028-02-29 00:00:00+00:00
    """
    return _located(utc(anchor, "anchor"), interval, utc(moment, "moment"), zone)[1]


def wall_start(wall: datetime, interval: Interval, number: int) -> datetime:
    """Count local days or months on from a local time; a month that is too short ends earlier.

    Raises:
        InvalidRequest: that is outside the years 1 to 9999.

    >>> wall_start(datetime(2024, 2, 29), Interval(1, "year"), 3).isoformat()
    '2027-02-28T00:00:00'
    """
    try:
        if interval.base == "day":
            return wall + timedelta(days=number * interval.length)
        year, month = divmod(wall.year * 12 + wall.month - 1 + number * interval.length, 12)
        day = wall.day
        if day > SHORTEST_MONTH:
            day = min(day, monthrange(year, month + 1)[1])
        return wall.replace(year=year, month=month + 1, day=day)
    except (OverflowError, ValueError) as error:
        raise out_of_range() from error


def _starts(anchor: datetime, interval: Interval, zone: tzinfo) -> Callable[[int], datetime]:
    """Make the function that tells when the period with a number begins."""
    if interval.base == "second":
        return lambda number: _later(anchor, number * interval.length)
    return _wall_starts(anchor, local_time(anchor, zone), interval, zone)


def _wall_starts(
    anchor: datetime, wall: datetime, interval: Interval, zone: tzinfo
) -> Callable[[int], datetime]:
    return lambda number: reached(wall_start(wall, interval, number), zone) if number else anchor


def _later(anchor: datetime, seconds: int) -> datetime:
    try:
        return anchor + timedelta(seconds=seconds)
    except OverflowError as error:
        raise out_of_range() from error


def _located(
    anchor: datetime, interval: Interval, moment: datetime, zone: tzinfo
) -> tuple[int, Period]:
    """Find the period of a moment and its number: guess, then look at the neighbours."""
    if interval.base == "second":
        start_of = _starts(anchor, interval, zone)
        number = (moment - anchor) // timedelta(seconds=interval.length)
    else:
        wall = local_time(anchor, zone)
        start_of = _wall_starts(anchor, wall, interval, zone)
        number = _guess(wall, interval, local_time(moment, zone))
    start, end = start_of(number), start_of(number + 1)
    while moment < start:
        number -= 1
        start, end = start_of(number), start
    while moment >= end:
        number += 1
        start, end = end, start_of(number + 1)
    return number, Period(start, end)


def _guess(first: datetime, interval: Interval, wall: datetime) -> int:
    """Divide the way on the wall by the interval; where clocks changed it may be a little off."""
    if interval.base == "day":
        return (wall - first) // timedelta(days=interval.length)
    months = (wall.year - first.year) * 12 + wall.month - first.month
    is_before = (wall.day, wall.time()) < (first.day, first.time())
    return (months - is_before) // interval.length
