"""Copies of a side's books: every work begins with the same ones.

Otherwise whoever is quicker would pay for all that it has written before, and the slower one not.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from bench.server import Server


@dataclass(slots=True)
class Copies:
    """Copies of one database, one at a time."""

    original: str
    make: Callable[[str], str]
    remove: Callable[[str], None]
    last: str | None = None

    def next(self) -> str:
        """Give a new copy, and remove the one before it."""
        if self.last is not None:
            self.remove(self.last)
        self.last = self.make(self.original)
        return self.last


def copies_on(server: Server, url: str) -> Copies:
    """Copy a database within a server; nobody may be connected to the original."""
    return Copies(url, server.copy_database, server.drop_database)


def copies_of_file(url: str) -> Copies:
    """Copy a SQLite file that nobody has open, so that no log stands beside it."""
    folder = Path(make_url(url).database or "").parent

    def make(original: str) -> str:
        place = Path(tempfile.mkdtemp(dir=folder)) / "copy.db"
        shutil.copyfile(make_url(original).database or "", place)
        return f"sqlite:///{place}"

    def remove(copy: str) -> None:
        shutil.rmtree(Path(make_url(copy).database or "").parent)

    return Copies(url, make, remove)
