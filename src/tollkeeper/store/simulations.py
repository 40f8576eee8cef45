"""Statements that read the books customer by customer, for what-if: streams by keys and time.

Each stream is read through a cursor, so that any number of rows takes the same memory. Moments come
as the driver gives them. Writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, text

from tollkeeper.store.database import Database
from tollkeeper.store.grants import COLUMNS as GRANT
from tollkeeper.store.subscriptions import COLUMNS as SUBSCRIPTION
from tollkeeper.store.types import moment_text
from tollkeeper.store.usage import EVENT
from tollkeeper.store.usage_reads import counting

#: How many rows a cursor fetches at once.
FETCHED = 2000

Cells = Sequence[Any]

ACCOUNT = (
    *("customer_id", "unit", "available", "restricted", "held", "debt", "version", "overdraft"),
    *("merged_into", "grants", "due_at", "updated_at", "allowances"),
)


class Asked(NamedTuple):
    """Which span of time, and whose books; None is everybody's."""

    since: datetime
    until: datetime
    customers: tuple[str, ...] | None = None


def customers(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read customers: id, when made, zone, currency, who took them over; then their own tally."""
    sql = f"""
        SELECT c.customer_id, c.created_at, c.zone, c.currency, c.merged_into,
          t.version, t.state, t.updated_at
        FROM {database.name("customer")} AS c
        LEFT JOIN {database.name("tally")} AS t
          ON t.customer_id = c.customer_id AND t.subject = ''
        WHERE {_whose("c", asked)}
        ORDER BY c.customer_id"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def uses(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read the usage events that count in the span, each customer's in the order of time."""
    columns = ", ".join(f"e.{column.name}" for column in EVENT)
    sql = f"""
        SELECT {columns}
        FROM {database.name("usage_event")} AS e
        WHERE e.counted_at >= :since AND e.counted_at < :until AND {_whose("e", asked)}
          AND {counting(database)}
        ORDER BY e.customer_id, e.counted_at, e.id"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def count_uses(connection: Connection, database: Database, asked: Asked) -> int:
    """Count the usage events of the span, whether or not they count: for a progress bar."""
    sql = f"""
        SELECT count(*)
        FROM {database.name("usage_event")} AS e
        WHERE e.counted_at >= :since AND e.counted_at < :until AND {_whose("e", asked)}"""  # noqa: S608  # names are ours
    statement = _bound(sql, asked)
    return int(connection.execute(statement, _given(database, asked)).scalar_one())


def accounts(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read accounts as they are now, in the order of their keys (see `ACCOUNT`)."""
    columns = ", ".join(f"a.{name}" for name in ACCOUNT)
    sql = f"""
        SELECT {columns}
        FROM {database.name("account")} AS a
        WHERE {_whose("a", asked)}
        ORDER BY a.customer_id, a.unit"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def facts(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read the facts of grants by customer (see store.grants.COLUMNS)."""
    columns = ", ".join(f"g.{column.name}" for column in GRANT)
    sql = f"""
        SELECT {columns}
        FROM {database.name("grant_fact")} AS g
        WHERE {_whose("g", asked)}
        ORDER BY g.customer_id, g.id"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def subscriptions(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read the subscriptions that were live in the span (see store.subscriptions.COLUMNS)."""
    columns = ", ".join(f"s.{column.name}" for column in SUBSCRIPTION)
    sql = f"""
        SELECT {columns}
        FROM {database.name("subscription")} AS s
        WHERE s.started_at < :until AND (s.ends_at IS NULL OR s.ends_at >= :since)
          AND {_whose("s", asked)}
        ORDER BY s.customer_id, s.id"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def entries(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Read the rows of operations that were booked in the span, or that tell of it, by time."""
    account, subscription = database.name("account"), database.name("subscription")
    sql = f"""
        SELECT o.customer_id, o.id, o.part, o.kind, o.unit, o.created_at, o.event_at,
          coalesce(o.available_change, 0), coalesce(o.restricted_change, 0),
          coalesce(o.held_change, 0), coalesce(o.debt_change, 0), o.lines, o.result, o.version
        FROM {database.name("operation")} AS o
        WHERE o.created_at >= :since AND (o.created_at < :until OR o.event_at < :until)
          AND o.customer_id IN (
            SELECT a.customer_id FROM {account} AS a WHERE a.updated_at >= :since
            UNION
            SELECT s.customer_id FROM {subscription} AS s WHERE s.updated_at >= :since)
          AND {_whose("o", asked)}
        ORDER BY o.customer_id, o.created_at, o.id, o.part"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def vendor_costs(connection: Connection, database: Database, asked: Asked) -> Iterator[Cells]:
    """Sum what vendors asked for calls: customer, feature, currency, how many, cost, quantity."""
    sql = f"""
        SELECT m.customer_id, m.feature, m.cost_currency, count(*), sum(m.cost),
          coalesce(sum(m.quantity), 0)
        FROM {database.name("metered_call")} AS m
        WHERE m.created_at >= :since AND m.created_at < :until AND m.cost IS NOT NULL
          AND m.status = 'settled' AND {_whose("m", asked)}
        GROUP BY m.customer_id, m.feature, m.cost_currency
        ORDER BY m.customer_id, m.feature, m.cost_currency"""  # noqa: S608  # names are ours
    return _stream(connection, database, sql, asked)


def uses_backwards(
    connection: Connection, database: Database, values: Mapping[str, Any], conditions: Sequence[str]
) -> Iterator[Cells]:
    """Read when events were used, the last one first."""
    sql = f"""
        SELECT e.counted_at
        FROM {database.name("usage_event")} AS e
        WHERE {" AND ".join([*conditions, counting(database)])} AND e.quantity > 0
        ORDER BY e.counted_at DESC"""  # noqa: S608  # names are ours
    statement = text(sql).execution_options(yield_per=FETCHED)
    return iter(connection.execute(statement, values))


def first_use(
    connection: Connection, database: Database, values: Mapping[str, Any], conditions: Sequence[str]
) -> Cells | None:
    """Read when the first of some events was used; None where there is none."""
    sql = f"""
        SELECT e.counted_at
        FROM {database.name("usage_event")} AS e
        WHERE {" AND ".join([*conditions, counting(database)])} AND e.quantity > 0
        ORDER BY e.counted_at
        LIMIT 1"""  # noqa: S608  # names are ours
    return connection.execute(text(sql), values).first()


def plans_taken(connection: Connection, database: Database, asked: Asked) -> Sequence[Cells]:
    """Name the plans that were live in the span, with the catalogs they were sold under."""
    sql = f"""
        SELECT DISTINCT s.plan, s.catalog_version
        FROM {database.name("subscription")} AS s
        WHERE s.started_at < :until AND (s.ends_at IS NULL OR s.ends_at >= :since)
          AND {_whose("s", asked)}
        ORDER BY s.plan, s.catalog_version"""  # noqa: S608  # names are ours
    return connection.execute(_bound(sql, asked), _given(database, asked)).all()


def _stream(connection: Connection, database: Database, sql: str, asked: Asked) -> Iterator[Cells]:
    statement = _bound(sql, asked).execution_options(yield_per=FETCHED)
    for rows in connection.execute(statement, _given(database, asked)).partitions(FETCHED):
        yield from rows


def _bound(sql: str, asked: Asked) -> Any:
    if asked.customers is None:
        return text(sql)
    return text(sql).bindparams(bindparam("customers", expanding=True))


def _whose(table: str, asked: Asked) -> str:
    return "1 = 1" if asked.customers is None else f"{table}.customer_id IN :customers"


def _given(database: Database, asked: Asked) -> dict[str, Any]:
    given: dict[str, Any] = {"since": asked.since, "until": asked.until}
    if not database.is_postgres:
        given = {name: moment_text(moment) for name, moment in given.items()}
    return given if asked.customers is None else given | {"customers": list(asked.customers)}
