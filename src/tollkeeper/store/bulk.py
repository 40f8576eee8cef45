"""Many rows in one statement: written and looked up the same way on every database.

PostgreSQL takes one array a column, as text (drivers write that fastest); SQLite runs one prepared
statement for all rows, and reads look-ups from a JSON array. Owns no table.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch, run, run_many
from tollkeeper.store.types import moment_text

Values = Sequence[Any]

#: A control character: texts from callers are refused where they have one.
_SEPARATOR = "\x01"


class Col(NamedTuple):
    """A column as a bulk statement sees it: its name and PostgreSQL's type of it."""

    name: str
    type: str = "text"


def insert(
    connection: Connection,
    database: Database,
    table: str,
    columns: tuple[Col, ...],
    rows: Sequence[Values],
    *,
    ignore: bool = False,
) -> None:
    """Insert rows; with `ignore`, those that exist already are left as they are."""
    if not rows:
        return
    if database.is_postgres:
        given, values = _arrays(columns, rows)
        run(connection, _insert_arrays(database.name(table), given, ignore=ignore), values)
    else:
        given, cells = _filled(columns, rows)
        sql = _insert_values(database.name(table), given, ignore=ignore)
        run_many(connection, sql, list(zip(*cells, strict=True)))


def update(
    connection: Connection,
    database: Database,
    table: str,
    keys: tuple[Col, ...],
    columns: tuple[Col, ...],
    rows: Sequence[Values],
) -> None:
    """Update rows found by their key; each row gives the keys first, then the columns."""
    if not rows:
        return
    if database.is_postgres:
        given, values = _arrays(keys + columns, rows, leave_out=False)
        run(connection, _update_arrays(database.name(table), len(keys), given), values)
    else:
        sql = _update_values(database.name(table), keys, columns)
        cells = _plain(keys + columns, rows)
        last = [*cells[len(keys) :], *cells[: len(keys)]]
        run_many(connection, sql, list(zip(*last, strict=True)))


def look_up(
    connection: Connection,
    database: Database,
    sql: str,
    columns: tuple[Col, ...],
    rows: Sequence[Values],
) -> Sequence[Values]:
    """Run a query over given rows: `{given}` in the SQL stands for the relation of `columns`."""
    if not rows:
        return []
    statement = _with_given(sql, columns, postgres=database.is_postgres)
    if database.is_postgres:
        return fetch(connection, statement, _arrays(columns, rows, leave_out=False)[1])
    return fetch(connection, statement, {"given": json.dumps([list(row) for row in rows])})


@lru_cache(maxsize=256)
def _with_given(sql: str, columns: tuple[Col, ...], *, postgres: bool) -> str:
    if postgres:
        names = ", ".join(column.name for column in columns)
        return sql.replace("{given}", f"unnest({_casts(columns)}) AS given({names})")
    picks = ", ".join(
        f"json_extract(value, '$[{number}]') AS {column.name}"
        for number, column in enumerate(columns)
    )
    return sql.replace("{given}", f"(SELECT {picks} FROM json_each(:given)) AS given")  # noqa: S608  # names are ours


@lru_cache(maxsize=256)
def _insert_arrays(table: str, columns: tuple[Col, ...], *, ignore: bool) -> str:
    names = ", ".join(column.name for column in columns)
    order = "ORDER BY 1, 2" if ignore else ""
    conflict = "ON CONFLICT DO NOTHING" if ignore else ""
    given = f"unnest({_casts(columns)})"
    return f"INSERT INTO {table} ({names}) SELECT * FROM {given} {order} {conflict}"  # noqa: S608  # names are ours


@lru_cache(maxsize=256)
def _update_arrays(table: str, keys: int, columns: tuple[Col, ...]) -> str:
    names = ", ".join(column.name for column in columns)
    sets = ", ".join(f"{column.name} = given.{column.name}" for column in columns[keys:])
    match = " AND ".join(f"target.{key.name} = given.{key.name}" for key in columns[:keys])
    given = f"unnest({_casts(columns)}) AS given({names})"
    return f"UPDATE {table} AS target SET {sets} FROM {given} WHERE {match}"  # noqa: S608  # names are ours


