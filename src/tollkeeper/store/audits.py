"""Statements that read the whole book, for the audit: streams by keys, rows that point nowhere.

Each stream is read through a cursor, so that a book of any size takes the same memory. Moments come
as the driver gives them. Writes nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from tollkeeper.store.database import Database

#: How many rows a cursor fetches at once.
FETCHED = 1000

Cells = Sequence[Any]

_CHANGES = ("available_change", "restricted_change", "held_change", "debt_change")
_BALANCES = ("available", "restricted", "held", "debt")


def _whole(table: str, *columns: str) -> str:
    """Read columns as whole numbers: SQLite would keep any text that somebody wrote there."""
    return ", ".join(f"CAST({table}.{column} AS bigint)" for column in columns)


def _or_zero(*columns: str) -> str:
    """Read an entry's numbers, of which NULL means zero."""
    return ", ".join(f"CAST(coalesce(o.{column}, 0) AS bigint)" for column in columns)


_ENTRY = f"""
    o.customer_id, o.unit, {_whole("o", "version")}, o.id, {_whole("o", "part")}, o.kind,
    {_or_zero(*_CHANGES)},
    {_or_zero(*_BALANCES)},
    o.lines, o.mark, o.created_at, o.event_at,
    o.idempotency_key IS NOT NULL, o.fingerprint IS NOT NULL, o.result"""


def count_operations(connection: Connection, database: Database, customer: str | None) -> int:
    """Count the rows of operations: entries, and operations that changed no balance."""
    sql = f"""
        SELECT count(*)
        FROM {database.name("operation")} AS o
        WHERE {_only("o", customer)}"""  # noqa: S608  # names are ours
    return int(connection.execute(text(sql), _given(customer)).scalar_one())


def units(connection: Connection, database: Database) -> Iterator[Cells]:
    """Read every unit as it stands: key, kind, scale, overdraft."""
    sql = f"""
        SELECT u.key, u.kind, u.scale, u.overdraft
        FROM {database.name("unit")} AS u
        ORDER BY u.key"""  # noqa: S608  # names are ours
    return _stream(connection, sql, None)


