"""Engines of our own for SQLite: written through to the disk, and always the same file.

Only the first connection may make the file. A later one that found none, for somebody has renamed
it for a moment, would make an empty one, and SQLite would drop the log that belongs to the other.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from tollkeeper.errors import InvalidRequest
from tollkeeper.store.files import FileGone, OpenFile
from tollkeeper.store.wire import FILE

#: How many statements a connection keeps prepared: one for each size of a batch's parts.
STATEMENTS = 512


def open_sqlite(url: URL, busy_seconds: float) -> Engine:
    """Make an engine whose connections write through, and notice when their file is gone.

    Raises:
        InvalidRequest: a URI names a file relative to wherever the process stands by then.
    """
    shared = in_memory(url)
    limits = {"pool_size": 1, "max_overflow": 0} if shared else {}
    engine = create_engine(
        url,
        poolclass=QueuePool,
        hide_parameters=True,
        connect_args={
            "check_same_thread": False,
            "timeout": busy_seconds,
            "cached_statements": STATEMENTS,
        },
        **limits,
    )
    event.listen(engine, "connect", _prepare)
    if not shared:
        _Same(url).watch(engine)
    return engine


def in_memory(url: URL) -> bool:
    """Tell whether a URL names a database in memory."""
    if url.get_backend_name() != "sqlite":
        return False
    named = url.database in (None, "", ":memory:", "file::memory:")
    return named or url.query.get("mode") == "memory"


class _Same:
    """The one file of an engine."""

    def __init__(self, url: URL) -> None:
        name = url.database or ""
        self._is_uri = name.startswith("file:")
        if self._is_uri:
            name = unquote(urlsplit(name).path)
            if not name.startswith("/"):
                raise InvalidRequest("A file: URI needs an absolute path, like 'file:/srv/app.db'.")
        # As SQLAlchemy reads it for the first connection: `..` goes before any link is followed.
        self._path = Path(os.path.abspath(name))  # noqa: PTH100  # Path.absolute leaves `..` in
        self._is_made = False

    def watch(self, engine: Engine) -> None:
        """Let each connection of the engine open this file, and no other."""
        event.listen(engine, "do_connect", self._begin)
        event.listen(engine, "connect", self._note)
        event.listen(engine, "checkout", _check)

    def _begin(self, _dialect: Any, _record: Any, arguments: list[Any], options: Any) -> None:
        if not self._is_made:
            return
        if not self._is_uri:
            arguments[0] = f"{self._path.as_uri()}?mode=rw"
            options["uri"] = True
        elif not self._path.exists():
            raise FileGone(f"{self._path} was removed while it was open")

    def _note(self, _connection: Any, record: Any) -> None:
        record.info[FILE] = OpenFile(self._path)
        self._is_made = True


def _check(_connection: Any, record: Any, _proxy: Any) -> None:
    """Let the pool open a file anew that was replaced."""
    try:
        record.info[FILE].refuse_if_gone()
    except FileGone as error:
        raise DisconnectionError(str(error)) from error


def _prepare(connection: Any, _record: Any) -> None:
    """Let SQLAlchemy begin nothing by itself; write through to the disk, for this is money."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
