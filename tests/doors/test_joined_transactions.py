"""`using()` asks for a transaction, and never decides on what others have changed meanwhile."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
import psycopg
import pytest
from django.db import connections
from django.db import transaction as django_transaction
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tests.doors.hosts import INSERT, django_alias
from tests.doors.scenes import UNIT, beside, check, connected, entries, rows, until
from tollkeeper import AsyncBilling, Billing
from tollkeeper.errors import (
    InsufficientBalance,
    InvalidRequest,
    NoTransaction,
    SerializationFailure,
    StoreBusy,
    StoreError,
)
from tollkeeper.values.receipts import Receipt

NewCustomer = Callable[[], str]


@contextmanager
def isolated(url: str, level: str) -> Iterator[Connection]:
    """Open a host's connection of an isolation level."""
    engine = create_engine(url, poolclass=NullPool, isolation_level=level)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def file_of(url: str) -> str:
    """Give the path of a SQLite database."""
    return make_url(url).database or ""


def conninfo(url: str) -> str:
    """Give a PostgreSQL database's address as its drivers take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def refused(billing: Billing, host: Any, customer: str) -> None:
    """See that a host without a transaction is told so, by changes and reads alike."""
    joined = billing.using(host)
    with pytest.raises(NoTransaction) as error:
        joined.credits.consume(customer, UNIT, 1)
    assert error.value.code == "no_transaction"
    with pytest.raises(NoTransaction):
        joined.credits.balance(customer, UNIT)


def test_sqlalchemy_in_autocommit_mode(billing: Billing, books_url: str, customer: str) -> None:
    """A Connection and a Session; nothing is written, and both can be used as before."""
    billing.credits.grant(customer, UNIT, 5)
    with isolated(books_url, "AUTOCOMMIT") as connection:
        refused(billing, connection, customer)
        with connection.begin():
            connection.execute(text(INSERT.format(customer)))
        refused(billing, Session(connection), customer)
    assert len(entries(books_url, customer)) == 1


def test_sqlite3_outside_begin(sqlite_books: str, customer: str) -> None:
    """In autocommit mode each statement would commit by itself; after BEGIN it does not."""
    with Billing(sqlite_books) as billing:
        billing.credits.grant(customer, UNIT, 5)
        raw = sqlite3.connect(file_of(sqlite_books), isolation_level=None)
        refused(billing, raw, customer)
        assert not raw.in_transaction
        joined = billing.using(raw)
        raw.execute("BEGIN")
        assert joined.credits.consume(customer, UNIT, 1).amount == 1
        raw.execute("COMMIT")
        refused(billing, raw, customer)
        raw.close()
        assert billing.credits.balance(customer, UNIT).available == 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has `autocommit` since Python 3.12")
def test_sqlite3_with_autocommit_of_its_own(sqlite_books: str, customer: str) -> None:
    """Since Python 3.12 a connection says by `autocommit` whether it is in transactions always."""
    with Billing(sqlite_books) as billing:
        billing.credits.grant(customer, UNIT, 5)
        modes: dict[str, Any] = {"autocommit": True}
        raw = sqlite3.connect(file_of(sqlite_books), **modes)
        refused(billing, raw, customer)
        raw.close()
        modes = {"autocommit": False}
        raw = sqlite3.connect(file_of(sqlite_books), **modes)
        billing.using(raw).credits.consume(customer, UNIT, 1)
        raw.rollback()
        billing.using(raw).credits.consume(customer, UNIT, 2)
        raw.commit()
        raw.close()
        assert billing.credits.balance(customer, UNIT).available == 3
        check(billing, sqlite_books, customer)


def test_psycopg_outside_a_block(postgres_books: str, customer: str) -> None:
    """In autocommit mode each statement commits by itself; inside `transaction()` none does."""
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 5)
        with psycopg.connect(conninfo(postgres_books), autocommit=True) as raw:
            refused(billing, raw, customer)
            joined = billing.using(raw)
            with raw.transaction():
                assert joined.credits.consume(customer, UNIT, 1).amount == 1
            refused(billing, raw, customer)
        assert billing.credits.balance(customer, UNIT).available == 4


def test_psycopg_in_pipeline_mode(postgres_books: str, customer: str) -> None:
    """Answers come late there, and we decide on them: refused before anything is sent."""
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 5)
        with psycopg.connect(conninfo(postgres_books)) as raw:
            with raw.pipeline(), pytest.raises(InvalidRequest, match="pipeline"):
                billing.using(raw).credits.consume(customer, UNIT, 1)
            assert billing.using(raw).credits.consume(customer, UNIT, 1).amount == 1
            raw.commit()
        assert billing.credits.balance(customer, UNIT).available == 4


def test_blocks_within_blocks(billing: Billing, books_url: str, customer: str) -> None:
    """An inner block of the host's that fails takes its own charges with it, and no others."""
    billing.credits.grant(customer, UNIT, 20)
    with connected(books_url) as connection, Session(connection) as session:
        nest(billing, session, session.begin_nested, customer)
        session.commit()
    with connected(books_url) as connection:
        nest(billing, connection, connection.begin_nested, customer)
        connection.commit()
    alias = django_alias(books_url)
    atomic = partial(django_transaction.atomic, using=alias)
    with atomic():
        nest(billing, connections[alias], atomic, customer)
    connections[alias].close()
    if not books_url.startswith("sqlite"):
        with psycopg.connect(conninfo(books_url)) as raw, raw.transaction():
            nest(billing, raw, raw.transaction, customer)
    hosts = 3 if books_url.startswith("sqlite") else 4
    assert billing.credits.balance(customer, UNIT).available == 20 - 3 * hosts
    check(billing, books_url, customer)


