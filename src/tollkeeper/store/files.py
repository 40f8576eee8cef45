"""Which file a connection of SQLite has open, and whether it still stands under its name.

SQLite goes on writing to a file that was removed or replaced, and nobody would ever read that. It
looks by itself, by the same numbers, where it keeps a rollback journal (SQLITE_READONLY_DBMOVED),
and not where it keeps a log.
"""

import sqlite3
from pathlib import Path


class FileGone(sqlite3.OperationalError):
    """The file of a connection was removed or replaced; a new connection opens what is there."""


class OpenFile:
    """The file that a connection has open."""

    __slots__ = ("_identity", "_path")

    def __init__(self, path: Path) -> None:
        #: As it was asked for: a link that leads elsewhere by now is another file.
        self._path = path
        self._identity = self._found()

    def refuse_if_gone(self) -> None:
        """Raise FileGone where another file, or none, stands under the name by now."""
        if self._found() != self._identity:
            raise FileGone(f"{self._path} was removed or replaced while it was open")

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino
