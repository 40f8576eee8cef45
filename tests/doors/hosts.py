"""Apps with a transaction of their own, each in its own way, behind one face for the tests.

A host begins, writes a row of its own (`job`), calls verbs inside its transaction and ends it.
"""

import asyncio
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Protocol

import django
import psycopg
from django.conf import settings
from django.db import connections
from django.db import transaction as django_transaction
from psycopg.rows import dict_row
from sqlalchemy import NullPool, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.doors.scenes import engine_of
from tollkeeper import AsyncBilling, Billing

INSERT = "INSERT INTO job (name) VALUES ('{}')"


class Host(Protocol):
    """An app, and its transaction."""

    def begin(self) -> None:
        """Open a transaction, in the way that this app does."""
        ...

    def execute(self, sql: str) -> None:
        """Run a statement of the app's own."""
        ...

    @property
    def rooms(self) -> Any:
        """The rooms inside its transaction."""
        ...

    def commit(self) -> None:
        """Keep everything."""
        ...

    def rollback(self) -> None:
        """Undo everything."""
        ...


class Plain:
    """Whatever has `execute`, `commit` and `rollback`, and begins by itself."""

    def __init__(self, billing: Billing, connection: Any) -> None:
        self.billing = billing
        self.connection = connection

    def begin(self) -> None:
        """Leave it to the driver."""

    def execute(self, sql: str) -> None:
        """Run it."""
        self.connection.execute(sql)

    @property
    def rooms(self) -> Any:
        """Join."""
        return self.billing.using(self.connection)

    def commit(self) -> None:
        """Commit."""
        self.connection.commit()

    def rollback(self) -> None:
        """Roll back."""
        self.connection.rollback()


class Alchemy(Plain):
    """SQLAlchemy's Connection, Session or scoped session."""

    def execute(self, sql: str) -> None:
        """Run it."""
        self.connection.execute(text(sql))


class ByHand(Plain):
    """sqlite3 in autocommit mode, between BEGIN and COMMIT."""

    def begin(self) -> None:
        """Say so."""
        self.connection.execute("BEGIN")


class Block(Plain):
    """Whatever has its transaction as a block: psycopg in autocommit mode, Django."""

    def __init__(
        self, billing: Billing, connection: Any, block: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        super().__init__(billing, connection)
        self._make = block
        self._block: AbstractContextManager[Any] | None = None

    def begin(self) -> None:
        """Enter the block."""
        self._block = self._make()
        self._block.__enter__()

    def commit(self) -> None:
        """Leave it in peace."""
        block, self._block = self._block, None
        assert block is not None
        block.__exit__(None, None, None)

    def rollback(self) -> None:
        """Leave it by an error."""
        if self._block is None:
            return
        block, self._block = self._block, None
        error = RuntimeError("the app failed")
        try:
            block.__exit__(RuntimeError, error, None)
        except RuntimeError as raised:
            assert raised is error  # noqa: PT017  # whether it is raised again is the block's affair


class Django(Block):
    """Django's connection, inside `transaction.atomic()`."""

    def execute(self, sql: str) -> None:
        """Run it as Django's models do."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


class Tasks:
    """An AsyncConnection or AsyncSession; each step is run to its end."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, billing: AsyncBilling, connection: Any
    ) -> None:
        self.loop = loop
        self.billing = billing
        self.connection = connection

    def begin(self) -> None:
        """Leave it to SQLAlchemy."""

    def execute(self, sql: str) -> None:
        """Run it."""
        self.loop.run_until_complete(self.connection.execute(text(sql)))

    @property
    def rooms(self) -> Any:
        """Join, with verbs that are run to their end."""
        return _Run(self.billing.using(self.connection), self.loop)

    def commit(self) -> None:
        """Commit."""
        self.loop.run_until_complete(self.connection.commit())

    def rollback(self) -> None:
        """Roll back."""
        self.loop.run_until_complete(self.connection.rollback())


class _Run:
    """Rooms whose verbs are awaited, called as if they were not."""

    def __init__(self, joined: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._joined = joined
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._joined, name)
        if not callable(found):
            return _Run(found, self._loop)
        return lambda *given, **options: self._loop.run_until_complete(found(*given, **options))


@contextmanager
def alchemy_connection(billing: Billing, url: str) -> Iterator[Host]:
    """Give SQLAlchemy's Connection."""
    with engine_of(url).connect() as connection:
        yield Alchemy(billing, connection)


@contextmanager
def alchemy_begun(billing: Billing, url: str) -> Iterator[Host]:
    """Give a Connection of an engine that says BEGIN by itself, as SQLAlchemy's manual advises."""
    engine = create_engine(url, poolclass=NullPool)
    event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        yield Alchemy(billing, connection)


@contextmanager
def alchemy_session(billing: Billing, url: str) -> Iterator[Host]:
    """Give the ORM's Session."""
    with Session(engine_of(url)) as session:
        yield Alchemy(billing, session)


