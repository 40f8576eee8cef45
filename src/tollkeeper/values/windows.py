"""Windows: the minute, hour, day … year of a zone's calendar that a moment lies in.

Owns the windows that limits count over; must never read a clock. The laws, for every zone:

- Windows of one kind tile, none is empty, and each moment lies in exactly one.
- A day, week, month, quarter or year begins when the clock on the wall first shows its midnight or
  later. So a day over a change of the clocks has 23 or 25 hours, a midnight that does not exist is
  the first time that does, and what is shown once more after midnight belongs to the new day.
- A minute or an hour is time that passes, on the marks of the clock on the wall: an hour that the
  clock shows twice is two windows. Where a zone moves the marks themselves (by half an hour, say)
  the window under way ends there, and the next one lasts until the first new mark.

The windows around a moment are kept for the next caller who asks: they are the same for the whole
cell (a minute, an hour or a day of UTC), and every question still compares the moment itself.
"""

from calendar import MONDAY
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Literal

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.moments import utc
from tollkeeper.values.periods import Period
from tollkeeper.values.texts import echo
from tollkeeper.values.zones import (
    changed_between,
    local_time,
    offset,
    out_of_range,
    reached,
)

#: The windows of the calendar.
CalendarKind = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]

#: How many cells are remembered: about 600 bytes each.
REMEMBERED: Final = 8_192

_ELAPSED: Final[dict[str, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}
_CALENDAR: Final = ("day", "week", "month", "quarter", "year")
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_INSTANT: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
#: The day that `toordinal` calls 1.
_FIRST_DAY: Final = datetime(1, 1, 1, tzinfo=UTC)


def window(
    kind: CalendarKind, moment: datetime, zone: tzinfo = UTC, *, week_start: int = MONDAY
) -> Period:
    """Give the window of a zone's calendar that a moment lies in.

    Args:
        kind: minute, hour, day, week, month, quarter or year.
        moment: any aware time.
        zone: whose calendar counts.
        week_start: the first day of a week, as `calendar` counts: 0 is Monday, 6 is Sunday.

    Raises:
        InvalidRequest: there is no such kind, the moment has no zone, or the window reaches outside
            the years 1 to 9999.

    >>> from zoneinfo import ZoneInfo
    >>> noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    >>> day = window("day", noon, ZoneInfo("Europe/Berlin"))
    >>> print(*day, day.duration)
    2026-03-28 23:00:00+00:00 2026-03-29 22:00:00+00:00 23:00:00
    """
    moment = utc(moment, "moment")
    for found in _around(kind, zone, week_start, _cell(kind, moment)):
        if moment < found.end:
            return found
    raise AssertionError("the windows of a cell reach to its end")


def _cell(kind: str, moment: datetime) -> int:
    """Number the minutes, hours or days of UTC from the year 1: numbers are found quickly."""
    day = moment.toordinal()
    if kind == "minute":
        return day * 1_440 + moment.hour * 60 + moment.minute
    return day * 24 + moment.hour if kind == "hour" else day


@lru_cache(maxsize=REMEMBERED)
def _around(kind: str, zone: tzinfo, week_start: int, cell: int) -> tuple[Period, ...]:
    """Give the windows that have a moment in the cell, in order, and perhaps one before them."""
    _check(kind, week_start)
    length = _ELAPSED.get(kind, _DAY)
    try:
        first = _FIRST_DAY + (length * cell - _DAY)
        found = [_found(kind, first, zone, week_start)]
        while found[-1].end - first < length:
            found.append(_found(kind, found[-1].end, zone, week_start))
    except (OverflowError, ValueError) as error:
        raise out_of_range() from error
    return tuple(found)


def _check(kind: str, week_start: int) -> None:
    if kind not in _ELAPSED and kind not in _CALENDAR:
        known = ", ".join((*_ELAPSED, *_CALENDAR))
        raise InvalidRequest(f"{echo(str(kind))} is not a window of the calendar; use {known}")
    if week_start not in range(7):
        raise InvalidRequest("a week starts on a day from 0 (Monday) to 6 (Sunday)")


def _found(kind: str, moment: datetime, zone: tzinfo, week_start: int) -> Period:
    if kind in _ELAPSED:
        return _marked(_ELAPSED[kind], moment, zone)
    return _dated(kind, moment, zone, week_start)


def _marked(length: timedelta, moment: datetime, zone: tzinfo) -> Period:
    """Give the time between two marks of the clock on the wall, cut where the marks move."""
    aware = moment.astimezone(zone)
    start = moment - _past(length, aware)
    end = start + length
    before, after = (_marks(length, each, zone) for each in (start, end - _INSTANT))
    now = offset(aware) % length
    if before != now:
        start = changed_between(zone, start, moment)
    if after != now:
        end = changed_between(zone, moment, end - _INSTANT)
    return Period(start, end)


def _past(length: timedelta, aware: datetime) -> timedelta:
    """Give how long ago the clock on the wall was at a mark."""
    shown = timedelta(
        hours=aware.hour,
        minutes=aware.minute,
        seconds=aware.second,
        microseconds=aware.microsecond,
    )
    return shown % length


def _marks(length: timedelta, moment: datetime, zone: tzinfo) -> timedelta:
    """Give where the marks of a zone lie between those of UTC."""
    return offset(moment.astimezone(zone)) % length


def _dated(kind: str, moment: datetime, zone: tzinfo, week_start: int) -> Period:
    """Give the window of the date on the wall, between two midnights.

    It is over already where the wall shows that date once more, after the next one had begun.
    """
    first = _first_day(kind, local_time(moment, zone).date(), week_start)
    return Period(_midnight(first, zone), _midnight(_following(kind, first), zone))


def _first_day(kind: str, day: date, week_start: int) -> date:
    if kind == "day":
        return day
    if kind == "week":
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    months = _MONTHS[kind]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def _following(kind: str, first: date) -> date:
    """Give the first day of the next window."""
    if kind in _MONTHS:
        years, month = divmod(first.month - 1 + _MONTHS[kind], 12)
        return first.replace(year=first.year + years, month=month + 1)
    return first + timedelta(days=7 if kind == "week" else 1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return reached(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  # what the wall shows
