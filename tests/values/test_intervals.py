"""Laws of intervals: written and read, equal where their periods are, comparable per month."""

import copy
import pickle
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values.calendars import places
from tollkeeper.errors import InvalidInterval
from tollkeeper.values.intervals import MAXIMUM_COUNT, Interval, Span
from tollkeeper.values.periods import period

SPANS: tuple[Span, ...] = get_args(Span)
intervals = st.builds(Interval, st.integers(1, MAXIMUM_COUNT), st.sampled_from(SPANS))
few = st.builds(Interval, st.integers(1, 24), st.sampled_from(SPANS))


@given(intervals)
def test_parse_reads_what_str_writes(interval: Interval) -> None:
    """An interval survives being written and read, as text, as code and as a copy."""
    copies = [
        Interval.parse(str(interval)),
        Interval.parse(f" {interval.count}  {interval.span.upper()}S "),
        eval(repr(interval)),
        pickle.loads(pickle.dumps(interval)),
        copy.deepcopy(interval),
    ]
    assert [(each.count, each.span) for each in copies] == [(interval.count, interval.span)] * 5


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("month", Interval(1, "month")),
        ("3 months", Interval(3, "month")),
        ("1 quarter", Interval(3, "month")),
        ("2 weeks", Interval(14, "day")),
        ("12 months", Interval(1, "year")),
        ("90 minutes", Interval(90, "minute")),
    ],
)
def test_people_write_intervals_so(text: str, interval: Interval) -> None:
    """With a number or without, one or many."""
    assert Interval.parse(text) == interval


@given(few, few, places(), st.integers(-30, 30))
def test_equal_intervals_have_the_same_periods(
    one: Interval, other: Interval, place: tuple[Any, datetime], number: int
) -> None:
    """And the same hash, and the same price per month."""
    zone, anchor = place
    if one == other:
        assert period(anchor, one, number, zone) == period(anchor, other, number, zone)
        assert hash(one) == hash(other)
        assert one.per_month == other.per_month


@pytest.mark.parametrize(
    ("one", "other"),
    [("year", "12 months"), ("quarter", "3 months"), ("week", "7 days"), ("hour", "60 minutes")],
)
def test_equal_intervals(one: str, other: str) -> None:
    """What always lasts as long is equal, whatever its words."""
    assert Interval.parse(one) == Interval.parse(other)
    assert len({Interval.parse(one), Interval.parse(other)}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("day", "24 hours"),
        ("month", "30 days"),
        ("year", "365 days"),
        ("day", "month"),
        ("minute", "60 days"),
    ],
)
def test_unequal_intervals(one: str, other: str) -> None:
    """A day may have 23 hours and a month 28 days."""
    assert Interval.parse(one) != Interval.parse(other)
    assert Interval.parse(one) != one


@given(intervals, intervals)
def test_what_comes_more_often_costs_more_a_month(one: Interval, other: Interval) -> None:
    """`per_month` is exact and in proportion to the length, within a base and across them."""
    assert one.per_month > 0
    assert one.per_month * one.count == Interval(1, one.span).per_month
    if one.base == other.base:
        assert one.per_month * one.length == other.per_month * other.length


@pytest.mark.parametrize("span", ["day", "week", "hour", "minute"])
def test_in_400_years_the_calendar_comes_round(span: Span) -> None:
    """D5: counted over the Gregorian calendar's whole cycle, 4,800 months, nothing is left over."""
    cycle = datetime(2400, 1, 1, tzinfo=UTC) - datetime(2000, 1, 1, tzinfo=UTC)
    interval = Interval(1, span)
    assert interval.per_month * 4_800 == Fraction(cycle // timedelta(seconds=interval.seconds))


def test_seconds_are_those_that_pass() -> None:
    """For windows that roll; a month has no fixed number of them."""
    assert Interval.parse("5 hours").seconds == 5 * 60 * 60
    assert Interval.parse("2 weeks").seconds == 14 * 24 * 60 * 60
    with pytest.raises(InvalidInterval, match="3 months has no fixed length"):
        _ = Interval.parse("3 months").seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "write one like"),
        ("monthly", "did you mean 'month'"),
        ("3 mounths", "did you mean 'months'"),
        ("every day", "did you mean 'day'"),
        ("-1 month", "did you mean 'month'"),
        ("1.5 months", "did you mean 'months'"),
        ("3", "write one like"),
        ("3months", "did you mean 'months'"),
        ("3 h", "write one like"),
        ("0 days", "from 1 to 10,000"),
        ("10001 days", "from 1 to 10,000"),
        ("9" * 400 + " days", "write one like"),
        ("٣ days", "did you mean 'days'"),
        (3, "a text like '3 months'"),
        (None, "a text like '3 months'"),
    ],
)
def test_what_is_no_interval_is_refused(text: Any, hint: str) -> None:
    """The message says how to write one."""
    with pytest.raises(InvalidInterval, match=hint) as refused:
        Interval.parse(text)
    assert refused.value.code == "invalid_interval"


@pytest.mark.parametrize("count", [0, -1, MAXIMUM_COUNT + 1, 1.0, True, "1", None])
def test_the_count_is_a_whole_number(count: Any) -> None:
    """Never a float, and never nothing."""
    with pytest.raises(InvalidInterval, match="whole number of months"):
        Interval(count, "month")


def test_the_span_is_a_known_one() -> None:
    """In Python the span is written in the singular."""
    span: Any = "months"
    with pytest.raises(InvalidInterval, match="did you mean 'month"):
        Interval(1, span)
