"""Books with many usage events, made quickly: one real event of everybody, then copies of it.

The first customer has half of all events, in every hour of the span; the others have theirs in
bursts, an hour of them once in a while. The totals of hours are summed up from the events. Filled
are the hours before the running one, back to a little before the thirty days that are summed up.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from bench.filling import INDEX_MEMORY
from tests.databases import connect
from tollkeeper import AsyncBilling
from tollkeeper.cli.bench.calling import SUMMED
from tollkeeper.cli.bench.load import PREFIX
from tollkeeper.cli.bench.selling import EVENTS, bench_catalog
from tollkeeper.cli.bench.setting_up import grant, marker

HOUR: Final = timedelta(hours=1)
#: The hours that are filled: one more than are summed up, for a span that cuts two of them.
HOURS: Final = SUMMED // HOUR + 1
#: How often the others have a burst: one hour of so many.
BURST: Final = 30
#: Filling stops with an error after this time.
FILL_SECONDS: Final = 600
#: Events of one statement that records them through the front door.
_BATCH: Final = 1_000


class FillingTooSlow(Exception):
    """The books were not filled within the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many events there are in one hour."""

    #: Of the first customer, in each.
    hot: int
    #: Of each of the others, in an hour of theirs.
    burst: int


def shape_of(customers: int, events: int, hours: int = HOURS) -> Shape:
    """Spread at least so many events: half for the first customer, half for the others.

    >>> shape_of(10_000, 10_000_000)
    Shape(hot=6935, burst=21)
    """
    half = events // 2
    bursts = max(1, hours // BURST) * max(1, customers - 1)
    return Shape(hot=max(1, -(-half // hours)), burst=max(1, -(-half // bursts)))


def fill_usage(database: str, *, customers: int, events: int, hours: int = HOURS) -> int:
    """Fill so many hours of new books on PostgreSQL with usage events; tell how many there are.

    Raises:
        FillingTooSlow: it took longer than it may.
    """
    asyncio.run(_record_once(database, customers))
    deadline = time.monotonic() + FILL_SECONDS
    with connect(database) as connection:
        connection.execute(f"SET maintenance_work_mem = '{INDEX_MEMORY}'".encode())
        connection.execute(f"SET work_mem = '{INDEX_MEMORY}'".encode())
        connection.execute("SET search_path = tollkeeper")
        connection.execute(_TEMPLATE, {"feature": EVENTS})
        keys = _drop_keys(connection)
        _copy(connection, shape_of(customers, events, hours), hours, deadline)
        for statement in keys:
            connection.execute(statement.encode())
        connection.execute(_TOTALS, {"before": _running_hour(connection)})
        for table in ("usage_event", "usage_total", "tally"):
            connection.execute(f"VACUUM ANALYZE {table}".encode())
        row = connection.execute("SELECT count(*) FROM usage_event").fetchone()
    assert row is not None
    return int(row[0])


async def _record_once(database: str, customers: int) -> None:
    """Record one event of everybody, and say that all are set up."""
    async with AsyncBilling(database, catalog=bench_catalog()) as billing:
        await billing.migrate()
        names = [f"{PREFIX}{number}" for number in range(1, customers + 1)]
        for begin in range(0, customers, _BATCH):
            await billing.usage.record_many(
                [{"customer": name, "feature": EVENTS} for name in names[begin : begin + _BATCH]]
            )
        await grant(billing, marker(customers, "summary_"))


def _drop_keys(connection: "psycopg.Connection[tuple[str, ...]]") -> Sequence[str]:
    """Drop the keys and indexes of events; give the statements that build them again."""
    keys = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'usage_event'::regclass AND contype IN ('p', 'u')"
    ).fetchall()
    for name, _ in keys:
        connection.execute(f'ALTER TABLE usage_event DROP CONSTRAINT "{name}"'.encode())
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'tollkeeper' AND tablename = 'usage_event'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"'.encode())
    built = [f'ALTER TABLE usage_event ADD CONSTRAINT "{name}" {text}' for name, text in keys]
    return [*built, *(definition for _, definition in indexes)]


def _copy(
    connection: "psycopg.Connection[tuple[str, ...]]", shape: Shape, hours: int, deadline: float
) -> None:
    """Write the events of one hour after the other: they stand in the order of time."""
    end = _running_hour(connection)
    for number in range(hours):
        if time.monotonic() > deadline:
            raise FillingTooSlow(f"{number} of {hours} hours were filled in {FILL_SECONDS} seconds")
        hour = {"begin": end - HOUR * (hours - number), "hour": number}
        many = {"hot": shape.hot, "burst": shape.burst, "every": BURST}
        connection.execute(_COPIES, {**hour, **many, "factor": 1 + number % 5})


def _running_hour(connection: "psycopg.Connection[tuple[str, ...]]") -> datetime:
    """Give the start of the hour in which the first real event was recorded."""
    row = connection.execute("SELECT min(counted_at) AS first FROM template").fetchone()
    assert row is not None
    moment = datetime.fromisoformat(str(row[0])).astimezone(UTC)
    return moment.replace(minute=0, second=0, microsecond=0)


#: Everybody's one real event, numbered: the customer who has half of all is the first.
_TEMPLATE: Final = f"""
    CREATE TEMP TABLE template AS
    SELECT e.*, row_number() OVER (ORDER BY e.customer_id <> '{PREFIX}1', e.customer_id) AS number
    FROM usage_event AS e
    WHERE e.feature = %(feature)s"""  # noqa: S608  # names are ours
#: An hour of events: quantity and money differ from hour to hour, and moments within it.
_COPIES: Final = """
    INSERT INTO usage_event (customer_id, id, feature, quantity, counted_at, owed, currency,
      fingerprint, created_at)
    SELECT t.customer_id, gen_random_uuid()::text, t.feature, t.quantity * %(factor)s, made.at,
      t.owed * %(factor)s, t.currency, t.fingerprint, made.at
    FROM template AS t
    CROSS JOIN LATERAL (
      SELECT CASE WHEN t.number = 1 THEN %(hot)s ELSE %(burst)s END AS many) AS of_hour
    CROSS JOIN LATERAL generate_series(1, of_hour.many) AS n
    CROSS JOIN LATERAL (
      SELECT %(begin)s::timestamptz + n * interval '1 hour' / (of_hour.many + 1) AS at) AS made
    WHERE t.number = 1 OR (%(hour)s + t.number * 7) %% %(every)s = 0"""
#: The totals of the hours before the running one. All events of an hour have one quantity, which is
#: therefore the greatest and the last.
_TOTALS: Final = """
    INSERT INTO usage_total (customer_id, feature, hour, currency, events, quantity, maximum, last,
      last_at, included, credits, wallet, billed, spent, owed)
    SELECT customer_id, feature, date_bin('1 hour', counted_at, 'epoch'), coalesce(currency, ''),
      count(*), sum(quantity), max(quantity), max(quantity), max(counted_at), 0, 0, 0,
      sum(quantity), 0, sum(coalesce(owed, 0))
    FROM usage_event
    WHERE counted_at < %(before)s::timestamptz
    GROUP BY 1, 2, 3, 4"""
