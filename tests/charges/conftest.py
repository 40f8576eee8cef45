"""Books under the shop of the tests of charging, for charges that are set aside."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

from tests.charges.shop import shop
from tests.charging.scene import START, Scene
from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.fixture(scope="session")
def _sqlite_charges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('charges') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_charges(postgres: PostgresServer) -> Iterator[Scene]:
    yield from _opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Migrated books, on each database, at noon; other tests have written to them before."""
    kind = "_sqlite_charges" if request.param == "sqlite" else "_postgres_charges"
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


def _opened(url: str) -> Iterator[Scene]:
    clock, engine = FixedClock(START), create_engine(url)
    with Billing(url, clock=clock, catalog=shop()) as billing:
        billing.migrate()
        yield Scene(billing, engine, clock, url)
    engine.dispose()
