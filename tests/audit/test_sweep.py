"""The sweep: what time did is booked once, whoever runs it, and no balance moves by it (H2)."""

import asyncio
import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine

from tests.audit import runners
from tests.audit.breaking import broken
from tests.audit.histories import START, UNIT
from tollkeeper import AsyncBilling, Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.findings import DueReport
from tollkeeper.values.units import credits_unit

HOUR = timedelta(hours=1)


def become_due(billing: Billing, clock: FixedClock, customers: int) -> None:
    """Let something expire, become effective and lapse for each customer, an hour from now."""
    now = clock.now()
    for number in range(customers):
        name = f"user_{number}"
        billing.credits.grant(name, UNIT, 10, source="purchase", expires_at=now + HOUR)
        billing.credits.grant(name, UNIT, 20, effective_at=now + HOUR)
        billing.credits.hold(name, UNIT, 4, lifetime=HOUR / 2)
    clock.advance(hours=1)


def kinds(billing: Billing, customers: int) -> Counter[str]:
    """Count every entry by its kind."""
    return Counter(
        entry.kind
        for number in range(customers)
        for entry in billing.credits.history(f"user_{number}").entries
    )


def test_what_time_did_is_booked(billing: Billing, clock: FixedClock) -> None:
    """At its own time, for exactly what remained; a second sweep finds nothing."""
    become_due(billing, clock, 3)
    before = [billing.credits.balance(f"user_{number}", UNIT) for number in range(3)]
    assert billing.jobs.run_due() == DueReport(accounts=3, expired=3, activated=3, lapsed=3)
    assert billing.jobs.run_due() == DueReport()
    assert [billing.credits.balance(f"user_{number}", UNIT) for number in range(3)] == before
    entry = next(e for e in billing.credits.history("user_0").entries if e.kind == "expire")
    assert entry.amount == -10
    assert (entry.event_at, entry.created_at) == (START + HOUR, clock.now())
    assert billing.books.audit().ok


def test_nothing_is_due_in_empty_books(billing: Billing) -> None:
    """A sweep of nothing is done at once."""
    assert billing.jobs.run_due() == DueReport()


def test_what_is_not_due_yet_stays(billing: Billing, clock: FixedClock) -> None:
    """A moment before its time nothing has happened."""
    billing.credits.grant("ann", UNIT, 10, expires_at=START + HOUR)
    clock.set(START + HOUR - timedelta(microseconds=1))
    assert billing.jobs.run_due() == DueReport()


def test_an_account_whose_moment_passed_without_effect_is_looked_at_once(
    billing: Billing, clock: FixedClock, database_url: str
) -> None:
    """A hold that was settled in time leaves a moment behind; the sweep clears it away."""
    billing.credits.grant("ann", UNIT, 10)
    billing.credits.settle("ann", billing.credits.hold("ann", UNIT, 5, lifetime=HOUR))
    before = billing.credits.history("ann").entries
    clock.advance(hours=2)
    assert billing.jobs.run_due(limit=1) == DueReport()
    with broken(database_url) as raw:
        assert raw.rows("SELECT customer_id FROM {account} WHERE due_at IS NOT NULL") == []
    assert billing.credits.history("ann").entries == before
    assert billing.books.audit().ok


def test_a_sweep_goes_on_where_its_limit_stopped_it(billing: Billing, clock: FixedClock) -> None:
    """The longest due come first, and the report says whether something is left."""
    become_due(billing, clock, 5)
    reports = [billing.jobs.run_due(limit=2) for _ in range(3)]
    assert [report.accounts for report in reports] == [2, 2, 1]
    assert [report.is_done for report in reports] == [False, False, True]


@pytest.mark.parametrize("limit", [0, -1, 1_000_001, True, 2.0])
def test_a_senseless_limit_is_refused(billing: Billing, limit: Any) -> None:
    """A limit stands on everything."""
    with pytest.raises(InvalidRequest):
        billing.jobs.run_due(limit=limit)


def test_a_unit_that_only_another_process_declared_is_swept(
    database_url: str, clock: FixedClock
) -> None:
    """The sweep takes scales from the books, not from its own guesses."""
    with Billing(database_url, clock=clock, units=[credits_unit("cents", 2)]) as billing:
        billing.migrate()
        billing.credits.grant("ann", "cents", "1.25", expires_at=START + HOUR)
    clock.advance(hours=1)
    with Billing(database_url, clock=clock) as billing:
        assert billing.jobs.run_due().expired == 1
        assert billing.books.audit().ok


