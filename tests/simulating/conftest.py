"""Books under the catalog of the charging tests, on each database, with a clock that tests set."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from tests.charging.scene import START, Scene
from tests.charging.shop import shop
from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.fixture(scope="session")
def _sqlite_lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('simulating') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_lives(postgres: PostgresServer) -> Iterator[Scene]:
    yield from _opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Migrated books on each database; other tests have written to them before."""
    kind = "_sqlite_lives" if request.param == "sqlite" else "_postgres_lives"
    found: Scene = request.getfixturevalue(kind)
    found.clock.set(START)
    return found


def _opened(url: str) -> Iterator[Scene]:
    clock, engine = FixedClock(START), create_engine(url)
    with Billing(url, clock=clock, catalog=shop()) as billing:
        billing.migrate()
        yield Scene(billing, engine, clock, url)
    engine.dispose()
