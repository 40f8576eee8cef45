"""What the tests of the doors share: many callers at once, locks held elsewhere, checked books."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from tollkeeper import Billing
from tollkeeper.errors import TollkeeperError

T = TypeVar("T")
UNIT = "credits"
#: How long a test waits for what must happen soon.
SOON_SECONDS = 20.0


class GateClock:
    """The machine's clock, which stands in the way while its gate is closed.

    The clock is read inside a batch, so a closed gate keeps one batch under way for as long as a
    test needs to queue the calls of the next.
    """

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        #: Set once somebody stands before the closed gate.
        self.reached = threading.Event()

    def now(self) -> datetime:
        """Give the current moment, once the gate is open."""
        if not self._open.is_set():
            self.reached.set()
            assert self._open.wait(SOON_SECONDS)
        return datetime.now(UTC)

    def close(self) -> None:
        """Let nobody pass."""
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        """Let everybody pass."""
        self._open.set()


def outcome(work: Callable[[], T]) -> T | TollkeeperError:
    """Give what a call answers, or the error of ours that it raises."""
    try:
        return work()
    except TollkeeperError as error:
        return error


def beside(work: Callable[..., T], *arguments: Any) -> Future[T]:
    """Run work on a thread beside the test."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001  # it is the test's to look at
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(work: Callable[[int], T], callers: int) -> list[T | TollkeeperError]:
    """Call work from as many threads at the same moment; give each answer or error of ours."""
    start = threading.Barrier(callers)

    def call(number: int) -> T | TollkeeperError:
        start.wait(SOON_SECONDS)
        return outcome(lambda: work(number))

    calls = [beside(call, number) for number in range(callers)]
    return [future.result(60) for future in calls]


def count(results: Sequence[object], kind: type[object]) -> int:
    """Count the results of one kind."""
    return sum(isinstance(result, kind) for result in results)


def waits(thread: int | None) -> bool:
    """Tell whether a thread sleeps until the writer answers its call."""
    frame = sys._current_frames().get(thread or 0)
    code = frame.f_code if frame else None
    return code is not None and code.co_name == "wait" and "tollkeeper" in code.co_filename


def until(happened: Callable[[], bool], seconds: float = SOON_SECONDS) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Open a connection as a host would, in no transaction yet; what is left open is undone."""
    with engine_of(url).connect() as connection:
        yield connection


@cache
def engine_of(url: str) -> Engine:
    """Make an engine that keeps no connection, once: to meet a database takes time."""
    return create_engine(url, poolclass=NullPool)


@contextmanager
def locked(url: str, customer: str) -> Iterator[Connection]:
    """Lock a customer's account elsewhere; on SQLite, where there is one lock, everything."""
    with connected(url) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            query = "SELECT 1 FROM tollkeeper.account WHERE customer_id = :customer FOR UPDATE"
            connection.execute(text(query), {"customer": customer})
        yield connection
        connection.rollback()


def is_sqlite(url: str) -> bool:
    """Tell which database a URL is of."""
    return url.startswith("sqlite")


def view(url: str, name: str) -> str:
    """Give one of the documented views' name in SQL."""
    return f"tollkeeper_{name}" if is_sqlite(url) else f"tollkeeper.{name}"


def rows(url: str, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """Ask the database itself."""
    with connected(url) as connection:
        return [tuple(row) for row in connection.execute(text(sql), values)]


def entries(url: str, customer: str) -> list[tuple[str, str, int, int]]:
    """Give a customer's entries from the documented view: operation, kind, version, change."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in rows(
            url,
            f"SELECT operation_id, kind, version, available_change_scaled"
            f" FROM {view(url, 'entries')} WHERE customer_id = :customer ORDER BY version",
            customer=customer,
        )
    ]


def check(billing: Billing, url: str, *customers: str) -> None:
    """Prove customers' books: by the audit, and once more by hand over the documented views."""
    for customer in customers:
        report = billing.books.audit(customer=customer)
        assert report.ok, report.findings
        found = entries(url, customer)
        assert [version for _, _, version, _ in found] == list(range(1, len(found) + 1))
        balances = rows(
            url,
            f"SELECT available_scaled, version FROM {view(url, 'balances')}"
            " WHERE customer_id = :customer",
            customer=customer,
        )
        assert balances == ([(sum(change for *_, change in found), len(found))] if found else [])
        assert all(available >= 0 for available, _ in balances)
