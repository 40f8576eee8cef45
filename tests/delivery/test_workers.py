"""Several workers at once, killed ones too: each notice is told, in order, and nobody is stuck."""

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.delivery.conftest import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.delivery.queues import LEASE
from tollkeeper.notices import CreditsGranted

UNIT = "api_calls"
CUSTOMERS = [f"user_{number}" for number in range(12)]
EACH = 9


def fill(billing: Billing) -> None:
    """Grant 1, 2, 3 … to each customer, across one another."""
    for amount in range(1, EACH + 1):
        give = partial(billing.credits.grant, unit=UNIT, amount=amount)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(give, CUSTOMERS))


def by_customer(heard: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """What was heard of each customer, in the order in which it was."""
    told: dict[str, list[int]] = defaultdict(list)
    for customer, amount in heard:
        told[customer].append(amount)
    return dict(told)


def started(url: str, mode: str, seconds: float, file: Path) -> "subprocess.Popen[bytes]":
    """Start a worker of its own process, which writes down what it hears."""
    module = "tests.delivery.worker_process"
    return subprocess.Popen([sys.executable, "-m", module, url, mode, str(seconds), str(file)])


def written(file: Path) -> list[tuple[str, int]]:
    """What all workers have heard, in the order in which they did."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [(name, int(amount)) for name, amount in map(str.split, lines)]


def test_threads_with_doors_of_their_own_tell_each_notice_once(
    billing: Billing, database_url: str
) -> None:
    """Nothing fails, so nothing is told twice; and each customer's notices come in order."""
    fill(billing)
    heard: list[tuple[str, int]] = []
    guard = threading.Lock()

    def work() -> int:
        with Billing(database_url, clock=FixedClock(START)) as own:

            @own.on(CreditsGranted)
            def listen(notice: CreditsGranted) -> None:
                with guard:
                    heard.append((notice.customer, int(notice.amount)))

            return sum(own.jobs.run_due(limit=20).delivered for _ in range(15))

    with ThreadPoolExecutor(4) as pool:
        delivered = list(pool.map(lambda _: work(), range(4)))
    assert sum(delivered) == len(heard) == len(CUSTOMERS) * EACH
    assert by_customer(heard) == {name: list(range(1, EACH + 1)) for name in CUSTOMERS}


def test_processes_tell_each_notice_once(
    billing: Billing, database_url: str, tmp_path: Path
) -> None:
    """While more is written, and in order over all of them; the books are right afterwards."""
    file = tmp_path / "heard.txt"
    processes = [started(database_url, "work", 3.0, file) for _ in range(3)]
    try:
        fill(billing)
        codes = [process.wait(100) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait(20)
    assert codes == [0, 0, 0]
    assert by_customer(written(file)) == {name: list(range(1, EACH + 1)) for name in CUSTOMERS}
    assert not billing.notices.list(status="waiting").notices
    assert billing.books.audit().ok


def test_a_worker_that_is_killed_loses_nothing_and_is_waited_for_no_longer_than_its_lease(
    billing: Billing, database_url: str, clock: FixedClock, tmp_path: Path
) -> None:
    """`kill -9` within a callback: the next worker tells it again, and others' at once."""
    heard: list[tuple[str, int]] = []

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        heard.append((notice.customer, int(notice.amount)))

    billing.credits.grant("ann", UNIT, 1)
    billing.credits.grant("ann", UNIT, 2)
    file = tmp_path / "heard.txt"
    with started(database_url, "hang", 60, file) as process:
        until = time.monotonic() + 60
        while not written(file):
            assert time.monotonic() < until, "it heard nothing in time"
            time.sleep(0.02)
        process.kill()
    assert written(file) == [("ann", 1)]
    billing.credits.grant("ann", UNIT, 3)
    billing.credits.grant("bob", UNIT, 4)
    clock.set(START + LEASE - timedelta(microseconds=1))
    billing.jobs.run_due()
    assert heard == [("bob", 4)]
    clock.set(START + LEASE)
    assert billing.jobs.run_due().delivered == 3
    assert heard == [("bob", 4), ("ann", 1), ("ann", 2), ("ann", 3)]
    assert billing.credits.balance("ann", UNIT).available == 6
    assert billing.books.audit().ok


def test_an_order_that_clocks_do_not_tell(database_url: str) -> None:
    """A process whose clock lags behind books later, and its notices come later all the same.

    The ids of such a process begin with an earlier time; here they are made so by hand, since one
    process makes all of them.
    """
    ahead, behind = FixedClock(START + timedelta(seconds=5)), FixedClock(START)
    heard: list[int] = []
    with Billing(database_url, clock=ahead) as quick, Billing(database_url, clock=behind) as slow:
        quick.migrate()
        for amount in range(1, 9):
            ahead.advance(milliseconds=1)
            (quick if amount % 2 else slow).credits.grant("ann", UNIT, amount)
        for amount in (9, 10, 11):
            slow.credits.grant("ann", UNIT, amount)
        table = quick._wired.ledger.database.name("notice")
        with quick._wired.engine.begin() as connection:
            for amount in (2, 4, 6, 8, 9, 10, 11):
                connection.execute(
                    text(f"UPDATE {table} SET id = :id WHERE payload LIKE :like"),
                    {"id": f"ntc_0{99 - amount}", "like": f'%"amount":"{amount}"%'},
                )

        @quick.on(CreditsGranted)
        def listen(notice: CreditsGranted) -> None:
            heard.append(int(notice.amount))

        quick.jobs.run_due()
    assert heard == list(range(1, 12))


@pytest.mark.parametrize("count", [1, 60])
def test_a_long_queue_is_told_whole(billing: Billing, count: int) -> None:
    """One run goes on with a queue until it is empty."""
    heard: list[int] = []
    billing.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))
    for amount in range(1, count + 1):
        billing.credits.grant("ann", UNIT, amount)
    report = billing.jobs.run_due()
    assert (report.delivered, report.is_done) == (count, True)
    assert heard == list(range(1, count + 1))