def nest(billing: Billing, host: Any, block: Callable[[], Any], customer: str) -> None:
    """Charge 1 outside, 10 in a block that fails, 2 in one that does not."""
    rooms = billing.using(host)
    rooms.credits.consume(customer, UNIT, 1)
    with suppress(KeyError), block():
        rooms.credits.consume(customer, UNIT, 10)
        raise KeyError("the app fails")
    with block():
        with pytest.raises(InsufficientBalance):
            rooms.credits.consume(customer, UNIT, 1000)
        rooms.credits.consume(customer, UNIT, 2)


def test_django_outside_atomic(billing: Billing, books_url: str, customer: str) -> None:
    """Django commits each statement by itself unless it is told otherwise."""
    billing.credits.grant(customer, UNIT, 5)
    host = connections[django_alias(books_url)]
    refused(billing, host, customer)
    assert host.get_autocommit()
    host.set_autocommit(False)
    billing.using(host).credits.consume(customer, UNIT, 1)
    host.rollback()
    billing.using(host).credits.consume(customer, UNIT, 2)
    host.commit()
    host.set_autocommit(True)
    host.close()
    assert billing.credits.balance(customer, UNIT).available == 3


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+psycopg", "postgresql+asyncpg"])
def test_tasks_in_autocommit_mode(
    request: pytest.FixtureRequest, driver: str, customer: str
) -> None:
    """An AsyncConnection and an AsyncSession are told as well."""
    name = "sqlite_books" if driver.startswith("sqlite") else "postgres_books"
    url = make_url(request.getfixturevalue(name)).set(drivername=driver)

    async def main() -> None:
        engine = create_async_engine(url, poolclass=NullPool)
        alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with AsyncBilling(engine) as billing, alone.connect() as connection:
            for host in (connection, AsyncSession(bind=connection)):
                with pytest.raises(NoTransaction):
                    await billing.using(host).credits.grant(customer, UNIT, 1)
            assert (await billing.credits.balance(customer, UNIT)).available == 0
        await engine.dispose()

    asyncio.run(main())


def test_hosts_that_cannot_be_joined(
    billing: Billing, books_url: str, sqlite_books: str, postgres_books: str
) -> None:
    """Whatever is no connection, is to be awaited, or leads to another kind of database."""
    other = postgres_books if books_url.startswith("sqlite") else sqlite_books
    engine = create_engine(books_url, poolclass=NullPool)
    for host in ("a text", None, object(), engine, connections, Session, sqlite3.Connection):
        with pytest.raises(InvalidRequest, match="using"):
            billing.using(host)
    raw = sqlite3.connect(":memory:")
    with pytest.raises(InvalidRequest, match="Cursor"):
        billing.using(raw.cursor())
    with connected(other) as connection, pytest.raises(InvalidRequest, match="books are kept on"):
        billing.using(connection).credits.balance("user_1", UNIT)
    if not books_url.startswith("sqlite"):
        with pytest.raises(InvalidRequest, match="books are kept on"):
            billing.using(raw).credits.balance("user_1", UNIT)
    raw.close()
    engine.dispose()


