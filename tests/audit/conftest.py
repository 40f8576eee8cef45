"""Books to be audited: a history in which everything happens, on both databases."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.audit import histories
from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


class History(NamedTuple):
    """Books with a history, and where they are."""

    billing: Billing
    url: str


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[History]:
    """Books in which everything has happened; no test may change them for good."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('history') / 'tollkeeper.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    clock = FixedClock(histories.START)
    with Billing(url, clock=clock) as billing:
        billing.migrate()
        histories.write(billing, clock)
        yield History(billing, url)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands where a history begins."""
    return FixedClock(histories.START)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """Empty books."""
    with Billing(database_url, clock=clock) as opened:
        opened.migrate()
        yield opened
