"""Laws of windows: of one kind they tile, and each moment lies in exactly one, in every zone."""

from calendar import SUNDAY
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values.calendars import (
    DAY,
    INSTANT,
    NAMES,
    ahead,
    changes,
    first_shown,
    places,
    shown,
)
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.periods import Period
from tollkeeper.values.windows import CalendarKind, window

KINDS: tuple[CalendarKind, ...] = get_args(CalendarKind)
CALENDAR: tuple[CalendarKind, ...] = ("day", "week", "month", "quarter", "year")
ELAPSED: dict[CalendarKind, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}
kinds = st.sampled_from(KINDS)
weekdays = st.integers(0, 6)


def utc(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def check_tiles(kind: CalendarKind, moment: datetime, zone: ZoneInfo, week_start: int) -> Period:
    """Check that a window covers its moments and nothing else, and that its neighbours touch it."""
    found = window(kind, moment, zone, week_start=week_start)
    assert found.covers(moment)
    assert found.start.tzinfo is found.end.tzinfo is UTC
    for within in (found.start, found.end - INSTANT):
        assert window(kind, within, zone, week_start=week_start) == found
    assert window(kind, found.end, zone, week_start=week_start).start == found.end
    assert window(kind, found.start - INSTANT, zone, week_start=week_start).end == found.start
    return found


@given(kinds, places(), weekdays)
def test_windows_tile(kind: CalendarKind, place: tuple[ZoneInfo, datetime], first: int) -> None:
    """C4: no gap, no overlap, none empty: a counter loses no use and counts none twice."""
    zone, moment = place
    check_tiles(kind, moment, zone, first)


@given(st.sampled_from(CALENDAR), places(), weekdays)
def test_a_window_of_dates_begins_at_its_midnight(
    kind: CalendarKind, place: tuple[ZoneInfo, datetime], week_start: int
) -> None:
    """Or, where that is not shown, at the first time after it that is."""
    zone, moment = place
    found = window(kind, moment, zone, week_start=week_start)
    for edge in (found.start, found.end):
        first = first_date(kind, shown(edge, zone), week_start)
        assert edge == first_shown(datetime.combine(first, time()), zone)


def first_date(kind: CalendarKind, wall: datetime, week_start: int) -> date:
    """The date on which the window of a date begins, looked for day by day."""
    day = wall.date()
    while not {
        "day": True,
        "week": day.weekday() == week_start,
        "month": day.day == 1,
        "quarter": day.day == 1 and day.month in (1, 4, 7, 10),
        "year": day.day == 1 and day.month == 1,
    }[kind]:
        day -= DAY
    return day


@given(st.sampled_from(sorted(ELAPSED)), places())
def test_minutes_and_hours_are_time_that_passes(
    kind: CalendarKind, place: tuple[ZoneInfo, datetime]
) -> None:
    """Between two marks of the clock on the wall; shorter only where the marks themselves moved."""
    zone, moment = place
    found, length = window(kind, moment, zone), ELAPSED[kind]
    marks = [ahead(at, zone) % length for at in (found.start - INSTANT, found.start, found.end)]
    assert ahead(found.end - INSTANT, zone) % length == marks[1]
    wall = shown(found.start, zone)
    starts_at_mark = (wall - datetime.combine(wall, time())) % length == timedelta()
    assert starts_at_mark or marks[0] != marks[1]
    assert found.duration == length or (found.duration < length and len(set(marks)) > 1)


def test_every_change_of_every_clock() -> None:
    """Days and hours tile around each change since 1970, in every zone."""
    seen = set()
    for name in NAMES:
        zone, found = ZoneInfo(name), changes(name, 1970, 2040)
        clock = tuple((change, ahead(change, zone)) for change in found)
        if clock not in seen:
            seen.add(clock)
            for change in found:
                check_tiles("day", change, zone, 0)
                check_tiles("hour", change - INSTANT, zone, 0)
    assert len(seen) > 100


@pytest.mark.parametrize(
    ("kind", "name", "moment", "start", "end"),
    [
        # Clocks are put forward and back: days of 23, 25 and 24.5 hours.
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("day", "Australia/Lord_Howe", "2026-04-05T00:00", "2026-04-04T13:00", "2026-04-05T13:30"),
        # Winter time is the one that is put back: its offset is below the standard one.
        ("day", "Europe/Dublin", "2026-10-25T12:00", "2026-10-24T23:00", "2026-10-26T00:00"),
        # A midnight that does not exist is one o'clock.
        ("day", "America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),
        ("day", "Africa/Cairo", "2024-04-26T12:00", "2024-04-25T22:00", "2024-04-26T21:00"),
        # A midnight that comes twice is the earlier one; here the clock goes back a minute after.
        ("day", "America/St_Johns", "2006-10-29T02:35", "2006-10-29T02:30", "2006-10-30T03:30"),
        # A day that was skipped has no window.
        ("day", "Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
        ("week", "Pacific/Apia", "2011-12-30T10:00", "2011-12-26T10:00", "2012-01-01T10:00"),
        ("month", "Pacific/Apia", "2011-12-30T10:00", "2011-12-01T10:00", "2011-12-31T10:00"),
        # Offsets of 45 and 30 minutes.
        ("hour", "Asia/Kathmandu", "2026-06-01T12:00", "2026-06-01T11:15", "2026-06-01T12:15"),
        ("month", "Asia/Kolkata", "2026-06-30T18:29", "2026-05-31T18:30", "2026-06-30T18:30"),
        # An hour that is shown twice is two; half an hour forward or back cuts one short.
        ("hour", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00"),
        ("hour", "Europe/Berlin", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00"),
        ("hour", "Australia/Lord_Howe", "2026-04-04T14:59", "2026-04-04T14:00", "2026-04-04T15:00"),
        ("hour", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T15:00", "2026-04-04T15:30"),
        ("hour", "Australia/Lord_Howe", "2026-10-03T15:45", "2026-10-03T15:30", "2026-10-03T16:00"),
        # Liberia was 44 minutes and 30 seconds behind until 7 January 1972.
        ("day", "Africa/Monrovia", "1972-01-07T12:00", "1972-01-07T00:44:30", "1972-01-08T00:00"),
        ("quarter", "America/New_York", "2026-02-01T00:00", "2026-01-01T05:00", "2026-04-01T04:00"),
        ("year", "Asia/Tokyo", "2026-12-31T14:59", "2025-12-31T15:00", "2026-12-31T15:00"),
    ],
)  # fmt: skip
def test_s116_calendar_windows(
    kind: CalendarKind, name: str, moment: str, start: str, end: str
) -> None:
    """The hard cases of the calendar, worked out by hand from the tz database."""
    found = window(kind, utc(moment), ZoneInfo(name))
    assert found == Period(utc(start), utc(end))


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        ("1972-01-06T12:00", "1972-01-06T11:59:30", "1972-01-06T12:00:30"),
        ("1972-01-07T00:44:29", "1972-01-07T00:43:30", "1972-01-07T00:44:30"),
        ("1972-01-07T00:44:30", "1972-01-07T00:44:30", "1972-01-07T00:45"),
        ("1972-01-07T00:45", "1972-01-07T00:45", "1972-01-07T00:46"),
    ],
)
def test_s116_minutes_whose_marks_moved(moment: str, start: str, end: str) -> None:
    """Liberia's minutes began half a minute later than those of UTC, and one of them was cut."""
    found = window("minute", utc(moment), ZoneInfo("Africa/Monrovia"))
    assert found == Period(utc(start), utc(end))


def test_a_week_starts_on_the_day_that_is_said() -> None:
    """Monday by default."""
    sunday = utc("2026-06-07T12:00")
    assert window("week", sunday).start == utc("2026-06-01T00:00")
    assert window("week", sunday, week_start=SUNDAY).start == utc("2026-06-07T00:00")


def test_a_fixed_offset_is_a_zone_too() -> None:
    """And a moment may be told in any zone."""
    zone = timezone(timedelta(hours=5, minutes=45))
    moment = utc("2026-06-01T12:00")
    for told in (moment, moment.astimezone(ZoneInfo("Asia/Tokyo"))):
        assert window("day", told, zone).start == utc("2026-05-31T18:15")


class TurnedBack(tzinfo):
    """A zone whose clock goes from 0:01 back to 23:01, half an hour before midnight of UTC."""

    change = datetime.fromisoformat("2026-10-24T23:30")
    before, after = timedelta(minutes=31), timedelta(minutes=-29)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        wall = dt.replace(tzinfo=None, fold=0)
        is_after = wall >= self.change + (self.after if dt.fold else self.before)
        return self.after if is_after else self.before

    def dst(self, dt: datetime | None) -> None:
        return None

    def tzname(self, dt: datetime | None) -> str:
        return "turned back"

    def fromutc(self, dt: datetime) -> datetime:
        is_after = dt.replace(tzinfo=None) >= self.change
        wall = dt + (self.after if is_after else self.before)
        return wall.replace(fold=is_after and self.utcoffset(wall.replace(fold=0)) == self.before)


def test_a_date_that_comes_back_belongs_to_the_new_day() -> None:
    """When the day of UTC begins, the wall shows the old date once more; the new day has begun."""
    zone = TurnedBack()
    midnight = utc("2026-10-24T23:29")
    for moment in ("2026-10-24T23:29", "2026-10-24T23:45", "2026-10-25T00:00", "2026-10-25T00:10"):
        assert window("day", utc(moment), zone) == Period(midnight, utc("2026-10-26T00:29"))
    assert window("week", utc("2026-10-25T00:00"), zone, week_start=SUNDAY).start == midnight
    assert utc("2026-10-25T00:00").astimezone(zone).day == 24


@pytest.mark.parametrize("kind", ["", "Month", "fortnight", "rolling", None])
def test_an_unknown_kind_is_refused(kind: Any) -> None:
    """The message lists the known ones."""
    with pytest.raises(InvalidRequest, match="minute, hour, day, week, month, quarter, year"):
        window(kind, utc("2026-06-01T12:00"))


@pytest.mark.parametrize("week_start", [-1, 7, "monday", None])
def test_an_unknown_weekday_is_refused(week_start: Any) -> None:
    """Days are counted as `calendar` does."""
    with pytest.raises(InvalidRequest, match="from 0"):
        window("week", utc("2026-06-01T12:00"), week_start=week_start)


@pytest.mark.parametrize("kind", KINDS)
def test_a_time_without_a_zone_is_refused(kind: CalendarKind) -> None:
    """Nobody guesses what was meant."""
    with pytest.raises(InvalidRequest, match="moment has no time zone"):
        window(kind, datetime(2026, 6, 1))  # noqa: DTZ001  # naive on purpose


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_beyond_the_calendar_is_refused(kind: CalendarKind, name: str) -> None:
    """The window of the last moment would end in the year 10,000."""
    with pytest.raises(InvalidRequest, match="years 1 to 9999"):
        window(kind, datetime.max.replace(tzinfo=UTC), ZoneInfo(name))
