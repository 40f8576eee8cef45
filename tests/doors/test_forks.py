"""A forked child begins anew, with threads and connections of its own; its parent never notices."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.doors.scenes import UNIT, beside, check, count, is_sqlite, outcome, rows, until
from tollkeeper import AsyncBilling, Billing
from tollkeeper.doors import forks
from tollkeeper.values.receipts import Receipt

ROOT = Path(__file__).resolve().parents[2]
CHILD_SECONDS = 30.0

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    # Newer Pythons warn of what these tests are about.
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]


def in_child(work: Callable[[], Any]) -> Any:
    """Fork, do the work in the child, and give what it answers there; it must end by itself."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            answer = json.dumps(work()).encode()
            os.write(writing, answer)
            code = 0
        except BaseException as error:  # noqa: BLE001  # nothing may run on in a copy of pytest
            os.write(2, repr(error).encode())
        finally:
            os._exit(code)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], CHILD_SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
        told = os.read(reading, 1 << 16)
        _, status = os.waitpid(child, 0)
        assert ready, "the child hangs"
        assert os.waitstatus_to_exitcode(status) == 0
        return json.loads(told)
    finally:
        os.close(reading)


def spend(billing: Billing, customer: str) -> str:
    """Spend 1, and give what is left; a write and a read."""
    billing.credits.consume(customer, UNIT, 1)
    return str(billing.credits.balance(customer, UNIT).available)


def test_child_and_parent_go_on(billing: Billing, books_url: str, customer: str) -> None:
    """Both spend after the fork, in turn and again, and nobody waits for the other's threads."""
    billing.credits.grant(customer, UNIT, 10)
    assert spend(billing, customer) == "9"
    assert in_child(lambda: spend(billing, customer)) == "8"
    assert spend(billing, customer) == "7"
    assert in_child(lambda: in_child(lambda: spend(billing, customer))) == "6"
    assert in_child(lambda: None) is None
    assert spend(billing, customer) == "5"
    check(billing, books_url, customer)


def test_no_connection_is_shared(postgres_books: str, customer: str) -> None:
    """The child's sessions are others than the parent's, whose are there after the child's end."""
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 10)
        billing.credits.balance(customer, UNIT)
        own = backend_of(billing)

        def look() -> tuple[int, int]:
            spend(billing, customer)
            return backend_of(billing), backend_of(billing)

        childs = in_child(look)
        assert own not in childs
        assert backend_of(billing) == own
        assert spend(billing, customer) == "8"


def backend_of(billing: Billing) -> int:
    """Tell the process of PostgreSQL's that serves our pool's next connection."""
    with billing._wired.engine.connect() as connection:
        number: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        return number


def test_a_fork_in_the_middle_of_load(billing: Billing, books_url: str, customer: str) -> None:
    """Threads of the parent spend all the while; each of six children can spend at once."""
    billing.credits.grant(customer, UNIT, 100_000)
    stop = threading.Event()

    def live(_: int) -> int:
        done = 0
        while not stop.is_set():
            done += isinstance(outcome(lambda: spend(billing, customer)), str)
        return done

    threads = [beside(live, number) for number in range(4)]
    time.sleep(0.1)
    children = [in_child(lambda: spend(billing, customer)) for _ in range(6)]
    stop.set()
    spent = sum(thread.result(20) for thread in threads)
    assert len(children) == 6
    assert billing.credits.balance(customer, UNIT).available == 100_000 - spent - 6
    check(billing, books_url, customer)


def test_two_threads_that_fork_at_once(billing: Billing, books_url: str, customer: str) -> None:
    """Neither ends the other's pause: the parent's calls go on being answered."""
    billing.credits.grant(customer, UNIT, 1000)

    def forks() -> int:
        for _ in range(25):
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
        return 25

    forkers = [beside(forks) for _ in range(3)]
    spent = 0
    while not all(forker.done() for forker in forkers):
        assert beside(spend, billing, customer).result(20)
        spent += 1
    assert [forker.result() for forker in forkers] == [25] * 3
    assert beside(spend, billing, customer).result(20)
    assert billing.credits.balance(customer, UNIT).available == 1000 - spent - 1
    check(billing, books_url, customer)


def test_a_fork_before_the_first_call(books_url: str, customer: str) -> None:
    """As web servers do that load the app first: each worker opens what it needs."""
    with Billing(books_url) as billing:
        assert in_child(lambda: billing.credits.grant(customer, UNIT, 3).customer) == customer
        assert in_child(lambda: spend(billing, customer)) == "2"
        assert spend(billing, customer) == "1"


def test_a_child_may_close_what_it_inherited(books_url: str, customer: str) -> None:
    """Its own threads end, the parent's go on; a child that closes nothing harms nobody either."""

    def close(billing: Billing) -> str:
        left = spend(billing, customer)
        billing.close()
        return left

    with Billing(books_url) as billing:
        billing.credits.grant(customer, UNIT, 10)
        assert in_child(lambda: close(billing)) == "9"
        assert in_child(billing.close) is None
        assert spend(billing, customer) == "8"
        check(billing, books_url, customer)