def accounts(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read accounts in the order of their keys."""
    sql = f"""
        SELECT a.customer_id, a.unit, {_whole("a", *_BALANCES, "version", "overdraft")},
          a.merged_into, a.grants, a.due_at, a.updated_at, a.allowances
        FROM {database.name("account")} AS a
        WHERE {_only("a", customer)}
        ORDER BY a.customer_id, a.unit"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def entries(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read entries by account, each account's in the order of their versions."""
    sql = f"""
        SELECT {_ENTRY}
        FROM {database.name("operation")} AS o
        WHERE o.version IS NOT NULL AND o.unit IS NOT NULL AND {_only("o", customer)}
        ORDER BY o.customer_id, o.unit, o.version"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def bare_operations(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Read the rows that belong to no account: operations that changed no balance."""
    sql = f"""
        SELECT {_ENTRY}
        FROM {database.name("operation")} AS o
        WHERE (o.version IS NULL OR o.unit IS NULL) AND {_only("o", customer)}"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def facts(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read the facts of grants by customer, in the order of their keys."""
    sql = f"""
        SELECT g.customer_id, g.id, g.unit, g.operation_id, {_whole("g", "amount", "priority")},
          g.paid, g.effective_at, g.expires_at, {_whole("g", "cost")}, g.features, g.created_at
        FROM {database.name("grant_fact")} AS g
        WHERE {_only("g", customer)}
        ORDER BY g.customer_id, g.id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def open_holds(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read open holds by customer, in the order of their keys."""
    sql = f"""
        SELECT h.customer_id, h.id, h.status, h.drawn, h.expires_at, h.settled, h.closed_by,
          h.closed_at, h.unit, h.feature, h.created_at
        FROM {database.name("hold")} AS h
        WHERE h.status = 'open' AND {_only("h", customer)}
        ORDER BY h.customer_id, h.id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def repeated_keys(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find idempotency keys with more than one operation: customer, key, how many, the first."""
    sql = f"""
        SELECT o.customer_id, o.idempotency_key, count(*), min(o.id)
        FROM {database.name("operation")} AS o
        WHERE o.idempotency_key IS NOT NULL AND {_only("o", customer)}
        GROUP BY o.customer_id, o.idempotency_key
        HAVING count(*) > 1
        ORDER BY o.customer_id, o.idempotency_key"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def broken_operations(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find operations whose parts are not 0, 1, 2 …: id, a customer, first, last, how many.

    An operation may stand under two customers, each with some of its parts. Seen from one of them
    alone, only what begins with part 0 can be judged, and has to be whole up to its last part.
    """
    part = _whole("o", "part")
    whole = f"min({part}) <> 0 OR max({part}) + 1 <> count(*)"
    own = f"min({part}) = 0 AND max({part}) + 1 <> count(*)"
    sql = f"""
        SELECT o.id, min(o.customer_id), min({part}), max({part}), count(*)
        FROM {database.name("operation")} AS o
        WHERE {_only("o", customer)}
        GROUP BY o.id
        HAVING {whole if customer is None else own}
        ORDER BY o.id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def accounts_of_nobody(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find accounts without their customer: customer, unit."""
    sql = f"""
        SELECT a.customer_id, a.unit
        FROM {database.name("account")} AS a
        LEFT JOIN {database.name("customer")} AS c ON c.customer_id = a.customer_id
        WHERE c.customer_id IS NULL AND {_only("a", customer)}
        ORDER BY a.customer_id, a.unit"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def accounts_without_unit(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find accounts in units that are not registered: customer, unit."""
    sql = f"""
        SELECT a.customer_id, a.unit
        FROM {database.name("account")} AS a
        LEFT JOIN {database.name("unit")} AS u ON u.key = a.unit
        WHERE u.key IS NULL AND {_only("a", customer)}
        ORDER BY a.customer_id, a.unit"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def holds_closed_by_nothing(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find holds that are over without the operation that ended them: customer, hold, status, it.

    A lapse is an operation named for its hold; it ends the hold without being noted there.
    """
    sql = f"""
        SELECT h.customer_id, h.id, h.status, h.closed_by
        FROM {database.name("hold")} AS h
        WHERE h.status <> 'open' AND {_only("h", customer)}
          AND NOT EXISTS (
            SELECT 1
            FROM {database.name("operation")} AS o
            WHERE o.customer_id = h.customer_id
              AND o.id = CASE h.status
                WHEN 'lapsed' THEN 'lps_' || substr(h.id, 5)
                WHEN 'settled' THEN h.closed_by
                WHEN 'released' THEN h.closed_by
              END)
        ORDER BY h.customer_id, h.id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def notes_beside_nothing(
    connection: Connection, database: Database, customer: str | None
) -> Iterator[Cells]:
    """Find personal text without its operation: customer, operation."""
    sql = f"""
        SELECT n.customer_id, n.operation_id
        FROM {database.name("note")} AS n
        WHERE {_only("n", customer)}
          AND NOT EXISTS (
            SELECT 1
            FROM {database.name("operation")} AS o
            WHERE o.customer_id = n.customer_id AND o.id = n.operation_id)
        ORDER BY n.customer_id, n.operation_id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def _stream(connection: Connection, sql: str, customer: str | None) -> Iterator[Cells]:
    statement = text(sql).execution_options(yield_per=FETCHED)
    return iter(connection.execute(statement, _given(customer)))


def _only(table: str, customer: str | None) -> str:
    return "1 = 1" if customer is None else f"{table}.customer_id = :customer"


def _given(customer: str | None) -> dict[str, str]:
    return {} if customer is None else {"customer": customer}


def plans(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read subscriptions by customer: key, when each ends, and what it gives."""
    sql = f"""
        SELECT s.customer_id, s.id, s.ends_at, s.allowances
        FROM {database.name("subscription")} AS s
        WHERE {_only("s", customer)}
        ORDER BY s.customer_id, s.id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def filled(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read accounts that allowances fill, by customer: key, and what fills them."""
    sql = f"""
        SELECT a.customer_id, a.unit, a.allowances
        FROM {database.name("account")} AS a
        WHERE a.allowances IS NOT NULL AND {_only("a", customer)}
        ORDER BY a.customer_id, a.unit"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)


def on_plans(connection: Connection, database: Database, customer: str | None) -> Iterator[Cells]:
    """Read customers' own tallies by customer: key, and state."""
    sql = f"""
        SELECT t.customer_id, t.subject, t.state
        FROM {database.name("tally")} AS t
        WHERE t.subject = '' AND {_only("t", customer)}
        ORDER BY t.customer_id"""  # noqa: S608  # names are ours
    return _stream(connection, sql, customer)