@lru_cache(maxsize=256)
def _insert_values(table: str, columns: tuple[Col, ...], *, ignore: bool) -> str:
    names = ", ".join(column.name for column in columns)
    marks = ", ".join("?" for _ in columns)
    verb = "INSERT OR IGNORE" if ignore else "INSERT"
    return f"{verb} INTO {table} ({names}) VALUES ({marks})"


@lru_cache(maxsize=256)
def _update_values(table: str, keys: tuple[Col, ...], columns: tuple[Col, ...]) -> str:
    sets = ", ".join(f"{column.name} = ?" for column in columns)
    match = " AND ".join(f"{key.name} = ?" for key in keys)
    return f"UPDATE {table} SET {sets} WHERE {match}"  # noqa: S608  # names are ours


def _casts(columns: Iterable[Col]) -> str:
    """Cast from text twice, so that every driver sends text and PostgreSQL reads the array."""
    return ", ".join(
        f"CAST(CAST(:p{number} AS text) AS {column.type}[])"
        for number, column in enumerate(columns)
    )


def _arrays(
    columns: Sequence[Col], rows: Sequence[Values], *, leave_out: bool = True
) -> tuple[tuple[Col, ...], dict[str, str]]:
    """Write rows as one array a column; columns that are NULL throughout may be left out."""
    size = len(rows)
    given: list[Col] = []
    values: dict[str, str] = {}
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        first = cells[0]
        alike = cells.count(first) == size
        if leave_out and alike and first is None:
            continue
        name = f"p{len(given)}"
        if alike:
            values[name] = "{" + ",".join([_cell(column.type, first)] * size) + "}"
        else:
            values[name] = _array(column.type, cells)
        given.append(column)
    return tuple(given), values


def _array(kind: str, cells: Sequence[Any]) -> str:
    """Write one column as PostgreSQL's array text."""
    if kind == "bigint" and None not in cells:
        return "{" + ",".join(map(str, cells)) + "}"
    if kind == "text" and None not in cells:
        return _texts(cells)
    return "{" + ",".join([_cell(kind, cell) for cell in cells]) + "}"


def _texts(cells: Sequence[str]) -> str:
    """Write texts, escaping all of them at once: joined by a character that none of them has."""
    joined = _SEPARATOR.join(cells)
    if joined.count(_SEPARATOR) != len(cells) - 1:
        return "{" + ",".join([_quoted(cell) for cell in cells]) + "}"
    if "\\" in joined or '"' in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace(_SEPARATOR, '","') + '"}'


def _cell(kind: str, cell: Any) -> str:
    if cell is None:
        return "NULL"
    if kind == "text":
        return _quoted(cell)
    return f'"{cell.isoformat()}"' if kind == "timestamptz" else str(cell)


def _quoted(cell: str) -> str:
    if "\\" in cell or '"' in cell:
        cell = cell.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cell}"'


def _filled(
    columns: Sequence[Col], rows: Sequence[Values]
) -> tuple[tuple[Col, ...], list[Sequence[Any]]]:
    """Leave out the columns that are NULL throughout; the driver takes long over each NULL."""
    size = len(rows)
    cells = _plain(columns, rows)
    full = [n for n, column in enumerate(cells) if column.count(None) < size]
    return tuple([columns[n] for n in full]), [cells[n] for n in full]


def _plain(columns: Sequence[Col], rows: Sequence[Values]) -> list[Sequence[Any]]:
    """Give the cells of each column as SQLite takes them: moments as text."""
    cells: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for number, column in enumerate(columns):
        if column.type == "timestamptz":
            cells[number] = [None if cell is None else moment_text(cell) for cell in cells[number]]
    return cells