def test_many_threads_book_each_thing_once(billing: Billing, clock: FixedClock) -> None:
    """Several runners at once share the work, and nothing is booked twice."""
    become_due(billing, clock, 20)
    together = threading.Barrier(6)

    def run(_: int) -> DueReport:
        together.wait()
        return billing.jobs.run_due()

    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(run, range(6)))
    assert sum(report.expired for report in reports) == 20
    assert sum(report.skipped for report in reports) == 0
    found = kinds(billing, 20)
    assert (found["expire"], found["activate"], found["lapse"]) == (20, 20, 20)
    assert billing.books.audit().ok


def test_many_processes_book_each_thing_once(
    billing: Billing, clock: FixedClock, database_url: str
) -> None:
    """So do runners that know nothing of each other."""
    become_due(billing, clock, 30)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=context) as pool:
        runs = [pool.submit(runners.sweep, database_url, clock.now()) for _ in range(3)]
        done = [run.result(timeout=100) for run in runs]
    for name in ("expired", "activated", "lapsed"):
        assert sum(sums[name] for sums in done) == 30
    found = kinds(billing, 30)
    assert (found["expire"], found["activate"], found["lapse"]) == (30, 30, 30)
    assert billing.books.audit().ok


def test_a_sweep_beside_callers_books_each_thing_once(billing: Billing, clock: FixedClock) -> None:
    """Whoever comes first books what time did, a caller or the sweep."""
    become_due(billing, clock, 20)
    with ThreadPoolExecutor(4) as pool:
        spent = [pool.submit(billing.credits.consume, f"user_{n}", UNIT, 1) for n in range(20)]
        swept = [pool.submit(billing.jobs.run_due) for _ in range(2)]
    assert all(one.result().balance for one in spent)
    assert all(not one.result().skipped for one in swept)
    found = kinds(billing, 20)
    assert (found["expire"], found["activate"], found["lapse"]) == (20, 20, 20)
    assert billing.books.audit().ok


@contextmanager
def locked(url: str, customer: str) -> Iterator[None]:
    """Hold a customer's account in somebody's open transaction."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                sql = "SELECT 1 FROM tollkeeper.account WHERE customer_id = %s FOR UPDATE"
                connection.exec_driver_sql(sql, (customer,))
            yield
            connection.rollback()
    finally:
        engine.dispose()


def test_a_locked_account_is_left_for_the_next_run(database_url: str, clock: FixedClock) -> None:
    """It delays nobody else on PostgreSQL; SQLite has one lock for all."""
    with Billing(database_url, clock=clock, lock_timeout_seconds=0.3) as billing:
        billing.migrate()
        become_due(billing, clock, 3)
        with locked(database_url, "user_1"):
            report = billing.jobs.run_due()
        is_sqlite = database_url.startswith("sqlite")
        assert (report.accounts, report.skipped) == ((0, 3) if is_sqlite else (2, 1))
        assert not report.is_done
        assert billing.jobs.run_due().is_done
        assert billing.books.audit().ok


def test_tasks_can_sweep(database_url: str, billing: Billing, clock: FixedClock) -> None:
    """The same verb, awaited."""
    become_due(billing, clock, 2)

    async def main() -> DueReport:
        async with AsyncBilling(database_url, clock=clock) as awaited:
            jobs: Any = awaited.jobs
            report: DueReport = await jobs.run_due()
            return report

    assert asyncio.run(main()).accounts == 2


def test_a_host_can_sweep_in_its_own_transaction(
    database_url: str, billing: Billing, clock: FixedClock
) -> None:
    """What the host rolls back was never booked."""
    become_due(billing, clock, 2)
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            assert billing.using(connection).jobs.run_due().expired == 2
            connection.rollback()
        assert kinds(billing, 2)["expire"] == 0
        with engine.begin() as connection:
            assert billing.using(connection).jobs.run_due().expired == 2
    finally:
        engine.dispose()
    assert kinds(billing, 2)["expire"] == 2
    assert billing.books.audit().ok
