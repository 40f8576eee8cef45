"""Laws of periods: they tile the line, and begin when the wall shows what the anchor says."""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values.calendars import DAY, INSTANT, ahead, first_shown, places, shown
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.intervals import SPANS, Interval
from tollkeeper.values.periods import Period, period, period_at, period_number

MONTH, YEAR = Interval(1, "month"), Interval(1, "year")
DAILY, WEEK, HOUR = Interval(1, "day"), Interval(1, "week"), Interval(1, "hour")

intervals = st.builds(Interval, st.integers(1, 14), st.sampled_from(list(SPANS)))
numbers = st.one_of(st.integers(-3, 3), st.integers(-130, 130))
Place = tuple[ZoneInfo, datetime]


def starts(anchor: str, interval: Interval, count: int, name: str = "UTC") -> list[str]:
    """What the wall shows as the first periods begin."""
    zone = ZoneInfo(name)
    moment = datetime.fromisoformat(anchor).replace(tzinfo=zone)
    found = [period(moment, interval, number, zone).start for number in range(count)]
    return [f"{shown(each, zone):%Y-%m-%d %H:%M}" for each in found]


@given(places(), intervals, numbers)
def test_periods_tile_the_line(place: Place, interval: Interval, number: int) -> None:
    """D4: each ends where the next begins, none ends before it begins, and all are UTC."""
    zone, anchor = place
    found = period(anchor, interval, number, zone)
    assert found.start <= found.end == period(anchor, interval, number + 1, zone).start
    assert found.start.tzinfo is found.end.tzinfo is UTC
    assert (
        period(anchor, interval, 0, zone).start == anchor == period(anchor, interval, -1, zone).end
    )


@given(places(), intervals, numbers)
def test_only_a_skipped_day_is_empty(place: Place, interval: Interval, number: int) -> None:
    """A period is empty where the zone skipped all the days it would have had, and nowhere else."""
    zone, anchor = place
    found = period(anchor, interval, number, zone)
    if found.is_empty:
        assert interval.base == "day"
        jump = ahead(found.start, zone) - ahead(found.start - INSTANT, zone)
        assert jump >= interval.length * DAY
    assert found.is_empty == (found.duration == timedelta())
    assert found.covers(found.start) != found.is_empty


@given(places(), intervals, numbers)
def test_the_period_of_its_own_start_is_itself(
    place: Place, interval: Interval, number: int
) -> None:
    """So its number is found again from any moment in it; an empty one is never found."""
    zone, anchor = place
    found = period(anchor, interval, number, zone)
    if found.is_empty:
        assert period_number(anchor, interval, found.start, zone) > number
    else:
        for moment in (found.start, found.start + found.duration / 2, found.end - INSTANT):
            assert period_number(anchor, interval, moment, zone) == number
            assert period_at(anchor, interval, moment, zone) == found


@given(places(), intervals, places())
def test_each_moment_lies_in_one_period(place: Place, interval: Interval, other: Place) -> None:
    """However far from the anchor, and the number grows with the moment."""
    (zone, anchor), (_, moment) = place, other
    number = period_number(anchor, interval, moment, zone)
    assert period(anchor, interval, number, zone).covers(moment)
    assert period_number(anchor, interval, moment + DAY, zone) >= number
    assert period_number(anchor, interval, moment - DAY, zone) <= number


@given(
    places(),
    intervals.filter(lambda interval: interval.base != "second"),
    numbers.filter(bool),
)
def test_the_wall_shows_the_anchors_time_and_day(
    place: Place, interval: Interval, number: int
) -> None:
    """The start is the first moment that shows it or later, found by looking at each second."""
    zone, anchor = place[0], place[1].replace(microsecond=0)
    start = period(anchor, interval, number, zone).start
    wanted = counted(shown(anchor, zone), interval, number)
    assert start == first_shown(wanted, zone)
    exists = shown(start, zone) == wanted
    assert exists or ahead(start, zone) > ahead(start - INSTANT, zone)


@given(places(), st.sampled_from(["minute", "hour"]), st.integers(1, 14), numbers)
def test_hours_and_minutes_are_time_that_passes(
    place: Place, span: Any, count: int, number: int
) -> None:
    """Whatever the clock on the wall does."""
    zone, anchor = place
    interval = Interval(count, span)
    assert period(anchor, interval, number, zone).start == anchor + number * timedelta(
        seconds=interval.seconds
    )


def counted(wall: datetime, interval: Interval, number: int) -> datetime:
    """Count days or months one by one; a day that a month lacks is its last one."""
    steps, step = abs(number) * interval.length, 1 if number > 0 else -1
    if interval.base == "day":
        return wall + steps * step * DAY
    year, month = wall.year, wall.month
    for _ in range(steps):
        month += step
        year, month = (year + step, 1 if step > 0 else 12) if month in (0, 13) else (year, month)
    return wall.replace(year=year, month=month, day=min(wall.day, monthrange(year, month)[1]))


@pytest.mark.parametrize(
    ("anchor", "interval", "wanted"),
    [
        ("2027-01-31", MONTH, ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        ("2028-01-31", MONTH, ["01-31", "02-29", "03-31", "04-30", "05-31"]),
        ("2027-01-30", MONTH, ["01-30", "02-28", "03-30", "04-30", "05-30"]),
        ("2026-11-30", Interval(3, "month"), ["11-30", "02-28", "05-30", "08-30", "11-30"]),
        ("2024-02-29", YEAR, ["02-29", "02-28", "02-28", "02-28", "02-29"]),
        ("2096-02-29", Interval(4, "year"), ["02-29", "02-28", "02-29"]),
        ("2026-12-28", WEEK, ["12-28", "01-04", "01-11"]),
    ],
)
def test_s116_month_ends_and_leap_days(anchor: str, interval: Interval, wanted: list[str]) -> None:
    """A short month does not shorten the next one, and a leap day comes back."""
    found = starts(anchor, interval, len(wanted))
    assert [each[5:10] for each in found] == wanted
    first, *later = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in found)
    for number, start in enumerate(later, 1):
        assert period_number(first, interval, start) == number
        assert period_number(first, interval, start - INSTANT) == number - 1


