"""A host's own connection as an SQLAlchemy connection, whose transaction stays the host's.

Nothing here begins more than a driver would by itself, and nothing ends a transaction. A raw
connection is lent through a proxy whose commit, rollback and close do nothing: without it,
SQLAlchemy was seen to roll the host's transaction back when its own wrapper was closed.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, NullPool
from sqlalchemy.engine import URL, Dialect

from tollkeeper.doors.lending import Lent, lend
from tollkeeper.errors import InvalidRequest, NoTransaction

#: Gives the connection as it is now, inside the host's transaction; raises NoTransaction.
Source = Callable[[], Connection]

#: Drivers whose raw connections can be joined, and the dialect that speaks through them.
_DIALECTS = {"sqlite3": "sqlite+pysqlite", "psycopg": "postgresql+psycopg"}

_ACCEPTED = (
    "using() takes an SQLAlchemy Connection or Session, Django's connection, or a raw psycopg or "
    "sqlite3 connection; that of AsyncBilling an AsyncConnection or AsyncSession as well"
)


def join(host: Any, dialect: str) -> Source:
    """Find out how to reach a host's connection; every verb asks anew, so it may be kept.

    Takes an SQLAlchemy Connection or Session, Django's connection, or a raw psycopg or sqlite3
    connection, to a database of our own `dialect`. Whether there is a transaction is asked when a
    verb is called: a connection that commits each statement by itself gets NoTransaction then.

    Raises:
        InvalidRequest: it is something else, or of another kind of database.
    """
    if isinstance(host, type):
        raise InvalidRequest(f"{_ACCEPTED}, not the class {host.__name__} itself.")
    if isinstance(host, Connection):
        return lambda: _of_sqlalchemy(host, dialect)
    if _is_awaited(host):
        raise InvalidRequest(f"{_ACCEPTED}. {type(host).__name__} is to be awaited.")
    if callable(getattr(host, "connection", None)) and hasattr(host, "get_bind"):
        return lambda: _of_sqlalchemy(host.connection(), dialect)
    if hasattr(host, "in_atomic_block"):
        return _Wrapping(lambda: _of_django(host), dialect)
    if _driver(host) is not None:
        return _Wrapping(lambda: host, dialect)
    raise InvalidRequest(f"{_ACCEPTED}, not {type(host).__name__}.")


async def join_async(host: Any, dialect: str, work: Callable[[Source], Any]) -> Any:
    """Run work inside the transaction of an AsyncConnection or AsyncSession, or of a plain host."""
    if not hasattr(host, "run_sync"):
        return work(join(host, dialect))
    return await host.run_sync(lambda inner: work(join(inner, dialect)))


def _of_sqlalchemy(connection: Connection, dialect: str) -> Connection:
    _check_dialect(connection.dialect.name, dialect)
    begun = not connection.in_transaction()
    if begun:
        # As SQLAlchemy would with the first statement; a host's own "begin" event may say BEGIN.
        connection.begin()
    if _commits_alone(connection.connection):
        if begun:
            connection.rollback()
        raise NoTransaction
    return connection


def _of_django(host: Any) -> Any:
    host.ensure_connection()
    if not host.in_atomic_block and host.get_autocommit():
        raise NoTransaction("Open a transaction first: `with transaction.atomic():`.")
    return host.connection


class _Wrapping:
    """A raw connection inside an SQLAlchemy one, wrapped anew when the host has reconnected."""

    def __init__(self, find: Callable[[], Any], dialect: str) -> None:
        self._find = find
        self._dialect = dialect
        self._raw: Any = None
        self._wrapper: Connection | None = None

    def __call__(self) -> Connection:
        raw = self._find()
        wrapper = self._wrapper
        if wrapper is None or wrapper.invalidated or raw is not self._raw:
            wrapper = _wrapped(raw, self._dialect)
            self._raw, self._wrapper = raw, wrapper
        if _commits_alone(raw):
            raise NoTransaction
        if _is_pipelined(raw):
            raise InvalidRequest("Each answer is needed at once; leave psycopg's pipeline mode.")
        return wrapper


def _wrapped(raw: Any, dialect: str) -> Connection:
    driver = _driver(raw)
    if driver is None:
        raise InvalidRequest(f"{_ACCEPTED}, not one of {type(raw).__module__}.")
    name = _DIALECTS[driver]
    _check_dialect(name.partition("+")[0], dialect)
    lent: Lent = lend(raw, driver)
    return Engine(NullPool(lambda: lent), _spoken(name), URL.create(name)).connect()


@cache
def _spoken(name: str) -> Dialect:
    kind = URL.create(name).get_dialect()
    return kind(dbapi=kind.import_dbapi())  # type: ignore[call-arg]  # every driver's dialect takes it


def _driver(raw: Any) -> str | None:
    """Name the driver of a raw connection, also where the host has derived a class of its own."""
    if _is_awaited(raw):
        return None
    rooms = [kind.__module__.partition(".")[0] for kind in type(raw).__mro__]
    is_connection = hasattr(raw, "cursor") and hasattr(raw, "commit")
    return next((room for room in rooms if room in _DIALECTS and is_connection), None)


def _is_awaited(host: Any) -> bool:
    return hasattr(host, "run_sync") or hasattr(host, "__aenter__")


def _check_dialect(name: str, dialect: str) -> None:
    if name != dialect:
        raise InvalidRequest(f"The books are kept on {dialect}, and this connection is to {name}.")


def _commits_alone(raw: Any) -> bool:
    """Tell whether each statement would commit by itself now, without asking the database."""
    sqlite = getattr(raw, "driver_connection", raw)
    if hasattr(sqlite, "in_transaction"):
        return not sqlite.in_transaction and not _begins_by_itself(sqlite)
    return bool(getattr(raw, "autocommit", False)) and not _is_in_transaction(raw)


def _begins_by_itself(sqlite: Any) -> bool:
    """Tell whether SQLite's driver begins a transaction with the first write."""
    autocommit = getattr(sqlite, "autocommit", None)
    if autocommit is True or autocommit is False:
        return not autocommit
    return sqlite.isolation_level is not None


def _is_pipelined(psycopg: Any) -> bool:
    return int(getattr(getattr(psycopg, "pgconn", None), "pipeline_status", 0)) != 0


def _is_in_transaction(psycopg: Any) -> bool:
    status = getattr(getattr(psycopg, "info", None), "transaction_status", 0)
    return int(status) not in (0, 4)
