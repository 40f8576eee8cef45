"""A host's own connection as an SQLAlchemy connection, whose transaction stays the host's.

A raw connection is wrapped by a proxy whose commit, rollback and close do nothing: without it,
SQLAlchemy was seen to roll the host's transaction back when its own wrapper was closed.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, NullPool
from sqlalchemy.engine import URL, Dialect

from tollkeeper.errors import InvalidRequest, NoTransaction

#: Drivers whose raw connections can be joined, and the dialect that speaks through them.
_DIALECTS = {
    "sqlite3": "sqlite",
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
}


def join(host: Any, dialect: Dialect) -> Connection:
    """Give an SQLAlchemy connection inside the host's transaction.

    Takes an SQLAlchemy Connection or Session, Django's connection, or a raw psycopg, psycopg2 or
    sqlite3 connection. Raises NoTransaction where every statement would commit by itself.
    """
    if isinstance(host, Connection):
        return _of_sqlalchemy(host)
    session = getattr(host, "connection", None)
    if callable(session) and hasattr(host, "get_bind"):
        return _of_sqlalchemy(session())
    if hasattr(host, "ensure_connection"):
        return _of_django(host, dialect)
    if type(host).__module__.split(".")[0] in _DIALECTS:
        return _of_raw(host, dialect)
    raise InvalidRequest(
        "using() takes an SQLAlchemy Connection, Session, AsyncConnection or AsyncSession, "
        f"Django's connection, or a raw psycopg or sqlite3 connection, not {type(host).__name__}."
    )


async def join_async(host: Any, dialect: Dialect, work: Callable[[Connection], Any]) -> Any:
    """Run work inside the transaction of an AsyncConnection or AsyncSession, or of a plain host."""
    if not hasattr(host, "run_sync"):
        return work(join(host, dialect))
    return await host.run_sync(lambda inner: work(join(inner, dialect)))


def _of_sqlalchemy(connection: Connection) -> Connection:
    if connection.get_isolation_level() == "AUTOCOMMIT":
        raise NoTransaction
    if connection.dialect.name == "sqlite":
        _begin_sqlite(connection.connection.dbapi_connection)
    return connection


def _of_django(host: Any, dialect: Dialect) -> Connection:
    if not host.in_atomic_block and host.get_autocommit():
        raise NoTransaction("Open a transaction first: `with transaction.atomic():`.")
    host.ensure_connection()
    return _wrapped(host.connection, dialect)


def _of_raw(host: Any, dialect: Dialect) -> Connection:
    kind = type(host).__module__.split(".")[0]
    if kind == "sqlite3":
        _begin_sqlite(host)
    elif getattr(host, "autocommit", False) and not _is_in_transaction(host):
        raise NoTransaction
    return _wrapped(host, dialect)


def _begin_sqlite(raw: Any) -> None:
    """Begin as the driver would with the first write: it would not for a savepoint."""
    if raw is None or raw.in_transaction:
        return
    if raw.isolation_level is None:
        raise NoTransaction
    raw.execute("BEGIN IMMEDIATE")


def _is_in_transaction(host: Any) -> bool:
    info = getattr(host, "info", None)
    status = getattr(info, "transaction_status", 0)
    return int(status) not in (0, 4)


class _Borrowed:
    """A host's raw connection, of which we may use everything but its end."""

    def __init__(self, raw: Any) -> None:
        self.__dict__["_raw"] = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._raw, name, value)

    def commit(self) -> None:
        """Leave the commit to the host."""

    def rollback(self) -> None:
        """Leave the rollback to the host."""

    def close(self) -> None:
        """Leave the connection open."""


def _wrapped(raw: Any, dialect: Dialect) -> Connection:
    kind = type(raw).__module__.split(".")[0]
    if kind not in _DIALECTS:
        raise InvalidRequest(f"A raw connection of {kind!r} cannot be joined.")
    name = _DIALECTS[kind]
    url = URL.create(name)
    if f"{dialect.name}+{dialect.driver}" not in (name, f"{name}+pysqlite"):
        dialect = _fresh_dialect(url)
    borrowed = _Borrowed(raw)
    engine = Engine(NullPool(lambda: borrowed), dialect, url)
    return engine.connect()


def _fresh_dialect(url: URL) -> Dialect:
    return url.get_dialect()(dbapi=url.get_dialect().import_dbapi())  # type: ignore[call-arg]  # every driver's dialect takes it
