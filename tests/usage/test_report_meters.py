"""What a report says of each meter: the number that the meter makes, or none at all (G2)."""

from decimal import Decimal

import pytest

from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.mark.parametrize(
    ("feature", "value"),
    [("calls", 12), ("visits", 3), ("peak", 5), ("level", None), ("people", None)],
)
def test_a_report_tells_what_the_meter_makes(
    billing: Billing, clock: FixedClock, customer: str, feature: str, value: int | None
) -> None:
    """A sum, a number of events, the greatest; of the last and of different values nothing."""
    for quantity in (3, 5, 4):
        billing.usage.record(
            customer, feature, quantity, dimensions={"person": f"person_{quantity % 2}"}
        )
        clock.advance(seconds=1)
    (row,) = billing.usage.report(customer=customer).rows
    assert row.quantity == Decimal(12)
    assert row.value == (None if value is None else Decimal(value))
    told = billing.usage.summary(customer, feature).value
    assert told == (Decimal({"level": 4, "people": 2}[feature]) if value is None else row.value)
