"""What is so at a moment (A2, A8): expiry as arithmetic, balances of the past, clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.ledger.checks import broken_laws
from tests.ledger.shown import kinds, numbers, remains
from tests.ledger.strategies import few
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import InsufficientBalance, InvalidRequest, NotFound, Refusal

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def expiries(billing: Billing, customer: str) -> list[tuple[datetime, object]]:
    """When what expired, below zero, oldest first, whenever it was booked."""
    page = billing.credits.history(customer, kinds="expire")
    return [(entry.event_at, entry.amount) for entry in reversed(page.entries)]


def test_a2_a_grant_is_spendable_from_its_beginning_until_before_its_end(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """To the microsecond, without any job."""
    room = billing.credits
    begins, ends = clock.now() + HOUR, clock.now() + 2 * HOUR
    room.grant(customer, "calls", 10, effective_at=begins, expires_at=ends)
    for moment, available, restricted in (
        (begins - TICK, 0, 10),
        (begins, 10, 0),
        (ends - TICK, 10, 0),
        (ends, 0, 0),
    ):
        clock.set(moment)
        assert numbers(billing, customer) == (available, restricted, 0, 0)
        assert room.has(customer, "calls", 10) is bool(available)
    with pytest.raises(InsufficientBalance):
        room.consume(customer, "calls", 1)
    assert kinds(billing, customer) == ["grant"]


@pytest.mark.parametrize("swept", ["never", "before", "often"])
def test_a2_expiry_is_booked_once_with_its_own_time(
    billing: Billing, clock: FixedClock, customer: str, swept: str
) -> None:
    """For exactly what remained, whether or when the sweep has run."""
    room = billing.credits
    first, second = clock.now() + HOUR, clock.now() + 2 * HOUR
    room.grant(customer, "calls", 30, expires_at=first)
    room.grant(customer, "calls", 20, expires_at=second)
    room.grant(customer, "calls", 5)
    room.consume(customer, "calls", 12)
    for minutes in (61, 61, 1):
        clock.advance(minutes=minutes)
        if swept != "never":
            billing.jobs.run_due(limit=100_000)
        if swept == "often":
            billing.jobs.run_due(limit=100_000)
    assert numbers(billing, customer) == (5, 0, 0, 0)
    room.consume(customer, "calls", 1)
    room.consume(customer, "calls", 1)
    assert expiries(billing, customer) == [(first, -18), (second, -20)]
    assert remains(billing, customer) == [0, 0, 3]


def test_a2_expiry_never_makes_a_balance_negative(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Even where what is held or spent came from the grant that expires."""
    room = billing.credits
    room.grant(customer, "calls", 30, expires_at=clock.now() + HOUR)
    room.consume(customer, "calls", 20)
    room.hold(customer, "calls", 10, lifetime=3 * HOUR)
    clock.advance(hours=2)
    assert numbers(billing, customer) == (0, 0, 10, 0)
    clock.advance(hours=2)
    assert numbers(billing, customer) == (0, 0, 0, 0)


