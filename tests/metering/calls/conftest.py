"""Books with priced and counted features on each database, and real clients that are metered."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.databases import PostgresServer
from tests.metering.calls.scene import START, Scene, opened


@pytest.fixture(scope="session")
def _sqlite_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from opened(f"sqlite:///{tmp_path_factory.mktemp('calls') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_calls(postgres: PostgresServer) -> Iterator[Scene]:
    yield from opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Migrated books, on each database, at noon; other tests have written to them before."""
    kind = "_sqlite_calls" if request.param == "sqlite" else "_postgres_calls"
    found: Scene = request.getfixturevalue(kind)
    found.clock.set(START)
    return found


@pytest.fixture
def new_customer() -> Callable[[], str]:
    """Names a customer whom no other test knows, each time it is called."""
    return lambda: f"customer_{uuid4().hex}"


@pytest.fixture
def customer(new_customer: Callable[[], str]) -> str:
    """One such customer."""
    return new_customer()
