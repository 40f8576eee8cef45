"""Statements that read all usage for the audit: what events sum up to, what totals and tallies say.

Each stream is read through a cursor, in the order of customer, feature, hour and currency. Writes
nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from tollkeeper.store.audits import FETCHED
from tollkeeper.store.database import Database
from tollkeeper.store.usage_reads import EVENT_SUMS, counting

Cells = Sequence[Any]


def hours_of_events(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Sum up the events that count, hour by hour: the key, then the sums of `EVENT_SUMS`."""
    hour = "substr(e.counted_at, 1, 13) || ':00:00.000000'"
    if database.is_postgres:
        hour = "date_trunc('hour', e.counted_at, 'UTC')"
    sql = f"""
        SELECT e.customer_id, e.feature, {hour}, coalesce(e.currency, ''), {EVENT_SUMS}
        FROM {database.name("usage_event")} AS e
        WHERE {_only("e", customer)} AND {counting(database)}
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def totals(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read the totals of hours: the key, then what they sum up."""
    sql = f"""
        SELECT t.customer_id, t.feature, t.hour, t.currency,
          t.events, t.quantity, t.maximum, t.included, t.credits, t.wallet, t.billed, t.spent,
          t.owed
        FROM {database.name("usage_total")} AS t
        WHERE {_only("t", customer)}
        ORDER BY t.customer_id, t.feature, t.hour, t.currency"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def tallies(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read the state of every customer's own tally, in which the running hour stands."""
    sql = f"""
        SELECT k.customer_id, k.state
        FROM {database.name("tally")} AS k
        WHERE k.subject = '' AND {_only("k", customer)}
        ORDER BY k.customer_id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def wrong_events(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find events that amend nothing, come with no backfill, or whose parts are no parts."""
    event, backfill = database.name("usage_event"), database.name("backfill")
    paid = "+".join(
        f"coalesce(e.{name}, 0)" for name in ("included", "credits", "wallet", "unpaid")
    )
    sql = f"""
        SELECT e.customer_id, e.id, 'amends an event that is not there'
        FROM {event} AS e
        WHERE e.amends IS NOT NULL AND {_only("e", customer)} AND NOT EXISTS (
          SELECT 1 FROM {event} AS old WHERE old.customer_id = e.customer_id AND old.id = e.amends)
        UNION ALL
        SELECT e.customer_id, e.id, 'came with a backfill that is not there'
        FROM {event} AS e
        WHERE e.backfill IS NOT NULL AND {_only("e", customer)} AND NOT EXISTS (
          SELECT 1 FROM {backfill} AS b WHERE b.customer_id = e.customer_id AND b.id = e.backfill)
        UNION ALL
        SELECT e.customer_id, e.id, 'was paid for beyond its quantity'
        FROM {event} AS e
        WHERE (e.quantity < 0 OR {paid} > e.quantity) AND {_only("e", customer)}
        ORDER BY 1, 2, 3"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def _stream(connection: Connection, sql: str, customer: str | None) -> Iterator[Cells]:
    statement = text(sql).execution_options(yield_per=FETCHED)
    given = {} if customer is None else {"customer": customer}
    return iter(connection.execute(statement, given))


def _only(table: str, customer: str | None) -> str:
    return "1 = 1" if customer is None else f"{table}.customer_id = :customer"
