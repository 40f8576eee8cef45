"""A price list, a clock that stands still, and a Billing on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.subscriptions.prices import CATALOG
from tollkeeper import Billing
from tollkeeper.clock import FixedClock

#: The last day of a month, so that February is short of it.
BEGINNING = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that is set by hand."""
    return FixedClock(BEGINNING)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """An empty book with the price list, on both databases."""
    with Billing(database_url, catalog=CATALOG, clock=clock) as billing:
        billing.migrate()
        yield billing
        assert billing.books.audit().findings == ()
