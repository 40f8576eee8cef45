"""Statements on holds: make, change, find. For the ledger alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

KEY = (Col("customer_id"), Col("id"))
CHANGING = (
    Col("status"),
    Col("drawn"),
    Col("expires_at", "timestamptz"),
    Col("settled", "bigint"),
    Col("closed_by"),
    Col("closed_at", "timestamptz"),
)
FIXED = (Col("unit"), Col("feature"), Col("created_at", "timestamptz"))
_SELECTED = ", ".join(f"h.{column.name}" for column in KEY + CHANGING + FIXED)
Pairs = Sequence[tuple[str, str]]


def append_holds(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write new holds: key, changing columns, fixed columns."""
    bulk.insert(connection, database, "hold", KEY + CHANGING + FIXED, rows)


def write_holds(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write holds that changed: key, changing columns."""
    bulk.update(connection, database, "hold", KEY, CHANGING, rows)


def holds_by_ids(connection: Connection, database: Database, ids: Pairs) -> Sequence[Sequence[Any]]:
    """Read holds by (customer, hold id)."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("hold")} AS h
          ON h.customer_id = given.customer_id AND h.id = given.id"""  # noqa: S608  # names are ours
    return bulk.look_up(connection, database, sql, KEY, ids)


def open_holds(
    connection: Connection, database: Database, accounts: Pairs
) -> Sequence[Sequence[Any]]:
    """Read every open hold of some accounts, the first to lapse first."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("hold")} AS h
          ON h.customer_id = given.customer_id AND h.unit = given.unit AND h.status = 'open'
        ORDER BY h.expires_at, h.id"""  # noqa: S608  # names are ours
    columns = (Col("customer_id"), Col("unit"))
    return bulk.look_up(connection, database, sql, columns, accounts)