def test_tasks_in_a_child(books_url: str, customer: str) -> None:
    """An AsyncBilling that was used before the fork serves the child's loop, writes and reads."""
    billing = AsyncBilling(books_url)

    async def work(billing: AsyncBilling) -> str:
        results = await asyncio.gather(
            *[billing.credits.consume(customer, UNIT, 1) for _ in range(3)]
        )
        assert count(results, Receipt) == 3
        return str((await billing.credits.balance(customer, UNIT)).available)

    async def first() -> str:
        await billing.credits.grant(customer, UNIT, 10)
        return await work(billing)

    assert asyncio.run(first()) == "7"
    assert in_child(lambda: asyncio.run(work(billing))) == "4"
    assert asyncio.run(work(billing)) == "1"
    asyncio.run(billing.close())


def test_workers_of_a_process_pool(books_url: str, customer: str) -> None:
    """Forked by the standard library, each with what it inherited: as many succeed as there is."""
    global _inherited  # what a forked worker finds is what its parent had
    with Billing(books_url) as billing:
        billing.credits.grant(customer, UNIT, 12)
        _inherited = billing
        with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
            done = sum(pool.map(spend_inherited, [customer] * 20))
        assert done == 12
        assert billing.credits.balance(customer, UNIT).available == 0
        check(billing, books_url, customer)


_inherited: Billing | None = None


def spend_inherited(customer: str) -> bool:
    """Spend 1 with the parent's Billing."""
    assert _inherited is not None
    return _inherited.credits.try_consume(customer, UNIT, 1).success


ENDINGS = {
    "threads": """
from tollkeeper import Billing
billing = Billing({url!r})
billing.credits.grant({customer!r}, "credits", 5)
print(billing.credits.consume({customer!r}, "credits", 1).amount)
""",
    "tasks": """
import asyncio
from tollkeeper import AsyncBilling
billing = AsyncBilling({url!r})
async def main():
    await billing.credits.grant({customer!r}, "credits", 5)
    print((await billing.credits.consume({customer!r}, "credits", 1)).amount)
    await billing.credits.balance({customer!r}, "credits")
asyncio.run(main())
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_ends_without_close(books_url: str, customer: str, ending: str) -> None:
    """Whoever forgets to close waits for nothing, and what was answered is in the books."""
    code = ENDINGS[ending].format(url=books_url, customer=customer)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert time.monotonic() - began < 25
    name = "tollkeeper_balances" if is_sqlite(books_url) else "tollkeeper.balances"
    query = f"SELECT available_scaled FROM {name} WHERE customer_id = :customer"
    assert rows(books_url, query, customer=customer) == [(4_000_000,)]


#: A process that uses a SQLite file, forks and ends; its child charges on, and notes each answer.
DAEMON = """
import os, sys, time
from tollkeeper import Billing

url, answers = sys.argv[1:]
billing = Billing(url)
billing.credits.consume("somebody", "calls", 1)
if os.fork():
    os._exit(0)
with open(answers, "a", buffering=1) as answered:
    for _ in range(30):
        answered.write(billing.credits.consume("somebody", "calls", 1).operation_id + "\\n")
        time.sleep(0.02)
    answered.write("done\\n")
os._exit(0)
"""


def test_a_daemon_whose_parent_is_gone_loses_nothing(tmp_path: Path) -> None:
    """Others open and close the same file meanwhile: what the child was answered stays in it."""
    url, answers = f"sqlite:///{tmp_path / 'books.db'}", tmp_path / "answers"
    with Billing(url) as billing:
        billing.migrate()
        billing.credits.grant("somebody", "calls", 100)
    command = [sys.executable, "-c", DAEMON, url, str(answers)]
    subprocess.run(command, check=True, timeout=CHILD_SECONDS)

    def is_done() -> bool:
        with Billing(url) as other:
            other.credits.consume("somebody", "calls", 1, idempotency_key="once")
        return answers.exists() and "done" in answers.read_text()

    until(is_done)
    told = answers.read_text().split()[:-1]
    with Billing(url) as billing:
        page = billing.credits.history("somebody", "calls", limit=100)
        booked = {entry.operation_id for entry in page.entries}
        assert len(told) == 30
        assert booked.issuperset(told)
        assert billing.credits.balance("somebody", "calls").available == 68
        assert billing.books.audit().findings == ()


def test_a_child_forked_in_the_middle_of_a_read_is_refused_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would count on its parent's locks; the parent goes on, the child hears what to do."""
    monkeypatch.setattr(forks, "PAUSE_SECONDS", 0.05)
    url = f"sqlite:///{tmp_path / 'books.db'}"
    reached, go_on = threading.Event(), threading.Event()

    def slowly(_: Any) -> int:
        reached.set()
        assert go_on.wait(10)
        return 1

    def work() -> list[str]:
        calls: list[Callable[[], Any]] = [
            lambda: billing.credits.consume("somebody", "calls", 1),
            lambda: billing.credits.balance("somebody", "calls"),
            lambda: Billing(url).credits.consume("somebody", "calls", 1),
        ]
        return [getattr(outcome(call), "code", "answered") for call in calls]

    with Billing(url) as billing:
        billing.migrate()
        billing.credits.grant("somebody", "calls", 5)
        reading = beside(billing._wired.threads.read, slowly)
        assert reached.wait(10)
        assert in_child(work) == ["store_unavailable"] * 3
        go_on.set()
        assert reading.result(10) == 1
        assert billing.credits.consume("somebody", "calls", 1).amount == 1
        assert in_child(lambda: str(billing.credits.balance("somebody", "calls").available)) == "4"
