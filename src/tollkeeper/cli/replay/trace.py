"""Reads a recorded stream of LLM calls, row by row. Must never hold the whole of it in memory."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from tollkeeper.errors import InvalidRequest

#: The columns that a trace must have; others are passed over.
COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
#: Most characters of a line, so that a file without line breaks is not read as one.
MAXIMUM_LINE: Final = 10_000

_TOKENS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call of an LLM, as it was recorded."""

    #: Counts the calls of a trace from 1.
    number: int
    at: datetime
    #: Tokens that went in: known before the call.
    context: int
    #: Tokens that came out: known after it.
    generated: int


def read_trace(path: Path, limit: int | None = None) -> Iterator[RecordedCall]:
    """Give the calls of a trace one after the other, at most `limit` of them.

    Raises:
        InvalidRequest: the file cannot be read, a column is missing, or a row is not right. Carries
            `line`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _calls(path, file, limit)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not a text in UTF-8.") from error


def _calls(path: Path, file: TextIO, limit: int | None) -> Iterator[RecordedCall]:
    rows = csv.reader(_lines(path, file), strict=True)
    places: list[int] | None = None
    number = 0
    while limit is None or number < limit:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise _wrong(path, rows.line_num, f"it is not CSV ({error})") from error
        if row is None:
            break
        if not any(row):
            continue
        if places is None:
            places = _places(path, row)
            continue
        number += 1
        yield _call(path, rows.line_num, number, [row[n] if n < len(row) else "" for n in places])
    if not number:
        raise InvalidRequest(f"{path} has no calls in it.")


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(MAXIMUM_LINE + 1):
        number += 1
        if len(line) > MAXIMUM_LINE:
            raise _wrong(path, number, f"it has more than {MAXIMUM_LINE} characters")
        yield line


def _places(path: Path, header: list[str]) -> list[int]:
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise InvalidRequest(
            f"{path}, line 1: there must be one column {' and one '.join(missing)}; "
            f"a trace has the columns {', '.join(COLUMNS)}.",
            line=1,
        )
    return [names.index(name) for name in COLUMNS]


def _call(path: Path, line: int, number: int, cells: list[str]) -> RecordedCall:
    at, context, generated = (cell.strip() for cell in cells)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise _wrong(path, line, f"{COLUMNS[0]} {_shown(at)} is no time") from error
    for name, cell in zip(COLUMNS[1:], (context, generated), strict=True):
        if not _TOKENS.fullmatch(cell):
            raise _wrong(path, line, f"{name} {_shown(cell)} is no number of tokens")
    return RecordedCall(number, moment, int(context), int(generated))


def _wrong(path: Path, line: int, what: str) -> InvalidRequest:
    return InvalidRequest(f"{path}, line {line}: {what}.", line=line)


def _shown(cell: str) -> str:
    return repr(cell[:40])
