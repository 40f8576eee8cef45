"""Where a command works that needs no database of yours: a temporary SQLite file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tollkeeper.cli.calls import Call


@contextmanager
def database_or_temporary(call: Call, *, is_asked_for: bool = True) -> Iterator[Call]:
    """Give the call as it is, or with a SQLite file that is gone afterwards if it names none."""
    if call.database and is_asked_for:
        yield call
        return
    with TemporaryDirectory(prefix="tollkeeper-", ignore_cleanup_errors=True) as folder:
        yield replace(call, database=f"sqlite:///{Path(folder) / 'tollkeeper.db'}")
