"""The runner in a process: prompt, one only, and gone when its Billing is closed or forked."""

import asyncio
import gc
import logging
import os
import threading
import time
from collections.abc import Callable

import pytest

from tollkeeper import Billing
from tollkeeper.delivery.running import LONGEST_SLEEP_SECONDS, Rhythm
from tollkeeper.notices import CreditsGranted
from tollkeeper.values.findings import DueReport

UNIT = "api_calls"


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that the runner does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def runners() -> list[threading.Thread]:
    """The runners' threads of this process."""
    return [each for each in threading.enumerate() if each.name == "tollkeeper-runner"]


@pytest.fixture
def opened(database_url: str) -> Billing:
    """Books on the machine's own clock, which the test closes."""
    billing = Billing(database_url)
    billing.migrate()
    return billing


def test_it_tells_at_once_what_is_written_here(opened: Billing) -> None:
    """It is woken after the commit, long before its interval is over."""
    heard: list[int] = []
    with opened as billing:
        billing.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))
        billing.start(interval_seconds=3600)
        for amount in range(1, 6):
            billing.credits.grant("ann", UNIT, amount)
        until(lambda: len(heard) == 5)
    assert heard == [1, 2, 3, 4, 5]
    assert not runners()


def test_it_finds_what_others_wrote_within_its_interval(opened: Billing, database_url: str) -> None:
    """A process without functions of its own, such as the command line, wakes nobody here."""
    heard: list[int] = []
    with opened as billing, Billing(database_url) as other:
        billing.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))
        billing.start(interval_seconds=0.05)
        other.credits.grant("ann", UNIT, 7)
        until(lambda: heard == [7])


def test_there_is_one_however_often_it_is_started(opened: Billing) -> None:
    """It can be stopped and started again."""
    with opened as billing:
        runner = billing.start(0.05)
        assert billing.start(5) is runner
        assert len(runners()) == 1
        runner.stop()
        assert (runner.is_running, runners()) == (False, [])
        with billing.start(0.05) as again:
            assert again.is_running
        assert not runners()
        billing.start(0.05)
    assert not runners()


def test_it_outlives_a_database_that_is_away(
    opened: Billing, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, sleeps longer each time, and goes on once it is back."""
    caplog.set_level(logging.CRITICAL, logger="tollkeeper")
    heard: list[int] = []
    with opened as billing:
        billing.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))
        billing.credits.grant("ann", UNIT, 1)
        database = billing._wired.ledger.database
        notice, hidden = database.name("notice"), f"{database.tables.prefix}hidden"
        with billing._wired.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {notice} RENAME TO {hidden}")
        billing.start(0.02)
        time.sleep(0.2)
        assert runners()
        assert heard == []
        schema = f"{database.tables.schema}." if database.is_postgres else ""
        plain = f"{database.tables.prefix}notice"
        with billing._wired.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {schema}{hidden} RENAME TO {plain}")
        until(lambda: heard == [1])


@pytest.mark.parametrize(
    "failure", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]
)
def test_a_callback_that_ends_everything_ends_nothing(
    opened: Billing, failure: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """It has failed like any other: it is counted, and the next hears its notices (H1)."""
    caplog.set_level(logging.CRITICAL, logger="tollkeeper")
    heard: list[str] = []
    with opened as billing:

        @billing.on(CreditsGranted)
        def listen(notice: CreditsGranted) -> None:
            if notice.customer == "ann":
                raise failure
            heard.append(notice.customer)

        billing.start(0.02)
        billing.credits.grant("ann", UNIT, 7)
        until(lambda: billing.notices.list(customer="ann").notices[0].attempts > 0)
        billing.credits.grant("bob", UNIT, 7)
        until(lambda: heard == ["bob"])
        assert failure.__name__ in str(billing.notices.list(customer="ann").notices[0].error)


def test_a_callback_may_stop_the_runner(opened: Billing) -> None:
    """It does not wait for itself."""
    done = threading.Event()
    with opened as billing:

        @billing.on(CreditsGranted)
        def listen(_: CreditsGranted) -> None:
            billing._runner.stop()
            done.set()

        billing.start(0.05)
        billing.credits.grant("ann", UNIT, 1)
        assert done.wait(20)
        until(lambda: not runners())


def test_it_ends_with_a_billing_that_was_forgotten(opened: Billing) -> None:
    """It holds nothing that would keep it open."""
    heard: list[int] = []
    opened.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))
    opened.start(0.05)
    opened.credits.grant("ann", UNIT, 1)
    until(lambda: heard == [1])
    forgotten = Billing(opened._wired.engine.url)
    forgotten.start(0.05)
    assert len(runners()) == 2
    del forgotten
    gc.collect()
    until(lambda: len(runners()) == 1)
    opened.close()
    assert not runners()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_none_until_it_starts_its_own(opened: Billing) -> None:
    """The parent's goes on."""
    with opened as billing:
        runner = billing.start(0.05)
        until(lambda: billing.jobs.last_run() is not None)
        child = os.fork()
        if child == 0:
            try:
                before = runner.is_running
                after = billing.start(0.05).is_running
                os._exit(0 if (before, after) == (False, True) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert runner.is_running


def test_it_sleeps_not_at_all_while_there_is_more_and_longer_after_failures() -> None:
    """And it never spins where a run moved nothing."""
    rhythm = Rhythm(1.0)
    assert rhythm.sleep_seconds(DueReport(delivered=3, is_done=False)) == 0
    assert rhythm.sleep_seconds(DueReport(is_done=False)) == 1
    assert rhythm.sleep_seconds(DueReport(accounts=1, skipped=1, is_done=False)) == 1
    assert rhythm.sleep_seconds(DueReport(delivered=3)) == 1
    sleeps = []
    for _ in range(20):
        rhythm = rhythm.failed()
        sleeps.append(rhythm.sleep_seconds(None))
    assert sleeps == sorted(sleeps)
    assert (sleeps[0], sleeps[-1]) == (2, LONGEST_SLEEP_SECONDS)
    assert rhythm.ran().sleep_seconds(None) == 1
    assert Rhythm(600.0).failed().sleep_seconds(None) == 600
