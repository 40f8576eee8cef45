"""Clocks: where the time comes from. Owns the port and its two clocks.

Must never be read by a pure room: a decision gets its `now` as an argument, and the ledger asks a
clock only once its locks are held.
"""

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.moments import utc


class Clock(Protocol):
    """Tells what time it is."""

    def now(self) -> datetime:
        """Give the current moment, in UTC."""
        ...


class SystemClock:
    """The clock of the machine.

    >>> SystemClock().now().tzinfo
    datetime.timezone.utc
    """

    __slots__ = ()

    def now(self) -> datetime:
        """Give the current moment, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is told to move: for tests, the simulator and the demo.

    >>> clock = FixedClock(datetime(2026, 1, 31, tzinfo=UTC))
    >>> clock.advance(days=1, hours=6).isoformat()
    '2026-02-01T06:00:00+00:00'
    >>> clock.now() == clock.set(datetime(2026, 2, 1, 6, tzinfo=UTC))
    True
    """

    __slots__ = ("_lock", "_moment")

    def __init__(self, moment: datetime) -> None:
        self._lock = Lock()
        self._moment = utc(moment, "moment")

    def now(self) -> datetime:
        """Give the moment at which this clock stands, in UTC."""
        return self._moment

    def set(self, moment: datetime) -> datetime:
        """Move to a moment, forward or back, and give it in UTC."""
        moved = utc(moment, "moment")
        with self._lock:
            self._moment = moved
        return moved

    def advance(self, step: timedelta = timedelta(), /, **span: int) -> datetime:
        """Move by a `timedelta`, or by what makes one (`days=1, hours=6`); give the new moment.

        Raises:
            InvalidRequest: the clock would leave the years 1 to 9999.
        """
        step += timedelta(**span)
        with self._lock:
            try:
                self._moment += step
            except OverflowError as error:
                raise InvalidRequest("the clock cannot leave the years 1 to 9999") from error
            return self._moment

    def __repr__(self) -> str:
        return f"FixedClock({self._moment.isoformat()})"
