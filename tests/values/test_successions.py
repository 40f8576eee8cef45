"""Laws of successions: a change applies from the next period, without a gap and without a gift."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values.calendars import DAY, INSTANT, ahead, anywhen, places, zones
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.intervals import SPANS, Interval
from tollkeeper.values.periods import Period, period, period_at, period_number
from tollkeeper.values.successions import (
    Succession,
    change_interval,
    numbered_after,
    numbered_at,
    window_after,
)
from tollkeeper.values.windows import CalendarKind, window

MONTH, YEAR = Interval(1, "month"), Interval(1, "year")
intervals = st.builds(Interval, st.integers(1, 14), st.sampled_from(list(SPANS)))
kinds: st.SearchStrategy[CalendarKind] = st.sampled_from(get_args(CalendarKind))
#: Zones whose clocks never change, from 12 hours behind UTC to 14 ahead.
offsets = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
Place = tuple[ZoneInfo, datetime]


def moved(
    anchor: datetime, interval: Interval, moment: datetime, *, old: tzinfo, new: tzinfo
) -> Succession:
    """Move to another zone at a moment, and give the periods before and after."""
    kept = numbered_at(anchor, interval, moment, old)
    found = numbered_after(kept, anchor, interval, kept.period.end, new)
    return Succession(kept.period, found.period, anchor, found.number)


def check_seam(found: Succession, interval: Interval, zone: ZoneInfo) -> None:
    """Check that nothing is lost or doubled where two ways of counting meet, and after."""
    assert found.current.end == found.following.start < found.following.end
    later = [period(found.anchor, interval, found.number + n, zone) for n in range(1, 5)]
    ends = [found.following.end, *(each.end for each in later)]
    assert [each.start for each in later] == ends[:-1]
    assert ends == sorted(ends)


@given(places(), places(), intervals, zones)
def test_a_changed_zone_leaves_no_gap(
    place: Place, other: Place, interval: Interval, new: ZoneInfo
) -> None:
    """D4: the period under way keeps its end, and from there the new zone's calendar counts."""
    (old, anchor), (_, moment) = place, other
    found = moved(anchor, interval, moment, old=old, new=new)
    assert found.current == period_at(anchor, interval, moment, old)
    assert found.anchor == anchor
    check_seam(found, interval, new)


@given(places(), places(), intervals, zones)
def test_who_moves_about_gets_no_period_more(
    place: Place, other: Place, interval: Interval, new: ZoneInfo
) -> None:
    """The number grows by one (more, where that period is over by the new zone's calendar)."""
    (old, anchor), (_, moment) = place, other
    number = period_number(anchor, interval, moment, old)
    found = moved(anchor, interval, moment, old=old, new=new)
    assert found.number >= number + 1
    is_short = interval.base == "day" and interval.length < 3
    assert is_short or found.number == number + 1
    usual = period(anchor, interval, found.number, new).duration
    # What is the 28th of February in one zone may be the 1st of March in the other.
    assert abs(found.following.duration - usual) <= 4 * DAY + timedelta(hours=3)


@given(places(), places(), intervals)
def test_the_same_zone_changes_nothing(place: Place, other: Place, interval: Interval) -> None:
    """Nor does the same interval, even where the anchor lies in the second of two equal hours."""
    (zone, anchor), (_, moment) = place, other
    number = period_number(anchor, interval, moment, zone) + 1
    following = period(anchor, interval, number, zone)
    if not following.is_empty:
        found = moved(anchor, interval, moment, old=zone, new=zone)
        assert (found.following, found.number) == (following, number)
        assert change_interval(anchor, interval, moment, interval, zone).following == following


@given(places(), places(), intervals, intervals)
def test_a_changed_interval_leaves_no_gap(
    place: Place, other: Place, interval: Interval, new: Interval
) -> None:
    """The first new period begins where the old one ends, and the rest follow as ever."""
    (zone, anchor), (_, moment) = place, other
    found = change_interval(anchor, interval, moment, new, zone)
    assert found.current == period_at(anchor, interval, moment, zone)
    check_seam(found, new, zone)


@given(places(), places(), intervals, intervals)
def test_a_new_interval_is_as_long_as_it_says(
    place: Place, other: Place, interval: Interval, new: Interval
) -> None:
    """Nobody pays for three months and gets two: only month ends and clocks make a difference."""
    (zone, anchor), (_, moment) = place, other
    found = change_interval(anchor, interval, moment, new, zone)
    usual = period(found.current.end, new, 0, zone).duration
    assert abs(found.following.duration - usual) <= 3 * DAY + timedelta(hours=3)


@given(kinds, places(), places(), zones)
def test_a_counters_window_holds_until_its_end(
    kind: CalendarKind, place: Place, other: Place, new: ZoneInfo
) -> None:
    """C4: another zone refills no counter; the next window begins where the last one ended."""
    (old, moment), (_, later) = place, other
    previous = window(kind, moment, old)
    for at in (moment, previous.end, previous.start - INSTANT, later):
        found = window_after(previous, kind, at, new)
        assert found.covers(at)
        assert found == previous or found.end <= previous.start or found.start >= previous.end
    following = window_after(previous, kind, previous.end, new)
    assert following.start == previous.end
    assert window(kind, following.end, new).start == following.end
    usual = window(kind, previous.end, new).duration
    assert following.duration * 2 >= usual
    assert window_after(previous, kind, following.end - INSTANT, new).end == following.end