def test_a2_a_grant_that_is_over_when_it_comes_expires_at_once(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """It is in the books, and nobody can spend it."""
    receipt = billing.credits.grant(customer, "calls", 30, expires_at=clock.now())
    assert [entry.kind for entry in receipt.entries] == ["grant", "expire"]
    assert numbers(billing, customer) == (0, 0, 0, 0)


def test_a4_a_purchase_pays_debt_once_it_begins(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """What was bought for later pays debt when it may be spent, as its own entry."""
    room = billing.credits
    room.consume(customer, "calls", 30, overdraft=30)
    begins = clock.now() + HOUR
    room.grant(customer, "calls", 50, source="purchase", effective_at=begins)
    assert numbers(billing, customer) == (-30, 50, 0, 30)
    clock.advance(hours=2)
    assert numbers(billing, customer) == (20, 0, 0, 0)
    room.consume(customer, "calls", 1)
    assert kinds(billing, customer) == ["consume", "grant", "activate", "repay", "consume"]
    assert room.history(customer, kinds="repay").entries[0].event_at == begins


def test_a8_the_balance_of_a_moment_is_what_was_said_then(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """For every moment of a history with holds, expiry and debt; feature by feature."""
    room = billing.credits
    said: list[tuple[datetime, tuple[object, ...], object]] = []

    def step(**span: int) -> None:
        shown = room.balance(customer, "calls", feature="chat").available
        said.append((clock.now(), numbers(billing, customer), shown))
        clock.advance(**span)

    step(minutes=1)
    room.grant(customer, "calls", 100, expires_at=clock.now() + HOUR)
    room.grant(customer, "calls", 7, features=["chat"], effective_at=clock.now() + 2 * HOUR)
    step(minutes=10)
    held = room.hold(customer, "calls", 60, lifetime=2 * HOUR)
    step(minutes=40)
    room.extend(customer, held, 5)
    step(minutes=40)
    room.consume(customer, "calls", 20, overdraft="unlimited")
    step(hours=1)
    room.grant(customer, "calls", 50, source="purchase")
    step(hours=1)
    step(hours=1)
    room.revoke(customer)
    step(hours=1)
    for moment, balance, chat in said:
        then = room.balance(customer, "calls", at=moment)
        assert (then.available, then.restricted, then.held, then.debt) == balance
        assert room.balance(customer, "calls", feature="chat", at=moment).available == chat


def test_a8_what_was_known_then_can_be_told(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """`known_at` leaves out what was booked later; it may be about a moment yet to come."""
    room = billing.credits
    room.grant(customer, "calls", 100, expires_at=clock.now() + 3 * HOUR)
    first = clock.now()
    clock.advance(hours=1)
    room.consume(customer, "calls", 40)
    clock.advance(hours=4)
    room.grant(customer, "calls", 5)

    def known(at: datetime, then: datetime) -> object:
        return room.balance(customer, "calls", at=at, known_at=then).available

    assert known(first + 2 * HOUR, first) == 100
    assert known(first + 2 * HOUR, first + HOUR) == 60
    assert known(first + 3 * HOUR, first + HOUR) == 0
    assert known(first + 99 * HOUR, clock.now()) == 5
    assert known(first, first - TICK) == 0
    assert room.balance(customer, "calls", at=first - TICK).available == 0
    with pytest.raises(InvalidRequest):
        room.balance(customer, "calls", known_at=first)


def test_a_clock_that_steps_back_revives_nothing(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Within an account time never runs backwards: what is booked as expired stays expired."""
    room = billing.credits
    ends = clock.now() + HOUR
    room.grant(customer, "calls", 100, expires_at=ends)
    held = room.hold(customer, "calls", 60, lifetime=9 * HOUR)
    clock.advance(hours=2)
    room.grant(customer, "calls", 1)
    clock.set(ends - HOUR)
    room.release(customer, held)
    assert numbers(billing, customer) == (1, 0, 0, 0)
    clock.advance(hours=3)
    room.consume(customer, "calls", 1)
    moments = [entry.created_at for entry in room.history(customer).entries]
    assert moments == sorted(moments, reverse=True)
    assert expiries(billing, customer) == [(ends, -40), (ends + HOUR, -60)]


calls = st.sampled_from(["grant", "later", "hold", "release", "revoke", "reverse", "transfer"])
jumps = st.integers(-4, 6).map(lambda hours: hours * HOUR)


@given(steps=st.lists(st.tuples(calls, jumps, st.integers(1, 40)), min_size=8, max_size=25))
@few(8)
def test_no_clock_can_break_the_books(
    billing: Billing,
    clock: FixedClock,
    engine: Engine,
    steps: list[tuple[str, timedelta, int]],
) -> None:
    """However it jumps, back and forth: every call is answered, and every law holds."""
    name = uuid4().hex
    people = (name, f"{name}_other")
    done: list[Any] = []
    for verb, jump, amount in steps:
        clock.set(clock.now() + jump)
        try:
            done.append(_call(billing, clock, people, verb, amount, done))
        except (Refusal, NotFound):
            continue
    assert broken_laws(engine, people) == []
    for person in people:
        assert billing.books.audit(customer=person).findings == ()


def _call(
    billing: Billing,
    clock: FixedClock,
    people: tuple[str, str],
    verb: str,
    amount: int,
    done: list[Any],
) -> Any:
    room, now = billing.credits, clock.now()
    name, other = people if amount % 3 else reversed(people)
    if verb == "grant":
        return room.grant(name, "calls", amount, expires_at=now + amount % 5 * HOUR)
    if verb == "later":
        return room.grant(name, "calls", amount, effective_at=now + amount % 5 * HOUR)
    if verb == "hold":
        return room.hold(name, "calls", amount, lifetime=2 * HOUR, overdraft=10)
    if verb == "revoke":
        return room.revoke(name, "calls")
    if verb == "transfer":
        return room.transfer(name, "calls", amount, to=other)
    if not done:
        return None
    last = done[-1 - amount % len(done)]
    if last is None:
        return None
    end = room.release if verb == "release" else room.reverse
    return end(last.customer, getattr(last, "id", last.operation_id))


def test_moments_at_the_edges_of_time_are_kept(billing: Billing, customer: str) -> None:
    """The first and last moments that a calendar knows come back as they were given."""
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC)
    billing.credits.grant(customer, "calls", 1, effective_at=first, expires_at=last)
    grant = billing.credits.grants(customer)[0]
    assert (grant.effective_at, grant.expires_at) == (first, last)
    assert numbers(billing, customer) == (1, 0, 0, 0)
