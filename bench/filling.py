"""Books with many entries, made quickly and by the ledger's laws: one real consume, then copies.

Each customer has credits and consumes once through the front door; that consume is repeated by SQL
under new ids, keys and versions, and the accounts are brought to what their entries say.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from bench.proving import BooksAreWrong, prove, sample
from tests.databases import connect
from tollkeeper import AsyncBilling, Billing
from tollkeeper.cli.bench.load import AMOUNT, PREFIX, UNIT, WAVE

#: Entries that every customer has from the front door: a grant and a consume.
REAL_ENTRIES: Final = 2
#: Memory for building indexes, so that it takes seconds and not minutes.
INDEX_MEMORY: Final = "512MB"
_CACHE_KILOBYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Words:
    """What the two databases say differently."""

    identifier: str
    key: str
    grants: str


_POSTGRES: Final = _Words(
    identifier="left(t.id, 13) || lpad(t.number::text, 8, '0') || lpad({n}::text, 8, '0')",
    key="gen_random_uuid()::text",
    grants=r"""regexp_replace(grants, '^(\[\["[^"]*",)[0-9]+', '\1' || {available})""",
)
_SQLITE: Final = _Words(
    identifier="substr(t.id, 1, 13) || printf('%08d%08d', t.number, {n})",
    key="lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-'"
    " || hex(randomblob(2)) || '-' || hex(randomblob(6)))",
    grants="json_set(grants, '$[0][1]', {available})",
)


def fill(database: str, *, customers: int, entries: int) -> None:
    """Fill new books with this many entries, spread evenly over customers who have their credits.

    Raises:
        BooksAreWrong: a sample of the customers shows that the books were filled wrongly.
    """
    asyncio.run(_consume_once(database, customers))
    each = max(REAL_ENTRIES, entries // customers)
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        _fill_sqlite(Path(url.database or ""), each)
    else:
        _fill_postgres(database, each)
    confirm(database, customers=customers, entries_each=each)


async def _consume_once(database: str, customers: int) -> None:
    async with AsyncBilling(database) as billing:
        room: Any = billing.credits
        names = [f"{PREFIX}{number}" for number in range(1, customers + 1)]
        for begin in range(0, customers, WAVE):
            some = names[begin : begin + WAVE]
            keys = [f"{name:0>36}" for name in some]  # as long as a UUID
            calls = zip(some, keys, strict=True)
            await asyncio.gather(
                *(room.consume(name, UNIT, 1, idempotency_key=key) for name, key in calls)
            )


def confirm(database: str, *, customers: int, entries_each: int) -> None:
    """Audit a sample, and see that every customer in it has as many entries as were asked for.

    Raises:
        BooksAreWrong: a law does not hold, or an account's newest entry or balance is another.
    """
    prove(database, customers)
    expected = (entries_each, AMOUNT - (entries_each - 1))
    with Billing(database) as billing:
        for name in sample(customers):
            newest = billing.credits.history(name, UNIT, limit=1).entries[0].version
            available = int(billing.credits.balance(name, UNIT).available)
            if (newest, available) != expected:
                raise BooksAreWrong(f"{name} has {(newest, available)}, and not {expected}")


def _fill_postgres(database: str, each: int) -> None:
    with connect(database) as connection:
        connection.execute(f"SET maintenance_work_mem = '{INDEX_MEMORY}'".encode())
        connection.execute("SET search_path = tollkeeper")
        connection.execute(_template("operation").encode())
        rows = connection.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = 'operation'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        statement = _copies("operation", [row[0] for row in rows], _POSTGRES, "%(n)s")
        keys = _drop_keys(connection)
        # One entry of everybody at a time: the rows stand in the order of time, as in real books.
        for version in range(REAL_ENTRIES + 1, each + 1):
            connection.execute(statement.encode(), {"n": version})
        for name, definition in keys.items():
            connection.execute(f"ALTER TABLE operation ADD CONSTRAINT {name} {definition}".encode())
        connection.execute(_accounts("account", "operation", each, _POSTGRES).encode())
        for table in ("operation", "account"):
            connection.execute(f"VACUUM ANALYZE {table}".encode())


def _drop_keys(connection: "psycopg.Connection[tuple[str, ...]]") -> Mapping[str, str]:
    """Drop the keys, which are built again in a fraction of the time that keeping them takes."""
    rows = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'operation'::regclass AND contype IN ('p', 'u')"
    )
    keys = {row[0]: row[1] for row in rows}
    for name in keys:
        connection.execute(f"ALTER TABLE operation DROP CONSTRAINT {name}".encode())
    return keys


def _fill_sqlite(path: Path, each: int) -> None:
    table, account = "tollkeeper_operation", "tollkeeper_account"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Nobody else looks yet: the books are made anew if the machine stops now.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
        connection.execute(_template(table))
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        connection.execute("CREATE TEMP TABLE turn (n INTEGER PRIMARY KEY)")
        turns = [(n,) for n in range(REAL_ENTRIES + 1, each + 1)]
        connection.executemany("INSERT INTO turn VALUES (?)", turns)
        copies = _copies(table, columns, _SQLITE, "turn.n")
        # Customer by customer, as its keys are ordered; any other order takes many minutes.
        connection.execute(f"{copies} CROSS JOIN turn")
        connection.execute(_accounts(account, table, each, _SQLITE))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _template(table: str) -> str:
    """Keep everybody's one real consume, numbered, as what is to be copied."""
    return (
        "CREATE TEMP TABLE template AS "  # noqa: S608  # names are ours
        f"SELECT o.*, row_number() OVER (ORDER BY customer_id) AS number FROM {table} AS o "
        f"WHERE version = {REAL_ENTRIES} AND kind = 'consume'"
    )


def _copies(table: str, columns: Sequence[str], words: _Words, n: str) -> str:
    """Write the nth entry of everybody: the template's row but for id, key, version, balance."""
    own = {
        "id": words.identifier.format(n=n),
        "idempotency_key": words.key,
        "version": f"CAST({n} AS bigint)",
        "available": f"t.available + t.available_change * ({n} - {REAL_ENTRIES})",
    }
    values = ", ".join(own.get(column, f"t.{column}") for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM template AS t"  # noqa: S608  # names are ours


def _accounts(account: str, operation: str, each: int, words: _Words) -> str:
    """Bring every account to its newest entry."""
    newest = (
        f"(SELECT o.available FROM {operation} AS o"  # noqa: S608  # names are ours
        f" WHERE o.customer_id = {account}.customer_id AND o.unit = {account}.unit"
        f" AND o.version = {each})"
    )
    remains = words.grants.format(available=newest)
    return (
        f"UPDATE {account} SET version = {each}, available = {newest}, grants = {remains}"  # noqa: S608  # names are ours
        f" WHERE version = {REAL_ENTRIES}"
    )
