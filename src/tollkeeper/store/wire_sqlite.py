"""A conversation with SQLite through the driver alone, for the connection that a writer keeps."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from tollkeeper.store.files import OpenFile


class SqliteWire:
    """The statements of one connection, which a single thread uses at a time."""

    def __init__(self, raw: sqlite3.Connection, file: OpenFile | None) -> None:
        self._raw = raw
        #: None for a database in memory.
        self._file = file
        self._cursor = raw.cursor()

    def begin(self) -> None:
        """Begin a transaction that may write: a reader could not become a writer later."""
        self._cursor.execute("BEGIN IMMEDIATE")
        # Only now: to get the lock may have taken long.
        self._refuse_if_gone()

    def run(self, sql: str, values: Mapping[str, Any]) -> None:
        """Run a statement that gives no rows."""
        self._cursor.execute(sql, values)

    def run_marked(self, sql: str, cells: Sequence[Any]) -> None:
        """Run a statement that gives no rows, with `?` for parameters."""
        self._cursor.execute(sql, cells)

    def fetch(self, sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run a query; give its rows."""
        return self._cursor.execute(sql, values).fetchall()

    def flush(self) -> None:
        """Do nothing: no statement waits here."""

    def commit(self) -> None:
        """Commit; into a file that is gone nothing is committed."""
        self._refuse_if_gone()
        self._cursor.execute("COMMIT")

    def roll_back(self) -> None:
        """End the transaction if there is one; a connection whose file is gone is of no use."""
        if self._raw.in_transaction:
            self._cursor.execute("ROLLBACK")
        self._refuse_if_gone()

    def close(self) -> None:
        """Let go of the cursor; the connection stays."""
        self._cursor.close()

    def _refuse_if_gone(self) -> None:
        if self._file is not None:
            self._file.refuse_if_gone()
