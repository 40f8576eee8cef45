"""Laws of zones: names are known or refused, and local time begins when it is first shown."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values.calendars import (
    DAY,
    NAMES,
    SECOND,
    ahead,
    changes,
    first_shown,
    names,
    places,
    shown,
    steps,
)
from tollkeeper.errors import InvalidRequest, InvalidText, UnknownZone
from tollkeeper.values.zones import local_time, nearest, reached, zone, zones

#: Without any tz database: neither the system's nor the package's.
BARE = """
import sys
sys.modules["tzdata"] = None
from tollkeeper.errors import UnknownZone
from tollkeeper.values.zones import zone
print(zone(None), zone("UTC"))
try:
    zone("Europe/Berlin")
except UnknownZone as error:
    print(error)
"""


@given(names)
def test_every_zone_is_known_by_its_name(name: str) -> None:
    """Only those that depend on the machine's own settings are left out."""
    if name in zones():
        assert zone(name) == (UTC if name == "UTC" else ZoneInfo(name))
    else:
        assert name in ("localtime", "posixrules")
    assert zone(None) is UTC


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", ("Europe/Berlin",)),
        ("europe/berlin", ("Europe/Berlin",)),
        ("new york", ("America/New_York",)),
        ("Kalkutta", ("Asia/Calcutta",)),
        ("GMT+2", ()),
        ("+02:00", ()),
        ("localtime", ()),
        ("../../etc/passwd", ()),
        ("right/Europe/Berlin", ("Europe/Berlin",)),
        ("x" * 255, ()),
    ],
)
def test_an_unknown_zone_is_refused_and_the_nearest_named(
    name: str, meant: tuple[str, ...]
) -> None:
    """Nothing is guessed: capitals count, and offsets and the machine's own zone are no names."""
    assert nearest(name, zones()) == meant
    with pytest.raises(UnknownZone) as refused:
        zone(name)
    assert refused.value.code == "unknown_zone"
    assert refused.value.nearest == meant
    assert all(repr(each) in refused.value.message for each in meant)
    hint = "did you mean" if meant else "write one like"
    assert hint in refused.value.message


@pytest.mark.parametrize("value", ["", 1, b"UTC", ["UTC"], "x" * 256, "Europe/\0Berlin"])
def test_what_is_no_name_at_all_is_refused(value: Any) -> None:
    """The message names the field."""
    with pytest.raises(InvalidText, match="zone"):
        zone(value)


def test_a_machine_without_a_tz_database_has_utc_and_says_what_to_install() -> None:
    """Customers without a zone need no database of zones."""
    done = subprocess.run(
        [sys.executable, "-c", BARE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONTZPATH": ""},
    )
    utc, refusal = done.stdout.splitlines()
    assert utc == "UTC UTC"
    assert "no time zone database" in refusal
    assert "pip install tzdata" in refusal


@given(places(), steps)
def test_a_local_time_begins_when_it_is_first_shown(
    place: tuple[ZoneInfo, datetime], step: timedelta
) -> None:
    """D4: what does not exist moves to the first that does, and of two the earlier one counts."""
    where, moment = place
    local = (shown(moment, where) + step).replace(microsecond=0)
    assert reached(local, where) == first_shown(local, where)


@given(places(), st.timedeltas(timedelta(), DAY))
def test_what_is_later_on_the_wall_never_begins_sooner(
    place: tuple[ZoneInfo, datetime], step: timedelta
) -> None:
    """To the microsecond; this is why periods and windows cannot overlap."""
    where, moment = place
    local = local_time(moment, where)
    assert reached(local, where) <= moment
    assert reached(local, where) <= reached(local + step, where)
    assert local_time(reached(local, where), where) == local


def test_every_change_of_every_clock() -> None:
    """Around each change since 1970: the time before it, those skipped or repeated, those after."""
    seen = set()
    for name in NAMES:
        where, found = ZoneInfo(name), changes(name, 1970, 2040)
        clock = tuple((change, ahead(change, where)) for change in found)
        if clock in seen:
            continue
        seen.add(clock)
        for change in found:
            _check_change(where, change)
    assert len(seen) > 100


def _check_change(where: ZoneInfo, change: datetime) -> None:
    before = shown(change - SECOND, where) + SECOND
    after = shown(change, where)
    assert reached(before - SECOND, where) <= change - SECOND
    assert reached(after, where) <= change
    if after > before:
        skipped = [before, before + (after - before) / 2, after - timedelta(microseconds=1), after]
        assert {reached(local, where) for local in skipped} == {change}
    else:
        repeated = after + (before - after) / 2
        assert reached(repeated, where) == change - (before - repeated)
    assert reached(max(before, after) + SECOND, where) == first_after(where, change, before, after)


def first_after(where: ZoneInfo, change: datetime, before: datetime, after: datetime) -> datetime:
    """When the clock, after a change, first shows a second more than it ever did."""
    return change + (max(before, after) - after) + SECOND


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("hours", [-12, 14])
def test_the_calendar_has_ends(year: int, hours: int) -> None:
    """What lies beyond them is refused, and not wrapped round."""
    where = timezone(timedelta(hours=hours))
    edge = datetime(1, 1, 1, tzinfo=UTC) if year == 1 else datetime.max.replace(tzinfo=UTC)
    shows_more = (hours < 0) == (year == 1)
    with pytest.raises(InvalidRequest, match="years 1 to 9999"):
        local_time(edge, where) if shows_more else reached(edge.replace(tzinfo=None), where)
