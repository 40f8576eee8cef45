"""Statements on notices as people look at them: list, find, bring back, erase, clear."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch, run
from tollkeeper.store.types import moment_text

#: The place of a notice in a list: created_at, position, id, and its customer and endpoint.
Place = tuple[datetime, int, str, str, str]

_READ = (
    "customer_id",
    "id",
    "endpoint",
    "kind",
    "payload",
    "status",
    "attempts",
    "created_at",
    "position",
    "next_attempt_at",
    "heard",
    "error",
    "concluded_at",
)


def page(
    connection: Connection,
    database: Database,
    wanted: Mapping[str, str],
    before: Place | None,
    most: int,
) -> Sequence[Any]:
    """Read notices, newest first; `wanted` gives columns and what they must hold."""
    table = database.tables["notice"]
    names = ("created_at", "position", "id", "customer_id", "endpoint")
    order = tuple(table.c[name] for name in names)
    query = select(*(table.c[name] for name in _READ))
    for name, value in wanted.items():
        query = query.where(table.c[name] == value)
    if before is not None:
        query = query.where(tuple_(*order) < before)
    ordered = query.order_by(*(column.desc() for column in order)).limit(most)
    return connection.execute(ordered).all()


def bring_back(
    connection: Connection,
    database: Database,
    keys: Sequence[tuple[str, str, str]],
    now: datetime,
    keep_until: datetime,
) -> None:
    """Let notices wait again, as if nobody had heard them."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET status = 'waiting', attempts = 0, next_attempt_at = :now, heard = NULL, error = NULL,
            concluded_at = NULL, lease_until = NULL, leased_by = NULL, keep_until = :keep
        WHERE customer_id = :customer AND id = :id AND endpoint = :endpoint
          AND status <> 'waiting'"""  # noqa: S608  # names are ours
    for customer, name, endpoint in sorted(keys):
        values = {
            "customer": customer,
            "id": name,
            "endpoint": endpoint,
            "now": _at(database, now),
            "keep": _at(database, keep_until),
        }
        run(connection, sql, values)


def try_now(
    connection: Connection, database: Database, customer: str, endpoint: str, now: datetime
) -> None:
    """Make a queue due that waits for its next try, unless somebody is at it."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET next_attempt_at = :now
        WHERE customer_id = :customer AND endpoint = :endpoint AND status = 'waiting'
          AND next_attempt_at > :now AND (lease_until IS NULL OR lease_until <= :now)"""  # noqa: S608  # names are ours
    values = {"customer": customer, "endpoint": endpoint, "now": _at(database, now)}
    run(connection, sql, values)


def erase_errors(connection: Connection, database: Database, customer: str) -> None:
    """Forget what an app's own errors said in the notices of a customer (I4)."""
    sql = f"""
        UPDATE {database.name("notice")}
        SET error = NULL
        WHERE customer_id = :customer AND error IS NOT NULL"""  # noqa: S608  # names are ours
    run(connection, sql, {"customer": customer})


def clear(connection: Connection, database: Database, now: datetime, most: int) -> int:
    """Delete notices that are kept no longer, and none that a worker has leased; count them."""
    name = database.name("notice")
    sql = f"""
        DELETE FROM {name}
        WHERE keep_until <= :now AND (customer_id, id, endpoint) IN (
          SELECT n.customer_id, n.id, n.endpoint
          FROM {name} AS n
          WHERE n.keep_until <= :now AND (n.lease_until IS NULL OR n.lease_until <= :now)
          ORDER BY n.keep_until
          LIMIT :most
        )
        RETURNING id"""  # noqa: S608  # names are ours
    return len(fetch(connection, sql, {"now": _at(database, now), "most": most}))


def _at(database: Database, moment: datetime) -> Any:
    return moment if database.is_postgres else moment_text(moment)