@pytest.mark.parametrize(
    ("anchor", "interval", "name", "wanted"),
    [
        # 2:30 does not exist on 29 March and comes twice on 25 October.
        ("2026-03-28 02:30", DAILY, "Europe/Berlin", ["28 02:30", "29 03:00", "30 02:30"]),
        ("2026-10-24 02:30", DAILY, "Europe/Berlin", ["24 02:30", "25 02:30", "26 02:30"]),
        ("2026-02-28 02:30", MONTH, "Europe/Berlin", ["28 02:30", "28 02:30", "28 02:30"]),
        ("2026-03-28 01:30", DAILY, "Europe/Dublin", ["28 01:30", "29 02:00", "30 01:30"]),
        ("2018-11-03 00:00", DAILY, "America/Sao_Paulo", ["03 00:00", "04 01:00", "05 00:00"]),
        ("2024-04-25 00:00", DAILY, "Africa/Cairo", ["25 00:00", "26 01:00", "27 00:00"]),
        ("2026-10-03 02:15", DAILY, "Australia/Lord_Howe", ["03 02:15", "04 02:30", "05 02:15"]),
        ("1972-01-06 00:10", DAILY, "Africa/Monrovia", ["06 00:10", "07 00:44", "08 00:10"]),
        ("2011-12-29 08:00", DAILY, "Pacific/Apia", ["29 08:00", "31 00:00", "31 08:00"]),
        ("2011-11-30 08:00", MONTH, "Pacific/Apia", ["30 08:00", "31 00:00", "30 08:00"]),
        # Hours pass, whatever the wall shows.
        ("2026-10-25 01:30", HOUR, "Europe/Berlin", ["25 01:30", "25 02:30", "25 02:30"]),
    ],
)
def test_s116_clocks_that_change(
    anchor: str, interval: Interval, name: str, wanted: list[str]
) -> None:
    """What the wall does not show moves to what it shows first; the day after, all is as before."""
    assert [each[8:] for each in starts(anchor, interval, len(wanted), name)] == wanted


@pytest.mark.parametrize(
    ("interval", "day", "hours"),
    [(DAILY, 29, 23), (DAILY, 28, 24), (WEEK, 25, 7 * 24 - 1), (MONTH, 1, 31 * 24 - 1)],
)
def test_s116_days_have_the_hours_of_the_wall(interval: Interval, day: int, hours: int) -> None:
    """Berlin's clocks are put forward on 29 March 2026."""
    berlin = ZoneInfo("Europe/Berlin")
    found = period(datetime(2026, 3, day, tzinfo=berlin), interval, 0, berlin)
    assert found.duration == timedelta(hours=hours)


def test_the_day_that_samoa_skipped_is_empty() -> None:
    """Its period keeps its number, and nothing lies in it."""
    apia = ZoneInfo("Pacific/Apia")
    anchor = datetime(2011, 12, 29, tzinfo=apia)
    thursday, friday, saturday = (period(anchor, DAILY, number, apia) for number in range(3))
    assert friday == Period(thursday.end, saturday.start)
    assert friday.is_empty
    assert period_number(anchor, DAILY, friday.start, apia) == 2


def test_an_anchor_in_the_second_of_two_hours_stays() -> None:
    """Period 0 begins at the very moment, and the others at the earlier of two times."""
    berlin = ZoneInfo("Europe/Berlin")
    anchor = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin)
    assert period(anchor, DAILY, 0, berlin).start == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert period(anchor, DAILY, 1, berlin).start == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    earlier_hour = datetime(2026, 10, 25, 2, 45, tzinfo=berlin)
    assert period_number(anchor, DAILY, earlier_hour, berlin) == -1
    before = period_at(anchor, DAILY, earlier_hour, berlin)
    assert before.end == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    year = Interval(52 * 7, "day")
    assert period(anchor, year, 1, berlin).start == datetime(2027, 10, 24, 0, 30, tzinfo=UTC)


def test_far_periods_are_found_as_quickly_as_near_ones() -> None:
    """Nobody walks from the anchor: two million days are one step."""
    anchor, far = datetime(2026, 1, 31, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
    assert period_number(anchor, DAILY, far) == (far - anchor) // DAY
    assert period_number(anchor, MONTH, datetime(2, 1, 1, tzinfo=UTC)) == -2024 * 12 - 1


NAIVE = datetime(2026, 1, 31)  # noqa: DTZ001  # naive on purpose
AWARE = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "call",
    [
        lambda: period(NAIVE, MONTH, 0),
        lambda: period_at(NAIVE, MONTH, AWARE),
        lambda: period_at(AWARE, MONTH, NAIVE),
    ],
)
def test_a_time_without_a_zone_is_refused(call: Callable[[], object]) -> None:
    """Nobody guesses what was meant."""
    with pytest.raises(InvalidRequest, match="has no time zone"):
        call()


@pytest.mark.parametrize("span", sorted(SPANS))
@pytest.mark.parametrize("number", [10**12, -(10**12), 10**30])
def test_beyond_the_calendar_is_refused(span: Any, number: int) -> None:
    """And the message says so, instead of Python's."""
    for zone in (UTC, ZoneInfo("Asia/Tokyo")):
        with pytest.raises(InvalidRequest, match="years 1 to 9999"):
            period(AWARE, Interval(1, span), number, zone)
