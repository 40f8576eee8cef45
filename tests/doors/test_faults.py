"""What goes wrong beneath us: retried or answered clearly, never half done, never twice."""

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url
from sqlalchemy.orm import Session

from tests.databases import PostgresServer
from tests.doors import proxy
from tests.doors.proxy import Cut, Proxy
from tests.doors.scenes import (
    UNIT,
    GateClock,
    at_once,
    beside,
    check,
    connected,
    count,
    entries,
    locked,
    outcome,
    rows,
    until,
)
from tollkeeper import Billing
from tollkeeper.decisions.spending import Consume
from tollkeeper.doors import transacting
from tollkeeper.errors import (
    IdempotencyConflict,
    InvalidRequest,
    NotMigrated,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    StoreUnavailable,
)
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.change import change as ledger_change
from tollkeeper.store import wire_postgres
from tollkeeper.store.wire_postgres import PostgresWire
from tollkeeper.values.receipts import Receipt

NewCustomer = Callable[[], str]


@pytest.fixture
def network(postgres_books: str) -> Iterator[Proxy]:
    """A network before the books on PostgreSQL."""
    made = Proxy(postgres_books)
    yield made
    made.close()


@pytest.fixture
def far(network: Proxy) -> Iterator[Billing]:
    """Books beyond that network."""
    with Billing(network.url) as opened:
        yield opened


@pytest.mark.parametrize("key", [None, "keyed"], ids=["without key", "with key"])
@pytest.mark.parametrize(
    "cut", [proxy.before, proxy.after, proxy.late], ids=lambda cut: str(cut.__name__)
)
def test_a_connection_cut_at_the_commit(
    network: Proxy,
    far: Billing,
    postgres_books: str,
    customer: str,
    cut: Cut,
    key: str | None,
) -> None:
    """Whether the server heard of it or not: answered with a receipt, and in the books once."""
    far.credits.grant(customer, UNIT, 10)
    network.arm(cut)
    receipt = far.credits.consume(customer, UNIT, 3, idempotency_key=key)
    assert network.cuts == 1
    assert receipt.balance is not None
    assert receipt.balance.available == 7
    assert [operation for operation, *_ in entries(postgres_books, customer)][1:] == [
        receipt.operation_id
    ]
    assert far.credits.balance(customer, UNIT).available == 7
    with Billing(postgres_books) as billing:
        check(billing, postgres_books, customer)


@pytest.mark.parametrize("cut", [proxy.before, proxy.after], ids=lambda cut: str(cut.__name__))
def test_a_commit_that_is_lost_again_and_again(
    network: Proxy, far: Billing, postgres_books: str, customer: str, cut: Cut
) -> None:
    """The look at what became of it may be cut as well; still once in the books."""
    far.credits.grant(customer, UNIT, 10)
    network.arm(cut, times=3)
    receipt = far.credits.consume(customer, UNIT, 3)
    assert network.cuts == 3
    assert [operation for operation, *_ in entries(postgres_books, customer)][1:] == [
        receipt.operation_id
    ]


def test_a_batch_cut_at_the_commit(
    network: Proxy, far: Billing, postgres_books: str, new_customer: NewCustomer
) -> None:
    """Everybody in it gets a receipt or a refusal that is true; new customers among them."""
    customers = [new_customer() for _ in range(8)]
    for customer in customers[:4]:
        far.credits.grant(customer, UNIT, 2)
    for cut in (proxy.after, proxy.before, proxy.late):
        network.arm(cut)

        def call(number: int) -> Receipt:
            customer = customers[number % 8]
            verb = far.credits.grant if number % 2 else far.credits.consume
            return verb(customer, UNIT, 1, idempotency_key=f"{cut.__name__}-{number}")  # noqa: B023  # called within this round

        results = at_once(call, 24)
        booked = {
            operation
            for customer in customers
            for operation, *_ in entries(postgres_books, customer)
        }
        receipts = [result for result in results if isinstance(result, Receipt)]
        assert {receipt.operation_id for receipt in receipts} <= booked
        assert len(receipts) >= 12
    with Billing(postgres_books) as billing:
        check(billing, postgres_books, *customers)


