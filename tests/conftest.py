"""What every test may ask for: a PostgreSQL, an empty database, bounded Hypothesis runs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.databases import PostgresServer, empty, start_postgres
from tests.postmaster import PostgresMissing

# No deadline: a slow machine is not a bug. A failure prints a line that repeats it anywhere.
settings.register_profile("dev", max_examples=50, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=200, deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server with default durability; without one the run ends, and says why."""
    try:
        server = start_postgres()
    except PostgresMissing as error:
        pytest.exit(f"No PostgreSQL for the tests. {error}", returncode=1)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _postgres_database(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'tollkeeper.db'}"


@pytest.fixture
def postgres_url(_postgres_database: str) -> str:
    """The URL of an empty PostgreSQL database: one for the whole run, emptied before each test."""
    empty(_postgres_database)
    return _postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    wanted = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(wanted)
    return url
