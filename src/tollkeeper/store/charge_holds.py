"""Statements on charges that are set aside: make, change, find. For the ledger alone."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

KEY = (Col("customer_id"), Col("id"))
CHANGING = (
    Col("status"),
    Col("parts"),
    Col("expires_at", "timestamptz"),
    Col("settled", "bigint"),
    Col("closed_by"),
    Col("closed_at", "timestamptz"),
)
FIXED = (Col("feature"), Col("terms"), Col("said"), Col("created_at", "timestamptz"))
_SELECTED = ", ".join(f"h.{column.name}" for column in KEY + CHANGING + FIXED)
Pairs = Sequence[tuple[str, str]]


def append_charge_holds(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write new charge holds: key, changing columns, fixed columns."""
    bulk.insert(connection, database, "charge_hold", KEY + CHANGING + FIXED, rows)


def write_charge_holds(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write charge holds that changed: key, changing columns."""
    bulk.update(connection, database, "charge_hold", KEY, CHANGING, rows)


def charge_holds_by_ids(
    connection: Connection, database: Database, ids: Pairs
) -> Sequence[Sequence[Any]]:
    """Read charge holds by (customer, id)."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("charge_hold")} AS h
          ON h.customer_id = given.customer_id AND h.id = given.id"""  # noqa: S608  # names are ours
    return bulk.look_up(connection, database, sql, KEY, ids)
