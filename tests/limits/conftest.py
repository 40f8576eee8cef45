"""A clock that stands still, and a Billing on both databases."""

from collections.abc import Iterator

import pytest

from tests.limits.shop import BEGINNING, CATALOG, dollars
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    """A clock that is set by hand."""
    return FixedClock(BEGINNING)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A customer on the free plan with money and credits, on both databases."""
    with Billing(database_url, catalog=CATALOG, clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.assign_free("u")
        billing.wallet.deposit("u", dollars("100.00"))
        billing.credits.grant("u", "credits", 1000)
        yield billing
        assert billing.books.audit().findings == ()
