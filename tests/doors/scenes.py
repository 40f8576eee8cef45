"""What the tests of the doors share: many callers at once, locks held elsewhere, checked books."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, create_engine, text

from tollkeeper import Billing
from tollkeeper.errors import TollkeeperError

T = TypeVar("T")
UNIT = "credits"
#: How long a test waits for what must happen soon.
SOON_SECONDS = 20.0

Result = Any


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


def at_once(work: Callable[[int], T], callers: int) -> list[T | BaseException]:
    """Call work from as many threads at the same moment; give each answer or error."""
    start = threading.Barrier(callers)
    results: list[T | BaseException] = [AssertionError("never answered")] * callers

    def call(number: int) -> None:
        start.wait(SOON_SECONDS)
        results[number] = outcome(lambda: work(number))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


def outcome(work: Callable[[], T]) -> T | BaseException:
    """Give what a call answers, or the error of ours that it raises."""
    try:
        return work()
    except TollkeeperError as error:
        return error


def beside(work: Callable[[], T]) -> "Beside[T]":
    """Run work on a thread beside the test."""
    return Beside(work)


class Beside[T]:
    """Work on a thread of its own, and what became of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._result: T | BaseException | None = None
        self.done = threading.Event()

        def run() -> None:
            try:
                self._result = work()
            except BaseException as error:
                self._result = error
            self.done.set()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def result(self, seconds: float = SOON_SECONDS) -> T:
        """Wait for the answer; raise the error where it is one."""
        assert self.done.wait(seconds), "never answered"
        self.thread.join(seconds)
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result  # type: ignore[return-value]  # it is done, so it is a T
