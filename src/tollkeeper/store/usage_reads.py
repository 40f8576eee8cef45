"""Statements that read usage: events that count, totals of hours, backfills. They write nothing.

An event counts if nothing took its place and the backfill that it came with, if any, is closed.
Moments come as the driver gives them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch
from tollkeeper.store.sums import read_sum, sum_of
from tollkeeper.store.types import moment_text
from tollkeeper.store.usage import EVENT, PART

Rows = Sequence[Any]
Pairs = Sequence[tuple[str, str]]

_SELECTED = ", ".join(f"e.{column.name}" for column in EVENT)
_KEY = (Col("customer_id"), Col("id"))

#: What is left to the later bill of an event's quantity.
BILLED = (
    "(e.quantity - coalesce(e.included, 0) - coalesce(e.credits, 0) - coalesce(e.wallet, 0)"
    " - coalesce(e.unpaid, 0))"
)
#: The sums of a group of events that 64 bits hold, such as those of an hour.
EVENT_SUMS = f"""
    coalesce(sum(CASE WHEN e.quantity > 0 THEN 1 ELSE 0 END), 0),
    coalesce(sum(e.quantity), 0),
    max(CASE WHEN e.quantity > 0 THEN e.quantity END),
    coalesce(sum(e.included), 0),
    coalesce(sum(e.credits), 0),
    coalesce(sum(e.wallet), 0),
    coalesce(sum{BILLED}, 0),
    coalesce(sum(e.spent), 0),
    coalesce(sum(e.owed), 0)"""


def event_sums(database: Database) -> str:
    """Write the sums of any group of events, in the order of `Summed`; read each by `read_sum`."""
    counted, greatest = (
        EVENT_SUMS.split(",\n")[0],
        "max(CASE WHEN e.quantity > 0 THEN e.quantity END)",
    )
    parts = ("e.included", "e.credits", "e.wallet", BILLED, "e.spent", "e.owed")
    sums = [sum_of(database, part) for part in parts]
    return ", ".join([counted, sum_of(database, "e.quantity"), greatest, *sums])


def counting(database: Database, event: str = "e") -> str:
    """Write the condition under which an event counts."""
    name = database.name
    return f"""
        NOT EXISTS (
          SELECT 1 FROM {name("usage_event")} AS later
          WHERE later.customer_id = {event}.customer_id AND later.amends = {event}.id)
        AND ({event}.backfill IS NULL OR EXISTS (
          SELECT 1 FROM {name("backfill")} AS b
          WHERE b.customer_id = {event}.customer_id AND b.id = {event}.backfill
            AND b.status = 'closed'))"""  # noqa: S608  # names are ours


def at(database: Database, moment: datetime) -> Any:
    """Give a moment as a statement takes it."""
    return moment if database.is_postgres else moment_text(moment)


def events_by_ids(connection: Connection, database: Database, ids: Pairs) -> Rows:
    """Read events by (customer, id)."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {{given}}
        JOIN {database.name("usage_event")} AS e
          ON e.customer_id = given.customer_id AND e.id = given.id"""  # noqa: S608  # names are ours
    return bulk.look_up(connection, database, sql, _KEY, ids)


def chain(connection: Connection, database: Database, customer: str, event: str) -> Rows:
    """Read an event and all that took its place one after the other, the first one first."""
    sql = f"""
        WITH RECURSIVE chain(id, depth) AS (
          SELECT e.id, 0
          FROM {database.name("usage_event")} AS e
          WHERE e.customer_id = :customer AND e.id = :event
          UNION ALL
          SELECT e.id, chain.depth + 1
          FROM chain
          JOIN {database.name("usage_event")} AS e
            ON e.customer_id = :customer AND e.amends = chain.id
        )
        SELECT {_SELECTED}
        FROM chain
        JOIN {database.name("usage_event")} AS e
          ON e.customer_id = :customer AND e.id = chain.id
        ORDER BY chain.depth"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer, "event": event})


