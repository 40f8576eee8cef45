"""Renewals through the front door, on both databases: what customers see, and what is booked."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.subscriptions.prices import available, seen, shown
from tollkeeper import Billing
from tollkeeper.clock import FixedClock

FEBRUARY = datetime(2026, 2, 28, 12, tzinfo=UTC)
MARCH = datetime(2026, 3, 31, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 30, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 31, 12, tzinfo=UTC)


def test_s029_reset_positive(billing: Billing, clock: FixedClock) -> None:
    """What is left expires, then the new allowance is granted: the balance is the allowance."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 400)
    clock.set(FEBRUARY)
    assert available(billing, "u") == 1000
    billing.jobs.run_due()
    assert shown(billing, "u")[2:] == [("expire", -600, 0), ("grant", 1000, 1000)]


def test_s030_reset_negative(billing: Billing, clock: FixedClock) -> None:
    """Debt is forgiven with an entry of its own, then the allowance is granted."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 1200)
    clock.set(FEBRUARY)
    assert available(billing, "u") == 1000
    billing.jobs.run_due()
    assert shown(billing, "u")[2:] == [("forgive", 200, 0), ("grant", 1000, 1000)]


def test_s031_reset_zero(billing: Billing, clock: FixedClock) -> None:
    """Nothing is left: there is only the grant."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 1000)
    clock.set(FEBRUARY)
    billing.jobs.run_due()
    assert shown(billing, "u")[2:] == [("grant", 1000, 1000)]


def test_s032_renewal_add(billing: Billing, clock: FixedClock) -> None:
    """What is left stays, and debt is paid back from the new allowance."""
    billing.credits.grant("u", "storage", 1)
    billing.credits.consume("u", "storage", 1)
    billing.subscriptions.allocate("u", "pro", interval="month")
    billing.credits.consume("u", "storage", 300, overdraft=500)
    clock.set(FEBRUARY)
    assert available(billing, "u", "storage") == -100
    clock.set(MARCH)
    assert available(billing, "u", "storage") == 0
    clock.set(APRIL)
    assert available(billing, "u", "storage") == 100
    billing.jobs.run_due()
    kinds = [entry[0] for entry in shown(billing, "u", "storage")[4:]]
    assert kinds == ["grant", "repay", "grant", "repay", "grant"]


def test_s133_rollover_cap(billing: Billing, clock: FixedClock) -> None:
    """A renewal adds no more than the cap leaves room for."""
    billing.subscriptions.allocate("u", "pro", interval="month")
    clock.set(MARCH)
    assert available(billing, "u", "storage") == 250
    billing.credits.consume("u", "storage", 20)
    clock.set(APRIL)
    assert available(billing, "u", "storage") == 250
    amounts = [entry[1] for entry in shown(billing, "u", "storage")]
    assert amounts == [100, 100, 50, -20]


def test_s133_a_hold_makes_no_room_under_the_cap(billing: Billing, clock: FixedClock) -> None:
    """What is held over a renewal may come back, so it counts as left; what is settled does not."""
    billing.subscriptions.allocate("u", "pro", interval="month")
    clock.set(APRIL - timedelta(hours=1))
    held = billing.credits.hold("u", "storage", 200, lifetime=timedelta(hours=5))
    clock.set(APRIL)
    assert available(billing, "u", "storage") == 50
    billing.credits.release("u", held)
    assert available(billing, "u", "storage") == 250
    clock.set(MAY - timedelta(hours=1))
    held = billing.credits.hold("u", "storage", 200, lifetime=timedelta(hours=5))
    billing.credits.settle("u", held, 60)
    clock.set(MAY)
    assert available(billing, "u", "storage") == 250


def test_s035_reset_never_touches_purchased_or_promo(billing: Billing, clock: FixedClock) -> None:
    """Bought and promotional credits, and the wallet, are as they were."""
    billing.credits.grant("u", "calls", 70, source="purchase")
    billing.credits.grant("u", "calls", 30, source="promotion")
    billing.subscriptions.allocate("u", "basic")
    clock.set(MARCH)
    left = {grant.source: int(grant.remaining) for grant in billing.credits.grants("u", "calls")}
    assert available(billing, "u") == 1100
    assert seen(left["purchase"], left["promotion"]) == (70, 30)


