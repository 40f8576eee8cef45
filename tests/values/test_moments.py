"""Laws of moments: one moment has one form, and no microsecond is lost."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.moments import EPOCH, from_microseconds, to_microseconds, utc

LAST = (datetime.max - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001, DTZ901  # an extreme has no zone
FIRST = (datetime.min - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001, DTZ901  # an extreme has no zone


class HostsOwn(datetime):
    """A host's own kind of datetime, as pandas and freezegun have."""


@given(st.integers(FIRST, LAST))
def test_microseconds_round_trip(microseconds: int) -> None:
    """Every microsecond of the years 1 to 9999 survives."""
    moment = from_microseconds(microseconds)
    assert moment.tzinfo is UTC
    assert to_microseconds(moment) == microseconds


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.timezones())  # noqa: DTZ001  # naive on purpose
)
def test_any_zone_means_the_same_moment(moment: datetime) -> None:
    """A moment of any zone, in either half of a repeated hour, is the same moment in UTC."""
    normal = utc(moment, "at")
    assert normal.tzinfo is UTC
    assert type(normal) is datetime
    assert normal == moment.astimezone(UTC)
    assert utc(normal, "at") is normal


def test_both_halves_of_a_repeated_hour() -> None:
    """D4: an aware time in the hour that a zone repeats keeps the half it names."""
    zone = ZoneInfo("Europe/Berlin")
    earlier = utc(datetime(2026, 10, 25, 2, 30, tzinfo=zone), "at")
    later = utc(datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=1), "at")
    assert (earlier.hour, later.hour) == (0, 1)


def test_subclasses_become_plain() -> None:
    """A host's own datetime comes back as Python's."""
    for zone in (UTC, timezone(timedelta(hours=2))):
        normal = utc(HostsOwn(2026, 1, 1, 12, 0, 0, 7, tzinfo=zone), "at")
        assert type(normal) is datetime
        assert normal.microsecond == 7


@pytest.mark.parametrize("value", [None, 0, "2026-01-01", date(2026, 1, 1)])
def test_other_types_are_refused(value: Any) -> None:
    """What is no datetime is refused, and the message names the field."""
    with pytest.raises(InvalidRequest, match="expires_at must be a datetime"):
        utc(value, "expires_at")


def test_naive_times_are_refused() -> None:
    """A time without its zone is not guessed at."""
    with pytest.raises(InvalidRequest, match="expires_at has no time zone"):
        utc(datetime(2026, 1, 1), "expires_at")  # noqa: DTZ001  # naive on purpose
    with pytest.raises(InvalidRequest):
        to_microseconds(datetime(2026, 1, 1))  # noqa: DTZ001  # naive on purpose


def test_moments_out_of_range_are_refused() -> None:
    """A moment that UTC cannot write is refused."""
    with pytest.raises(InvalidRequest, match="1 to 9999"):
        utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "at")
    for microseconds in (LAST + 1, FIRST - 1, 10**30, -(10**30)):
        with pytest.raises(InvalidRequest, match="1 to 9999"):
            from_microseconds(microseconds)


def test_examples() -> None:
    """The count starts in 1970 and has no rounding, before or after."""
    assert to_microseconds(EPOCH) == 0
    assert to_microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert to_microseconds(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1_767_225_600_000_001
