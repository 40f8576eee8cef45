"""Delivered but not booked: a database that is away, a process that died. Booked once, later."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.databases import start_private_postgres
from tests.metering.calls.scene import Scene, shop
from tollkeeper import AsyncBilling, Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import StoreError
from tollkeeper.ledger import metered_calls
from tollkeeper.ledger.metered_calls import NewCall
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.metering.calls.recording import BOOKING

ROOT = Path(__file__).parents[3]
SECONDS = 30


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Keep everybody else from writing to a database."""
    if url.startswith("sqlite"):
        path = make_url(url).database
        assert path is not None
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
        return
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        names = ", ".join(f"tollkeeper.{name}" for name in ("metered_call", "tally", "account"))
        connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        yield


@pytest.fixture
def hasty(scene: Scene) -> Iterator[Billing]:
    """A Billing that waits for no lock for long."""
    with Billing(scene.url, clock=scene.clock, catalog=shop(), lock_timeout_seconds=0.3) as billing:
        yield billing


def available(scene: Scene, customer: str) -> int:
    """Tell how many words a customer has left."""
    return int(scene.billing.credits.balance(customer, "words").available)


def test_a_database_that_is_away_at_the_end_books_later_and_once(
    scene: Scene, hasty: Billing, customer: str
) -> None:
    scene.rich(customer)
    with hasty.metered(customer, "words", hold=100) as call:
        call.add(30)
        lock = locked(scene.url)
        lock.__enter__()
    lock.__exit__(None, None, None)
    assert [call.outcome, call.is_booked, call.receipt] == ["delivered", False, None]
    assert hasty.jobs.run_due().others == {"calls_booked": 1}
    assert call.is_booked
    assert call.receipt is not None
    assert available(scene, customer) == 9_970
    assert hasty.jobs.run_due().others == {}
    assert available(scene, customer) == 9_970
    assert scene.only_call(customer).status == "settled"
    scene.audited(customer)


def test_a_release_that_the_database_missed_is_a_release_later(
    scene: Scene, hasty: Billing, customer: str
) -> None:
    scene.rich(customer)
    call = hasty.metered(customer, "words", hold=100).open()
    with locked(scene.url):
        call.end(RuntimeError())
    assert not call.is_booked
    hasty.jobs.run_due()
    assert available(scene, customer) == 10_000
    assert scene.only_call(customer).status == "released"


def test_what_a_body_raises_is_heard_though_the_database_is_away(
    scene: Scene, hasty: Billing, customer: str
) -> None:
    scene.rich(customer)
    call = hasty.metered(customer, "words", hold=100)
    with pytest.raises(ZeroDivisionError), locked_in(scene.url, call):
        _ = 1 / 0
    hasty.jobs.run_due()
    assert available(scene, customer) == 10_000


@contextmanager
def locked_in(url: str, call: MeteredCall) -> Iterator[None]:
    """Run a call whose end the database misses."""
    call.open()
    with locked(url):
        try:
            yield
        except ZeroDivisionError as error:
            call.end(error)
            raise


def test_a_stream_goes_on_without_the_database_as_far_as_it_holds(
    scene: Scene, hasty: Billing, customer: str
) -> None:
    """What is held may be used; what is not must not be (B4)."""
    scene.rich(customer)
    call = hasty.metered(customer, "words", hold=100, slice=40).open()
    call.add(10)
    with locked(scene.url):
        call.add(75)
        assert call.used < call.held == 100
        with pytest.raises(StoreError):
            call.add(30)
    call.end()
    assert call.receipt is not None
    assert call.receipt.quantity == 115
    scene.audited(customer)


def test_a_task_that_is_cancelled_while_it_waits_for_its_hold_leaves_none(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)

    async def run() -> None:
        async with AsyncBilling(scene.url, clock=scene.clock, catalog=shop()) as billing:
            call = billing.metered(customer, "words", hold=100)
            with locked(scene.url):
                opening = asyncio.create_task(call.open_async())
                await asyncio.sleep(0.3)
                opening.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await opening
            for _ in range(100):
                page = await billing.model_calls.list(customer)
                if [each.status for each in page.calls] == ["released"]:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError("what was held was never released")

    asyncio.run(run())
    assert available(scene, customer) == 10_000
    scene.audited(customer)


def test_a_task_whose_database_is_away_at_the_end_is_booked_later(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)

    async def run() -> None:
        async with AsyncBilling(
            scene.url, clock=scene.clock, catalog=shop(), lock_timeout_seconds=0.3
        ) as billing:
            call = await billing.metered(customer, "words", hold=100).open_async()
            await call.add(30)
            with locked(scene.url):
                await call.end_async()
            assert not call.is_booked
            await billing.jobs.run_due()
            assert call.is_booked

    asyncio.run(run())
    assert available(scene, customer) == 9_970


