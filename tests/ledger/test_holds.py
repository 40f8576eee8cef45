"""Holds (B1-B4, B7): they own their value, settle once, and lapse by themselves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.pure import START, UNIT, PureBook
from tests.ledger.shown import kinds, numbers, remains
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.holding import Place
from tollkeeper.errors import (
    BeyondHold,
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
)

HOUR = timedelta(hours=1)


def test_b1_a_settle_is_honoured_though_the_grant_expired(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """The hold took its value out before the expiry; what is given back dies at once, visibly."""
    room = billing.credits
    room.grant(customer, "calls", 100, expires_at=clock.now() + HOUR)
    held = room.hold(customer, "calls", 60, lifetime=2 * HOUR)
    clock.advance(minutes=90)
    assert numbers(billing, customer) == (0, 0, 60, 0)
    receipt = room.settle(customer, held, 45)
    assert receipt.amount == 45
    assert [entry.kind for entry in receipt.entries] == ["settle", "expire"]
    assert receipt.entries[1].amount == -15
    assert numbers(billing, customer) == (0, 0, 0, 0)
    assert kinds(billing, customer) == ["grant", "hold", "expire", "settle", "expire"]


@pytest.mark.parametrize("ending", ["release", "lapse"])
def test_b1_what_returns_to_a_dead_grant_dies_visibly(
    billing: Billing, clock: FixedClock, customer: str, ending: str
) -> None:
    """Whoever gives it back: the caller, or time."""
    room = billing.credits
    room.grant(customer, "calls", 100, expires_at=clock.now() + HOUR)
    held = room.hold(customer, "calls", 60, lifetime=2 * HOUR)
    clock.advance(minutes=90)
    if ending == "release":
        assert [entry.kind for entry in room.release(customer, held).entries] == [ending, "expire"]
    else:
        clock.advance(hours=1)
        room.grant(customer, "calls", 1)
    assert kinds(billing, customer)[:5] == ["grant", "hold", "expire", ending, "expire"]
    assert numbers(billing, customer)[2] == 0
    assert room.grants(customer)[0].remaining == 0


def test_b1_a_hold_lapses_by_itself(billing: Billing, clock: FixedClock, customer: str) -> None:
    """At its very end it is over, without any job; the entry has the time of the lapse."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 60, lifetime=HOUR)
    clock.advance(minutes=59, seconds=59)
    assert numbers(billing, customer) == (40, 0, 60, 0)
    clock.advance(seconds=1)
    assert numbers(billing, customer) == (100, 0, 0, 0)
    clock.advance(hours=3)
    room.consume(customer, "calls", 100)
    lapse = room.history(customer, kinds="lapse").entries[0]
    assert lapse.event_at == held.expires_at
    assert lapse.created_at == clock.now()


def test_b2_settling_less_returns_the_rest_to_its_grants(billing: Billing, customer: str) -> None:
    """The first of what was drawn is used; the rest is where it came from."""
    room = billing.credits
    room.grant(customer, "calls", 30, priority=10)
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 80)
    assert [line.remaining_change for line in held.lines] == [-30, -50]
    receipt = room.settle(customer, held, "40.5")
    assert receipt.settled == Decimal("40.5")
    assert receipt.uncollected == 0
    assert not receipt.late
    assert remains(billing, customer) == [0, Decimal("89.5")]


def test_b2_settling_nothing_gives_all_back(billing: Billing, customer: str) -> None:
    """Zero is an amount a settle may have; the hold is settled all the same."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 80)
    assert room.settle(customer, held, 0).settled == 0
    assert numbers(billing, customer) == (100, 0, 0, 0)
    with pytest.raises(IdempotencyConflict):
        room.settle(customer, held, 1)


@pytest.mark.parametrize(
    ("excess", "available", "debt", "uncollected"),
    [("charge", -20, 20, 30), ("cap", 40, 0, 0)],
)
def test_b2_settling_more_follows_the_policy(
    billing: Billing, customer: str, excess: str, available: int, debt: int, uncollected: int
) -> None:
    """The excess goes to the balance, then to the overdraft; the rest is told as uncollected."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    room.set_overdraft(customer, "calls", 20)
    held = room.hold(customer, "calls", 60)
    receipt = room.settle(customer, held, 150, excess=excess)
    assert receipt.settled == 150
    assert receipt.uncollected == uncollected
    assert numbers(billing, customer) == (available, 0, 0, debt)


