"""Statements on the catalogs that were ever sold under, kept by the hash of what they say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch

KEPT = (Col("version"), Col("content"), Col("kept_at", "timestamptz"))
APPLICATION = (
    Col("applied_at", "timestamptz"),
    Col("version"),
    Col("actor"),
    Col("reason"),
)


def keep(
    connection: Connection, database: Database, version: str, content: str, now: datetime
) -> None:
    """Keep what a catalog says, if it is not kept yet."""
    rows = [(version, content, now)]
    bulk.insert(connection, database, "catalog_version", KEPT, rows, ignore=True)


def contents(connection: Connection, database: Database, versions: Sequence[str]) -> Sequence[Any]:
    """Read what some catalogs say: version, content."""
    sql = f"""
        SELECT v.version, v.content
        FROM {{given}}
        JOIN {database.name("catalog_version")} AS v ON v.version = given.version"""  # noqa: S608  # names are ours
    rows = [(version,) for version in versions]
    return bulk.look_up(connection, database, sql, (Col("version"),), rows)


def kept(connection: Connection, database: Database, most: int) -> list[str]:
    """Name the versions that are kept, the last first."""
    sql = f"""
        SELECT v.version
        FROM {database.name("catalog_version")} AS v
        ORDER BY v.kept_at DESC, v.version
        LIMIT {int(most)}"""  # noqa: S608  # names are ours
    return [row[0] for row in fetch(connection, sql, {})]


def latest(connection: Connection, database: Database) -> tuple[str, Any] | None:
    """Tell which version was applied last, and when; None where none ever was."""
    sql = f"""
        SELECT a.version, a.applied_at
        FROM {database.name("catalog_application")} AS a
        ORDER BY a.applied_at DESC
        LIMIT 1"""  # noqa: S608  # names are ours
    rows = fetch(connection, sql, {})
    return (rows[0][0], rows[0][1]) if rows else None


def apply(
    connection: Connection,
    database: Database,
    version: str,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> None:
    """Note that a version was put into force, by whom and why."""
    rows = [(now, version, actor, reason)]
    bulk.insert(connection, database, "catalog_application", APPLICATION, rows)


def applications(connection: Connection, database: Database, most: int) -> Sequence[Any]:
    """Read what was put into force, the last first: version, when, by whom, why."""
    sql = f"""
        SELECT a.version, a.applied_at, a.actor, a.reason
        FROM {database.name("catalog_application")} AS a
        ORDER BY a.applied_at DESC
        LIMIT {int(most)}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {})