def test_hosts_that_are_to_be_awaited(postgres_books: str, customer: str) -> None:
    """Threads cannot join what is to be awaited; tasks cannot join drivers we do not know."""

    async def main() -> None:
        engine = create_async_engine(
            make_url(postgres_books).set(drivername="postgresql+asyncpg"), poolclass=NullPool
        )
        raw = await psycopg.AsyncConnection.connect(conninfo(postgres_books))
        place = make_url(postgres_books)
        foreign = await asyncpg.connect(
            host=place.query["host"],
            port=place.query["port"],
            user=place.username,
            database=place.database,
        )
        async with AsyncBilling(engine) as billing, engine.connect() as connection:
            with Billing(postgres_books) as threads:
                for awaited in (connection, AsyncSession(connection), raw):
                    with pytest.raises(InvalidRequest, match="awaited"):
                        threads.using(awaited)
            for unknown in (raw, foreign, "a text"):
                with pytest.raises(InvalidRequest, match="using"):
                    await billing.using(unknown).credits.grant(customer, UNIT, 1)
        await raw.close()
        await foreign.close()
        await engine.dispose()

    asyncio.run(main())


def test_tasks_may_join_a_plain_connection(books_url: str, customer: str) -> None:
    """An app of tasks whose one script keeps a plain connection can hand that over."""

    async def main() -> None:
        async with AsyncBilling(books_url) as billing:
            with connected(books_url) as connection:
                await billing.using(connection).credits.grant(customer, UNIT, 3)
                connection.commit()
            assert (await billing.credits.balance(customer, UNIT)).available == 3

    asyncio.run(main())


def test_to_join_asks_the_database_nothing(billing: Billing, books_url: str, customer: str) -> None:
    """No query, no transaction, before a verb is called."""
    billing.credits.grant(customer, UNIT, 5)
    with connected(books_url) as connection:
        billing.using(connection)
        assert not connection.in_transaction()
        if not books_url.startswith("sqlite"):
            raw: Any = connection.connection.driver_connection
            assert raw.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_host_with_a_snapshot_never_decides_on_it(
    postgres_books: str, customer: str, new_customer: NewCustomer, level: str
) -> None:
    """Somebody spends after the host's snapshot was taken: an error, and nothing stale."""
    with Billing(postgres_books) as billing, isolated(postgres_books, level) as host:
        billing.credits.grant(customer, UNIT, 10)
        assert billing.using(host).credits.balance(customer, UNIT).available == 10
        billing.credits.consume(customer, UNIT, 8)
        with pytest.raises(SerializationFailure) as error:
            billing.using(host).credits.consume(customer, UNIT, 5)
        assert error.value.code == "serialization_failure"
        host.rollback()
        with pytest.raises(InsufficientBalance):
            billing.using(host).credits.consume(customer, UNIT, 5)
        host.rollback()
        stranger = new_customer()
        billing.using(host).credits.balance(customer, UNIT)
        billing.credits.grant(stranger, UNIT, 1)
        with pytest.raises(SerializationFailure):
            billing.using(host).credits.grant(stranger, UNIT, 5)
        host.rollback()
        assert billing.using(host).credits.consume(customer, UNIT, 2).amount == 2
        host.commit()
        assert billing.credits.balance(customer, UNIT).available == 0
        check(billing, postgres_books, customer, stranger)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_key_committed_after_the_hosts_snapshot(
    postgres_books: str, customer: str, level: str
) -> None:
    """It is an error or the replay, never a second operation."""
    with Billing(postgres_books) as billing, isolated(postgres_books, level) as host:
        billing.credits.grant(customer, UNIT, 10)
        billing.credits.grant(customer, "other", 10)
        billing.using(host).credits.balance(customer, UNIT)
        billing.credits.consume(customer, UNIT, 1, idempotency_key="raced")
        with pytest.raises(SerializationFailure):
            billing.using(host).credits.consume(customer, UNIT, 1, idempotency_key="raced")
        with pytest.raises(SerializationFailure):  # the same key, under another account's lock
            billing.using(host).credits.consume(customer, "other", 1, idempotency_key="raced")
        host.rollback()
        again = billing.using(host).credits.consume(customer, UNIT, 1, idempotency_key="raced")
        assert again.replayed
        host.commit()
        assert billing.credits.balance(customer, UNIT).available == 9
        assert billing.books.audit(customer=customer).ok


