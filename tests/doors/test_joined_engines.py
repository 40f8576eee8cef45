"""A Billing over an engine that the host has made for itself, however it has set it up."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, StaticPool, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.doors.scenes import UNIT, at_once, check, count
from tollkeeper import AsyncBilling, Billing
from tollkeeper.decisions.requests import Note
from tollkeeper.decisions.spending import Consume
from tollkeeper.errors import InsufficientBalance, InvalidRequest
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.values.receipts import Receipt


def plain(url: str) -> Engine:
    """As `create_engine` makes it."""
    return create_engine(url)


def alone(url: str) -> Engine:
    """In autocommit mode."""
    return create_engine(url, isolation_level="AUTOCOMMIT")


def strict(url: str) -> Engine:
    """With the strictest isolation."""
    return create_engine(url, isolation_level="SERIALIZABLE")


def without_pool(url: str) -> Engine:
    """With a connection for each use."""
    return create_engine(url, poolclass=NullPool)


def begun(url: str) -> Engine:
    """Saying BEGIN by itself, as SQLAlchemy's manual advises for SQLite."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def with_named_rows(url: str) -> Engine:
    """With a row factory of the host's own, where its driver lets SQLAlchemy work with one."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "row_factory", sqlite3.Row))
    return engine


MAKERS = (plain, alone, strict, without_pool, begun, with_named_rows)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: str(make.__name__))
def test_any_engine_of_the_hosts(
    books_url: str, customer: str, make: Callable[[str], Engine]
) -> None:
    """All of a call or nothing, under load; and the host's engine is left as it was."""
    engine = make(books_url)
    with engine.connect() as connection:
        before = connection.get_isolation_level()
    with Billing(engine) as billing:
        billing.credits.grant(customer, UNIT, 30)
        results = at_once(lambda _: billing.credits.consume(customer, UNIT, 2), 20)
        assert count(results, Receipt) == 15
        assert count(results, InsufficientBalance) == 5
        with engine.connect() as connection:
            room = billing.using(connection).credits
            if make is not alone:
                room.grant(customer, UNIT, 8)
                assert room.balance(customer, UNIT).available == 8
        assert billing.credits.balance(customer, UNIT).available == 0
        billing.credits.grant(customer, UNIT, 5)
        with pytest.raises(Exception, match=r".+"):  # each driver says it in its own way
            billing._wired.threads.change(breaks_halfway(customer))
    with Billing(books_url) as checking:
        check(checking, books_url, customer)
    with engine.connect() as connection:
        assert connection.get_isolation_level() == before
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def breaks_halfway(customer: str) -> Consume:
    """Make a request that fails when its first rows have been written."""
    return Consume(
        id=new_id(OPERATION),
        customer=customer,
        unit=UNIT,
        amount=1_000_000,
        note=Note(reason="\udfff"),
    )


def test_an_engine_in_memory(customer: str) -> None:
    """In the host's own tests, say: one connection for all does, one for each thread does not."""
    with pytest.raises(InvalidRequest, match="StaticPool"):
        Billing(create_engine("sqlite://"))
    for_all = {"check_same_thread": False}
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=for_all)
    with Billing(engine) as billing:
        billing.migrate()
        billing.credits.grant(customer, UNIT, 5)
        assert billing.credits.consume(customer, UNIT, 2).amount == 2
        assert billing.credits.balance(customer, UNIT).available == 3
    engine.dispose()


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+psycopg", "postgresql+asyncpg"])
def test_async_engines_of_the_hosts(
    request: pytest.FixtureRequest, driver: str, customer: str
) -> None:
    """Their URL is opened anew with the driver that costs least."""
    name = "sqlite_books" if driver.startswith("sqlite") else "postgres_books"
    url = make_url(request.getfixturevalue(name)).set(drivername=driver)

    async def main() -> None:
        engine: Any = create_async_engine(url)
        async with AsyncBilling(engine) as billing:
            await billing.credits.grant(customer, UNIT, 5)
            assert (await billing.credits.consume(customer, UNIT, 2)).amount == 2
            async with engine.begin() as connection:
                await billing.using(connection).credits.consume(customer, UNIT, 1)
            assert (await billing.credits.balance(customer, UNIT)).available == 2
        await engine.dispose()

    asyncio.run(main())


def test_an_asyncpg_url_with_words_of_its_own(postgres_books: str, customer: str) -> None:
    """What only asyncpg understands does not reach psycopg."""
    options = {"prepared_statement_cache_size": "0", "ssl": "disable"}
    url = make_url(postgres_books).set(drivername="postgresql+asyncpg").update_query_dict(options)

    async def main() -> None:
        engine: Any = create_async_engine(url)
        async with AsyncBilling(engine) as billing:
            assert (await billing.credits.grant(customer, UNIT, 5)).amount == 5
        await engine.dispose()

    asyncio.run(main())


def test_an_async_engine_in_memory_is_refused() -> None:
    """It cannot be opened a second time: what we wrote there the host would never see."""
    engine = create_async_engine("sqlite+aiosqlite://")
    with pytest.raises(InvalidRequest, match="in memory"):
        AsyncBilling(engine)


def test_what_is_no_database_is_refused() -> None:
    """By name, before anything is opened."""
    with pytest.raises(InvalidRequest, match="database must be"):
        Billing(42)
    with pytest.raises(InvalidRequest, match="SQLite and PostgreSQL"):
        Billing(create_engine("mssql://", module=sqlite3))


@pytest.mark.parametrize(
    "schema", ["", "Upper", "x y", "x';--", "1a", "pg_books", "information_schema", "a" * 41, "ä"]
)
def test_names_of_schemas_that_would_need_quotes_are_refused(schema: str) -> None:
    """At once, and not after a migration that nobody could use."""
    with pytest.raises(InvalidRequest, match="schema is"):
        Billing("sqlite://", schema=schema)