def test_nobody_knows_what_became_of_it(
    network: Proxy, far: Billing, postgres_books: str, customer: str
) -> None:
    """While every answer is lost, the caller is told so; repeated with its key, it is one."""
    far.credits.grant(customer, UNIT, 10)
    network.arm(proxy.after, times=1000)
    call = partial(far.credits.consume, customer, UNIT, 3, idempotency_key="doubtful")
    lost = outcome(call)
    assert isinstance(lost, OutcomeUnknown)
    assert lost.code == "outcome_unknown"
    network.arm(proxy.after, times=0)
    assert call().replayed
    assert far.credits.balance(customer, UNIT).available == 7
    assert len(entries(postgres_books, customer)) == 2


@pytest.mark.parametrize("where", [b"SELECT", b"INSERT", b"UPDATE"])
def test_a_connection_cut_before_the_commit(
    network: Proxy, far: Billing, postgres_books: str, customer: str, where: bytes
) -> None:
    """In the middle of a transaction: done again from the start, and in the books once."""
    far.credits.grant(customer, UNIT, 10)
    network.arm(proxy.before, where=where, times=2)
    assert far.credits.consume(customer, UNIT, 3).amount == 3
    assert network.cuts > 0
    network.arm(proxy.before, times=0)
    assert far.credits.balance(customer, UNIT).available == 7
    assert len(entries(postgres_books, customer)) == 2


def test_connections_that_broke_while_idle(network: Proxy, far: Billing, customer: str) -> None:
    """A restart of the server, a firewall: the next call, and the next read, do not notice."""
    far.credits.grant(customer, UNIT, 10)
    for left in (9, 8, 7):
        at_once(lambda _: far.credits.balance(customer, UNIT), 6)
        network.hang_up()
        if left % 2:
            assert far.credits.balance(customer, UNIT).available == left + 1
        assert far.credits.consume(customer, UNIT, 1).amount == 1
        assert far.credits.balance(customer, UNIT).available == left


def test_a_hosts_own_connection_that_breaks(
    network: Proxy, far: Billing, postgres_books: str, customer: str
) -> None:
    """Inside its transaction: said as it is, nothing is left of it, and another one can begin."""
    far.credits.grant(customer, UNIT, 10)
    for make in (Session, Engine.connect):
        with make(create_engine(network.url, poolclass=NullPool)) as host:
            far.using(host).credits.consume(customer, UNIT, 1)
            network.hang_up()
            with pytest.raises(StoreUnavailable):
                far.using(host).credits.consume(customer, UNIT, 1)
            host.rollback()
            assert far.using(host).credits.consume(customer, UNIT, 2).amount == 2
            host.commit()
    assert far.credits.balance(customer, UNIT).available == 6
    raw = psycopg.connect(conninfo(network.url))
    far.using(raw).credits.consume(customer, UNIT, 1)
    network.hang_up()
    with pytest.raises(StoreUnavailable):
        far.using(raw).credits.balance(customer, UNIT)
    raw.close()
    with Billing(postgres_books) as billing:
        assert billing.credits.balance(customer, UNIT).available == 6
        check(billing, postgres_books, customer)


def test_a_database_that_is_down(network: Proxy, customer: str) -> None:
    """At the start or later: told soon, with nothing hanging; and used again when it is up."""
    network.close()
    with Billing(network.url) as billing:
        results = at_once(lambda _: billing.credits.grant(customer, "met_now", 1), 8)
        assert [type(result) for result in results] == [StoreUnavailable] * 8
        with pytest.raises(StoreUnavailable) as error:
            billing.credits.balance(customer, UNIT)
        assert error.value.code == "store_unavailable"
        assert "127.0.0.1" not in str(error.value)
        with pytest.raises(StoreUnavailable):
            billing.migrate()


def test_a_database_that_goes_and_comes_back(
    network: Proxy, postgres_books: str, customer: str
) -> None:
    """Calls of the time between fail with nothing written, those after it succeed."""
    with Billing(network.url) as billing:
        billing.credits.grant(customer, UNIT, 10)
        network.arm(proxy.before, where=b"", times=100_000)
        network.hang_up()
        results = at_once(lambda _: billing.credits.consume(customer, UNIT, 1), 8)
        assert [type(result) for result in results] == [StoreUnavailable] * 8
        assert len(entries(postgres_books, customer)) == 1
        network.arm(proxy.before, times=0)
        assert billing.credits.consume(customer, UNIT, 1).amount == 1
        check(billing, postgres_books, customer)