def sum_of_events(
    connection: Connection,
    database: Database,
    what: str,
    conditions: Sequence[str],
    values: Mapping[str, Any],
) -> Rows:
    """Sum something of the events that count (see `read_sum`); tell when the first of them was."""
    where = " AND ".join([*conditions, counting(database)])
    sql = f"""
        SELECT {sum_of(database, what)}, min(CASE WHEN e.quantity > 0 THEN e.counted_at END)
        FROM {database.name("usage_event")} AS e
        WHERE {where}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def results_of_events(
    connection: Connection, database: Database, conditions: Sequence[str], values: Mapping[str, Any]
) -> Rows:
    """Read what charges told, of the events that count: their time, and who paid."""
    where = " AND ".join([*conditions, counting(database)])
    sql = f"""
        SELECT e.counted_at, o.result
        FROM {database.name("usage_event")} AS e
        JOIN {database.name("operation")} AS o
          ON o.customer_id = e.customer_id AND o.id = e.id AND o.part = 0
        WHERE {where}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def sum_of_totals(
    connection: Connection,
    database: Database,
    what: str,
    conditions: Sequence[str],
    values: Mapping[str, Any],
) -> int:
    """Sum something of the totals of hours."""
    where = " AND ".join(conditions)
    sql = f"""
        SELECT {sum_of(database, what)}
        FROM {database.name("usage_total")} AS t
        WHERE {where}"""  # noqa: S608  # names are ours
    return read_sum(fetch(connection, sql, values)[0][0])


def part(connection: Connection, database: Database, customer: str, name: str) -> Rows:
    """Read a customer's part of a backfill."""
    columns = ", ".join(f"b.{column.name}" for column in PART)
    sql = f"""
        SELECT {columns}
        FROM {database.name("backfill")} AS b
        WHERE b.customer_id = :customer AND b.id = :name"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer, "name": name})


def parts(connection: Connection, database: Database, name: str) -> Rows:
    """Read every part of a backfill, with how many events it has."""
    columns = ", ".join(f"b.{column.name}" for column in PART)
    sql = f"""
        SELECT {columns}, (
          SELECT count(*) FROM {database.name("usage_event")} AS e
          WHERE e.customer_id = b.customer_id AND e.backfill = b.id
            AND (e.mark IS NULL OR e.mark <> 'rated'))
        FROM {database.name("backfill")} AS b
        WHERE b.id = :name
        ORDER BY b.customer_id"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"name": name})


def events_of_backfill(
    connection: Connection, database: Database, customer: str, name: str
) -> Rows:
    """Read the events of a customer's part of a backfill that nothing took the place of."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {database.name("usage_event")} AS e
        WHERE e.customer_id = :customer AND e.backfill = :name
          AND NOT EXISTS (
            SELECT 1 FROM {database.name("usage_event")} AS later
            WHERE later.customer_id = e.customer_id AND later.amends = e.id)
        ORDER BY e.counted_at, e.id"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer, "name": name})


def members_of_backfill(
    connection: Connection, database: Database, customer: str, name: str
) -> Rows:
    """Name the members whose use a customer's part of a backfill has."""
    sql = f"""
        SELECT DISTINCT e.member
        FROM {database.name("usage_event")} AS e
        WHERE e.customer_id = :customer AND e.backfill = :name AND e.member IS NOT NULL
        ORDER BY 1"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer, "name": name})


def page(
    connection: Connection,
    database: Database,
    conditions: Sequence[str],
    values: Mapping[str, Any],
    most: int,
) -> Rows:
    """Read the newest events of a customer's feature, each with what took its place.

    Events of backfills are seen once these are closed; corrections of money are none of anybody's.
    """
    where = "".join(f" AND {condition}" for condition in conditions)
    event, backfill = database.name("usage_event"), database.name("backfill")
    sql = f"""
        SELECT {_SELECTED}, (
          SELECT later.id FROM {event} AS later
          WHERE later.customer_id = e.customer_id AND later.amends = e.id)
        FROM {event} AS e
        WHERE e.customer_id = :customer AND e.feature = :feature
          AND (e.mark IS NULL OR e.mark <> 'rated')
          AND (e.backfill IS NULL OR EXISTS (
            SELECT 1 FROM {backfill} AS b
            WHERE b.customer_id = e.customer_id AND b.id = e.backfill AND b.status = 'closed'))
          {where}
        ORDER BY e.counted_at DESC, e.id DESC
        LIMIT {most}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)