@pytest.mark.parametrize(("interval", "amount"), [("month", 1001), ("year", 12012), ("week", 251)])
def test_s036_policy_upfront(
    billing: Billing, clock: FixedClock, interval: str, amount: int
) -> None:
    """A year's allowance comes at once, and a week's is a quarter, rounded up; so it is renewed."""
    billing.subscriptions.allocate("u", "upfront", interval=interval)
    assert available(billing, "u") == amount
    clock.set(datetime(2027, 2, 1, tzinfo=UTC))
    assert available(billing, "u") == amount


def test_s037_yearly_plan_drips(billing: Billing, clock: FixedClock) -> None:
    """A yearly plan grants its monthly allowance twelve times a year, from its own recurrence."""
    billing.subscriptions.allocate("u", "pro", interval="year")
    clock.set(datetime(2027, 1, 31, 11, 59, tzinfo=UTC))
    billing.jobs.run_due()
    granted = [entry for entry in shown(billing, "u") if entry[0] == "grant"]
    assert granted == [("grant", 10_000, 10_000)] * 12
    grants = billing.credits.grants("u", "calls")
    assert len(grants) == 12
    assert [f"{grant.effective_at:%m-%d}" for grant in grants[:3]] == ["01-31", "02-28", "03-31"]


def test_a_lifetime_ends_each_grant_by_itself(billing: Billing, clock: FixedClock) -> None:
    """With `add` and a lifetime, a week's grant can be spent for two."""
    billing.subscriptions.allocate("u", "rolling")
    clock.set(datetime(2026, 3, 1, tzinfo=UTC))
    assert available(billing, "u", "weekly") == 20


def test_seats_multiply_a_pooled_allowance(billing: Billing, clock: FixedClock) -> None:
    """Quantity counts at the start and at each renewal (D8)."""
    billing.subscriptions.allocate("u", "team", quantity=7)
    assert available(billing, "u") == 700
    clock.set(MARCH)
    assert available(billing, "u") == 700


def test_allowances_of_several_plans_add_up(billing: Billing, clock: FixedClock) -> None:
    """Plans of different groups and add-ons stand side by side (D10); each renews its own."""
    billing.subscriptions.allocate("u", "basic")
    clock.set(datetime(2026, 2, 10, tzinfo=UTC))
    billing.subscriptions.allocate("u", "more")
    billing.subscriptions.allocate("u", "team", quantity=2)
    assert available(billing, "u") == 1000 + 50 + 200
    billing.credits.consume("u", "calls", 1250)
    clock.set(FEBRUARY)
    assert available(billing, "u") == 1000
    clock.set(datetime(2026, 3, 10, tzinfo=UTC))
    assert available(billing, "u") == 1250


def test_an_anchor_says_when_periods_begin(billing: Billing, clock: FixedClock) -> None:
    """The first allowance comes at once; the next with the anchor's period."""
    first = datetime(2026, 2, 1, tzinfo=UTC)
    found = billing.subscriptions.allocate("u", "basic", anchor=first)
    assert found.period == (datetime(2026, 1, 1, tzinfo=UTC), first)
    billing.credits.consume("u", "calls", 999)
    clock.set(first - timedelta(microseconds=1))
    assert available(billing, "u") == 1
    clock.set(first)
    assert available(billing, "u") == 1000


