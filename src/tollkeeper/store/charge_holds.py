"""Statements on charges that are set aside: make, change, find. For the ledger alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch
from tollkeeper.store.types import moment_text

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
#: How the end of a hold that nobody closed lies to now, by what it is then.
_BY_TIME: Final = {"open": ">", "lapsed": "<="}
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


def page(
    connection: Connection,
    database: Database,
    customer: str,
    *,
    feature: str | None,
    status: str | None,
    now: datetime,
    before: str | None,
    most: int,
) -> Sequence[Sequence[Any]]:
    """Read a customer's charge holds, newest first: their ids are in the order of time.

    Who is not closed and whose time is over has lapsed. Open ones are few and found by when they
    lapse, so they are found before they are put in order, however many there were.
    """
    conditions = ["h.customer_id = :customer"]
    values: dict[str, Any] = {"customer": customer, "most": most}
    if feature is not None:
        conditions.append("h.feature = :feature")
        values["feature"] = feature
    if status in _BY_TIME:
        conditions.append(f"h.status = 'open' AND h.expires_at {_BY_TIME[status]} :now")
        values["now"] = now if database.is_postgres else moment_text(now)
    elif status is not None:
        conditions.append("h.status = :status")
        values["status"] = status
    if before is not None:
        conditions.append("h.id < :before")
        values["before"] = before
    once = "MATERIALIZED" if status == "open" else "NOT MATERIALIZED"
    sql = f"""
        WITH found AS {once} (
          SELECT {_SELECTED}
          FROM {database.name("charge_hold")} AS h
          WHERE {" AND ".join(conditions)}
        )
        SELECT *
        FROM found
        ORDER BY id DESC
        LIMIT :most"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)
