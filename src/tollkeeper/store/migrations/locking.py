"""Makes a migration the only one at work in its database. Owns the locks; knows no table."""

import time
from contextlib import closing
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.engine.interfaces import DBAPICursor

from tollkeeper.errors import NoTransaction, StoreBusy
from tollkeeper.store.migrations.place import Place

#: The two keys of PostgreSQL's advisory lock: "toll" and "keep" in ASCII.
LOCK_KEYS: Final = (0x746F6C6C, 0x6B656570)

#: How often, and how many seconds apart, SQLite is asked for its write-ahead log.
WAL_TRIES: Final = 200
WAL_PAUSE_SECONDS: Final = 0.025


def lock(connection: Connection, place: Place) -> None:
    """Wait until no other migration is at work, and keep the others out until the transaction ends.

    Raises:
        NoTransaction: the connection commits each statement by itself, so no lock would last.
    """
    if place.is_postgres:
        _lock_postgres(connection)
    elif _is_driver_in_transaction(connection):
        # Only a write takes the lock here; whether it finds a table of ours must not matter.
        connection.exec_driver_sql(f"CREATE TABLE {place.name('migrating')} (held integer)")
        connection.exec_driver_sql(f"DROP TABLE {place.name('migrating')}")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def isolated(connection: Connection, place: Place) -> Connection:
    """Set a connection of our own so that it has transactions, and sees what others committed."""
    if place.is_postgres:
        return connection.execution_options(isolation_level="READ COMMITTED")
    return connection


def use_wal(connection: Connection, *, tries: int = WAL_TRIES) -> None:
    """Give a SQLite file its write-ahead log, so that readers and the writer never wait.

    A database in memory has no file. Inside a transaction SQLite would refuse, so the driver's own
    cursor is used: at the first statement through SQLAlchemy a host may begin one.

    Raises:
        StoreBusy: another process keeps writing to the file.
    """
    if _is_driver_in_transaction(connection):
        return
    with closing(connection.connection.cursor()) as cursor:
        if not _has_file(cursor):
            return
        for _ in range(tries):
            if _is_wal(cursor, connection.dialect.loaded_dbapi.OperationalError):
                return
            time.sleep(WAL_PAUSE_SECONDS)
    raise StoreBusy


def _lock_postgres(connection: Connection) -> None:
    """Take a lock that ends with the transaction, as PgBouncer needs it; look whether it lasts."""
    first, second = LOCK_KEYS
    connection.execute(text(f"SELECT pg_advisory_xact_lock({first}, {second})"))
    query = f"""
        SELECT count(*)
        FROM pg_locks
        WHERE locktype = 'advisory'
          AND pid = pg_backend_pid()
          AND (classid, objid) = ({first}, {second})"""  # noqa: S608  # the keys are ours
    if not connection.scalar(text(query)):
        raise NoTransaction


def _is_wal(cursor: DBAPICursor, locked: type[Exception]) -> bool:
    """Switch to the log; False while another writes to the file: SQLite does not wait here."""
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except locked as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def _has_file(cursor: DBAPICursor) -> bool:
    cursor.execute("PRAGMA database_list")
    main = cursor.fetchone()
    return main is not None and bool(main[2])


def _is_driver_in_transaction(connection: Connection) -> bool:
    """Ask the driver: SQLAlchemy says that a transaction began before SQLite hears of it."""
    return bool(getattr(connection.connection.driver_connection, "in_transaction", False))
