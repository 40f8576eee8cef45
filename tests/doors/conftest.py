"""Books for the doors: migrated once for each database; each test has customers of its own.

Beside them stands `job`, a table of the app that calls us.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.databases import PostgresServer
from tests.doors.scenes import connected
from tollkeeper import Billing


@pytest.fixture(scope="session")
def sqlite_books(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of migrated books on SQLite."""
    folder: Path = tmp_path_factory.mktemp("doors")
    return _migrated(f"sqlite:///{folder / 'books.db'}")


@pytest.fixture(scope="session")
def postgres_books(postgres: PostgresServer) -> str:
    """The URL of migrated books on PostgreSQL."""
    return _migrated(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def books_url(request: pytest.FixtureRequest) -> str:
    """The URL of migrated books, on each database; other tests have written to them before."""
    kind = "sqlite_books" if request.param == "sqlite" else "postgres_books"
    url: str = request.getfixturevalue(kind)
    return url


@pytest.fixture
def one_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all calls of a test meet in one queue, so that it can tell which share a batch."""
    monkeypatch.setattr("tollkeeper.billing.POSTGRES_LANES", 1)


@pytest.fixture
def billing(books_url: str) -> Iterator[Billing]:
    """A Billing over the shared books."""
    with Billing(books_url) as opened:
        yield opened


@pytest.fixture
def new_customer() -> Callable[[], str]:
    """Names a customer whom no other test knows, each time it is called."""
    return lambda: f"customer_{uuid4().hex}"


@pytest.fixture
def customer(new_customer: Callable[[], str]) -> str:
    """One such customer."""
    return new_customer()


def _migrated(url: str) -> str:
    with Billing(url) as opened:
        opened.migrate()
    with connected(url) as connection:
        connection.execute(text("CREATE TABLE job (name text PRIMARY KEY)"))
        connection.commit()
    return url