@contextmanager
def alchemy_scoped(billing: Billing, url: str) -> Iterator[Host]:
    """Give the ORM's scoped session, as web frameworks keep it."""
    session = scoped_session(sessionmaker(engine_of(url)))
    yield Alchemy(billing, session)
    session.remove()


@contextmanager
def sqlite_plain(billing: Billing, url: str) -> Iterator[Host]:
    """Give sqlite3's connection as it comes, with rows by name."""
    connection = sqlite3.connect(make_url(url).database or "")
    connection.row_factory = sqlite3.Row
    yield Plain(billing, connection)
    connection.close()


@contextmanager
def sqlite_by_hand(billing: Billing, url: str) -> Iterator[Host]:
    """Give sqlite3's connection of an app that writes BEGIN and COMMIT itself."""
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    yield ByHand(billing, connection)
    connection.close()


@contextmanager
def psycopg_plain(billing: Billing, url: str) -> Iterator[Host]:
    """Give psycopg's connection as it comes."""
    with psycopg.connect(_conninfo(url)) as connection:
        yield Plain(billing, connection)
        connection.rollback()


@contextmanager
def psycopg_block(billing: Billing, url: str) -> Iterator[Host]:
    """Give psycopg's connection in autocommit mode, with `transaction()` and rows as dicts."""
    with psycopg.connect(_conninfo(url), autocommit=True, row_factory=dict_row) as connection:
        yield Block(billing, connection, connection.transaction)


@contextmanager
def django_host(billing: Billing, url: str) -> Iterator[Host]:
    """Give Django's connection."""
    alias = django_alias(url)
    yield Django(billing, connections[alias], lambda: django_transaction.atomic(using=alias))
    connections[alias].close()


def async_connection(driver: str) -> Callable[[Billing, str], AbstractContextManager[Host]]:
    """Give an AsyncConnection of a driver."""
    return lambda _, url: _tasks(url, driver, lambda engine: engine.connect())


def async_session(driver: str) -> Callable[[Billing, str], AbstractContextManager[Host]]:
    """Give an AsyncSession of a driver."""
    return lambda _, url: _tasks(url, driver, AsyncSession)


#: How each host is made, by the database that it is for.
SQLITE_HOSTS: dict[str, Callable[[Billing, str], AbstractContextManager[Host]]] = {
    "sqlalchemy connection": alchemy_connection,
    "sqlalchemy with begin": alchemy_begun,
    "sqlalchemy session": alchemy_session,
    "sqlite3": sqlite_plain,
    "sqlite3 by hand": sqlite_by_hand,
    "django": django_host,
    "aiosqlite connection": async_connection("sqlite+aiosqlite"),
    "aiosqlite session": async_session("sqlite+aiosqlite"),
}
POSTGRES_HOSTS: dict[str, Callable[[Billing, str], AbstractContextManager[Host]]] = {
    "sqlalchemy connection": alchemy_connection,
    "sqlalchemy session": alchemy_session,
    "sqlalchemy scoped session": alchemy_scoped,
    "psycopg": psycopg_plain,
    "psycopg block": psycopg_block,
    "django": django_host,
    "psycopg async connection": async_connection("postgresql+psycopg"),
    "psycopg async session": async_session("postgresql+psycopg"),
    "asyncpg connection": async_connection("postgresql+asyncpg"),
    "asyncpg session": async_session("postgresql+asyncpg"),
}


def django_alias(url: str) -> str:
    """Make a database known to Django; USE_TZ is off, so that moments come without their zone."""
    if not settings.configured:
        settings.configure(USE_TZ=False, TIME_ZONE="America/Lima", DATABASES={"default": {}})
        django.setup()
    parsed = make_url(url)
    # Django keeps the connection of an alias: another database needs another one.
    alias = f"books_{zlib.crc32(url.encode())}"
    given: dict[str, Any] = {"NAME": parsed.database, "ENGINE": "django.db.backends.sqlite3"}
    if parsed.get_backend_name() == "postgresql":
        given["ENGINE"] = "django.db.backends.postgresql"
        given |= {
            "USER": parsed.username,
            "PASSWORD": parsed.password or "",
            "HOST": parsed.query.get("host") or parsed.host,
            "PORT": parsed.query.get("port") or str(parsed.port or 5432),
        }
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: given})[
        alias
    ]
    return alias


@contextmanager
def _tasks(url: str, driver: str, make: Callable[[Any], Any]) -> Iterator[Host]:
    """Run a loop with an async engine, and books that are opened by it."""
    loop = asyncio.new_event_loop()
    engine = _async_engine(url, driver)
    billing = AsyncBilling(engine)
    connection = make(engine)
    loop.run_until_complete(connection.__aenter__())
    yield Tasks(loop, billing, connection)
    loop.run_until_complete(connection.__aexit__(None, None, None))
    loop.run_until_complete(billing.close())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@cache
def _async_engine(url: str, driver: str) -> AsyncEngine:
    return create_async_engine(make_url(url).set(drivername=driver), poolclass=NullPool)


def _conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
