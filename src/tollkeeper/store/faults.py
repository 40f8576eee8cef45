"""What a database's error means to us. Owns the codes of both databases; retries nothing itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from sqlalchemy.exc import DBAPIError, DisconnectionError, ResourceClosedError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tollkeeper.errors import (
    NotMigrated,
    SerializationFailure,
    StoreBusy,
    StoreError,
    StoreUnavailable,
    TollkeeperError,
)
from tollkeeper.store.files import FileGone


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
    # A prepared statement that the server has forgotten, or that a migration made stale.
    "26000": Fault.CONFLICT,
    "0A000": Fault.CONFLICT,
    "55P03": Fault.LOCKED,
    "57014": Fault.LOCKED,
    # Sessions that the server ends for being idle too long, or has no room for; or it is read-only,
    # as a standby is until it takes over.
    "25P03": Fault.LOST,
    "25P04": Fault.LOST,
    "25006": Fault.LOST,
    "53300": Fault.LOST,
    "23505": Fault.DUPLICATE,
    "42P01": Fault.UNMIGRATED,
    "42703": Fault.UNMIGRATED,
    "3F000": Fault.UNMIGRATED,
}

#: SQLite's own codes; the low byte tells the kind, the others say more.
_SQLITE_BUSY = (5, 6)
_SQLITE_BUSY_SNAPSHOT = 517

#: What PostgreSQL's drivers call a broken connection; SQLite's driver says so of other things.
_BROKEN = ("OperationalError", "InterfaceError", "ConnectionDoesNotExistError")

#: Where the drivers' own errors come from; ours reach us unwrapped (see `running`).
_DRIVERS = ("psycopg", "sqlite3", "asyncpg", "aiosqlite", "sqlalchemy.dialects")

#: What means that a connection is gone, whoever says so.
_LOST = (PoolTimeout, DisconnectionError, ResourceClosedError, OSError, FileGone)

_ERRORS: dict[Fault, type[StoreError]] = {
    Fault.CONFLICT: SerializationFailure,
    Fault.DUPLICATE: SerializationFailure,
    Fault.LOCKED: StoreBusy,
    Fault.LOST: StoreUnavailable,
    Fault.UNMIGRATED: NotMigrated,
}


#: What psycopg says of moments that are not written as ISO 8601, in a host's own session.
UNREADABLE_MOMENTS = (
    "This connection writes moments as its own DateStyle wants; set DateStyle = 'ISO' on it. "
    "Nothing was written."
)


#: A standby before it takes over, or a session or transaction that is set so.
READ_ONLY = (
    "The database takes no writes now, or this transaction is read-only; nothing was written."
)


def fault_of(error: BaseException) -> Fault:
    """Tell what kind of failure an error is."""
    raw = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, _LOST) or isinstance(raw, _LOST):
        return Fault.LOST
    if raw is None or not type(raw).__module__.startswith(_DRIVERS):
        return Fault.OTHER
    state = _state(raw)
    if state in _BY_STATE:
        return _BY_STATE[state]
    if _is_lost(raw, state) or getattr(error, "connection_invalidated", False):
        return Fault.LOST
    return _by_text(raw)


def as_error(error: BaseException) -> BaseException:
    """Say a database's failure in our words, the original beside it; any other error stays."""
    fault = fault_of(error)
    if isinstance(error, NotImplementedError) and "DateStyle" in str(error):
        return _caused(StoreError(UNREADABLE_MOMENTS), error)
    if _state(error) == "25006":
        return _caused(StoreUnavailable(READ_ONLY), error)
    if isinstance(error, TollkeeperError) or (fault is Fault.OTHER and not _is_of_database(error)):
        return error
    return _caused(_ERRORS.get(fault, StoreError)(), error)


def _state(error: BaseException) -> str | None:
    raw = error.orig if isinstance(error, DBAPIError) else error
    state: str | None = getattr(raw, "sqlstate", None) or getattr(raw, "pgcode", None)
    return state


def _caused(made: StoreError, error: BaseException) -> StoreError:
    made.__cause__ = error
    return made


def is_refusal(error: BaseException) -> bool:
    """Tell whether the database, or we, answered with this: then nothing was committed.

    Anything else that is raised around a commit (no memory, say) tells nothing about it.
    """
    raw = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(raw, TollkeeperError | FileGone):
        return True
    from_database = raw is not None and type(raw).__module__.startswith(_DRIVERS)
    return from_database and fault_of(error) is not Fault.LOST


@contextmanager
def translated() -> Iterator[None]:
    """Say whatever the database raises inside in our words."""
    try:
        yield
    except Exception as error:
        said = as_error(error)
        if said is error:
            raise
        raise said from error


def _is_of_database(error: BaseException) -> bool:
    return isinstance(error, SQLAlchemyError) or type(error).__module__.startswith(_DRIVERS)


def _is_lost(raw: BaseException, state: str | None) -> bool:
    """Tell a broken connection; PostgreSQL's drivers give no state when it broke under them."""
    if state is not None:
        return state.startswith(("08", "57P"))
    kinds = {kind.__name__ for kind in type(raw).__mro__ if kind.__module__ != "sqlite3"}
    return not kinds.isdisjoint(_BROKEN)


def _by_text(raw: BaseException) -> Fault:
    """Read what SQLite says: it gives codes to most errors, and messages to all."""
    code = getattr(raw, "sqlite_errorcode", None)
    if code == _SQLITE_BUSY_SNAPSHOT:
        # A reader whom somebody else has overtaken: waiting would not help, another start does.
        return Fault.CONFLICT
    if code is not None and code & 0xFF in _SQLITE_BUSY:
        return Fault.LOCKED
    message = str(raw)
    if "UNIQUE constraint" in message:
        return Fault.DUPLICATE
    if "no such table" in message or "no such column" in message or "no column named" in message:
        return Fault.UNMIGRATED
    if "unable to open database file" in message or "disk I/O error" in message:
        return Fault.LOST
    return Fault.OTHER
