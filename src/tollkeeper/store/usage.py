"""Statements on usage events and the totals of hours. What is appended here is never changed."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

EVENT = (
    Col("customer_id"),
    Col("id"),
    Col("feature"),
    Col("quantity", "bigint"),
    Col("counted_at", "timestamptz"),
    Col("event_at", "timestamptz"),
    Col("member"),
    Col("api_key"),
    Col("tags"),
    Col("dimensions"),
    Col("included", "bigint"),
    Col("credits", "bigint"),
    Col("wallet", "bigint"),
    Col("unpaid", "bigint"),
    Col("spent", "bigint"),
    Col("owed", "bigint"),
    Col("currency"),
    Col("amends"),
    Col("backfill"),
    Col("mark"),
    Col("fingerprint"),
    Col("created_at", "timestamptz"),
)
TOTAL = (
    Col("customer_id"),
    Col("feature"),
    Col("hour", "timestamptz"),
    Col("currency"),
    Col("events", "bigint"),
    Col("quantity", "bigint"),
    Col("maximum", "bigint"),
    Col("last", "bigint"),
    Col("last_at", "timestamptz"),
    Col("included", "bigint"),
    Col("credits", "bigint"),
    Col("wallet", "bigint"),
    Col("billed", "bigint"),
    Col("spent", "bigint"),
    Col("owed", "bigint"),
)
PART = (
    Col("customer_id"),
    Col("id"),
    Col("status"),
    Col("opened_at", "timestamptz"),
    Col("closed_at", "timestamptz"),
    Col("undone_at", "timestamptz"),
)
#: Customer and id of an event's row.
_KEY_OF = itemgetter(0, 1)
_SUMS = ("events", "quantity", "included", "credits", "wallet", "billed", "spent", "owed")


def append_events(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Append usage events, in the order of their keys: neighbours share pages of the indexes."""
    bulk.insert(connection, database, "usage_event", EVENT, sorted(rows, key=_KEY_OF))


def add_totals(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Add what was used in hours that are over to what is kept of them."""
    bulk.merge(connection, database, "usage_total", TOTAL, rows, _merging(database))


def write_parts(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write customers' parts of backfills as they are now; of one, the last is what holds."""
    last = {(row[0], row[1]): row for row in rows}
    merging = "ON CONFLICT (customer_id, id) DO UPDATE SET " + ", ".join(
        f"{column.name} = excluded.{column.name}" for column in PART[2:]
    )
    bulk.merge(connection, database, "backfill", PART, list(last.values()), merging)


def _merging(database: Database) -> str:
    """Write how a row that is there takes another in: sums, the greatest, and the last.

    A greatest that only the events can tell (NULL) stays so.
    """
    table = database.name("usage_total")
    greatest = "greatest" if database.is_postgres else "max"
    sums = [f"{name} = {table}.{name} + excluded.{name}" for name in _SUMS]
    known = f"WHEN {table}.maximum IS NULL OR excluded.maximum IS NULL THEN NULL"
    later = f"(excluded.last_at, excluded.last) >= ({table}.last_at, {table}.last)"
    latest = [
        f"{name} = CASE {known} WHEN {later} THEN excluded.{name} ELSE {table}.{name} END"
        for name in ("last", "last_at")
    ]
    most = f"maximum = CASE {known} ELSE {greatest}({table}.maximum, excluded.maximum) END"
    changes = ", ".join([*sums, *latest, most])
    return f"ON CONFLICT (customer_id, feature, hour, currency) DO UPDATE SET {changes}"