def test_b2_an_excess_may_be_refused(billing: Billing, customer: str) -> None:
    """The hold stays open, and nothing is written."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 60)
    with pytest.raises(BeyondHold) as refusal:
        room.settle(customer, held, 61, excess="refuse")
    assert (refusal.value.held, refusal.value.required, refusal.value.unit) == (60, 61, "calls")
    assert numbers(billing, customer) == (40, 0, 60, 0)
    assert room.settle(customer, held, 60, excess="refuse").settled == 60


def test_b2_a_second_settle_replays_or_conflicts(billing: Billing, customer: str) -> None:
    """The hold's id is the key of its settle."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 60)
    first = room.settle(customer, held, 50)
    again = room.settle(customer, held.id, "50.0")
    assert again.to_json() == first.to_json()
    assert again.replayed
    assert room.settle(customer, held).to_json() == first.to_json()
    with pytest.raises(IdempotencyConflict):
        room.settle(customer, held, 51)


def test_a_closed_hold_says_how_it_ended(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Extending and releasing are refused with HoldClosed; releasing twice replays."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    settled, released, lapsed = (room.hold(customer, "calls", 10) for _ in range(3))
    room.settle(customer, settled)
    first = room.release(customer, released)
    clock.advance(hours=1)
    for hold, status in ((settled, "settled"), (released, "released"), (lapsed, "lapsed")):
        with pytest.raises(HoldClosed) as refusal:
            room.extend(customer, hold, 1)
        assert refusal.value.status == status
    with pytest.raises(HoldClosed):
        room.release(customer, settled)
    with pytest.raises(HoldClosed):
        room.settle(customer, released)
    assert room.release(customer, released).to_json() == first.to_json()
    assert room.release(customer, lapsed).result["status"] == "lapsed"


def test_b3_a_settle_after_the_lapse_is_a_late_charge(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """It takes what is there now, marked late, once, under the hold's id."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 60, lifetime=HOUR)
    clock.advance(hours=2)
    room.consume(customer, "calls", 70)
    receipt = room.settle(customer, held, 50)
    assert receipt.late
    assert receipt.settled == 50
    assert receipt.uncollected == 20
    assert [(entry.kind, entry.mark) for entry in receipt.entries] == [("consume", "late")]
    assert numbers(billing, customer) == (0, 0, 0, 0)
    assert room.settle(customer, held, 50).to_json() == receipt.to_json()
    with pytest.raises(IdempotencyConflict):
        room.settle(customer, held, 49)


def test_b3_a_late_settle_keeps_the_callers_policy(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """More than was held is refused or capped, late or not."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 60, lifetime=HOUR)
    clock.advance(hours=2)
    with pytest.raises(BeyondHold):
        room.settle(customer, held, 61, excess="refuse")
    receipt = room.settle(customer, held, 80, excess="cap")
    assert receipt.late
    assert receipt.settled == 80
    assert numbers(billing, customer) == (40, 0, 0, 0)


def test_b4_a_stream_is_metered_in_slices(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Hold a little, extend as it flows; a refused extension leaves the hold as it was."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 40)
    assert room.extend(customer, held, 40).held == 80
    with pytest.raises(InsufficientBalance) as refusal:
        room.extend(customer, held, 40)
    assert (refusal.value.available, refusal.value.required) == (20, 40)
    assert numbers(billing, customer) == (20, 0, 80, 0)
    clock.advance(minutes=10)
    longer = room.extend(customer, held, lifetime=HOUR)
    assert longer.expires_at == clock.now() + HOUR
    assert longer.held == 80
    assert room.settle(customer, held, 75).settled == 75
    assert numbers(billing, customer) == (25, 0, 0, 0)


def test_b4_a_hold_lives_a_day_at_most(billing: Billing, clock: FixedClock, customer: str) -> None:
    """However often it is extended; and an extension never shortens it."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    held = room.hold(customer, "calls", 40, lifetime=23 * HOUR)
    assert room.extend(customer, held, lifetime=HOUR).expires_at == held.expires_at
    clock.advance(hours=2)
    latest = held.created_at + 24 * HOUR
    with pytest.raises(InvalidRequest) as refusal:
        room.extend(customer, held, lifetime=22 * HOUR + timedelta(microseconds=1))
    assert refusal.value.latest == latest
    assert room.extend(customer, held, lifetime=22 * HOUR).expires_at == latest
    with pytest.raises(InvalidRequest):
        room.hold(customer, "calls", 1, lifetime=24 * HOUR + timedelta(microseconds=1))


def test_b7_twenty_holds_of_75_on_500_grant_six(billing: Billing, customer: str) -> None:
    """However many ask at once, they get what the balance allows and no more."""
    room = billing.credits
    room.grant(customer, "calls", 500)

    def ask(number: int) -> bool:
        try:
            room.hold(customer, "calls", 75, idempotency_key=f"ask {number}")
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(ask, range(20))) == 6
    assert numbers(billing, customer) == (50, 0, 450, 0)


@given(st.lists(st.integers(1, 40), max_size=5), st.integers(1, 60), st.integers(1, 12))
def test_b7_holds_of_one_size_get_the_whole_quotient(
    grants: list[int], size: int, askers: int
) -> None:
    """Of a balance that is spread over any grants, in any number."""
    book = PureBook()
    for amount in grants:
        book.grant(amount)
    accepted = 0
    for _ in range(askers):
        try:
            book.run(Place(**book.name(), unit=UNIT, amount=size, lifetime=HOUR), START)
        except InsufficientBalance:
            continue
        accepted += 1
    assert accepted == min(askers, sum(grants) // size)
    assert book.numbers == (sum(grants) - accepted * size, 0, accepted * size, 0)


def test_a_hold_on_overdraft_lessens_the_debt_when_released(
    billing: Billing, customer: str
) -> None:
    """What nobody has is held as debt; giving it back takes it off the debt."""
    room = billing.credits
    room.grant(customer, "calls", 10)
    held = room.hold(customer, "calls", 30, overdraft=50)
    assert numbers(billing, customer) == (-20, 0, 30, 20)
    room.release(customer, held)
    assert numbers(billing, customer) == (10, 0, 0, 0)


def test_a_hold_whose_debt_was_paid_gives_value_back(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Paid value paid the held debt meanwhile: at the end it comes back as a grant, not lost."""
    room = billing.credits
    for ending in ("release", "settle", "lapse"):
        held = room.hold(customer, "calls", 30, overdraft=50, lifetime=HOUR)
        room.grant(customer, "calls", 30, source="purchase")
        assert numbers(billing, customer) == (0, 0, 30, 0)
        if ending == "release":
            room.release(customer, held)
        elif ending == "settle":
            room.settle(customer, held, 0)
        else:
            clock.advance(hours=1)
        assert numbers(billing, customer) == (30, 0, 0, 0)
        # The value that came back can be moved at once, even before the lapse is booked.
        room.transfer(customer, "calls", 30, to=f"{customer}_other")
        assert numbers(billing, customer) == (0, 0, 0, 0)


def test_a_hold_gives_the_overdraft_back_first(billing: Billing, customer: str) -> None:
    """Whatever was drawn when: what a settle uses comes from grants as long as it can."""
    room = billing.credits
    room.set_overdraft(customer, "calls", 50)
    held = room.hold(customer, "calls", 30)
    room.grant(customer, "calls", 20)
    room.extend(customer, held, 20)
    assert numbers(billing, customer) == (-30, 0, 50, 30)
    room.settle(customer, held, 25)
    assert numbers(billing, customer) == (-5, 0, 0, 5)


@pytest.mark.parametrize(("used", "uncollected", "left"), [(15, 0, 5), (25, 5, 0)])
def test_an_excess_is_paid_by_what_the_feature_has(
    billing: Billing, customer: str, used: int, uncollected: int, left: int
) -> None:
    """A hold knows its feature, and so does its excess, whether all of it can be paid or not."""
    room = billing.credits
    room.grant(customer, "calls", 10)
    held = room.hold(customer, "calls", 10, feature="chat")
    room.grant(customer, "calls", 10, features=["chat"])
    receipt = room.settle(customer, held, used)
    assert receipt.uncollected == uncollected
    assert numbers(billing, customer) == (0, left, 0, 0)


def test_a_hold_is_its_customers_own(billing: Billing, customer: str) -> None:
    """Another customer's hold does not exist for this one."""
    billing.credits.grant(customer, "calls", 10)
    held = billing.credits.hold(customer, "calls", 10)
    for verb in ("settle", "release"):
        with pytest.raises(HoldNotFound):
            getattr(billing.credits, verb)(f"{customer}_other", held)
    assert numbers(billing, customer) == (0, 0, 10, 0)
