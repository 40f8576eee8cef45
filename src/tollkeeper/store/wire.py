"""The wire of a connection: the shortest way to its database, for the writer's own connections.

A host's connection never has one, since its host may have hooks of its own in SQLAlchemy.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, event

from tollkeeper.store.wire_postgres import PostgresWire
from tollkeeper.store.wire_sqlite import SqliteWire

#: Under which name a connection's file is kept beside it.
FILE = "tollkeeper.file"
#: Under which name a connection's wire is kept beside it.
_PLACE = "tollkeeper.wire"


class Wire(Protocol):
    """What statements and transactions ask of a wire."""

    def begin(self) -> None:
        """Begin a transaction that will write."""
        ...

    def run(self, sql: str, values: Mapping[str, Any]) -> None:
        """Run a statement that gives no rows, at the latest with the commit."""
        ...

    def fetch(self, sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run a query whose parameters are written `:name`; give all rows."""
        ...

    def flush(self) -> None:
        """Run what waits."""
        ...

    def commit(self) -> None:
        """Run what waits, and commit; what the database answers with an error is not committed."""
        ...

    def roll_back(self) -> None:
        """Undo the transaction, if there is one."""
        ...

    def close(self) -> None:
        """Let go; the connection stays."""
        ...


def open_wire(connection: Connection, begin: str) -> None:
    """Give a connection a wire, if its driver can; `begin` is how PostgreSQL is to begin."""
    raw: Any = connection.connection.dbapi_connection
    wire: Wire
    if connection.dialect.driver == "pysqlite":
        wire = SqliteWire(raw, connection.info.get(FILE))
    elif connection.dialect.driver == "psycopg" and _has_pipelines():
        wire = PostgresWire(raw, begin)
    else:
        return
    connection.info[_PLACE] = wire
    # What goes through SQLAlchemy on this connection comes after what was said before.
    event.listen(connection, "before_cursor_execute", lambda *_: wire.flush())


def wire_of(connection: Connection) -> Wire | None:
    """Find the wire of a connection."""
    wire: Wire | None = None if connection.invalidated else connection.info.get(_PLACE)
    return wire


def close_wire(connection: Connection) -> None:
    """Take a connection's wire away."""
    wire = None if connection.invalidated else connection.info.pop(_PLACE, None)
    if wire is not None:
        wire.close()


def _has_pipelines() -> bool:
    """Tell whether libpq is new enough (14)."""
    import psycopg

    return psycopg.Pipeline.is_supported()
