"""Books under the tests' own catalog: migrated once for each database, told apart by customer."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from tests.charging import workers
from tests.charging.scene import START, Scene
from tests.charging.shop import shop
from tests.databases import PostgresServer
from tests.doors.workers import Worker
from tollkeeper import Billing
from tollkeeper.clock import FixedClock

PROCESSES = 2


@pytest.fixture(scope="session")
def _sqlite_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('charging') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_shop(postgres: PostgresServer) -> Iterator[Scene]:
    yield from _opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Migrated books, on each database, at noon; other tests have written to them before."""
    kind = "_sqlite_shop" if request.param == "sqlite" else "_postgres_shop"
    found: Scene = request.getfixturevalue(kind)
    found.clock.set(START)
    return found


@pytest.fixture
def postgres_scene(_postgres_shop: Scene) -> Scene:
    """The books on PostgreSQL alone."""
    _postgres_shop.clock.set(START)
    return _postgres_shop


@pytest.fixture
def sqlite_scene(_sqlite_shop: Scene) -> Scene:
    """The books on SQLite alone."""
    _sqlite_shop.clock.set(START)
    return _sqlite_shop


@pytest.fixture(scope="session")
def _sqlite_crew(_sqlite_shop: Scene) -> Iterator[list[Worker]]:
    yield from _crew(_sqlite_shop.url)


@pytest.fixture(scope="session")
def _postgres_crew(_postgres_shop: Scene) -> Iterator[list[Worker]]:
    yield from _crew(_postgres_shop.url)


@pytest.fixture
def crew(scene: Scene, request: pytest.FixtureRequest) -> list[Worker]:
    """Processes of their own over the books of the test."""
    name = "_sqlite_crew" if scene.is_sqlite else "_postgres_crew"
    found: list[Worker] = request.getfixturevalue(name)
    return found


@pytest.fixture
def billing(scene: Scene) -> Billing:
    """A Billing over the books, on the fixed clock."""
    return scene.billing


@pytest.fixture
def clock(scene: Scene) -> FixedClock:
    """The clock of the books; it stands still until a test moves it."""
    return scene.clock


@pytest.fixture
def new_customer() -> Callable[[], str]:
    """Names a customer whom no other test knows, each time it is called."""
    return lambda: f"customer_{uuid4().hex}"


@pytest.fixture
def customer(new_customer: Callable[[], str]) -> str:
    """One such customer."""
    return new_customer()


def _crew(url: str) -> Iterator[list[Worker]]:
    started = [workers.start(url) for _ in range(PROCESSES)]
    yield started
    assert [worker.end() for worker in started] == [0] * PROCESSES


def _opened(url: str) -> Iterator[Scene]:
    clock, engine = FixedClock(START), create_engine(url)
    with Billing(url, clock=clock, catalog=shop()) as billing:
        billing.migrate()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE job (name text PRIMARY KEY)"))
        yield Scene(billing, engine, clock, url)
    engine.dispose()
