"""What a database is to the statements: its dialect's name and how our tables are called there."""

import re
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection

from tollkeeper.errors import InvalidRequest
from tollkeeper.store.tables import Tables, define
from tollkeeper.store.wire import open_wire, wire_of

DEFAULT_SCHEMA = "tollkeeper"
SQLITE_PREFIX = "tollkeeper_"
#: Names that need no quotes in any statement.
_SCHEMA = re.compile("[a-z_][a-z0-9_]{0,39}")
#: How our own transactions run, whatever the server's default: each statement sees what is new.
ISOLATION = "READ COMMITTED"
#: How much of a SQLite file the writer keeps in memory: its keys are all over the file.
SQLITE_CACHE_KB = 32 * 1024
#: How long SQLite's write-ahead log may grow before a commit itself moves it into the file.
SQLITE_LOG_PAGES = 40_000
#: Under which name a host's connection is remembered as fit.
_CHECKED = "tollkeeper.checked"
#: How long a batch waits for a customer whom another transaction is just making.
MAKING_LOCK_TIMEOUT_MS = 10


@dataclass(frozen=True, slots=True)
class Database:
    """The dialect, and the names of our tables under it."""

    dialect: str
    tables: Tables

    @property
    def is_postgres(self) -> bool:
        """Tell whether rows can be locked, and many rows travel as arrays."""
        return self.dialect == "postgresql"

    def name(self, table: str) -> str:
        """Give a table's full name in SQL."""
        return self.tables[table].fullname


@cache
def describe(dialect: str, schema: str = DEFAULT_SCHEMA) -> Database:
    """Describe our schema for a dialect: a schema of its own, or a prefix on SQLite.

    Raises:
        InvalidRequest: the dialect is another one, or the schema's name is refused.
    """
    if not _SCHEMA.fullmatch(schema) or schema.startswith("pg_") or schema == "information_schema":
        raise InvalidRequest(
            "schema is 1 to 40 lower-case letters, digits and '_', beginning with a letter or '_', "
            "and none of PostgreSQL's own."
        )
    if dialect == "sqlite":
        prefix = SQLITE_PREFIX if schema == DEFAULT_SCHEMA else f"{schema}_"
        return Database(dialect, define(None, prefix))
    if dialect == "postgresql":
        return Database(dialect, define(schema, ""))
    raise InvalidRequest(f"Tollkeeper runs on SQLite and PostgreSQL, not on {dialect!r}.")


def set_up_session(connection: Connection, database: Database, lock_timeout_ms: int) -> None:
    """Set a connection of our own up for writing, once and for all its transactions."""
    if database.is_postgres:
        connection.exec_driver_sql(_settings("SESSION", lock_timeout_ms))
    else:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{SQLITE_CACHE_KB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {SQLITE_LOG_PAGES}")
        connection.exec_driver_sql("PRAGMA temp_store = MEMORY")
    connection.commit()
    open_wire(connection, f"BEGIN ISOLATION LEVEL {ISOLATION}")


def begin_write(
    connection: Connection, database: Database, lock_timeout_ms: int, *, is_set_up: bool = False
) -> None:
    """Open one of our own write transactions: who writes on SQLite must say so at once."""
    wire = wire_of(connection)
    if wire is not None:
        wire.begin()
    elif not database.is_postgres:
        _begin_sqlite(connection, database)
    elif not is_set_up:
        connection.exec_driver_sql(_settings("LOCAL", lock_timeout_ms))


def commit(connection: Connection) -> None:
    """Commit one of our own write transactions, with what waits to be sent."""
    wire = wire_of(connection)
    if wire is not None:
        wire.commit()
    if connection.in_transaction():
        connection.commit()


def roll_back(connection: Connection) -> None:
    """Undo one of our own write transactions."""
    wire = wire_of(connection)
    if wire is not None:
        wire.roll_back()
    connection.rollback()


def begin_snapshot(connection: Connection, database: Database) -> None:
    """Open a transaction of our own that reads one unchanging state and changes nothing."""
    if database.is_postgres:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return
    connection.begin()
    if not getattr(connection.connection.dbapi_connection, "in_transaction", False):
        connection.exec_driver_sql("BEGIN")


def is_snapshot(connection: Connection, database: Database) -> bool:
    """Tell whether all statements of this transaction see one unchanging state."""
    if not database.is_postgres:
        return True
    level = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    return level in ("repeatable read", "serializable")


def _begin_sqlite(connection: Connection, database: Database) -> None:
    """Take the write lock first; an engine of the host's may have begun by itself already."""
    if not connection.in_transaction():
        connection.begin()
    if getattr(connection.connection.dbapi_connection, "in_transaction", False):
        first_write(connection, database)
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def shorten_lock_timeout(connection: Connection, database: Database) -> None:
    """Wait a moment only, in this transaction, for rows that another one has just made."""
    if database.is_postgres:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MAKING_LOCK_TIMEOUT_MS}")


def _settings(scope: str, lock_timeout_ms: int) -> str:
    """Bound the waits, and keep the planner on indexes while the tables have no statistics yet."""
    return (
        f"SET {scope} lock_timeout = {int(lock_timeout_ms)};"
        f"SET {scope} enable_seqscan = off;"
        f"SET {scope} enable_hashjoin = off;"
        f"SET {scope} enable_mergejoin = off;"
        f"SET {scope} plan_cache_mode = force_generic_plan;"
        f"SET {scope} TimeZone = 'UTC';"
        f"SET {scope} DateStyle = 'ISO';"
        f"SET {scope} array_nulls = on;"
        f"SET {scope} client_encoding = 'UTF8'"
    )


def check_session(connection: Connection, database: Database) -> None:
    """Refuse a host's session in which what we write, or read, would mean something else.

    `SHOW` takes no snapshot, so the host's transaction begins with our lock as ever. What was found
    right once is not asked again on the same connection.

    Raises:
        InvalidRequest: PostgreSQL would read NULL as a word, or tell texts as bytes.
    """
    if not database.is_postgres:
        return
    told = getattr(connection.connection.dbapi_connection, "info", None)
    status = getattr(told, "parameter_status", None)
    if status is not None and status("client_encoding") == "SQL_ASCII":
        raise InvalidRequest("This session has client_encoding SQL_ASCII; set it to UTF8.")
    if connection.info.get(_CHECKED):
        return
    if connection.exec_driver_sql("SHOW array_nulls").scalar() != "on":
        raise InvalidRequest("This session has array_nulls off; set it to on.")
    connection.info[_CHECKED] = True


def first_write(connection: Connection, database: Database) -> None:
    """Begin with a write inside a host's transaction: a SQLite reader could not become a writer.

    Where the host's own read came first and another connection has written since, SQLite refuses
    here, before anything was decided on stale rows.
    """
    if not database.is_postgres:
        table = database.name("account")
        connection.exec_driver_sql(f"UPDATE {table} SET version = version WHERE 0")  # noqa: S608  # names are ours
