"""Runs the command line in this process, as a user's shell would, and keeps what it printed."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tollkeeper import Billing
from tollkeeper.cli.program import run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed as JSON, in exactly one line."""
        (line,) = self.out.splitlines()
        return json.loads(line)


#: Who corrects, and why; no correction is made without.
BY_HAND = ("--reason", "a mistake", "--actor", "ann")


class Command(Protocol):
    """Runs `tollkeeper` with some words."""

    def __call__(self, *words: str) -> Ended: ...


@pytest.fixture(autouse=True)
def _no_database_by_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings must not lead the tests to his books, nor speak for them."""
    for variable in ("TOLLKEEPER_DATABASE_URL", "TOLLKEEPER_ACTOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which temporary files are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """`tollkeeper`, without a database."""

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = run(words)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return call


@pytest.fixture
def tollkeeper(command: Command, database_url: str) -> Command:
    """`tollkeeper` on a migrated database; once on SQLite and once on PostgreSQL."""
    assert command("--database", database_url, "migrate").code == 0
    return lambda *words: command("--database", database_url, *words)


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: migrating anew would take most of many tests' time."""
    path = tmp_path_factory.mktemp("migrated") / "tollkeeper.db"
    with Billing(f"sqlite:///{path}") as billing:
        billing.migrate()
    return path


@pytest.fixture
def on_sqlite(command: Command, sqlite_url: str, _migrated: Path) -> Command:
    """`tollkeeper` on a migrated SQLite database."""
    shutil.copy(_migrated, sqlite_url.removeprefix("sqlite:///"))
    return lambda *words: command("--database", sqlite_url, *words)