@pytest.mark.parametrize("make", ["raw", "sqlalchemy"])
def test_a_deferred_reader_that_was_overtaken(sqlite_books: str, customer: str, make: str) -> None:
    """SQLite cannot make a writer of a reader whose state is old: an error, and nothing stale."""
    with Billing(sqlite_books) as billing, connected(sqlite_books) as connection:
        raw = sqlite3.connect(file_of(sqlite_books), isolation_level=None)
        host: Any = raw if make == "raw" else connection
        billing.credits.grant(customer, UNIT, 10)
        begin(host, "BEGIN DEFERRED")
        assert billing.using(host).credits.balance(customer, UNIT).available == 10
        billing.credits.consume(customer, UNIT, 8)
        with pytest.raises(SerializationFailure):
            billing.using(host).credits.consume(customer, UNIT, 5)
        begin(host, "ROLLBACK")
        begin(host, "BEGIN DEFERRED")
        with pytest.raises(InsufficientBalance):
            billing.using(host).credits.consume(customer, UNIT, 5)
        assert billing.using(host).credits.consume(customer, UNIT, 2).amount == 2
        begin(host, "COMMIT")
        raw.close()
        assert billing.credits.balance(customer, UNIT).available == 0
        check(billing, sqlite_books, customer)


def begin(host: Any, sql: str) -> None:
    """Run what begins or ends a transaction of SQLite's."""
    (host.exec_driver_sql if isinstance(host, Connection) else host.execute)(sql)


def test_a_reader_nobody_overtook_may_write(sqlite_books: str, customer: str) -> None:
    """And holds the lock from then on: others wait for it, and are told when they waited enough."""
    with (
        Billing(sqlite_books, lock_timeout_seconds=0.2) as billing,
        connected(sqlite_books) as host,
    ):
        billing.credits.grant(customer, UNIT, 10)
        host.exec_driver_sql("BEGIN")
        assert billing.using(host).credits.has(customer, UNIT, 10)
        billing.using(host).credits.consume(customer, UNIT, 1)
        with pytest.raises(StoreBusy):
            billing.credits.consume(customer, UNIT, 1)
        host.commit()
        assert billing.credits.consume(customer, UNIT, 1).amount == 1


def test_a_deadlock_of_two_hosts_is_said_to_one(
    postgres_books: str, new_customer: NewCustomer
) -> None:
    """Each has charged one customer and wants the other: one is told to begin anew, one goes on."""
    pair = new_customer(), new_customer()
    with Billing(postgres_books) as billing:
        for customer in pair:
            billing.credits.grant(customer, UNIT, 10)

        def charge(first: str, second: str, meet: Any) -> Receipt:
            with connected(postgres_books) as host:
                billing.using(host).credits.consume(first, UNIT, 1)
                meet.wait(10)
                receipt = billing.using(host).credits.consume(second, UNIT, 1)
                host.commit()
                return receipt

        meet = threading.Barrier(2)
        calls = [beside(charge, *order, meet) for order in (pair, pair[::-1])]
        errors = [call.exception(20) for call in calls]
        assert sorted(str(type(error).__name__) for error in errors) == [
            "NoneType",
            "SerializationFailure",
        ]
        assert [billing.credits.balance(customer, UNIT).available for customer in pair] == [9, 9]
        check(billing, postgres_books, *pair)


def test_a_host_whose_transaction_failed_already(postgres_books: str, customer: str) -> None:
    """PostgreSQL takes nothing more in it: a clear error, and after the rollback all is well."""
    with Billing(postgres_books) as billing, connected(postgres_books) as host:
        billing.credits.grant(customer, UNIT, 10)
        with pytest.raises(Exception, match="division"):
            host.execute(text("SELECT 1 / 0"))
        with pytest.raises(StoreError):
            billing.using(host).credits.consume(customer, UNIT, 1)
        host.rollback()
        billing.using(host).credits.consume(customer, UNIT, 1)
        host.commit()
        assert billing.credits.balance(customer, UNIT).available == 9


def test_two_keys_in_two_open_transactions(postgres_books: str, customer: str) -> None:
    """A call with a key that a host has not committed yet waits, and then replays it."""
    with Billing(postgres_books) as billing, connected(postgres_books) as host:
        billing.credits.grant(customer, UNIT, 10)
        first = billing.using(host).credits.consume(customer, UNIT, 1, idempotency_key="shared")
        call = beside(lambda: billing.credits.consume(customer, UNIT, 1, idempotency_key="shared"))
        until(lambda: waiters(postgres_books) > 0)
        assert not call.done()
        host.commit()
        assert call.result(20).to_json() == first.to_json()
        other = billing.using(host).credits.consume(customer, UNIT, 2, idempotency_key="undone")
        call = beside(lambda: billing.credits.consume(customer, UNIT, 2, idempotency_key="undone"))
        until(lambda: waiters(postgres_books) > 0)
        host.rollback()
        made = call.result(20)
        assert not made.replayed
        assert made.operation_id != other.operation_id
        check(billing, postgres_books, customer)


def waiters(url: str) -> int:
    """Count the sessions that wait for somebody's lock."""
    found = rows(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    number: int = found[0][0]
    return number
