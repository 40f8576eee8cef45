"""Books that many tests share: migrated once for each database, and told apart by customer."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.databases import PostgresServer
from tests.ledger.side_by_side import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.fixture(scope="session")
def _sqlite_books(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("books")
    return _migrated(f"sqlite:///{folder / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_books(postgres: PostgresServer) -> str:
    return _migrated(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def books_url(request: pytest.FixtureRequest) -> str:
    """The URL of migrated books, on each database; other tests have written to them before."""
    kind = "_sqlite_books" if request.param == "sqlite" else "_postgres_books"
    url: str = request.getfixturevalue(kind)
    return url


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until a test moves it."""
    return FixedClock(START)


@pytest.fixture
def billing(books_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A Billing over the shared books, on the fixed clock."""
    with Billing(books_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def customer() -> str:
    """A customer whom no other test knows."""
    return f"customer_{uuid4().hex}"


def _migrated(url: str) -> str:
    with Billing(url) as opened:
        opened.migrate()
    return url
