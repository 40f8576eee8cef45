"""Brings a database to the version of this release: one lock, one transaction. Never goes back.

Who it calls: `migrations.locking` makes it alone, `migrations.revisions` runs what is pending.
Alembic is imported only when something is, since reading the version must stay quick.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from tollkeeper.errors import NotMigrated, StoreError
from tollkeeper.store.database import DEFAULT_SCHEMA, describe
from tollkeeper.store.migrations import distribution, locking
from tollkeeper.store.migrations.place import VERSION_TABLE, Place

#: The version that this release works with.
HEAD: Final = "0002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What a migration did."""

    #: The version found; None where our tables were not there.
    before: str | None
    #: The version now.
    after: str
    #: The revisions applied, oldest first; none where the database was up to date.
    applied: tuple[str, ...]


def migrate(
    bind: Engine | Connection, schema: str = DEFAULT_SCHEMA, *, citus: bool = False
) -> Migrated:
    """Bring a database to the newest version, in one transaction; repeat it as often as you like.

    Processes that do so at the same time wait for each other. On a connection that is in a
    transaction, all happens in that one, and its owner commits.

    Raises:
        NotMigrated: the database is of a newer version than this release; nothing was done.
        StoreError: Citus was asked for, and is missing or came too late; nothing was done.
        NoTransaction: the connection commits each statement by itself; nothing was done.
        StoreBusy: another process keeps writing to the SQLite file; nothing was done.
    """
    place = _place(bind.dialect.name, schema, citus=citus)
    if isinstance(bind, Engine):
        with bind.connect() as connection:
            return _alone(locking.isolated(connection, place), place)
    return _migrate(bind, place) if bind.in_transaction() else _alone(bind, place)


def current_version(connection: Connection, schema: str = DEFAULT_SCHEMA) -> str | None:
    """Tell the version of our tables in a database; None where they are not there."""
    return _version(connection, _place(connection.dialect.name, schema))


def check_migrated(connection: Connection, schema: str = DEFAULT_SCHEMA) -> None:
    """Do nothing where the database has the version of this release.

    Raises:
        NotMigrated: it has none, an older or a newer one. Carries `found` and `needed`.
    """
    found = current_version(connection, schema)
    _check_not_newer(found)
    if found is None:
        raise _not_migrated("Tollkeeper's tables are missing; run `tollkeeper migrate`.", found)
    if found != HEAD:
        message = f"Tollkeeper's tables are of version {found}, and this release needs {HEAD};"
        raise _not_migrated(f"{message} run `tollkeeper migrate`.", found)


def citus_statements(schema: str = DEFAULT_SCHEMA) -> list[str]:
    """List the SQL that `migrate(…, citus=True)` runs on an empty database, without running any.

    What is left out is the table of the version: Alembic's own, kept on the coordinator.
    """
    from tollkeeper.store.migrations import revisions

    return revisions.listed(_place("postgresql", schema, citus=True))


def _alone(connection: Connection, place: Place) -> Migrated:
    """Migrate in a transaction of our own."""
    if not place.is_postgres:
        locking.use_wal(connection)
    with connection.begin():
        return _migrate(connection, place)


def _migrate(connection: Connection, place: Place) -> Migrated:
    """Lock first: what we would see before it may change while we wait."""
    locking.lock(connection, place)
    before = _version(connection, place)
    _check_not_newer(before)
    place = _as_distributed(connection, place, before)
    applied = () if before == HEAD else _apply(connection, place, before)
    return Migrated(before=before, after=HEAD, applied=applied)


def _apply(connection: Connection, place: Place, before: str | None) -> tuple[str, ...]:
    from tollkeeper.store.migrations import revisions

    return revisions.apply(connection, place, before)


def _as_distributed(connection: Connection, place: Place, before: str | None) -> Place:
    """Let the database decide whether it is distributed, once it has our tables."""
    if place.citus:
        distribution.check_installed(connection, place)
    if before is None:
        return place
    distributed = distribution.is_distributed(connection, place)
    if place.citus and not distributed:
        raise StoreError(
            "Tollkeeper's tables are in this database already, and Citus does not distribute them; "
            "nothing was done. Migrate an empty database, and move the rows there."
        )
    return replace(place, citus=distributed)


def _version(connection: Connection, place: Place) -> str | None:
    """Ask for the table first: a failed SELECT would end a transaction on PostgreSQL."""
    table = place.prefix + VERSION_TABLE
    if not inspect(connection).has_table(table, schema=place.schema):
        return None
    query = f"SELECT max(version_num) FROM {place.name(VERSION_TABLE)}"  # noqa: S608  # the name is ours
    version: str | None = connection.scalar(text(query))
    return version


def _check_not_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        message = f"Tollkeeper's tables are of version {found}, and this release knows up to {HEAD}"
        raise _not_migrated(f"{message}; upgrade Tollkeeper. Nothing was done.", found)


def _not_migrated(message: str, found: str | None) -> NotMigrated:
    return NotMigrated(message, found=found, needed=HEAD)


def _place(dialect: str, schema: str, *, citus: bool = False) -> Place:
    tables = describe(dialect, schema).tables
    return Place(dialect=dialect, schema=tables.schema, prefix=tables.prefix, citus=citus)