def test_everybody_sees_a_renewal_that_is_due(billing: Billing, clock: FixedClock) -> None:
    """Check, charge, consume, holds and grants: whoever looks sees what is so now (H2)."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 1000)
    clock.set(FEBRUARY)
    assert billing.check("u", "call", 1000).is_allowed
    assert billing.credits.has("u", "calls", 1000)
    assert [grant.remaining for grant in billing.credits.grants("u", "calls")] == [0, 1000]
    assert billing.charge("u", "call", 300).balance.available == 700
    clock.set(MARCH)
    assert billing.credits.consume("u", "calls", 1).balance.available == 999
    clock.set(APRIL)
    held = billing.credits.hold("u", "calls", 1000)
    assert held.balance.available == 0
    billing.credits.settle("u", held, 10)
    assert available(billing, "u") == 990


def test_past_balances_know_renewals_that_nobody_booked(
    billing: Billing, clock: FixedClock
) -> None:
    """A balance at a moment is what it was, whether or not somebody looked then (A8)."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 400)
    clock.set(datetime(2026, 6, 1, tzinfo=UTC))
    at_march = billing.credits.balance("u", "calls", at=MARCH + timedelta(days=1))
    before = billing.credits.balance("u", "calls", at=FEBRUARY - timedelta(seconds=1))
    assert seen(at_march.available, before.available) == (1000, 600)
    billing.credits.consume("u", "calls", 1)
    assert billing.credits.balance("u", "calls", at=MARCH).available == 1000
    assert billing.credits.balance("u", "calls", at=clock.now()).available == 999


def test_a_hold_over_a_renewal_is_honoured(billing: Billing, clock: FixedClock) -> None:
    """A hold owns its value; what comes back to the old allowance is dead (B1)."""
    billing.subscriptions.allocate("u", "basic")
    clock.set(FEBRUARY - timedelta(minutes=5))
    held = billing.credits.hold("u", "calls", 300)
    clock.set(FEBRUARY + timedelta(minutes=5))
    assert available(billing, "u") == 1000
    billing.credits.settle("u", held, 100)
    assert available(billing, "u") == 1000
    assert shown(billing, "u")[-1][:2] == ("expire", -200)


def test_debt_that_a_hold_has_drawn_is_not_forgiven(billing: Billing, clock: FixedClock) -> None:
    """A hold that reaches into the overdraft is no debt yet: giving it back gives nothing away."""
    billing.subscriptions.allocate("u", "basic")
    billing.credits.consume("u", "calls", 950)
    clock.set(FEBRUARY - timedelta(minutes=5))
    held = billing.credits.hold("u", "calls", 150)
    billing.credits.consume("u", "calls", 40)
    clock.set(FEBRUARY + timedelta(minutes=5))
    assert available(billing, "u") == 900
    billing.credits.release("u", held)
    assert available(billing, "u") == 1000
    assert ("forgive", 40, -100) in shown(billing, "u")


def test_run_due_tells_of_renewals_and_is_done_once(billing: Billing, clock: FixedClock) -> None:
    """The sweep is prompt, and several of them book each thing once."""
    billing.subscriptions.allocate("u", "pro", interval="month")
    clock.set(FEBRUARY)
    assert billing.jobs.run_due().renewed == 2
    assert billing.jobs.run_due().renewed == 0


def test_a_new_zone_holds_from_the_next_period(billing: Billing, clock: FixedClock) -> None:
    """The period that runs keeps its end; the one after it is reckoned in the new zone (D4)."""
    billing.customers.create("u", zone="Europe/Berlin")
    clock.set(datetime(2026, 3, 1, 12, tzinfo=UTC))
    billing.subscriptions.allocate("u", "basic")
    billing.customers.update("u", zone="America/New_York")
    april = datetime(2026, 4, 1, 11, tzinfo=UTC)
    billing.credits.consume("u", "calls", 1000)
    clock.set(april - timedelta(seconds=1))
    assert available(billing, "u") == 0
    clock.set(april)
    assert available(billing, "u") == 1000
    billing.credits.consume("u", "calls", 1000)
    clock.set(datetime(2026, 5, 1, 10, 59, tzinfo=UTC))
    assert available(billing, "u") == 0
    clock.set(datetime(2026, 5, 1, 11, tzinfo=UTC))
    assert available(billing, "u") == 1000


def test_nobody_is_warned_of_an_allowance_that_is_renewed(
    billing: Billing, clock: FixedClock
) -> None:
    """A warning is for what is lost for good: once the subscription ends, say."""
    billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.allocate("v", "basic")
    billing.subscriptions.cancel("v")
    clock.set(FEBRUARY - timedelta(days=1))
    assert billing.jobs.run_due().warned == 1
    told = billing.notices.list(kind="grant_expiring").notices
    assert [each.notice.customer for each in told] == ["v"]
