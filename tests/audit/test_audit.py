"""The audit beside a busy app, from every door; how its report reads; what it refuses."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tests.audit.breaking import broken
from tests.audit.cases import account, entry
from tests.audit.conftest import History
from tests.audit.histories import CUSTOMERS, UNIT
from tollkeeper import AsyncBilling, Billing
from tollkeeper.errors import InsufficientBalance, InvalidRequest, InvalidText, NotMigrated
from tollkeeper.values.findings import AuditReport, Finding

EVERYBODY = len(CUSTOMERS)


def test_a_history_without_a_fault_has_no_findings(history: History) -> None:
    """Every kind of entry is there, every law holds, and the report says how much was read."""
    report = history.billing.books.audit()
    assert report.findings == ()
    assert report.ok
    assert report.customer is None
    checked = report.checked
    assert (checked.units, checked.customers, checked.accounts) == (1, EVERYBODY, EVERYBODY)
    assert (checked.bare_operations, checked.open_holds) == (1, 1)
    assert checked.entries > 40
    assert checked.grants > 10


def test_empty_books_are_right(billing: Billing) -> None:
    """Nothing is wrong where nothing is."""
    report = billing.books.audit()
    assert report.ok
    assert report.checked.entries == 0


def test_one_customer_can_be_audited_alone(history: History) -> None:
    """The others' books are not read, and what moved to them is no fault."""
    report = history.billing.books.audit(customer="ann")
    assert report.ok
    assert (report.customer, report.checked.customers, report.checked.accounts) == ("ann", 1, 1)
    assert history.billing.books.audit(customer="bob").ok
    assert history.billing.books.audit(customer="nobody").checked.customers == 0


def test_another_customers_fault_is_not_told(history: History) -> None:
    """I3: an audit of one customer tells of that customer alone."""
    with broken(history.url) as raw:
        raw.run(account("ann", "version = version + 1"))
        raw.run("DELETE FROM {operation} WHERE customer_id = 'bob'")
        raw.audit(history.billing)
        books = history.billing.using(raw.connection).books
        assert books.audit(customer="cyd").ok
        assert books.audit(customer="ann").broken == {"sums": 1}


def test_the_first_findings_are_kept_and_all_are_counted(history: History) -> None:
    """A book that is wrong everywhere does not fill the memory, or the screen."""
    with broken(history.url) as raw:
        raw.run("UPDATE {account} SET version = version + 1, due_at = NULL")
        raw.audit(history.billing)
        books = history.billing.using(raw.connection).books
        report = books.audit(most=2)
    assert report.broken["sums"] == EVERYBODY
    assert [finding.law for finding in report.findings] == [1, 1, 2]
    assert [finding.customer for finding in report.findings[:2]] == ["ann", "bob"]


def test_a_finding_reads_as_a_sentence_and_as_json(history: History) -> None:
    """People read a line with the place; programs read fields."""
    with broken(history.url) as raw:
        raw.run(entry("bob", "consume", "version = 3"))
        raw.run(account("bob", "version = 3"))
        report = raw.audit(history.billing)
    finding = report.findings[0]
    assert str(finding).startswith(
        "law 1, sums: Versions do not run on without a gap. Expected 2, found 3. (customer bob,"
    )
    told = report.to_dict()
    assert told["ok"] is False
    assert told["broken"] == {"sums": 1}
    assert told["findings"][0]["customer"] == "bob"
    assert told["findings"][0]["version"] == 3
    assert told["checked"]["accounts"] == EVERYBODY


def test_a_finding_without_a_place_says_so() -> None:
    """A finding about the whole database has nothing in brackets."""
    finding = Finding(law=None, name="units", says="It is odd.", expected="a", found="b")
    assert str(finding) == "units: It is odd. Expected a, found b."


def test_progress_is_told(history: History) -> None:
    """From nothing to everything, and never backwards."""
    told: list[tuple[int, int]] = []
    history.billing.books.audit(progress=lambda done, total: told.append((done, total)))
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] > 40
    assert told == sorted(told)


