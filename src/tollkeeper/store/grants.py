"""Statements on the facts of grants: append and look up. For the ledger alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

COLUMNS = (
    Col("customer_id"),
    Col("id"),
    Col("unit"),
    Col("operation_id"),
    Col("amount", "bigint"),
    Col("source"),
    Col("source_id"),
    Col("priority", "integer"),
    Col("paid", "boolean"),
    Col("effective_at", "timestamptz"),
    Col("expires_at", "timestamptz"),
    Col("cost", "bigint"),
    Col("cost_currency"),
    Col("features"),
    Col("origin"),
    Col("created_at", "timestamptz"),
)
_SELECTED = ", ".join(f"g.{column.name}" for column in COLUMNS)


def append_facts(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Append the facts of new grants."""
    bulk.insert(connection, database, "grant_fact", COLUMNS, rows)


def facts_by_ids(
    connection: Connection, database: Database, ids: Sequence[tuple[str, str]]
) -> Sequence[Sequence[Any]]:
    """Read facts by (customer, grant id)."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("grant_fact")} AS g
          ON g.customer_id = given.customer_id AND g.id = given.id"""  # noqa: S608  # names are ours
    return bulk.look_up(connection, database, sql, (Col("customer_id"), Col("id")), ids)
