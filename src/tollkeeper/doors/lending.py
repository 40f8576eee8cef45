"""Raw connections, lent to us by the host: all of them may be used but their end.

Reads through them mean what they mean to us, whatever rows and moments the host prefers.
"""

from typing import Any


class Lent:
    """A host's raw connection whose commit, rollback and close are left to the host."""

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


class LentSqlite(Lent):
    """A connection of sqlite3."""

    def cursor(self) -> Any:
        """Open a cursor that gives plain tuples."""
        cursor = self._raw.cursor()
        cursor.row_factory = None
        return cursor


class LentPsycopg(Lent):
    """A connection of psycopg."""

    def cursor(self, name: str = "") -> Any:
        """Open a cursor that gives plain tuples, and moments with their zone.

        One that is named stays on the server, for an answer that is read bit by bit.
        """
        from psycopg import Cursor, ServerCursor
        from psycopg.rows import tuple_row
        from psycopg.types.datetime import TimestamptzLoader

        cursor: Any = Cursor(self._raw, row_factory=tuple_row)
        if name:
            cursor = ServerCursor(self._raw, name, row_factory=tuple_row)
        # Django takes the zone away where USE_TZ is off.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor


def lend(raw: Any, driver: str) -> Lent:
    """Wrap a raw connection of a driver."""
    return LentSqlite(raw) if driver == "sqlite3" else LentPsycopg(raw)
