"""Books with a price list that usage tests share, on each database; told apart by customer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import pytest

from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

#: In the middle of an hour and of a month.
START = datetime(2026, 3, 14, 15, 9, 26, 535897, tzinfo=UTC)

PRICES = """
currency = "usd"
default_plan = "pro"

[features.calls]
scale = 3

[features.tokens]
scale = 0

[features.peak]
meter = "max"

[features.level]
meter = "last"

[features.people]
meter = "unique"
of = "person"

[features.visits]
meter = "count"

[features.dark_mode]
type = "boolean"

[plans.pro]
waterfall = ["own", "wallet", "usage"]

[plans.pro.usage]
calls = "0.0123456 usd"
tokens.graduated = [{ up_to = 100, each = "1 usd / 30_000" }, { each = "0.00001111 usd" }]
"""


class Books(NamedTuple):
    """Books on one database, opened once for the whole run, with a clock that each test sets."""

    url: str
    clock: FixedClock
    billing: Billing
    catalog: Catalog


@pytest.fixture(scope="session")
def _sqlite_usage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    yield from _opened(f"sqlite:///{tmp_path_factory.mktemp('usage') / 'books.db'}")


@pytest.fixture(scope="session")
def _postgres_usage(postgres: PostgresServer) -> Iterator[Books]:
    yield from _opened(postgres.create_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest) -> Books:
    """Migrated books, on each database; other tests have written to them before."""
    kind = "_sqlite_usage" if request.param == "sqlite" else "_postgres_usage"
    shared: Books = request.getfixturevalue(kind)
    shared.clock.set(START)
    return shared


@pytest.fixture
def clock(books: Books) -> FixedClock:
    """The clock of the books; it stands still until a test moves it."""
    return books.clock


@pytest.fixture
def billing(books: Books) -> Billing:
    """A Billing over the books, on the fixed clock."""
    return books.billing


@pytest.fixture
def customer() -> str:
    """A customer whom no other test knows."""
    return f"customer_{uuid4().hex}"


def _opened(url: str) -> Iterator[Books]:
    clock, catalog = FixedClock(START), Catalog.from_toml(PRICES)
    with Billing(url, clock=clock, catalog=catalog) as billing:
        billing.migrate()
        yield Books(url, clock, billing, catalog)
