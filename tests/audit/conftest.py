"""Books to be audited: a history in which everything happens, on both databases."""

from collections.abc import Iterator

import pytest

from tests.audit import histories
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands where the history begins."""
    return FixedClock(histories.START)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """Empty books."""
    with Billing(database_url, clock=clock) as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def history(billing: Billing, clock: FixedClock) -> Billing:
    """Books with a history."""
    histories.write(billing, clock)
    return billing
