"""The PostgreSQL that all sides share: started for the benchmark, with default settings, and ended.

Installed programs come first, for they are what production runs; without them, the wheel's do.
"""

import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from tests.databases import PostgresServer, connect, start_private_postgres

#: How long the look at the disk may take.
FSYNC_SECONDS: Final = 30
_FSYNC: Final = re.compile(r"^\s*fdatasync\s+([\d.]+) ops/sec", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, its programs, and the disk that its data stand on."""

    postgres: PostgresServer

    @property
    def version(self) -> str:
        """The version, as the server tells it."""
        with connect(self.postgres.url()) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "unknown"

    @property
    def place(self) -> tuple[str, ...]:
        """Where the server is, in the words of PostgreSQL's own programs."""
        address = self.postgres.address
        query = address.query
        return ("-h", str(query["host"]), "-p", str(query["port"]), "-U", address.username or "")

    @property
    def _programs(self) -> Path:
        assert self.postgres.postmaster is not None
        return self.postgres.postmaster.programs

    @property
    def folder(self) -> Path:
        """The folder of the server's data."""
        assert self.postgres.postmaster is not None
        return self.postgres.postmaster.folder

    def program(self, name: str) -> Path | None:
        """Find one of PostgreSQL's programs: the server's own, else one that is installed."""
        own = self._programs / name
        found = str(own) if own.exists() else shutil.which(name)
        return Path(found) if found else None

    def create_database(self) -> str:
        """Create an empty database, and give its URL in SQLAlchemy's words."""
        return self.postgres.create_database()

    def copy_database(self, url: str) -> str:
        """Copy a database to which nobody is connected; give the copy's URL."""
        name = f"{self.name_of(url)}_{secrets.token_hex(4)}"
        self.execute(
            self.postgres.url(), f'CREATE DATABASE "{name}" TEMPLATE "{self.name_of(url)}"'
        )
        return make_url(url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database."""
        self.execute(self.postgres.url(), f'DROP DATABASE "{self.name_of(url)}" WITH (FORCE)')

    def name_of(self, url: str) -> str:
        """Give a database's name."""
        return make_url(url).database or ""

    def plain_url(self, url: str) -> str:
        """Write a URL as other languages' drivers read it: they ask for a host before the slash."""
        address = make_url(url).set(drivername="postgres", host="localhost")
        return address.render_as_string(hide_password=False)

    def execute(self, url: str, statements: str) -> None:
        """Run statements, each committed by itself."""
        with connect(url) as connection:
            connection.execute(statements.encode())

    def checkpoint(self) -> None:
        """Write all that earlier turns left, so that the next begin alike."""
        self.execute(self.postgres.url(), "CHECKPOINT")

    def fsyncs_per_second(self) -> float | None:
        """Measure how often the disk of the data can be made to write through."""
        program = self.program("pg_test_fsync")
        if program is None:
            return None
        command = [str(program), "-s", "1", "-f", str(self.folder / "fsync")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # the program is named here
        try:
            return _first_fdatasync(process)
        finally:
            # It would go on for a while with methods that nobody asked for.
            process.terminate()
            process.wait()
            (self.folder / "fsync").unlink(missing_ok=True)


def _first_fdatasync(process: "subprocess.Popen[str]") -> float | None:
    assert process.stdout is not None
    deadline = time.monotonic() + FSYNC_SECONDS
    for line in process.stdout:
        found = _FSYNC.search(line)
        if found:
            return float(found[1])
        if time.monotonic() > deadline:
            break
    return None


@contextmanager
def open_server() -> Iterator[Server]:
    """Start a server for as long as it is needed, and remove it with its data."""
    postgres = start_private_postgres(system_first=True)
    try:
        yield Server(postgres)
    finally:
        postgres.stop()
