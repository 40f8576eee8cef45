"""Zones and moments to test calendars with, and the slow, plain truth to compare with.

Moments are drawn from near the changes of a zone's clock more often than chance would have it.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime(2100, 12, 31, tzinfo=UTC)
INSTANT: Final = timedelta(microseconds=1)
SECOND: Final = timedelta(seconds=1)
DAY: Final = timedelta(days=1)
#: The clock is looked at so often for a change. No zone changed it twice in six days since 1970.
STRIDE: Final = timedelta(days=6)

#: Every zone of the machine's tz database.
NAMES: Final = tuple(sorted(available_timezones()))

names = st.sampled_from(NAMES)
zones = st.builds(ZoneInfo, names)


def before(moment: datetime, by: timedelta) -> datetime:
    """A moment that lies so much earlier."""
    return moment - by


months = st.builds(datetime, st.integers(1970, 2100), st.integers(1, 12), st.just(1))
#: Moments of those years, month ends more often than chance would have them.
anywhen = st.one_of(
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)),
    st.builds(before, months, st.timedeltas(timedelta(), timedelta(days=3))),
).map(lambda moment: moment.replace(tzinfo=UTC))
#: Ways from a change of the clock to something near it.
steps = st.one_of(
    st.sampled_from([timedelta(), -INSTANT, INSTANT, -SECOND, SECOND]),
    st.integers(-48, 48).map(lambda hours: timedelta(hours=hours)),
    st.integers(-2880, 2880).map(lambda minutes: timedelta(minutes=minutes)),
    st.timedeltas(-2 * DAY, 2 * DAY),
)


def shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def ahead(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far the clock on the wall is ahead of UTC."""
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def first_shown(local: datetime, zone: ZoneInfo) -> datetime:
    """The first second at which the wall shows a time or later, looked for from 40 hours before."""
    moment = local.replace(tzinfo=UTC) - timedelta(hours=40)
    for step in (timedelta(minutes=15), SECOND):
        while shown(moment + step, zone) < local:
            moment += step
    return moment + SECOND


def change_after(moment: datetime, zone: ZoneInfo, end: datetime) -> datetime | None:
    """The next moment at which a clock is put forward or back, to the second."""
    before = ahead(moment, zone)
    while moment < end and ahead(moment + STRIDE, zone) == before:
        moment += STRIDE
    if moment >= end:
        return None
    low, high = 0, STRIDE // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        is_before = ahead(moment + middle * SECOND, zone) == before
        low, high = (middle, high) if is_before else (low, middle)
    return moment + high * SECOND


@cache
def changes(name: str, first: int, last: int) -> tuple[datetime, ...]:
    """Every change of a zone's clock in the years from `first` up to `last`."""
    end = datetime(last, 1, 1, tzinfo=UTC)
    found = [datetime(first, 1, 1, tzinfo=UTC)]
    while change := change_after(found[-1], ZoneInfo(name), end):
        found.append(change)
    return tuple(found[1:])


@st.composite
def places(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone and a moment, near a change of its clock where there is one within a year."""
    zone, moment = draw(zones), draw(anywhen).replace(microsecond=0)
    change = change_after(moment, zone, moment + 366 * DAY) if draw(st.booleans()) else None
    return zone, (change or moment) + draw(steps)
