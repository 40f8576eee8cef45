"""Many rows in one statement: written and looked up the same way on every database.

PostgreSQL takes one array a column (`arrays`); SQLite takes rows of marks (`marks`), and reads
look-ups from a JSON array. Owns no table.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import arrays, marks
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch, run, run_marked

Values = Sequence[Any]


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
    name = database.name(table)
    if database.is_postgres:
        given, values = arrays.written(columns, rows)
        run(connection, arrays.insert(name, given, ignore=ignore), values)
        return
    filled, cells = marks.filled(columns, rows)
    for size, some in marks.in_sizes(cells):
        run_marked(connection, marks.insert(name, filled, size, ignore=ignore), some)


def merge(
    connection: Connection,
    database: Database,
    table: str,
    columns: tuple[Col, ...],
    rows: Sequence[Values],
    merging: str,
) -> None:
    """Insert rows; one that is there already takes the new one in, as the `merging` clause says.

    The rows must have keys of their own: one statement changes no row twice.
    """
    if not rows:
        return
    name = database.name(table)
    if database.is_postgres:
        given, values = arrays.written(columns, rows, leave_out=False)
        run(connection, f"{arrays.insert(name, given, ignore=False)} {merging}", values)
        return
    cells = marks.plain(columns, rows)
    for size, some in marks.in_sizes(cells):
        sql = f"{marks.insert(name, columns, size, ignore=False)} {merging}"
        run_marked(connection, sql, some)


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
    name = database.name(table)
    if database.is_postgres:
        given, values = arrays.written(keys + columns, rows, leave_out=False)
        run(connection, arrays.update(name, len(keys), given), values)
        return
    cells = marks.plain(keys + columns, rows)
    for size, some in marks.in_sizes(cells):
        run_marked(connection, marks.update(name, keys, columns, size), some)


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
        return fetch(connection, statement, arrays.written(columns, rows, leave_out=False)[1])
    return fetch(connection, statement, {"given": json.dumps([list(row) for row in rows])})


@lru_cache(maxsize=256)
def _with_given(sql: str, columns: tuple[Col, ...], *, postgres: bool) -> str:
    if postgres:
        names = ", ".join(column.name for column in columns)
        return sql.replace("{given}", f"unnest({arrays.casts(columns)}) AS given({names})")
    picks = ", ".join(
        f"json_extract(value, '$[{number}]') AS {column.name}"
        for number, column in enumerate(columns)
    )
    return sql.replace("{given}", f"(SELECT {picks} FROM json_each(:given)) AS given")  # noqa: S608  # names are ours
