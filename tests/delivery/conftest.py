"""Books whose notices are delivered, on a clock that stands still until a test moves it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tollkeeper import Billing
from tollkeeper.clock import FixedClock

START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock(START)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """Empty books, on each database."""
    with Billing(database_url, clock=clock) as opened:
        opened.migrate()
        yield opened
