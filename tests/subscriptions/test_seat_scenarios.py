"""Seats that are paid for by the year: as many allowances as seats, at once or month by month."""

from datetime import UTC, datetime

import pytest

from tests.subscriptions.conftest import BEGINNING
from tollkeeper import Billing, Catalog
from tollkeeper.clock import FixedClock

CATALOG = Catalog.from_toml("""
currency = "usd"

[units.calls]

[plans.team]
prices = ["5.00 usd / month", "50.00 usd / year", "1.50 usd / week"]
seats = { mode = "pool", maximum = 50 }
allowances.calls = { amount = 1_001, pace = "upfront" }

[plans.slow]
prices = ["5.00 usd / month", "50.00 usd / year"]
seats = "pool"
allowances.calls = "100 / month"
""")


@pytest.mark.parametrize(
    ("plan", "interval", "amount"),
    [
        ("team", "month", 3 * 1001),
        ("team", "year", 3 * 12012),
        ("team", "week", 3 * 251),
        ("slow", "year", 3 * 100),
    ],
)
def test_s127_yearly_seats_are_scaled_as_monthly_ones(
    database_url: str, plan: str, interval: str, amount: int
) -> None:
    """Three seats have three times what one has, at the start and at the next renewal."""
    clock = FixedClock(BEGINNING)
    with Billing(database_url, catalog=CATALOG, clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.allocate("u", plan, interval=interval, quantity=3)
        assert billing.credits.balance("u", "calls").available == amount
        billing.credits.consume("u", "calls", amount)
        clock.set(datetime(2027, 2, 1, tzinfo=UTC))
        assert billing.credits.balance("u", "calls").available == amount
        assert billing.books.audit().ok
