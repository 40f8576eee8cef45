"""Statements on a runner's jobs: when each last ran, how far it came, who is at it now."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch, run
from tollkeeper.store.types import moment_text, read_moment


def lease(
    connection: Connection,
    database: Database,
    name: str,
    who: str,
    now: datetime,
    until: datetime,
) -> bool:
    """Take a job for oneself, if nobody is at it."""
    _make(connection, database, name)
    sql = f"""
        UPDATE {database.name("due_job")}
        SET lease_until = :until, leased_by = :who
        WHERE name = :name AND (lease_until IS NULL OR lease_until <= :now)
        RETURNING name"""  # noqa: S608  # names are ours
    values = {"name": name, "who": who, "now": _at(database, now), "until": _at(database, until)}
    return bool(fetch(connection, sql, values))


def finish(
    connection: Connection,
    database: Database,
    name: str,
    who: str,
    now: datetime,
    mark: str | None,
) -> None:
    """Give a job back, with how far it came."""
    sql = f"""
        UPDATE {database.name("due_job")}
        SET ran_at = :now, mark = :mark, lease_until = NULL, leased_by = NULL
        WHERE name = :name AND leased_by = :who"""  # noqa: S608  # names are ours
    run(connection, sql, {"name": name, "who": who, "now": _at(database, now), "mark": mark})


def note_run(connection: Connection, database: Database, name: str, now: datetime) -> None:
    """Note that a job ran; of two at once the later moment stays."""
    _make(connection, database, name)
    sql = f"""
        UPDATE {database.name("due_job")}
        SET ran_at = :now
        WHERE name = :name AND (ran_at IS NULL OR ran_at < :now)"""  # noqa: S608  # names are ours
    run(connection, sql, {"name": name, "now": _at(database, now)})


def ran_at(connection: Connection, database: Database, name: str) -> datetime | None:
    """Tell when a job last ran; None is never."""
    sql = f"SELECT ran_at FROM {database.name('due_job')} WHERE name = :name"  # noqa: S608  # names are ours
    rows = fetch(connection, sql, {"name": name})
    return read_moment(rows[0][0]) if rows else None


def mark_of(connection: Connection, database: Database, name: str) -> str | None:
    """Tell how far a job came."""
    sql = f"SELECT mark FROM {database.name('due_job')} WHERE name = :name"  # noqa: S608  # names are ours
    rows = fetch(connection, sql, {"name": name})
    return rows[0][0] if rows else None


def _make(connection: Connection, database: Database, name: str) -> None:
    """Make a job's row, if it is not there."""
    table = database.name("due_job")
    sql = f"INSERT INTO {table} (name) VALUES (:name) ON CONFLICT DO NOTHING"  # noqa: S608  # names are ours
    run(connection, sql, {"name": name})


def _at(database: Database, moment: datetime) -> Any:
    return moment if database.is_postgres else moment_text(moment)
