"""Many rows in one statement: written and looked up the same way on every database.

PostgreSQL takes one array a column, as text (drivers write that fastest); SQLite runs one prepared
statement for all rows, and reads look-ups from a JSON array. Owns no table.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, TextClause, text

from tollkeeper.store.database import Database
from tollkeeper.store.types import moment_text

Values = Sequence[Any]


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
        statement = _insert_arrays(database.name(table), columns, ignore)
        connection.execute(statement, _arrays(columns, rows))
    else:
        sql = _insert_values(database.name(table), columns, ignore)
        connection.exec_driver_sql(sql, [_plain(row) for row in rows])


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
        statement = _update_arrays(database.name(table), keys, columns)
        connection.execute(statement, _arrays(keys + columns, rows))
    else:
        sql = _update_values(database.name(table), keys, columns)
        size = len(keys)
        connection.exec_driver_sql(sql, [_plain((*row[size:], *row[:size])) for row in rows])


def look_up(
    connection: Connection,
    database: Database,
    sql: str,
    columns: tuple[Col, ...],
    rows: Sequence[Values],
) -> Sequence[Row[Any]]:
    """Run a query over given rows: `{given}` in the SQL stands for the relation of `columns`."""
    if not rows:
        return []
    statement = _with_given(sql, columns, database.is_postgres)
    if database.is_postgres:
        return connection.execute(statement, _arrays(columns, rows)).all()
    return connection.execute(statement, {"given": json.dumps([list(row) for row in rows])}).all()


@lru_cache(maxsize=256)
def _with_given(sql: str, columns: tuple[Col, ...], postgres: bool) -> TextClause:
    if postgres:
        names = ", ".join(column.name for column in columns)
        return text(sql.replace("{given}", f"unnest({_casts(columns)}) AS given({names})"))
    picks = ", ".join(
        f"json_extract(value, '$[{number}]') AS {column.name}"
        for number, column in enumerate(columns)
    )
    return text(sql.replace("{given}", f"(SELECT {picks} FROM json_each(:given)) AS given"))


@lru_cache(maxsize=256)
def _insert_arrays(table: str, columns: tuple[Col, ...], ignore: bool) -> TextClause:
    names = ", ".join(column.name for column in columns)
    order = "ORDER BY 1, 2" if ignore else ""
    conflict = "ON CONFLICT DO NOTHING" if ignore else ""
    return text(
        f"INSERT INTO {table} ({names}) SELECT * FROM unnest({_casts(columns)}) {order} {conflict}"  # noqa: S608  # names are ours
    )


@lru_cache(maxsize=256)
def _update_arrays(table: str, keys: tuple[Col, ...], columns: tuple[Col, ...]) -> TextClause:
    names = ", ".join(column.name for column in keys + columns)
    sets = ", ".join(f"{column.name} = given.{column.name}" for column in columns)
    match = " AND ".join(f"target.{key.name} = given.{key.name}" for key in keys)
    given = f"unnest({_casts(keys + columns)}) AS given({names})"
    return text(f"UPDATE {table} AS target SET {sets} FROM {given} WHERE {match}")  # noqa: S608  # names are ours


@lru_cache(maxsize=256)
def _insert_values(table: str, columns: tuple[Col, ...], ignore: bool) -> str:
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


def _arrays(columns: Sequence[Col], rows: Sequence[Values]) -> dict[str, str]:
    values = zip(*rows, strict=True)
    return {
        f"p{number}": _array(column.type, list(cells))
        for number, (column, cells) in enumerate(zip(columns, values, strict=True))
    }


def _array(kind: str, cells: Sequence[Any]) -> str:
    """Write one column as PostgreSQL's array text."""
    if kind == "text":
        return "{" + ",".join(["NULL" if c is None else _quoted(c) for c in cells]) + "}"
    if kind == "timestamptz":
        return "{" + ",".join(["NULL" if c is None else f'"{c.isoformat()}"' for c in cells]) + "}"
    return "{" + ",".join(["NULL" if c is None else str(c) for c in cells]) + "}"


def _quoted(cell: str) -> str:
    if "\\" in cell or '"' in cell:
        cell = cell.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cell}"'


def _plain(row: Values) -> tuple[Any, ...]:
    return tuple(moment_text(cell) if isinstance(cell, datetime) else cell for cell in row)
