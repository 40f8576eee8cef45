"""Reads files of usage events: CSV and JSON lines. Checks their shape; the room checks the rest."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import typer

from tollkeeper.cli import parsing
from tollkeeper.errors import InvalidRequest

#: The columns and fields that are read as they are; others of a CSV are dimensions.
FIELDS: Final = (
    "customer",
    "feature",
    "quantity",
    "event_at",
    "member",
    "idempotency_key",
)
#: What the name of a dimension's column may begin with, to be clear.
DIMENSION: Final = "dimension."


def events(name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give each event with the number of its line.

    Raises:
        InvalidRequest: the file is not there, is of no known kind, or a line cannot be read.
    """
    if name == "-":
        yield from _of_lines(sys.stdin)
        return
    path = Path(name)
    kind = path.suffix.lower()
    if kind not in (".csv", ".jsonl", ".ndjson"):
        raise InvalidRequest(f"{name!r} is neither .csv nor .jsonl; name the file so, or pipe it.")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from _of_table(file) if kind == ".csv" else _of_lines(file)
    except OSError as error:
        raise InvalidRequest(f"{name!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name!r} is not UTF-8.") from error


def _of_lines(file: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            read = json.loads(line, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"Line {number} is not JSON: {error}.") from error
        if not isinstance(read, dict):
            raise InvalidRequest(f"Line {number} is no JSON object.")
        yield number, _timed(read, number)


def _of_table(file: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file)
    missing = {"customer", "feature"} - set(reader.fieldnames or ())
    if missing:
        raise InvalidRequest(f"The first line names no column {min(missing)!r}.")
    for row in reader:
        if None in row:
            raise InvalidRequest(f"Line {reader.line_num} has more cells than the first line.")
        cells = {name: cell for name, cell in row.items() if cell not in (None, "")}
        event: dict[str, Any] = {name: cells.pop(name) for name in FIELDS if name in cells}
        if cells:
            event["dimensions"] = {
                name.removeprefix(DIMENSION): cell for name, cell in cells.items()
            }
        yield reader.line_num, _timed(event, reader.line_num)


def _timed(event: dict[str, Any], number: int) -> dict[str, Any]:
    """Read an event's time."""
    if isinstance(event.get("event_at"), str):
        try:
            event["event_at"] = parsing.moment(event["event_at"])
        except typer.BadParameter as error:
            raise InvalidRequest(f"Line {number}: {error}") from error
    return event
