"""Sums of usage that pass 64 bits, and groups in one order, are the same on both databases (G2)."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as some

from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.store.sums import read_sum

#: The most that an event of this feature, which has six digits, may be.
MOST = Decimal("9000000000000")

INTEGERS = some.integers(min_value=-(2**63), max_value=2**63 - 1)


def test_a_report_and_a_summary_add_up_more_than_64_bits_hold(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Each hour is accepted by itself; nobody's report fails for the sum of them."""
    for _ in range(3):
        billing.usage.record(customer, "visits", MOST, dimensions={"kind": "a"})
        clock.advance(hours=1)
    since, until = START - timedelta(hours=1), START + timedelta(hours=9)
    (row,) = billing.usage.report(customer=customer, since=since, until=until).rows
    assert (row.quantity, row.paid.billed, row.events) == (3 * MOST, 3 * MOST, 3)
    whole = billing.usage.summary(customer, "visits", since=since, until=until, group_by="kind")
    assert [whole.quantity, *(group.quantity for group in whole.groups)] == [3 * MOST] * 2
    assert billing.usage.summary(customer, "visits", since=since, until=until).paid == whole.paid


@given(numbers=some.lists(INTEGERS, max_size=50))
def test_halves_that_are_added_up_apart_are_the_sum(numbers: list[int]) -> None:
    """As a statement writes them: the upper half with its sign, the lower one without."""
    upper, lower = sum(number >> 32 for number in numbers), sum(n & 0xFFFFFFFF for n in numbers)
    assert read_sum(f"{upper}:{lower}") == sum(numbers)


def test_groups_come_in_order_and_what_has_no_value_comes_last(
    billing: Billing, customer: str
) -> None:
    """By bytes, whatever language the database speaks."""
    for kind in ("b", "B", None, "é", "a"):
        dimensions = {} if kind is None else {"kind": kind}
        billing.usage.record(customer, "tokens", 1, dimensions=dimensions)
    expected = ["B", "a", "b", "é", None]
    groups = billing.usage.summary(customer, "tokens", group_by="kind").groups
    assert [group.key["kind"] for group in groups] == expected
    rows = billing.usage.report(by="kind", customer=customer).rows
    assert [row.key["kind"] for row in rows] == expected
