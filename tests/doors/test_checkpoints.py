"""SQLite's log is moved into its file beside the writer, and nobody notices."""

import logging
import os
import sqlite3
from pathlib import Path

import pytest

from tests.doors.scenes import UNIT, at_once, check, until
from tests.doors.test_forks import in_child
from tollkeeper import Billing
from tollkeeper.doors import checkpoints
from tollkeeper.doors.checkpoints import Checkpoints


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of migrated books whose log is moved after every ten calls."""
    monkeypatch.setattr(checkpoints, "CALLS", 10)
    made = tmp_path / "books.db"
    with Billing(f"sqlite:///{made}") as billing:
        billing.migrate()
        billing.credits.grant("somebody", UNIT, 1000)
    return made


def moved(file: Path) -> int:
    """Count the operations that stand in the file itself, its log aside."""
    place = f"file:{file}?immutable=1"
    with sqlite3.connect(place, uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM tollkeeper_operation").fetchone()[0])


def spend(billing: Billing, calls: int) -> None:
    """Make some calls at once."""
    at_once(lambda _: billing.credits.consume("somebody", UNIT, 1), calls)


def test_the_log_is_moved_while_the_books_are_open(file: Path) -> None:
    """What was committed reaches the file long before a commit would have to take it there."""
    with Billing(f"sqlite:///{file}") as billing:
        assert moved(file) == 1
        spend(billing, 25)

        def has_moved() -> bool:
            # One move may find somebody reading and leave the rest to the next, which calls bring.
            spend(billing, 10)
            return moved(file) > 10

        until(has_moved)
        beside = billing._wired.writer._checkpoints
        assert beside is not None
        thread = beside.lane._thread
        assert thread is not None
        assert thread.is_alive()
        check(billing, f"sqlite:///{file}", "somebody")
    assert not thread.is_alive()


def test_a_failure_of_it_is_nobodys_failure(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls go on being answered; the log says what went wrong, and the next try comes."""
    tries = []

    def failing(self: Checkpoints) -> None:
        tries.append(self)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Checkpoints, "_move", failing)
    with caplog.at_level(logging.WARNING), Billing(f"sqlite:///{file}") as billing:
        for _ in range(3):
            spend(billing, 12)
        until(lambda: len(tries) >= 2)
        assert billing.credits.balance("somebody", UNIT).available == 964
    assert "could not be moved" in caplog.text


def test_books_in_memory_have_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their one connection is the writer's."""
    monkeypatch.setattr(checkpoints, "CALLS", 1)
    with Billing("sqlite://") as billing:
        billing.migrate()
        billing.credits.grant("somebody", UNIT, 5)
        assert billing._wired.writer._checkpoints is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_its_own(file: Path) -> None:
    """Neither waits for the other's thread."""
    with Billing(f"sqlite:///{file}") as billing:
        spend(billing, 25)

        def work() -> int:
            spend(billing, 25)
            billing.close()
            return 25

        assert in_child(work) == 25
        spend(billing, 25)
        assert billing.credits.balance("somebody", UNIT).available == 925
        check(billing, f"sqlite:///{file}", "somebody")
