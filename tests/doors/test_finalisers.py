"""Calls from places where nobody can wait: finalisers, the interpreter's end, a fork's child."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from tests.doors.scenes import UNIT, at_once, beside, until
from tollkeeper import Billing
from tollkeeper.errors import Closed, InvalidRequest, OutcomeUnknown

AT_THE_END = """
import sys
from tollkeeper import Billing
from tollkeeper.errors import Closed

class Late:
    def __init__(self, billing):
        self.billing = billing
    def __del__(self):
        try:
            self.billing.credits.consume("user_1", "api_calls", 1)
        except Closed:
            print("refused", flush=True)

billing = Billing(sys.argv[1])
if sys.argv[2] == "used":
    billing.credits.consume("user_1", "api_calls", 1)
late = Late(billing)
"""


class Late:
    """Calls as it goes, whichever thread the collector runs on, and notes where it was refused."""

    def __init__(self, call: Callable[[], object], met: list[str]) -> None:
        self.call = call
        self.met = met
        self.itself = self  # only the collector can free it

    def __del__(self) -> None:
        """Call once more."""
        try:
            self.call()
        except InvalidRequest:
            self.met.append(threading.current_thread().name)
        except Closed:
            pass  # the last ones are collected after all is over


def test_a_finaliser_on_our_own_thread_is_refused(sqlite_books: str, customer: str) -> None:
    """The collector may run it on the thread that is to answer: it is told, and nobody waits."""
    met: list[str] = []
    with Billing(sqlite_books) as billing:
        billing.credits.grant(customer, UNIT, 100_000)
        consume = partial(billing.credits.consume, customer, UNIT, 1)

        def work(_: int) -> None:
            for _ in range(100):
                Late(consume, met)
                consume()

        for _ in range(20):
            assert at_once(work, 4) == [None] * 4
            if met:
                break
        assert met
        assert all(name.startswith("tollkeeper-") for name in met)
        assert consume().amount == 1


@pytest.mark.parametrize("before", ["used", "unused"])
def test_the_interpreter_ends(sqlite_books: str, before: str) -> None:
    """A finaliser that calls at the very end is refused: no thread of ours is left to answer."""
    with Billing(sqlite_books) as billing:
        billing.credits.grant("user_1", "api_calls", 10)
    command = [sys.executable, "-c", AT_THE_END, sqlite_books, before]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == "refused\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_a_call_waits(sqlite_books: str, customer: str) -> None:
    """A signal's handler forks in the middle of a call: the parent is answered, the child told."""
    children: list[int] = []
    parent = os.getpid()

    def handler(_signal: int, _frame: FrameType | None) -> None:
        children.append(os.fork())

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        until(lambda: bool(children))
        locker.execute("COMMIT")

    before = signal.signal(signal.SIGUSR1, handler)
    path = Path(sqlite_books.removeprefix("sqlite:///"))
    locker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        with Billing(sqlite_books) as billing:
            billing.credits.grant(customer, UNIT, 10)
            locker.execute("BEGIN IMMEDIATE")
            timer = threading.Timer(0.3, interrupt)
            timer.start()
            try:
                answer = billing.credits.consume(customer, UNIT, 1)
            except OutcomeUnknown:
                os._exit(7 if os.getpid() != parent else 1)
            if os.getpid() != parent:
                os._exit(1)
            assert answer.amount == 1
            _, status = beside(os.waitpid, children[0], 0).result(20)
            assert os.waitstatus_to_exitcode(status) == 7
    finally:
        signal.signal(signal.SIGUSR1, before)
        locker.close()
