"""Books that many tests share: migrated once for each database, and told apart by customer."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine

from tests.databases import PostgresServer
from tests.ledger.scene import Scene
from tests.ledger.side_by_side import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


class Shared(NamedTuple):
    """Books on one database, opened once for the whole run, with a clock that each test sets."""

    url: str
    clock: FixedClock
    billing: Billing
    engine: Engine


@pytest.fixture(scope="session")
def _sqlite_books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('books') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_books(postgres: PostgresServer) -> Iterator[Shared]:
    yield from _opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest) -> Shared:
    """Migrated books, on each database; other tests have written to them before."""
    kind = "_sqlite_books" if request.param == "sqlite" else "_postgres_books"
    shared: Shared = request.getfixturevalue(kind)
    shared.clock.set(START)
    return shared


@pytest.fixture
def books_url(books: Shared) -> str:
    """Where the books are."""
    return books.url


@pytest.fixture
def clock(books: Shared) -> FixedClock:
    """The clock of the books; it stands still until a test moves it."""
    return books.clock


@pytest.fixture
def billing(books: Shared) -> Billing:
    """A Billing over the books, on the fixed clock."""
    return books.billing


@pytest.fixture
def engine(books: Shared) -> Engine:
    """An engine of the app's own over the same database."""
    return books.engine


@pytest.fixture
def customer() -> str:
    """A customer whom no other test knows."""
    return f"customer_{uuid4().hex}"


@pytest.fixture
def scene(billing: Billing, engine: Engine, customer: str) -> Scene:
    """Somebody who has something that bad input could break."""
    granted = billing.credits.grant(customer, "calls", 100)
    held = billing.credits.hold(customer, "calls", 10)
    return Scene(billing, engine, customer, held.id, granted.grant_id or "")


def _opened(url: str) -> Iterator[Shared]:
    clock, engine = FixedClock(START), create_engine(url)
    with Billing(url, clock=clock) as billing:
        billing.migrate()
        yield Shared(url, clock, billing, engine)
    engine.dispose()