@given(kinds, anywhen, offsets, offsets)
def test_who_moves_there_and_back_gets_no_window_more(
    kind: CalendarKind, moment: datetime, one: timezone, two: timezone
) -> None:
    """Six windows by turns in two zones end no sooner than six windows in one."""
    found = usual = window(kind, moment, one)
    for zone in (two, one) * 3:
        found = window_after(found, kind, found.end, zone)
        usual = window(kind, usual.end, one)
    assert found.end >= usual.end


@given(kinds, places())
def test_in_one_zone_windows_follow_as_ever(kind: CalendarKind, place: Place) -> None:
    """Long after the last one as well as just then."""
    zone, moment = place
    previous = window(kind, moment, zone)
    for at in (previous.end, moment + 800 * DAY, moment - 800 * DAY):
        assert window_after(previous, kind, at, zone) == window(kind, at, zone)


def utc(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "interval", "moment", "new", "wanted"),
    [
        # The 31st is remembered through February.
        ("2027-01-31", MONTH, "2027-02-10", Interval(3, "month"), ["02-28", "05-31", "08-31"]),
        ("2027-01-31", MONTH, "2027-03-10", Interval(2, "month"), ["03-31", "05-31", "07-31"]),
        ("2024-02-29", MONTH, "2025-02-10", YEAR, ["02-28", "02-28", "02-28", "02-29"]),
        # And forgotten where no later period could begin on it.
        ("2027-01-31", MONTH, "2027-02-10", YEAR, ["02-28", "02-28", "02-28"]),
        ("2027-01-31", MONTH, "2027-02-10", Interval(1, "week"), ["02-28", "03-07", "03-14"]),
        ("2027-01-31", Interval(2, "week"), "2027-02-01", MONTH, ["02-14", "03-14", "04-14"]),
        ("2027-01-15", YEAR, "2027-02-01", MONTH, ["01-15", "02-15", "03-15"]),
    ],
)
def test_s116_a_changed_interval(
    anchor: str, interval: Interval, moment: str, new: Interval, wanted: list[str]
) -> None:
    """The day on which each period after the change begins."""
    found = change_interval(utc(anchor), interval, utc(moment), new)
    later = [period(found.anchor, new, found.number + n).start for n in range(1, len(wanted))]
    assert [f"{start:%m-%d}" for start in (found.following.start, *later)] == wanted


def test_s116_a_changed_zone() -> None:
    """The anchor is a moment: half past nine in Berlin is half past three in New York."""
    berlin, new_york = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
    anchor = datetime(2026, 1, 15, 9, 30, tzinfo=berlin)
    found = moved(anchor, MONTH, utc("2026-02-20"), old=berlin, new=new_york)
    assert found.current == Period(utc("2026-02-15T08:30"), utc("2026-03-15T08:30"))
    assert found.following == Period(utc("2026-03-15T08:30"), utc("2026-04-15T07:30"))
    assert ahead(found.following.end, new_york) == timedelta(hours=-4)


def test_a_day_that_the_new_way_skips_is_passed_over() -> None:
    """Samoa had no 30 December 2011, so whoever counts days from then on begins with the 31st."""
    apia = ZoneInfo("Pacific/Apia")
    anchor, skipped = datetime(2011, 12, 23, tzinfo=apia), datetime(2011, 12, 31, tzinfo=apia)
    found = change_interval(anchor, Interval(1, "week"), anchor, Interval(1, "day"), apia)
    assert found.current.end == skipped
    assert found.following == Period(utc("2011-12-30T10:00"), utc("2011-12-31T10:00"))
    check_seam(found, Interval(1, "day"), apia)
    daily = moved(anchor, Interval(1, "day"), utc("2011-12-29T12:00"), old=apia, new=apia)
    assert daily.following == found.following


def test_the_same_interval_keeps_an_anchor_in_the_second_of_two_hours() -> None:
    """The period before it ends at the anchor itself, not an hour earlier."""
    berlin = ZoneInfo("Europe/Berlin")
    anchor = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin)
    found = change_interval(anchor, MONTH, utc("2026-09-01"), MONTH, berlin)
    assert found.following == period(anchor, MONTH, -1, berlin)
    assert found.following.end == utc("2026-10-25T01:30")


def test_an_anchor_in_the_second_of_two_hours_is_where_the_new_interval_begins() -> None:
    """Without a gap of the hour between."""
    berlin = ZoneInfo("Europe/Berlin")
    anchor = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin)
    found = change_interval(anchor, MONTH, utc("2026-10-20"), Interval(2, "month"), berlin)
    assert found.current.end == utc("2026-10-25T01:30")
    check_seam(found, Interval(2, "month"), berlin)


def test_a_time_of_day_is_remembered_through_a_change_of_the_clock() -> None:
    """Half past two did not exist on 29 March, when the new interval began."""
    berlin = ZoneInfo("Europe/Berlin")
    anchor = datetime(2026, 1, 29, 2, 30, tzinfo=berlin)
    found = change_interval(anchor, MONTH, utc("2026-03-10"), Interval(2, "month"), berlin)
    assert found.following == Period(utc("2026-03-29T01:00"), utc("2026-05-29T00:30"))


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody guesses what was meant."""
    naive = datetime(2026, 1, 15)  # noqa: DTZ001  # naive on purpose
    with pytest.raises(InvalidRequest, match="anchor has no time zone"):
        moved(naive, MONTH, utc("2026-02-20"), old=ZoneInfo("UTC"), new=ZoneInfo("UTC"))
    with pytest.raises(InvalidRequest, match="moment has no time zone"):
        change_interval(utc("2026-01-15"), MONTH, naive, YEAR)