def test_closing_books_what_waits(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with Billing(scene.url, clock=scene.clock, catalog=shop(), lock_timeout_seconds=0.3) as other:
        call = other.metered(customer, "words", hold=100).open()
        call.add(30)
        with locked(scene.url):
            call.end()
        streaming = other.metered(customer, "words", hold=100).open()
        streaming.add(5)
    assert available(scene, customer) == 9_965


def test_a_server_that_restarts_in_mid_stream_is_told_once(customer: str) -> None:
    server = start_private_postgres()
    try:
        clock = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))
        with Billing(server.create_database(), clock=clock, catalog=shop()) as billing:
            billing.migrate()
            billing.credits.grant(customer, "words", 1000)
            with billing.metered(customer, "words", hold=100) as call:
                call.add(30)
                server.kill9()
            assert not call.is_booked
            server.start_again()
            billing.jobs.run_due()
            billing.jobs.run_due()
            assert billing.credits.balance(customer, "words").available == 970
            [told] = billing.model_calls.list(customer).calls
            assert [told.outcome, told.quantity] == ["delivered", 30]
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("how", "quantity", "marks"),
    [
        ("streaming", 150, ("abandoned",)),
        ("silent", 100, ("abandoned", "estimated")),
        ("released", 0, ("abandoned", "estimated")),
    ],
)
def test_a_process_that_is_killed_is_booked_once_by_its_record(
    scene: Scene, customer: str, how: str, quantity: int, marks: tuple[str, ...]
) -> None:
    scene.clock.set(datetime.now(UTC))
    scene.rich(customer)
    kill_in_mid_call(scene.url, customer, how)
    assert scene.billing.jobs.run_due().others == {}
    assert scene.only_call(customer).status == "open"
    scene.clock.set(datetime.now(UTC) + timedelta(minutes=14))
    assert scene.billing.jobs.run_due().others == {"calls_booked": 1}
    assert scene.billing.jobs.run_due().others == {}
    told = scene.only_call(customer)
    assert [told.quantity, told.marks] == [quantity, marks]
    assert told.status == ("released" if how == "released" else "settled")
    assert available(scene, customer) == 10_000 - quantity
    scene.audited(customer)


def test_a_call_found_after_its_hold_lapsed_is_charged_late(scene: Scene, customer: str) -> None:
    scene.clock.set(datetime.now(UTC))
    scene.rich(customer)
    kill_in_mid_call(scene.url, customer, "streaming")
    scene.clock.set(datetime.now(UTC) + timedelta(hours=3))
    scene.billing.jobs.run_due()
    told = scene.only_call(customer)
    assert "late" in told.marks
    assert available(scene, customer) == 9_850


def test_many_workers_book_a_dead_call_once(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    for _ in range(5):
        call = scene.billing.metered(customer, "words", hold=100).open()
        forgotten(call)
    scene.clock.advance(minutes=14)
    billings = [Billing(scene.url, clock=scene.clock, catalog=shop()) for _ in range(3)]
    side_by_side([each.jobs.run_due for each in billings])
    for each in billings:
        each.close()
    assert available(scene, customer) == 9_500
    calls = scene.billing.model_calls.list(customer).calls
    assert {call.status for call in calls} == {"settled"}


def test_one_who_died_before_anything_was_held_leaves_nothing(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    ledger = scene.billing._wired.ledger
    new = NewCall(
        key=(customer, "cal_1"),
        idempotency_key="k",
        fingerprint="-",
        feature="words",
        vendor=None,
        model=None,
        member=None,
        hold_id="hld_never",
        said={},
        rates=None,
        estimate=5,
        created_at=scene.clock.now(),
        look_at=scene.clock.now(),
    )
    door = scene.billing._wired.threads
    door.transact(lambda connection: metered_calls.begin(connection, ledger.database, new))
    scene.billing.jobs.run_due()
    assert not scene.billing.model_calls.list(customer).calls
    assert available(scene, customer) == 10_000


def test_a_process_that_died_between_the_ending_and_the_settle(scene: Scene, customer: str) -> None:
    """What was written down is booked by whoever comes, once, after half a minute."""
    scene.rich(customer)
    call = scene.billing.metered(customer, "words", hold=100).open()
    call.add(30)
    running, ledger = call._running, scene.billing._wired.ledger
    known, soon = running.progress.known(), scene.clock.now() + BOOKING
    door = scene.billing._wired.threads
    door.transact(
        lambda c: metered_calls.end(c, ledger.database, running.key, known, "delivered", soon)
    )
    forgotten(call)
    assert scene.billing.jobs.run_due().others == {}
    assert scene.only_call(customer).status == "ending"
    scene.clock.set(soon)
    assert scene.billing.jobs.run_due().others == {"calls_booked": 1}
    assert available(scene, customer) == 9_970
    told = scene.only_call(customer)
    assert [told.outcome, told.marks] == ["delivered", ()]


def test_a_call_that_outlives_its_lifetime_is_booked_once(
    scene: Scene, customer: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=100) as call:
        scene.clock.advance(minutes=14)
        assert scene.billing.jobs.run_due().others == {"calls_booked": 1}
        call.result({"model": "gpt-4o", "usage": {"prompt_tokens": 5, "completion_tokens": 5}})
    assert "longer lifetime" in caplog.text
    assert call.receipt is not None
    assert call.receipt.quantity == 100
    assert available(scene, customer) == 9_900
    scene.audited(customer)


def test_a_call_that_was_forgotten_is_booked_by_the_collector(scene: Scene, customer: str) -> None:
    """A stream that nobody reads to its end, and nobody closes."""
    scene.rich(customer)

    @scene.billing.meter("words", customer="user", hold=100)
    def stream(user: str) -> Iterator[str]:
        assert user
        while True:
            yield "eight ch"

    for number, _ in enumerate(stream(customer)):
        if number == 9:
            break
    until(lambda: scene.only_call(customer).status == "settled")
    assert available(scene, customer) == 9_980


def forgotten(call: MeteredCall) -> None:
    """Let a call be as if its process had died: nobody here will end it."""
    call._was_open()


def kill_in_mid_call(url: str, customer: str, how: str) -> None:
    """Run another process into a call, and kill it there."""
    command = [sys.executable, "-m", "tests.metering.calls.dying", url, customer, how]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:  # our own
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()
        watch.cancel()


def side_by_side(calls: list[Callable[[], Any]]) -> None:
    """Run calls on threads of their own, at once."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    wait = threading.Event()
    for _ in range(200):
        if is_so():
            return
        wait.wait(0.05)
    raise AssertionError("it never came to be")
