"""The two clocks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tollkeeper.clock import Clock, FixedClock, SystemClock
from tollkeeper.errors import InvalidRequest

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_system_clock_tells_the_time_in_utc() -> None:
    """The machine's time is aware and current."""
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_a_fixed_clock_stands_still_until_moved() -> None:
    """It moves by a span or to a moment, forward and back."""
    clock = FixedClock(NEW_YEAR)
    assert clock.now() == clock.now() == NEW_YEAR
    assert clock.advance(days=31, microseconds=1) == clock.now()
    assert clock.now() == datetime(2026, 2, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert clock.set(NEW_YEAR) == clock.now() == NEW_YEAR
    assert clock.advance(timedelta(days=1), hours=-24) == NEW_YEAR
    assert clock.advance(hours=-1) < NEW_YEAR
    assert repr(clock) == "FixedClock(2025-12-31T23:00:00+00:00)"


def test_a_fixed_clock_answers_in_utc() -> None:
    """A moment of another zone is told in UTC."""
    clock = FixedClock(datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now().isoformat() == "2026-01-01T00:00:00+00:00"


def test_naive_moments_are_refused() -> None:
    """A clock never guesses a zone, and a refusal leaves it where it was."""
    naive = datetime(2027, 1, 1)  # noqa: DTZ001  # naive on purpose
    with pytest.raises(InvalidRequest, match="no time zone"):
        FixedClock(naive)
    clock = FixedClock(NEW_YEAR)
    with pytest.raises(InvalidRequest, match="no time zone"):
        clock.set(naive)
    for years in (10_000, -10_000):
        with pytest.raises(InvalidRequest, match="1 to 9999"):
            clock.advance(days=366 * years)
    assert clock.now() == NEW_YEAR


def test_threads_lose_no_step() -> None:
    """Steps from many threads all count."""
    clock = FixedClock(NEW_YEAR)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: clock.advance(seconds=1), range(2000)))
    assert clock.now() - NEW_YEAR == timedelta(seconds=2000)
