"""What a database's error means to us. Owns the codes of both databases; retries nothing itself."""

from enum import Enum

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    ResourceClosedError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tollkeeper.errors import (
    NotMigrated,
    SerializationFailure,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    TollkeeperError,
)


class Fault(Enum):
    """The kinds of failures that are treated differently."""

    #: Another transaction came between; the same work may be tried again.
    CONFLICT = "conflict"
    #: A row or the whole file is locked elsewhere for longer than the time-out.
    LOCKED = "locked"
    #: A key exists already.
    DUPLICATE = "duplicate"
    #: The connection is gone, or cannot be had.
    LOST = "lost"
    #: Our tables are not there.
    UNMIGRATED = "unmigrated"
    #: Something is wrong with one request's data, or with us.
    OTHER = "other"


_BY_STATE = {
    "40001": Fault.CONFLICT,
    "40P01": Fault.CONFLICT,
    "55P03": Fault.LOCKED,
    "23505": Fault.DUPLICATE,
    "42P01": Fault.UNMIGRATED,
    "42703": Fault.UNMIGRATED,
    "3F000": Fault.UNMIGRATED,
}


def fault_of(error: BaseException) -> Fault:
    """Tell what kind of failure an error is."""
    if isinstance(error, PoolTimeout | DisconnectionError | ResourceClosedError | OSError):
        return Fault.LOST
    if not isinstance(error, DBAPIError):
        return Fault.OTHER
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if state in _BY_STATE:
        return _BY_STATE[state]
    if error.connection_invalidated or _is_lost(error, state):
        return Fault.LOST
    return _by_text(error)


def as_error(error: BaseException) -> TollkeeperError:
    """Say a failure in our words; the original stays beside it as its cause."""
    if isinstance(error, TollkeeperError):
        return error
    kind = {
        Fault.CONFLICT: SerializationFailure,
        Fault.LOCKED: StoreBusy,
        Fault.LOST: StoreUnavailable,
        Fault.UNMIGRATED: NotMigrated,
    }.get(fault_of(error), StoreError)
    made = kind()
    made.__cause__ = error
    return made


def _is_lost(error: DBAPIError, state: str | None) -> bool:
    if state is not None:
        return state.startswith(("08", "57P"))
    return isinstance(error, InterfaceError) or (
        isinstance(error, OperationalError) and _is_psycopg(error)
    )


def _is_psycopg(error: DBAPIError) -> bool:
    """PostgreSQL's drivers give no state when the connection itself broke."""
    return type(error.orig).__module__.startswith(("psycopg", "asyncpg"))


def _by_text(error: DBAPIError) -> Fault:
    """Read SQLite's messages: its driver gives codes only since Python 3.11, and not to all."""
    message = str(error.orig)
    if "database is locked" in message or "database table is locked" in message:
        return Fault.LOCKED
    if isinstance(error, IntegrityError) and "UNIQUE" in message:
        return Fault.DUPLICATE
    if isinstance(error, OperationalError | ProgrammingError) and "no such" in message:
        return Fault.UNMIGRATED
    if isinstance(error, DataError | IntegrityError):
        return Fault.OTHER
    if "unable to open database file" in message or "disk I/O error" in message:
        return Fault.LOST
    return Fault.OTHER
