"""Runs one statement the shortest way that the connection's driver allows.

A writer's own connection has a wire. Elsewhere psycopg and sqlite3 are called directly:
SQLAlchemy's execution of a text costs more than the statement itself in a small batch. Other
drivers (a host's own) go through SQLAlchemy.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from tollkeeper.store.wire import wire_of
from tollkeeper.store.wire_postgres import PARAMETER
from tollkeeper.store.wire_sqlite import SqliteWire

Rows = Sequence[Any]


def fetch(connection: Connection, sql: str, values: Mapping[str, Any]) -> Rows:
    """Run a query whose parameters are written `:name`; give all rows."""
    wire = wire_of(connection)
    if wire is not None:
        return wire.fetch(sql, values)
    cursor = _cursor(connection)
    if cursor is None:
        return connection.execute(_text(sql), values).all()
    try:
        cursor.execute(_in_style(sql, connection.dialect.name), values)
        rows: Rows = cursor.fetchall()
        return rows
    finally:
        cursor.close()


def run(connection: Connection, sql: str, values: Mapping[str, Any]) -> None:
    """Run a statement that gives no rows; on a wire, at the latest with the commit."""
    wire = wire_of(connection)
    if wire is not None:
        wire.run(sql, values)
        return
    cursor = _cursor(connection)
    if cursor is None:
        connection.execute(_text(sql), values)
        return
    try:
        cursor.execute(_in_style(sql, connection.dialect.name), values)
    finally:
        cursor.close()


def run_marked(connection: Connection, sql: str, cells: Sequence[Any]) -> None:
    """Run one SQLite statement whose parameters are written `?`."""
    wire = wire_of(connection)
    if isinstance(wire, SqliteWire):
        wire.run_marked(sql, cells)
        return
    cursor = _cursor(connection)
    if cursor is None:
        connection.exec_driver_sql(sql, tuple(cells))
        return
    try:
        cursor.execute(sql, cells)
    finally:
        cursor.close()


def _cursor(connection: Connection) -> Any:
    """Open a cursor of the driver itself, where we know it; it sees the same transaction."""
    dialect = connection.dialect
    if (dialect.name, dialect.driver) not in _DIRECT or connection.invalidated:
        return None
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.cursor()


_DIRECT = {("postgresql", "psycopg"), ("sqlite", "pysqlite")}


@lru_cache(maxsize=512)
def _text(sql: str) -> TextClause:
    return text(sql)


@lru_cache(maxsize=512)
def _in_style(sql: str, dialect: str) -> str:
    """Write `:name` as psycopg wants it; sqlite3 takes it as it is."""
    if dialect == "sqlite":
        return sql
    return PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
