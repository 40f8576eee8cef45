"""Finds the revisions that a database lacks, and runs them through Alembic, or lists their SQL.

Alembic's global `op` and `context` are left alone: they may be at work in the host's migration.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text

from tollkeeper.store import views
from tollkeeper.store.migrations import distribution, guard
from tollkeeper.store.migrations.place import VERSION_TABLE, Place

#: Where `versions/` is.
FOLDER: Final = Path(__file__).parent


def apply(connection: Connection, place: Place, before: str | None) -> tuple[str, ...]:
    """Run what a database of this version lacks, in the connection's transaction."""
    scripts = ScriptDirectory(str(FOLDER))
    names = {"version_table": place.prefix + VERSION_TABLE, "version_table_schema": place.schema}
    context = MigrationContext.configure(connection, opts=names)
    operations = Operations(context)
    if not _has_schema(connection, place):
        _run(operations, _schema(place))
    _run(operations, _prepared(place))
    pending = _pending(scripts, before)
    for script in pending:
        script.module.upgrade(operations, place)
        context.stamp(scripts, script.revision)
    _run(operations, _on_top(place))
    return tuple(script.revision for script in pending)


def listed(place: Place) -> list[str]:
    """List the SQL that makes everything in an empty database, in its order."""
    listing = _Listing()
    context = MigrationContext.configure(
        dialect_name=place.dialect,
        dialect_opts={"paramstyle": "named"},
        opts={"as_sql": True, "output_buffer": listing},
    )
    operations = Operations(context)
    _run(operations, _schema(place) + _prepared(place))
    for script in _pending(ScriptDirectory(str(FOLDER)), None):
        script.module.upgrade(operations, place)
    _run(operations, _on_top(place))
    return listing.statements


class _Listing:
    """A file to Alembic, which writes each statement into it at once."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def write(self, sql: str) -> None:
        self.statements.append(sql.strip().removesuffix(";"))

    def flush(self) -> None:
        """Do nothing: what was written is kept."""


def _pending(scripts: ScriptDirectory, before: str | None) -> list[Script]:
    newest_first = scripts.iterate_revisions("head", before or "base")
    return list(newest_first)[::-1]


def _run(operations: Operations, statements: Iterable[str]) -> None:
    for statement in statements:
        operations.execute(text(statement))


def _has_schema(connection: Connection, place: Place) -> bool:
    """Look first: `IF NOT EXISTS` asks for the right to make schemas even where one is there."""
    if place.schema is None:
        return True
    query = "SELECT count(*) FROM pg_namespace WHERE nspname = :schema"
    return bool(connection.scalar(text(query), {"schema": place.schema}))


def _schema(place: Place) -> list[str]:
    return [f"CREATE SCHEMA {place.quoted(place.schema)}"] if place.schema else []


def _prepared(place: Place) -> list[str]:
    return views.removals(place) + distribution.preparation(place)


def _on_top(place: Place) -> list[str]:
    return guard.statements(place) + views.statements(place)
