"""Statements on notices: write them, lease a queue, read it, conclude, list, clear.

A queue is all that one endpoint waits for of one customer. Its first row carries the lease of the
whole queue, so nobody else can begin with it while the lease lasts; and what was written later
comes later in it, because an account is locked while its notices are written. No statement here
touches a balance.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch, run
from tollkeeper.store.types import moment_text

COLUMNS: Final = (
    Col("customer_id"),
    Col("id"),
    Col("endpoint"),
    Col("kind"),
    Col("payload"),
    Col("status"),
    Col("attempts", "integer"),
    Col("created_at", "timestamptz"),
    Col("position", "bigint"),
    Col("next_attempt_at", "timestamptz"),
    Col("keep_until", "timestamptz"),
)

#: What is read of a notice, in this order.
READ: Final = (
    "n.customer_id, n.id, n.endpoint, n.kind, n.payload, n.status, n.attempts, n.created_at,"
    " n.position, n.next_attempt_at, n.heard, n.error, n.concluded_at"
)
#: The order of a queue.
_ORDER: Final = "n.created_at, n.position, n.id"
#: How many waiting rows of a kind are looked at to find queues that are due.
SCANNED: Final = 500

Rows = Sequence[Any]


def append(connection: Connection, database: Database, rows: Rows, *, once: bool = False) -> None:
    """Write notices; with `once`, those whose ids are there already are left as they are."""
    bulk.insert(connection, database, "notice", COLUMNS, rows, ignore=once)


def due_queues(
    connection: Connection,
    database: Database,
    endpoint: str,
    kinds: Sequence[str],
    now: datetime,
    most: int,
    passed: Sequence[str] = (),
) -> list[str]:
    """Name customers for whom something of these kinds waits and is due, longest due first.

    Each kind is looked up by itself, so that kinds which nobody hears cost nothing here. A customer
    whose queue cannot begin yet may be among them: the lease itself decides. `passed` are those of
    whom that is known.
    """
    name = database.name("notice")
    each = [
        f"SELECT * FROM (SELECT customer_id, next_attempt_at FROM {name}"  # noqa: S608  # names are ours
        f" WHERE endpoint = :endpoint AND kind = :kind{number} AND status = 'waiting'"
        " AND next_attempt_at <= :now AND (lease_until IS NULL OR lease_until <= :now)"
        f" ORDER BY next_attempt_at LIMIT {SCANNED}) AS k{number}"
        for number in range(len(kinds))
    ]
    others = f" WHERE customer_id NOT IN ({_marks(passed, 'passed')})" if passed else ""
    sql = (
        f"SELECT customer_id, min(next_attempt_at) AS first FROM ({' UNION ALL '.join(each)}) AS d"  # noqa: S608  # names are ours
        f"{others} GROUP BY customer_id ORDER BY first, customer_id LIMIT :most"
    )
    values = {"endpoint": endpoint, "now": _at(database, now), "most": most, **_named(kinds)}
    return [row[0] for row in fetch(connection, sql, values | _named(passed, "passed"))]


def lease_queue(
    connection: Connection,
    database: Database,
    endpoint: str,
    customer: str,
    kinds: Sequence[str],
    who: str,
    now: datetime,
    until: datetime,
) -> bool:
    """Take the lease of a customer's queue, if it is due and nobody has it."""
    name = database.name("notice")
    sql = f"""
        UPDATE {name}
        SET lease_until = :until, leased_by = :who
        WHERE customer_id = :customer
          AND endpoint = :endpoint
          AND id = (
            SELECT n.id
            FROM {name} AS n
            WHERE n.customer_id = :customer AND n.endpoint = :endpoint AND n.status = 'waiting'
              AND n.kind IN ({_marks(kinds)})
            ORDER BY {_ORDER}
            LIMIT 1
          )
          AND status = 'waiting'
          AND next_attempt_at <= :now
          AND (lease_until IS NULL OR lease_until <= :now)
          AND NOT EXISTS (
            SELECT 1
            FROM {name} AS n
            WHERE n.customer_id = :customer AND n.endpoint = :endpoint AND n.status = 'waiting'
              AND n.lease_until > :now
          )
        RETURNING id"""  # noqa: S608  # names are ours
    values = {
        "endpoint": endpoint,
        "customer": customer,
        "who": who,
        "now": _at(database, now),
        "until": _at(database, until),
        **_named(kinds),
    }
    return bool(fetch(connection, sql, values))


def wait_behind(
    connection: Connection,
    database: Database,
    endpoint: str,
    customer: str,
    kinds: Sequence[str],
    now: datetime,
) -> bool:
    """Let what was written behind a notice that is to be tried later wait as long; tell if any was.

    Otherwise each look would meet it again, and many such queues would hide all the others.
    """
    name = database.name("notice")
    first = f"""
        SELECT n.next_attempt_at
        FROM {name} AS n
        WHERE n.customer_id = :customer AND n.endpoint = :endpoint AND n.status = 'waiting'
          AND n.kind IN ({_marks(kinds)})
        ORDER BY {_ORDER}
        LIMIT 1"""  # noqa: S608  # names are ours
    sql = f"""
        UPDATE {name}
        SET next_attempt_at = ({first})
        WHERE customer_id = :customer AND endpoint = :endpoint AND status = 'waiting'
          AND kind IN ({_marks(kinds)})
          AND next_attempt_at <= :now
          AND ({first}) > :now
        RETURNING id"""  # noqa: S608  # names are ours
    at = {"now": _at(database, now)}
    values = {"endpoint": endpoint, "customer": customer, **at, **_named(kinds)}
    return bool(fetch(connection, sql, values))


