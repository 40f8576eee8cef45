"""What the app hears of subscriptions: each change once, and the end by time from who looks."""

from datetime import timedelta

from tests.subscriptions.prices import available
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.notices import (
    Notice,
    SubscriptionEnded,
    SubscriptionEnding,
    SubscriptionNotice,
    SubscriptionResumed,
    SubscriptionStarted,
)


def heard(billing: Billing, customer: str = "u") -> list[SubscriptionNotice]:
    """What was written of subscriptions, oldest first."""
    states = billing.notices.list(customer=customer, limit=1000).notices
    found: list[Notice] = [state.notice for state in reversed(states)]
    return [each for each in found if isinstance(each, SubscriptionNotice)]


def test_a_plan_that_is_taken_is_told(billing: Billing, clock: FixedClock) -> None:
    """With its period and its payment, and once however often it is asked for."""
    taken = billing.subscriptions.allocate("u", "basic", payment_id="pay_1")
    billing.subscriptions.allocate("u", "basic", payment_id="pay_1")
    (told,) = heard(billing)
    assert isinstance(told, SubscriptionStarted)
    assert (told.subscription_id, told.plan, told.quantity) == (taken.id, "basic", 1)
    assert (told.period_start, told.period_end) == taken.period
    assert (told.payment_id, told.interval) == ("pay_1", taken.interval)
    assert told.operation_id is not None
    assert told.created_at == clock.now()


def test_cancelled_resumed_and_cancelled_again(billing: Billing) -> None:
    """Each change is told; what changes nothing is not."""
    taken = billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.resume("u")
    for _ in range(2):
        billing.subscriptions.cancel("u")
    billing.subscriptions.resume("u")
    billing.subscriptions.cancel("u", at="now")
    billing.subscriptions.cancel("u", at="now")
    told = heard(billing)
    assert [type(each) for each in told] == [
        SubscriptionStarted,
        SubscriptionEnding,
        SubscriptionResumed,
        SubscriptionEnded,
    ]
    assert isinstance(told[1], SubscriptionEnding)
    assert told[1].ends_at == taken.period.end


def test_an_end_by_time_is_told_once(billing: Billing, clock: FixedClock) -> None:
    """By whoever runs what is due, with the moment at which it was; twice run, once told."""
    ends = billing.subscriptions.allocate("u", "basic").period.end
    billing.subscriptions.allocate("v", "basic")
    billing.subscriptions.cancel("u")
    billing.jobs.run_due()
    clock.set(ends - timedelta(seconds=1))
    assert billing.jobs.run_due().ended == 0
    clock.set(ends + timedelta(days=3))
    assert available(billing, "u") == 0
    for _ in range(3):
        billing.jobs.run_due()
        clock.advance(minutes=5)
    (told,) = heard(billing)  # what nobody took in a month is cleared
    assert isinstance(told, SubscriptionEnded)
    assert told.ended_at == told.period_end == ends
    assert heard(billing, "v") == []


def test_who_ended_at_once_is_not_told_again(billing: Billing, clock: FixedClock) -> None:
    """The operation told it; the job passes it over."""
    billing.subscriptions.allocate("u", "basic")
    billing.subscriptions.cancel("u", at="now")
    clock.advance(days=1)
    assert billing.jobs.run_due().ended == 0
    assert len(heard(billing)) == 2


def test_many_ends_are_told_in_their_order(billing: Billing, clock: FixedClock) -> None:
    """Step by step: a run that is limited goes on where it left."""
    customers = [f"c{number}" for number in range(7)]
    for customer in customers:
        billing.subscriptions.allocate(customer, "basic")
        billing.subscriptions.cancel(customer)
    clock.advance(days=70)
    for _ in range(5):
        billing.jobs.run_due(limit=2)
        clock.advance(minutes=2)
    assert all(isinstance(heard(billing, each)[-1], SubscriptionEnded) for each in customers)
