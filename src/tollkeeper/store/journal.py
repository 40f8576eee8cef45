"""Statements on operations and entries: append, look up by key or id. For the ledger alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch

COLUMNS = (
    Col("customer_id"),
    Col("id"),
    Col("part", "smallint"),
    Col("kind"),
    Col("idempotency_key"),
    Col("fingerprint"),
    Col("created_at", "timestamptz"),
    Col("event_at", "timestamptz"),
    Col("unit"),
    Col("version", "bigint"),
    Col("available_change", "bigint"),
    Col("restricted_change", "bigint"),
    Col("held_change", "bigint"),
    Col("debt_change", "bigint"),
    Col("available", "bigint"),
    Col("restricted", "bigint"),
    Col("held", "bigint"),
    Col("debt", "bigint"),
    Col("lines"),
    Col("mark"),
    Col("result"),
)
NOTE = (Col("customer_id"), Col("operation_id"), Col("reason"), Col("actor"), Col("metadata"))

_SELECTED = ", ".join(f"o.{column.name}" for column in COLUMNS)


class OperationRow(NamedTuple):
    """An entry's row, column by column."""

    customer_id: str
    id: str
    part: int
    kind: str
    idempotency_key: str | None
    fingerprint: str | None
    created_at: Any
    event_at: Any
    unit: str | None
    version: int | None
    available_change: int | None
    restricted_change: int | None
    held_change: int | None
    debt_change: int | None
    available: int | None
    restricted: int | None
    held: int | None
    debt: int | None
    lines: str | None
    mark: str | None
    result: str | None


Pairs = Sequence[tuple[str, str]]


def append(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Append entries."""
    bulk.insert(connection, database, "operation", COLUMNS, rows)


def append_notes(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write the personal text that stands beside operations."""
    bulk.insert(connection, database, "note", NOTE, rows)


def by_keys(connection: Connection, database: Database, keys: Pairs) -> Sequence[OperationRow]:
    """Find the heads of operations by (customer, idempotency key).

    On PostgreSQL a table without statistics yet would tempt the planner to walk all of a
    customer's rows; a row comparison in the key's own order leaves it no other index.
    """
    if database.is_postgres:
        sql = f"""
            SELECT {_SELECTED}
            FROM {{given}}
            CROSS JOIN LATERAL (
              SELECT *
              FROM {database.name("operation")} AS k
              WHERE (k.customer_id, k.idempotency_key) >= (given.customer_id, given.idempotency_key)
              ORDER BY k.customer_id, k.idempotency_key
              LIMIT 1
            ) AS o
            WHERE o.customer_id = given.customer_id
              AND o.idempotency_key = given.idempotency_key"""  # noqa: S608  # names are ours
    else:
        sql = f"""
            SELECT {_SELECTED}
            FROM {{given}}
            JOIN {database.name("operation")} AS o
              ON o.customer_id = given.customer_id
             AND o.idempotency_key = given.idempotency_key"""  # noqa: S608  # names are ours
    columns = (Col("customer_id"), Col("idempotency_key"))
    found = bulk.look_up(connection, database, sql, columns, keys)
    return [OperationRow._make(row) for row in found]


def by_ids(connection: Connection, database: Database, ids: Pairs) -> Sequence[OperationRow]:
    """Read all entries of operations by (customer, operation id), in their order."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("operation")} AS o
          ON o.customer_id = given.customer_id AND o.id = given.id
        ORDER BY o.customer_id, o.id, o.part"""  # noqa: S608  # names are ours
    columns = (Col("customer_id"), Col("id"))
    found = bulk.look_up(connection, database, sql, columns, ids)
    return [OperationRow._make(row) for row in found]


def of_kinds(
    connection: Connection, database: Database, customer: str, kinds: Sequence[str], most: int
) -> Sequence[Any]:
    """Read a customer's operations of some kinds that changed no balance, the latest first.

    It walks over the customer's operations: for people who look, not for calls.
    """
    marks = ", ".join(f":kind{number}" for number in range(len(kinds)))
    sql = f"""
        SELECT o.id, o.kind, o.created_at, o.result, n.actor, n.reason
        FROM {database.name("operation")} AS o
        LEFT JOIN {database.name("note")} AS n
          ON n.customer_id = o.customer_id AND n.operation_id = o.id
        WHERE o.customer_id = :customer AND o.version IS NULL AND o.kind IN ({marks})
        ORDER BY o.created_at DESC, o.id DESC
        LIMIT {int(most)}"""  # noqa: S608  # names are ours
    values = {f"kind{number}": kind for number, kind in enumerate(kinds)}
    return fetch(connection, sql, values | {"customer": customer})
