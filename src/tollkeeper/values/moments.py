"""Moments: times in UTC, to the microsecond.

Owns their normal form; must never read a clock or guess a time zone.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from tollkeeper.errors import InvalidRequest

#: The moment that microseconds are counted from.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)


def utc(value: object, name: str) -> datetime:
    """Give the same moment in UTC; refuse a time that does not say in which zone it is.

    An aware time of any zone is welcome, with its own `fold`. Subclasses such as pandas' come back
    as plain `datetime`.

    Raises:
        InvalidRequest: `value` is naive, no `datetime`, or outside the years 1 to 9999 in UTC.

    >>> from datetime import timezone
    >>> utc(datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))), "expires_at").isoformat()
    '2026-06-01T00:00:00+00:00'
    >>> utc(datetime(2026, 6, 1), "expires_at")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tollkeeper.errors.InvalidRequest: expires_at has no time zone; pass an aware ...
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        raise InvalidRequest(
            f"{name} must be a datetime with a time zone, not of type {type(value).__name__}"
        )
    if value.utcoffset() is None:
        raise InvalidRequest(
            f"{name} has no time zone; pass an aware datetime, such as datetime.now(UTC)"
        )
    try:
        return _plain(value.astimezone(UTC))
    except OverflowError as error:
        raise InvalidRequest(f"{name} is outside the years 1 to 9999 in UTC") from error


def to_microseconds(moment: datetime) -> int:
    """Count the microseconds from 1970 to a moment, exactly.

    >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (utc(moment, "moment") - EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Give the moment that lies so many microseconds after 1970, exactly.

    Raises:
        InvalidRequest: the moment is outside the years 1 to 9999.

    >>> from_microseconds(1_000_005).isoformat()
    '1970-01-01T00:00:01.000005+00:00'
    """
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise InvalidRequest("the moment is outside the years 1 to 9999") from error


def _plain(moment: datetime) -> datetime:
    if type(moment) is datetime:
        return moment
    day = (moment.year, moment.month, moment.day)
    return datetime(*day, moment.hour, moment.minute, moment.second, moment.microsecond, tzinfo=UTC)
