"""Statements that sum usage up: by hours' totals, by events, in groups. They write nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch
from tollkeeper.store.sums import sum_of
from tollkeeper.store.usage_reads import counting, event_sums

Rows = Sequence[Any]
Values = Mapping[str, Any]

_NO_SUMS = "0, 0, 0, 0, 0, 0, 0, 0, 0"


def by_hours(
    connection: Connection, database: Database, hours: str, edges: str, values: Values
) -> Rows:
    """Sum a customer's feature by the totals of whole hours and the events at the edges.

    One statement, so that an hour which is set down meanwhile is neither missed nor counted twice.
    Rows tell: where from (`total`, `event`, `tally`), the currency, nine sums, how many hours do
    not know their greatest, and the tally's state, in which the running hour stands.
    """
    name = database.name
    tables = f"""
        SELECT 'total', t.currency, {_total_sums(database)},
          sum(CASE WHEN t.maximum IS NULL THEN 1 ELSE 0 END), CAST(NULL AS text)
        FROM {name("usage_total")} AS t
        WHERE t.customer_id = :customer AND t.feature = :feature AND ({hours})
        GROUP BY t.currency"""  # noqa: S608  # names are ours
    events = f"""
        UNION ALL
        SELECT 'event', coalesce(e.currency, ''), {event_sums(database)}, 0, CAST(NULL AS text)
        FROM {name("usage_event")} AS e
        WHERE e.customer_id = :customer AND e.feature = :feature AND ({edges})
          AND {counting(database)}
        GROUP BY coalesce(e.currency, '')"""  # noqa: S608  # names are ours
    tally = f"""
        UNION ALL
        SELECT 'tally', '', {_NO_SUMS}, 0, k.state
        FROM {name("tally")} AS k
        WHERE k.customer_id = :customer AND k.subject = ''"""  # noqa: S608  # names are ours
    return fetch(connection, tables + (events if edges else "") + tally, values)


def by_events(
    connection: Connection,
    database: Database,
    conditions: Sequence[str],
    groups: Sequence[str],
    values: Values,
    *,
    most: int | None = None,
) -> Rows:
    """Sum events in groups: the cells of the group, the currency, and the sums.

    Groups come in order, and what has no value comes last, on each database.
    """
    keys = "".join(f"{group}, " for group in groups)
    columns = [str(number + 1) for number in range(len(groups) + 1)]
    by, order = ", ".join(columns), ", ".join([f"{column} NULLS LAST" for column in columns])
    limit = f"LIMIT {most}" if most is not None else ""
    sql = f"""
        SELECT {keys}coalesce(e.currency, ''), {event_sums(database)}
        FROM {database.name("usage_event")} AS e
        WHERE {_where(database, conditions)}
        GROUP BY {by}
        ORDER BY {order}
        {limit}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def different(
    connection: Connection,
    database: Database,
    what: str,
    conditions: Sequence[str],
    groups: Sequence[str],
    values: Values,
) -> Rows:
    """Count the different values of something in groups."""
    sql = f"""
        SELECT {"".join(f"{group}, " for group in groups)}count(DISTINCT {what})
        FROM {database.name("usage_event")} AS e
        WHERE {_where(database, [*conditions, "e.quantity > 0"])}
        {_grouped(groups)}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def greatest(
    connection: Connection, database: Database, conditions: Sequence[str], values: Values
) -> Rows:
    """Find the greatest quantity of some events."""
    sql = f"""
        SELECT max(e.quantity)
        FROM {database.name("usage_event")} AS e
        WHERE {_where(database, [*conditions, "e.quantity > 0"])}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def last(
    connection: Connection, database: Database, conditions: Sequence[str], values: Values
) -> Rows:
    """Find the last quantity of some events; of one moment the greatest."""
    sql = f"""
        SELECT e.quantity
        FROM {database.name("usage_event")} AS e
        WHERE {_where(database, [*conditions, "e.quantity > 0"])}
        ORDER BY e.counted_at DESC, e.quantity DESC
        LIMIT 1"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def last_of_groups(
    connection: Connection,
    database: Database,
    conditions: Sequence[str],
    groups: Sequence[str],
    values: Values,
) -> Rows:
    """Find the last quantity of each group."""
    cells = [f"{group} AS g{number}" for number, group in enumerate(groups)]
    names = ", ".join(f"g{number}" for number in range(len(groups)))
    sql = f"""
        SELECT {names}, quantity
        FROM (
          SELECT {", ".join(cells)}, e.quantity,
            row_number() OVER (
              PARTITION BY {", ".join(groups)} ORDER BY e.counted_at DESC, e.quantity DESC) AS place
          FROM {database.name("usage_event")} AS e
          WHERE {_where(database, [*conditions, "e.quantity > 0"])}
        ) AS placed
        WHERE place = 1"""  # noqa: S608  # names are ours
    return fetch(connection, sql, values)


def features_of(connection: Connection, database: Database, customer: str) -> list[str]:
    """Name the features of which a customer has hours set down."""
    sql = f"""
        SELECT DISTINCT t.feature
        FROM {database.name("usage_total")} AS t
        WHERE t.customer_id = :customer
        ORDER BY 1"""  # noqa: S608  # names are ours
    return [row[0] for row in fetch(connection, sql, {"customer": customer})]


def dimension(database: Database, parameter: str) -> str:
    """Write the value of a dimension, whose name (on SQLite: whose path) is a parameter."""
    if database.is_postgres:
        # Ordered by bytes, as SQLite does, whatever language the database speaks.
        return f'((CAST(e.dimensions AS json) ->> CAST(:{parameter} AS text)) COLLATE "C")'
    return f"json_extract(e.dimensions, :{parameter})"


def dimension_key(database: Database, name: str) -> str:
    """Give what that parameter is for a dimension."""
    return name if database.is_postgres else f'$."{name}"'


def month(database: Database) -> str:
    """Write the month, in UTC, by which an event counts."""
    if database.is_postgres:
        return "to_char(e.counted_at AT TIME ZONE 'UTC', 'YYYY-MM')"
    return "substr(e.counted_at, 1, 7)"


def _grouped(groups: Sequence[str]) -> str:
    numbers = ", ".join(str(number + 1) for number in range(len(groups)))
    return f"GROUP BY {numbers}" if groups else ""


def _total_sums(database: Database) -> str:
    parts = ("included", "credits", "wallet", "billed", "spent", "owed")
    sums = [sum_of(database, f"t.{part}") for part in parts]
    counted = [sum_of(database, "t.events"), sum_of(database, "t.quantity")]
    return ", ".join([*counted, "max(t.maximum)", *sums])


def _where(database: Database, conditions: Sequence[str]) -> str:
    return " AND ".join([*conditions, counting(database)])
