"""A SQLite file that is removed, renamed or replaced while it is open: no answered call is lost."""

import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.doors.scenes import UNIT, GateClock, beside, until
from tollkeeper import Billing
from tollkeeper.errors import InvalidRequest, StoreUnavailable, TollkeeperError

LOGS = ("-wal", "-shm")
URLS = ("sqlite:///{}", "sqlite:///file:{}?mode=rwc&uri=true")


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A file of books with ten credits."""
    path = tmp_path / "books.db"
    with Billing(f"sqlite:///{path}") as billing:
        billing.migrate()
        billing.credits.grant("user_1", UNIT, 10)
    return path


def test_a_replaced_file_is_opened_anew(books: Path) -> None:
    """A backup that is moved into its place is what everybody reads and writes from then on."""
    backup = books.with_name("backup.db")
    shutil.copyfile(books, backup)
    with Billing(f"sqlite:///{books}") as billing:
        billing.credits.consume("user_1", UNIT, 4)
        assert billing.credits.balance("user_1", UNIT).available == 6
        remove(books, LOGS)
        backup.replace(books)
        assert billing.credits.balance("user_1", UNIT).available == 10
        billing.credits.consume("user_1", UNIT, 1)
    with Billing(f"sqlite:///{books}") as billing:
        assert billing.credits.balance("user_1", UNIT).available == 9
        assert billing.books.audit().findings == ()


@pytest.mark.parametrize("url", URLS)
def test_no_call_is_answered_into_a_removed_file(books: Path, url: str) -> None:
    """Who removes the file gets an error for each call, and no empty file in its place."""
    with Billing(url.format(books)) as billing:
        billing.credits.consume("user_1", UNIT, 1)
        remove(books, ("", *LOGS))
        for call in (billing.credits.consume, billing.credits.has):
            with pytest.raises(StoreUnavailable):
                call("user_1", UNIT, 1)
        assert not books.exists()


def test_a_call_that_waited_for_the_lock_looks_again(books: Path) -> None:
    """The file goes while a call waits for SQLite's write lock: it is not answered into nowhere."""
    host = sqlite3.connect(books, isolation_level=None, check_same_thread=False)
    with Billing(f"sqlite:///{books}") as billing:
        billing.credits.consume("user_1", UNIT, 1)
        host.execute("BEGIN IMMEDIATE")
        waiting = beside(lambda: billing.credits.consume("user_1", UNIT, 1))
        time.sleep(0.2)
        remove(books, ("", *LOGS))
        host.execute("ROLLBACK")
        with pytest.raises(StoreUnavailable):
            waiting.result(20)
    host.close()


@pytest.mark.parametrize("url", URLS)
def test_a_file_that_was_away_is_whole_when_it_is_back(books: Path, url: str) -> None:
    """Under load it is renamed and renamed back: what was answered is in the books."""
    answered: list[int] = []
    stop = threading.Event()
    with Billing(url.format(books)) as billing:
        billing.credits.grant("user_1", UNIT, 1_000_000)

        def call() -> None:
            while not stop.is_set():
                try:
                    billing.credits.consume("user_1", UNIT, 1)
                except TollkeeperError:
                    stop.wait(0.01)
                else:
                    answered.append(1)

        callers = [beside(call) for _ in range(8)]
        for _ in range(2):
            more(answered, 200)
            books.rename(books.with_name("away.db"))
            stop.wait(0.2)
            books.with_name("away.db").rename(books)
        more(answered, 200)
        stop.set()
        for caller in callers:
            caller.result(20)
    with Billing(f"sqlite:///{books}") as billing:
        assert billing.credits.balance("user_1", UNIT).available == 1_000_010 - len(answered)
        assert billing.books.audit().findings == ()


def test_a_file_that_goes_within_a_batch(books: Path) -> None:
    """It is looked for once more before the commit."""
    clock = GateClock()
    with Billing(f"sqlite:///{books}", clock=clock) as billing:
        billing.credits.balance("user_1", UNIT)
        clock.close()
        waiting = beside(lambda: billing.credits.consume("user_1", UNIT, 1))
        assert clock.reached.wait(10)
        remove(books, ("", *LOGS))
        clock.open()
        with pytest.raises(StoreUnavailable):
            waiting.result(20)


def test_the_way_back_from_a_link_is_the_same_for_all(books: Path, tmp_path: Path) -> None:
    """`link/..` means one thing for the first connection and for each later one."""
    (tmp_path / "releases" / "1").mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "releases" / "1")
    with Billing(f"sqlite:///{tmp_path}/current/../{books.name}") as billing:
        billing.credits.consume("user_1", UNIT, 1)
        readers = [beside(lambda: billing.credits.balance("user_1", UNIT)) for _ in range(8)]
        assert {reader.result(10).available for reader in readers} == {9}


def test_a_link_that_leads_elsewhere_is_followed(books: Path, tmp_path: Path) -> None:
    """All calls reach the file that the link names by now, none the one before."""
    other, link = tmp_path / "other.db", tmp_path / "link.db"
    shutil.copyfile(books, other)
    link.symlink_to(books)
    with Billing(f"sqlite:///{link}") as billing:
        billing.credits.consume("user_1", UNIT, 4)
        link.unlink()
        link.symlink_to(other)
        billing.credits.consume("user_1", UNIT, 1)
        assert billing.credits.balance("user_1", UNIT).available == 9


def test_a_relative_name_stays_where_it_was(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes the directory changes no books; a URI cannot promise that, and is refused."""
    monkeypatch.chdir(books.parent)
    with Billing(f"sqlite:///{books.name}") as billing:
        billing.credits.consume("user_1", UNIT, 1)
        monkeypatch.chdir(os.sep)
        readers = [beside(lambda: billing.credits.balance("user_1", UNIT)) for _ in range(8)]
        assert {reader.result(10).available for reader in readers} == {9}
    with pytest.raises(InvalidRequest, match="absolute"):
        Billing("sqlite:///file:books.db?mode=rwc&uri=true")


def remove(path: Path, endings: tuple[str, ...]) -> None:
    """Remove a file and what stands beside it."""
    for ending in endings:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def more(answered: list[int], count: int) -> None:
    """Wait until so many more calls were answered."""
    wanted = len(answered) + count
    until(lambda: len(answered) >= wanted)