def test_a_server_that_never_answers(postgres_books: str, customer: str) -> None:
    """It takes the connection and says nothing: given up after the time to connect."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = make_url(postgres_books).set(
        host="127.0.0.1",
        port=listener.getsockname()[1],
        query={"connect_timeout": "2", "sslmode": "disable"},
    )
    with Billing(address) as billing, pytest.raises(StoreUnavailable):
        billing.credits.grant(customer, UNIT, 1)
    listener.close()


def test_a_failure_of_ours_after_the_commit_is_not_told_as_one(
    postgres_books: str, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory while the server's answer is read: looked up, and answered as it happened."""
    failures: list[int] = []
    real = PostgresWire._receive

    def receive(self: PostgresWire) -> Any:
        results = real(self)
        if failures and results[-1].command_status == b"COMMIT":
            failures.pop()
            raise MemoryError
        return results

    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 10)
        monkeypatch.setattr(PostgresWire, "_receive", receive)
        failures.append(1)
        requests = [consume(customer), consume(customer)]
        results = billing._wired.threads.change_all(requests)
        assert not failures
        assert count(results, Receipt) == 2
        assert billing.credits.balance(customer, UNIT).available == 8
        check(billing, postgres_books, customer)


def test_a_server_that_falls_silent(
    network: Proxy, far: Billing, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the connection and answers no more: given up, and tried on another one."""
    far.credits.grant(customer, UNIT, 10)
    monkeypatch.setattr(wire_postgres, "ANSWER_SECONDS", 0.3)
    network.arm(proxy.swallow, where=b"SELECT")
    assert far.credits.consume(customer, UNIT, 3).amount == 3
    assert network.cuts == 1
    assert far.credits.balance(customer, UNIT).available == 7


def test_tables_that_change_under_prepared_statements(postgres_url: str, customer: str) -> None:
    """A migration of a running app: what was prepared no longer fits, and nobody hears of it."""
    with Billing(postgres_url) as billing:
        billing.migrate()
        billing.credits.grant(customer, UNIT, 10)
        for _ in range(3):
            billing.credits.consume(customer, UNIT, 1)
        with connected(postgres_url) as host:
            drop = "DROP VIEW tollkeeper.balances, tollkeeper.grants CASCADE"
            host.exec_driver_sql(drop)
            host.exec_driver_sql("ALTER TABLE tollkeeper.account ALTER merged_into TYPE varchar")
            host.commit()
        assert billing.credits.consume(customer, UNIT, 1).amount == 1
        assert billing.credits.balance(customer, UNIT).available == 6


@pytest.mark.parametrize(
    "setting",
    [
        "DateStyle = 'German, DMY'",
        "DateStyle = 'SQL, MDY'",
        "TimeZone = 'Asia/Tokyo'",
        "array_nulls = off",
        "client_encoding = 'SQL_ASCII'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "IntervalStyle = 'sql_standard'",
        "default_transaction_isolation = 'serializable'",
    ],
)
def test_what_a_database_prefers_is_not_what_we_do(postgres: PostgresServer, setting: str) -> None:
    """Its defaults are for others: our sessions read and write as we do everywhere."""
    # One of its own: what is set stays set.
    url = postgres.create_database()
    with connected(url) as host:
        host.exec_driver_sql(f'ALTER DATABASE "{make_url(url).database}" SET {setting}')
        host.commit()
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    with Billing(url) as billing:
        billing.migrate()
        billing.credits.grant("käufer_日本", UNIT, 10, expires_at=last, reason="weil „so“")
        held = billing.credits.hold("käufer_日本", UNIT, 4)
        billing.credits.settle("käufer_日本", held, 3)
        assert billing.credits.balance("käufer_日本", UNIT).available == 7
        assert len(billing.credits.history("käufer_日本").entries) == 3
        assert billing.credits.grants("käufer_日本", UNIT)[0].expires_at == last
        assert billing.books.audit().findings == ()


@pytest.mark.parametrize("setting", ["array_nulls=off", "TimeZone=Asia/Tokyo"])
def test_a_hosts_engine_may_prefer_something_else(postgres_books: str, setting: str) -> None:
    """What we run on it in transactions of our own reads and writes as everywhere."""
    customer = new_id("cus")
    engine = create_engine(postgres_books, connect_args={"options": f"-c {setting}"})
    with Billing(engine) as billing:
        billing.credits.grant(customer, UNIT, 10)
        billing.credits.consume(customer, UNIT, 4)
        assert billing.credits.balance(customer, UNIT).available == 6
    engine.dispose()


def test_moments_that_cannot_be_read_are_named(postgres_books: str) -> None:
    """A host's own session may write moments in a way of its own: it is told, and stays usable."""
    customer = new_id("cus")
    billing = Billing(postgres_books)
    billing.credits.grant(customer, UNIT, 10)
    engine = create_engine(postgres_books, connect_args={"options": "-c DateStyle=German"})
    with engine.connect() as connection:
        books = billing.using(connection)
        for call in (books.credits.consume, books.credits.has):
            with pytest.raises(StoreError, match="DateStyle"):
                call(customer, UNIT, 1)
        connection.exec_driver_sql("SET DateStyle = 'ISO'")
        books.credits.consume(customer, UNIT, 1)
        connection.commit()
    engine.dispose()
    with billing:
        assert billing.credits.balance(customer, UNIT).available == 9


def conninfo(url: str) -> str:
    """Say a URL as libpq takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.mark.parametrize("setting", ["array_nulls = off", "client_encoding = 'SQL_ASCII'"])
def test_a_hosts_session_that_means_something_else(postgres_books: str, setting: str) -> None:
    """There NULL would be a word, or texts bytes: each verb names it, and nothing is written."""
    customer = new_id("cus")
    with Billing(postgres_books) as billing, psycopg.connect(conninfo(postgres_books)) as host:
        billing.credits.grant(customer, UNIT, 10, expires_at=datetime(2100, 1, 1, tzinfo=UTC))
        billing.credits.set_overdraft(customer, UNIT, 5)
        host.execute(f"SET {setting}")
        host.commit()
        rooms = billing.using(host)
        for call in (rooms.credits.consume, rooms.credits.grant, rooms.credits.has):
            with pytest.raises(InvalidRequest, match=setting.partition(" ")[0]):
                call(customer, UNIT, 1)
        host.execute(f"RESET {setting.partition(' ')[0]}")
        rooms.credits.consume(customer, UNIT, 1)
        host.commit()
        assert billing.credits.consume(customer, UNIT, 1).balance.available == 8
        assert billing.books.audit().findings == ()


def test_a_transaction_that_may_not_write_is_named(postgres_books: str) -> None:
    """The database can be reached; it is the host's transaction that is read-only."""
    customer = new_id("cus")
    with Billing(postgres_books) as billing, psycopg.connect(conninfo(postgres_books)) as host:
        billing.credits.grant(customer, UNIT, 10)
        host.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(StoreUnavailable, match="read-only"):
            billing.using(host).credits.consume(customer, UNIT, 1)


def test_no_thread_for_those_who_wait(
    postgres_books: str, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever met a lock just then is told that it is busy; the next one waits, and is answered."""
    started = threading.Thread.start
    failures = [1]

    def start(self: threading.Thread) -> None:
        if self.name == "tollkeeper-patient" and failures:
            failures.pop()
            raise RuntimeError("can't start new thread")
        started(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 10)
        with locked(postgres_books, customer):
            call = beside(billing.credits.consume, customer, UNIT, 1)
            with pytest.raises(StoreBusy):
                call.result(20)
            assert not failures
            late = beside(billing.credits.consume, customer, UNIT, 2)
            time.sleep(0.1)
        assert late.result(20).amount == 2
        assert billing.credits.balance(customer, UNIT).available == 8


def test_distributed_tables_get_a_transaction_for_each_customer(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two customers may live on two nodes; only who touches both takes a transaction over both."""
    seen: list[set[str]] = []
    real = ledger_change

    def change(ledger: Ledger, connection: Connection, requests: Any, manner: Any) -> Any:
        seen.append({customer for request in requests for customer, _ in request.needs().accounts})
        return real(ledger, connection, requests, manner)

    monkeypatch.setattr(transacting, "change", change)
    monkeypatch.setattr(transacting, "is_distributed", lambda *_: True)
    names = [f"customer_{number}" for number in range(20)]
    with Billing(postgres_url) as billing:
        billing.migrate()
        at_once(lambda number: billing.credits.grant(names[number], UNIT, 10), 20)
        at_once(lambda number: billing.credits.consume(names[number % 5], UNIT, 1), 20)
        change_all = billing._wired.threads.change_all
        assert count(change_all([consume(name) for name in names * 2]), Receipt) == 40
        assert max(map(len, seen)) == 1
        at_once(lambda n: billing.credits.transfer(names[n], UNIT, 1, to=names[n - 1]), 20)
        assert max(map(len, seen)) == 2
        total = sum(billing.credits.balance(name, UNIT).available for name in names)
        assert total == 200 - 20 - 40
        assert billing.books.audit().findings == ()


def test_books_that_are_not_there(database_url: str, customer: str) -> None:
    """No tables yet: every caller hears what to do, by any door."""
    with Billing(database_url) as billing:
        results = at_once(lambda _: billing.credits.grant(customer, UNIT, 1), 16)
        assert [type(result) for result in results] == [NotMigrated] * 16
        assert "migrate" in str(results[0])
        with pytest.raises(NotMigrated):
            billing.credits.balance(customer, UNIT)
        with connected(database_url) as host, pytest.raises(NotMigrated):
            billing.using(host).credits.grant(customer, UNIT, 1)
        billing.migrate()
        assert billing.credits.grant(customer, UNIT, 1).amount == 1


def test_sqlite_locked_by_another_process(sqlite_books: str, customer: str) -> None:
    """For longer than the time-out: busy, with nothing written; and well again after it."""
    code = (
        "import sqlite3, sys\n"
        "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "held.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with Billing(sqlite_books, lock_timeout_seconds=0.3) as billing:
        billing.credits.grant(customer, UNIT, 10)
        other = subprocess.Popen(
            [sys.executable, "-c", code, make_url(sqlite_books).database or ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        results = at_once(lambda _: billing.credits.consume(customer, UNIT, 1), 6)
        assert [type(result) for result in results] == [StoreBusy] * 6
        assert billing.credits.balance(customer, UNIT).available == 10
        other.communicate()
        assert billing.credits.consume(customer, UNIT, 1).amount == 1
        check(billing, sqlite_books, customer)


def test_a_file_that_is_no_database(tmp_path: Path, customer: str) -> None:
    """Not ours to mend: an error with a stable code, and no SQL in it (I3)."""
    path = tmp_path / "letter.db"
    path.write_text("Dear database, " * 1000)
    with Billing(f"sqlite:///{path}") as billing, pytest.raises(StoreError) as error:
        billing.credits.grant(customer, UNIT, 1)
    assert error.value.code == "store_error"
    nowhere = f"sqlite:///{tmp_path / 'nowhere' / 'app.db'}"
    with Billing(nowhere) as billing, pytest.raises(StoreUnavailable):
        billing.credits.grant(customer, UNIT, 1)


def test_a_pool_without_a_connection_to_spare(postgres_books: str, customer: str) -> None:
    """A host's engine whose connections are all taken: told after the pool's own time-out."""
    engine = create_engine(postgres_books, pool_size=1, max_overflow=0, pool_timeout=0.2)
    with Billing(engine) as billing:
        with engine.connect(), pytest.raises(StoreUnavailable):
            billing.credits.grant(customer, UNIT, 1)
        assert billing.credits.grant(customer, UNIT, 1).amount == 1
    engine.dispose()


@pytest.mark.usefixtures("one_lane")
@pytest.mark.parametrize("whom", ["a neighbour", "itself"])
def test_a_deadlock_with_a_host_is_tried_again(
    postgres_books: str, customer: str, new_customer: NewCustomer, whom: str
) -> None:
    """The batch that PostgreSQL ends is run anew: its good call succeeds, all of it is answered.

    The host waits for the batch's lock first; then the batch meets the host's key, and the server
    looks for deadlocks in our sessions sooner than our lock time-out ends.
    """
    neighbour = new_customer()
    clock = GateClock()
    url = make_url(postgres_books).update_query_dict({"options": "-c deadlock_timeout=5ms"})
    with Billing(url, clock=clock) as billing, connected(postgres_books) as host:
        for name in (customer, neighbour):
            billing.credits.grant(name, UNIT, 10)
        billing.credits.grant(customer, "other", 10)
        before = deadlocks(postgres_books)
        billing.using(host).credits.consume(customer, UNIT, 1, idempotency_key="shared")
        clock.close()
        requests = [
            consume(customer, unit="other", idempotency_key="shared", fingerprint="another")
        ]
        if whom == "a neighbour":
            requests.append(consume(neighbour))
        batch = beside(billing._wired.threads.change_all, requests)
        assert clock.reached.wait(10)
        until(lambda: not billing._wired.writer._lanes[0].queue)
        wanted = (neighbour, UNIT) if whom == "a neighbour" else (customer, "other")
        charge = beside(billing.using(host).credits.consume, *wanted, 1)
        until(lambda: somebody_waits(postgres_books))
        clock.open()
        charge.result(20)
        host.commit()
        results = batch.result(20)
        assert isinstance(results.pop(0), IdempotencyConflict)
        assert count(results, Receipt) == len(results)
        assert billing.credits.balance(*wanted).available == 9 - len(results)

        def met() -> bool:
            # A session of PostgreSQL's tells what it has met only while it is used.
            billing.credits.grant(neighbour, UNIT, 1)
            return deadlocks(postgres_books) > before

        until(met)
        check(billing, postgres_books, neighbour)


def consume(customer: str, **fields: Any) -> Consume:
    """Make a request to consume 1."""
    given = {"id": new_id(OPERATION), "unit": UNIT, "amount": 1_000_000, **fields}
    return Consume(customer=customer, **given)


def deadlocks(url: str) -> int:
    """Count the deadlocks that PostgreSQL has met in a database."""
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    number: int = rows(url, query)[0][0]
    return number


def somebody_waits(url: str) -> bool:
    """Tell whether somebody waits for the end of another transaction."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
    return bool(rows(url, query)[0][0])


def test_sessions_that_the_server_ended(postgres_books: str, customer: str) -> None:
    """An administrator ends every session of ours: the next calls do not notice."""
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 10)
        at_once(lambda _: billing.credits.balance(customer, UNIT), 4)
        rows(
            postgres_books,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        assert billing.credits.balance(customer, UNIT).available == 10
        assert billing.credits.consume(customer, UNIT, 1).amount == 1
        check(billing, postgres_books, customer)


def test_a_statement_that_takes_too_long(postgres_books: str, customer: str) -> None:
    """A role's own statement time-out that ends our wait for a lock counts as a busy customer."""
    url = make_url(postgres_books).update_query_dict({"options": "-c statement_timeout=30ms"})
    with (
        Billing(postgres_books) as billing,
        Billing(url, lock_timeout_seconds=0.5) as hasty,
        connected(postgres_books) as host,
    ):
        billing.credits.grant(customer, UNIT, 10)
        billing.using(host).credits.consume(customer, UNIT, 1)
        began = time.monotonic()
        with pytest.raises(StoreBusy):
            hasty.credits.consume(customer, UNIT, 1)
        assert time.monotonic() - began > 0.4
        host.rollback()
        assert hasty.credits.consume(customer, UNIT, 1).amount == 1


def test_a_raw_reader_sees_whole_operations(sqlite_books: str, customer: str) -> None:
    """Beside a busy writer, another connection never sees half of a call."""
    with Billing(sqlite_books) as billing:
        billing.credits.grant(customer, UNIT, 200)
        calls = beside(lambda: [billing.credits.consume(customer, UNIT, 1) for _ in range(60)])
        raw = sqlite3.connect(make_url(sqlite_books).database or "")
        query = (
            "SELECT b.available_scaled, (SELECT sum(e.available_change_scaled)"
            " FROM tollkeeper_entries AS e WHERE e.customer_id = b.customer_id)"
            " FROM tollkeeper_balances AS b WHERE b.customer_id = ?"
        )
        while not calls.done():
            kept, summed = raw.execute(query, (customer,)).fetchone()
            assert kept == summed
        raw.close()
        assert count(calls.result(20), Receipt) == 60