def queue(
    connection: Connection,
    database: Database,
    endpoint: str,
    customer: str,
    kinds: Sequence[str],
    most: int,
) -> Rows:
    """Read the first notices of a customer's queue, in its order."""
    sql = f"""
        SELECT {READ}
        FROM {database.name("notice")} AS n
        WHERE n.customer_id = :customer AND n.endpoint = :endpoint AND n.status = 'waiting'
          AND n.kind IN ({_marks(kinds)})
        ORDER BY {_ORDER}
        LIMIT :most"""  # noqa: S608  # names are ours
    values = {"endpoint": endpoint, "customer": customer, "most": most, **_named(kinds)}
    return fetch(connection, sql, values)


def conclude_delivered(
    connection: Connection,
    database: Database,
    endpoint: str,
    customer: str,
    ids: Sequence[str],
    now: datetime,
    keep_until: datetime,
) -> None:
    """Mark notices as delivered, whoever else has leased them by now: they were heard."""
    if not ids:
        return
    sql = f"""
        UPDATE {database.name("notice")}
        SET status = 'delivered', attempts = attempts + 1, concluded_at = :now,
            keep_until = CASE WHEN keep_until > :keep AND kind = 'grant_expiring'
                              THEN keep_until ELSE :keep END,
            next_attempt_at = NULL, lease_until = NULL, leased_by = NULL, error = NULL
        WHERE customer_id = :customer AND endpoint = :endpoint AND status = 'waiting'
          AND id IN ({_marks(ids, "id")})"""  # noqa: S608  # names are ours
    values = {
        "customer": customer,
        "endpoint": endpoint,
        "now": _at(database, now),
        "keep": _at(database, keep_until),
        **_named(ids, "id"),
    }
    run(connection, sql, values)


def conclude_failed(
    connection: Connection,
    database: Database,
    key: tuple[str, str, str],
    *,
    who: str,
    error: str,
    heard: str | None,
    retry_at: datetime | None,
    now: datetime,
    keep_until: datetime,
) -> bool:
    """Note a failed attempt, unless another worker has the queue by now; None is the last one."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET attempts = attempts + 1, error = :error, heard = :heard, status = :status,
            next_attempt_at = :retry_at, lease_until = NULL, leased_by = NULL,
            concluded_at = :concluded,
            keep_until = CASE WHEN keep_until > :keep THEN keep_until ELSE :keep END
        WHERE customer_id = :customer AND id = :id AND endpoint = :endpoint
          AND status = 'waiting'
          AND (lease_until IS NULL OR leased_by = :who OR lease_until <= :now)
        RETURNING id"""  # noqa: S608  # names are ours
    customer, name, endpoint = key
    values = {
        "customer": customer,
        "id": name,
        "endpoint": endpoint,
        "who": who,
        "error": error,
        "heard": heard,
        "status": "dead" if retry_at is None else "waiting",
        "retry_at": None if retry_at is None else _at(database, retry_at),
        "concluded": _at(database, now) if retry_at is None else None,
        "now": _at(database, now),
        "keep": _at(database, keep_until),
    }
    return bool(fetch(connection, sql, values))


def postpone(
    connection: Connection,
    database: Database,
    endpoint: str,
    customer: str,
    until: datetime,
) -> None:
    """Let the rest of a queue wait as long as its first: otherwise each look would meet all."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET next_attempt_at = :until
        WHERE customer_id = :customer AND endpoint = :endpoint AND status = 'waiting'
          AND next_attempt_at < :until"""  # noqa: S608  # names are ours
    values = {"customer": customer, "endpoint": endpoint, "until": _at(database, until)}
    run(connection, sql, values)


def release(
    connection: Connection, database: Database, endpoint: str, customer: str, who: str
) -> None:
    """Give the lease of a queue back."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET lease_until = NULL, leased_by = NULL
        WHERE customer_id = :customer AND endpoint = :endpoint AND status = 'waiting'
          AND leased_by = :who"""  # noqa: S608  # names are ours
    run(connection, sql, {"customer": customer, "endpoint": endpoint, "who": who})


def _named(texts: Sequence[str], name: str = "kind") -> dict[str, str]:
    """Give each text a parameter of its own."""
    return {f"{name}{number}": each for number, each in enumerate(texts)}


def _marks(texts: Sequence[str], name: str = "kind") -> str:
    """Write the parameters of texts, as a list of SQL."""
    return ", ".join(f":{name}{number}" for number in range(len(texts)))


def _at(database: Database, moment: datetime) -> Any:
    return moment if database.is_postgres else moment_text(moment)
