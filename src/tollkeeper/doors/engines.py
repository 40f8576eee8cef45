"""Engines: ours, from a URL, or the host's own. Durability is never traded away here."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    URL,
    Engine,
    NullPool,
    SingletonThreadPool,
    create_engine,
    make_url,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from tollkeeper.doors.sqlite_engines import in_memory, open_sqlite
from tollkeeper.errors import InvalidRequest
from tollkeeper.store.database import ISOLATION

#: What psycopg is told unless the URL says otherwise: how long a server may take to accept a
#: connection, and when one that no longer answers, its machine being gone, counts as lost (libpq's
#: names; seconds, and milliseconds for the last).
CONNECTING = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
#: How our own sessions read and write, whatever the server, the database or the role prefers.
SESSION = "-c DateStyle=ISO -c TimeZone=UTC -c array_nulls=on"
#: The first SQLite that updates from a list of rows.
OLDEST_SQLITE = (3, 33)
#: What a URL may tell asyncpg alone.
_ASYNCPG_ONLY = ("prepared_statement_cache_size", "prepared_statement_name_func")

#: Drivers of async engines, and the one that the writer uses for the same database.
_SYNC_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg_async": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",
    "sqlite+aiosqlite": "sqlite",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and what is special about it."""

    engine: Engine
    #: Whether we made it, and so dispose of it.
    is_ours: bool
    #: Whether every use must share one connection: a database in memory.
    is_shared: bool = False


def open_engine(
    database: "str | URL | Engine | Any", *, busy_seconds: float, prepare_statements: bool
) -> Opened:
    """Make an engine from a URL, or take the host's (an async engine is opened anew by its URL)."""
    if isinstance(database, Engine):
        refuse_old(database.dialect.name)
        return _of_host(database)
    url = _read(database) if isinstance(database, str | URL) else _url_of(database)
    if url.drivername == "postgresql+asyncpg":
        url = _without_asyncpg(url)
    if url.drivername in _SYNC_DRIVERS:
        url = url.set(drivername=_SYNC_DRIVERS[url.drivername])
    refuse_old(url.get_backend_name())
    if url.get_backend_name() == "sqlite":
        return Opened(open_sqlite(url, busy_seconds), is_ours=True, is_shared=in_memory(url))
    if url.get_backend_name() != "postgresql":
        raise InvalidRequest("Tollkeeper runs on SQLite and PostgreSQL; give a URL of one of them.")
    try:
        return _postgres(url, prepare_statements=prepare_statements)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidRequest(
            f"The driver of {url.drivername!r} is missing; psycopg comes with "
            '`pip install "tollkeeper[postgres]"`.'
        ) from error


def refuse_old(dialect: str) -> None:
    """Refuse a SQLite that lacks what the statements need; it comes with Python.

    Raises:
        InvalidRequest: it is too old.
    """
    if dialect == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise InvalidRequest(
            f"SQLite 3.33 or newer is needed, and this Python comes with {sqlite3.sqlite_version}."
        )


def _read(database: str | URL) -> URL:
    """Read a URL; a broken one is not repeated in the error, for it may hold a password."""
    try:
        return make_url(database)
    except ArgumentError as error:
        raise InvalidRequest(
            "database is not a URL; write it like 'sqlite:///app.db' or 'postgresql://host/name'."
        ) from error


def _url_of(database: Any) -> URL:
    sync_engine = getattr(database, "sync_engine", None)
    if not isinstance(sync_engine, Engine):
        raise InvalidRequest(
            "database must be a URL such as 'sqlite:///app.db', or an SQLAlchemy Engine, not "
            f"{type(database).__name__}."
        )
    if in_memory(sync_engine.url):
        raise InvalidRequest("A database in memory cannot be opened twice; give a file's URL.")
    return sync_engine.url


def _of_host(engine: Engine) -> Opened:
    """Take a host's engine, whatever isolation it has chosen for its own transactions."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level=ISOLATION)
    if in_memory(engine.url) and isinstance(engine.pool, SingletonThreadPool | NullPool):
        raise InvalidRequest(
            "Each thread would see a database of its own; give the engine poolclass=StaticPool "
            'and connect_args={"check_same_thread": False}.'
        )
    return Opened(engine, is_ours=False, is_shared=in_memory(engine.url))


def _postgres(url: URL, *, prepare_statements: bool) -> Opened:
    arguments: dict[str, Any] = {} if prepare_statements else {"prepare_threshold": None}
    arguments |= {name: value for name, value in CONNECTING.items() if name not in url.query}
    arguments["client_encoding"] = "UTF8"
    if prepare_statements:
        # Not through a pooler, which hands its servers' sessions on to others.
        asked = url.query.get("options", "")
        arguments["options"] = f"{asked if isinstance(asked, str) else ' '.join(asked)} {SESSION}"
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        hide_parameters=True,
        connect_args=arguments,
        isolation_level=ISOLATION,
    )
    return Opened(engine, is_ours=True)


def _without_asyncpg(url: URL) -> URL:
    """Say to psycopg what a URL says to asyncpg."""
    encryption = url.query.get("ssl")
    url = url.difference_update_query([*_ASYNCPG_ONLY, "ssl"])
    return url if encryption is None else url.update_query_dict({"sslmode": encryption})