@pytest.mark.parametrize("most", [0, -1, 1001, 2.5, True, "10"])
def test_a_senseless_number_of_findings_is_refused(history: History, most: object) -> None:
    """A limit stands on everything."""
    with pytest.raises(InvalidRequest):
        history.billing.books.audit(most=most)  # type: ignore[arg-type]  # what a caller may do


def test_a_customer_that_cannot_be_is_refused(history: History) -> None:
    """Arguments are checked as everywhere."""
    with pytest.raises(InvalidText):
        history.billing.books.audit(customer="")


def test_without_tables_it_says_what_to_do(database_url: str) -> None:
    """Books that were never migrated are not said to be right."""
    with Billing(database_url) as billing, pytest.raises(NotMigrated):
        billing.books.audit()


def test_tasks_can_audit(history: History) -> None:
    """The same verb, awaited."""

    async def main() -> bool:
        async with AsyncBilling(history.url) as billing:
            books: Any = billing.books
            report: AuditReport = await books.audit()
            return report.ok

    assert asyncio.run(main())


def test_a_host_of_tasks_can_audit_in_its_own_transaction(history: History) -> None:
    """It sees what the transaction has changed."""
    driver = "sqlite+aiosqlite" if history.url.startswith("sqlite") else "postgresql+asyncpg"
    address = history.url.replace("postgresql+psycopg", driver).replace("sqlite:", f"{driver}:")

    async def main() -> int:
        engine = create_async_engine(address)
        level = {} if driver.startswith("sqlite") else {"isolation_level": "REPEATABLE READ"}
        try:
            async with AsyncBilling(history.url) as billing, engine.connect() as connection:
                connection = await connection.execution_options(**level)
                joined = billing.using(connection)
                before: AuditReport = await joined.books.audit()
                await joined.credits.consume("bob", UNIT, 1)
                report: AuditReport = await joined.books.audit()
                await connection.rollback()
                assert report.ok
                return report.checked.entries - before.checked.entries
        finally:
            await engine.dispose()

    assert asyncio.run(main()) == 1


def test_a_hosts_own_psycopg_connection(history: History) -> None:
    """It streams what it reads through a cursor of the host's connection."""
    if history.url.startswith("sqlite"):
        pytest.skip("psycopg is PostgreSQL's")
    with psycopg.connect(history.url.replace("+psycopg", "")) as host:
        host.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert history.billing.using(host).books.audit().ok


def test_a_host_without_one_unchanging_state_is_refused(history: History) -> None:
    """At READ COMMITTED each statement sees another state, and a right book would look wrong."""
    engine = create_engine(history.url)
    try:
        with engine.connect() as connection:
            books = history.billing.using(connection).books
            if connection.dialect.name == "sqlite":
                assert books.audit().ok
            else:
                with pytest.raises(InvalidRequest, match="REPEATABLE READ"):
                    books.audit()
                connection.exec_driver_sql("SELECT 1")
    finally:
        engine.dispose()


@contextmanager
def load(billing: Billing, callers: int = 3) -> Iterator[None]:
    """Keep some threads busy with everything that moves value, until the end."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(number: int) -> None:
        room, turn = billing.credits, 0
        try:
            while not stop.is_set() and turn < 2000:
                turn += 1
                customer = f"user_{turn % 5}"
                try:
                    hold = room.hold(customer, UNIT, 3)
                    room.consume(customer, UNIT, 2, idempotency_key=f"{number}-{turn}")
                    room.transfer(customer, UNIT, 1, to=f"user_{(turn + 1) % 5}")
                    room.settle(customer, hold, turn % 5)
                except InsufficientBalance:
                    room.grant(customer, UNIT, 20, source="purchase")
        except BaseException as error:  # noqa: BLE001  # told at the end
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert not errors


def test_an_audit_under_load_raises_no_false_alarm(billing: Billing) -> None:
    """It reads one unchanging state while others go on writing."""
    seen: list[int] = []
    with load(billing):
        # At most so often; enough as soon as others have written in between.
        while len(seen) < 500 and (len(seen) < 12 or seen[0] == seen[-1]):
            report = billing.books.audit()
            assert report.findings == ()
            seen.append(report.checked.entries)
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]
    assert billing.books.audit().ok
