"""Time zones: what the clock on a customer's wall shows, and when it first shows something.

Owns the names of zones and the one way from local time to UTC; must never read a clock.

Local time is not a line: a clock that is put forward skips some of it, one that is put back shows
some of it twice, and a few zones have skipped a whole day. The one law here is that a local time
begins when the clock on the wall *first* shows it, or anything later. So a time that does not exist
moves to the first that does, an ambiguous one is the earlier (D4), and what comes later on the
wall never begins sooner. The zone's data is the tz database, as `zoneinfo` finds it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from tollkeeper.errors import InvalidRequest, UnknownZone
from tollkeeper.values.moments import EPOCH
from tollkeeper.values.texts import check_text, echo

#: Most characters of an unknown name that are compared with the known ones.
MAXIMUM_COMPARED: Final = 40

#: Names that mean another zone on another machine.
_OF_THE_MACHINE: Final = {"localtime", "posixrules"}

_SECOND: Final = timedelta(seconds=1)


def zone(name: str | None) -> tzinfo:
    """Give the time zone of an IANA name; None is UTC.

    Names are taken as the tz database writes them, capitals included, and never guessed.

    Raises:
        UnknownZone: there is no such zone; the message names the nearest ones, or the package
            `tzdata` where the machine has no tz database.
        InvalidText: it is no text, or longer than 255 characters.

    >>> zone("Europe/Berlin"), zone(None)
    (zoneinfo.ZoneInfo(key='Europe/Berlin'), datetime.timezone.utc)
    >>> zone("berlin")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tollkeeper.errors.UnknownZone: 'berlin' is not a time zone...; did you mean 'Europe/Berlin'?
    """
    return UTC if name is None else _named(check_text(name, "zone"))


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """List the names of every time zone that is the same on each machine.

    The tz database is read once in a process: a newer one counts after a restart.

    >>> "Asia/Kathmandu" in zones(), "localtime" in zones()
    (True, False)
    """
    return frozenset(available_timezones() - _OF_THE_MACHINE)


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Name the zones that somebody may have meant, at most three, the likeliest first.

    A place is enough, in any case. Offsets such as "GMT+2" have no neighbour: the zone
    `Etc/GMT+2` is two hours *behind* Greenwich, which is hardly what is meant.

    >>> nearest("new yrok", {"America/New_York", "Europe/York", "Etc/GMT+2"})
    ('America/New_York',)
    """
    word = _place(name[:MAXIMUM_COMPARED])
    places: dict[str, str] = {}
    for each in sorted(known):
        if "/" in each and not each.startswith("Etc/"):
            places.setdefault(_place(each), each)
    near = [word] if word in places else get_close_matches(word, places, cutoff=0.75)
    return tuple(places[each] for each in near)


def local_time(moment: datetime, zone: tzinfo) -> datetime:
    """Give what the clock on the wall shows at a moment: a `datetime` without a zone.

    Raises:
        InvalidRequest: that is outside the years 1 to 9999.

    >>> local_time(datetime(2026, 7, 1, 22, tzinfo=UTC), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-02T00:00:00'
    """
    try:
        return moment.astimezone(zone).replace(tzinfo=None, fold=0)
    except OverflowError as error:
        raise out_of_range() from error


def reached(local: datetime, zone: tzinfo) -> datetime:
    """Give the first moment, in UTC, at which the clock on the wall shows a local time or later.

    Raises:
        InvalidRequest: that is outside the years 1 to 9999.

    The clocks of Berlin go from 2:00 to 3:00, so that 2:30 is first reached at 3:00:

    >>> reached(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:00:00+00:00'

    And in autumn from 3:00 back to 2:00, so that 2:30 comes twice; the earlier one counts:

    >>> reached(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-10-25T00:30:00+00:00'
    """
    if zone is UTC:
        return local.replace(tzinfo=UTC, fold=0)
    # In the time that a clock skips or repeats, `fold` tells the offset before from that after.
    before = offset(local.replace(tzinfo=zone, fold=0))
    after = offset(local.replace(tzinfo=zone, fold=1))
    try:
        moment = (local - before).replace(tzinfo=UTC, fold=0)
        if before >= after:
            return moment
        return changed_between(zone, moment - (after - before), moment)
    except OverflowError as error:
        raise out_of_range() from error


def offset(aware: datetime) -> timedelta:
    """Give how far the clock on the wall is ahead of UTC."""
    ahead = aware.utcoffset()
    assert ahead is not None, "an aware time has an offset"
    return ahead


def changed_between(zone: tzinfo, start: datetime, end: datetime) -> datetime:
    """Find the moment, to the second, at which a zone's offset became what it is at `end`.

    The offset must differ at `start`, and change once in between.

    >>> night = datetime(2026, 3, 29, tzinfo=UTC)
    >>> changed_between(ZoneInfo("Europe/Berlin"), night, night + timedelta(hours=5)).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    low, high = (start - EPOCH) // _SECOND, (end - EPOCH) // _SECOND
    wanted = _offset_at(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(zone, middle) == wanted:
            high = middle
        else:
            low = middle
    return EPOCH + timedelta(seconds=high)


def out_of_range() -> InvalidRequest:
    """Make the error for what lies beyond the calendar."""
    return InvalidRequest("the period reaches outside the years 1 to 9999; use a nearer time")


@lru_cache(maxsize=1024)
def _named(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    if name not in zones():
        raise UnknownZone(_refusal(name, zones()), zone=name, nearest=nearest(name, zones()))
    return ZoneInfo(name)


def _offset_at(zone: tzinfo, second: int) -> timedelta:
    return offset((EPOCH + timedelta(seconds=second)).astimezone(zone))


def _place(name: str) -> str:
    """Give the last part of a name, as it is spoken."""
    return name.rpartition("/")[2].casefold().replace("_", " ")


def _refusal(name: str, known: frozenset[str]) -> str:
    if not known:
        return (
            f"{echo(name)} cannot be looked up: this machine has no time zone database; "
            "install one with `pip install tzdata`"
        )
    near = " or ".join(repr(each) for each in nearest(name, known))
    hint = f"did you mean {near}?" if near else "write one like 'Europe/Berlin'"
    return f"{echo(name)} is not a time zone of the tz database; {hint}"
