"""Reads what people type: times, spans, metadata. Must never guess; a wrong word is refused."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import typer

_SPAN: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> datetime:
    """Read a time as ISO 8601; without a zone it is UTC.

    >>> moment("2026-06-01T12:00:00+02:00").isoformat()
    '2026-06-01T10:00:00+00:00'
    >>> moment("2026-06-01").isoformat()
    '2026-06-01T00:00:00+00:00'
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} is no time; write it like 2026-06-01T12:00:00Z."
        ) from error


def span(text: str) -> timedelta:
    """Read how long: a whole number of seconds, minutes, hours or days.

    >>> span("90s"), span("15m")
    (datetime.timedelta(seconds=90), datetime.timedelta(seconds=900))
    """
    found = _SPAN.fullmatch(text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no span of time; write it like 90s, 15m, 2h or 1d.")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def metadata(text: str) -> dict[str, Any]:
    """Read a JSON object.

    >>> metadata('{"request": "81"}')
    {'request': '81'}
    """
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"This is not JSON: {error}.") from error
    if not isinstance(read, dict):
        raise typer.BadParameter('Write a JSON object, such as {"request": "81"}.')
    return read


def dimensions(texts: Iterable[str]) -> dict[str, str]:
    """Read names with their values.

    >>> dimensions(["model=small", "region=eu"])
    {'model': 'small', 'region': 'eu'}
    """
    read: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"{text!r} is no dimension; write it like model=small.")
        read[name] = value
    return read
