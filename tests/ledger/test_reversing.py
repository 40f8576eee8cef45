"""Reversing (A6): the very entries, to the very grants, at most once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.pure import START, UNIT, PureBook
from tests.ledger.shown import kinds, numbers, remains
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.correcting import Adjust, Revoke, SetBalance
from tollkeeper.decisions.requests import Request
from tollkeeper.decisions.reversing import Reverse, reversal_id
from tollkeeper.decisions.spending import Consume
from tollkeeper.errors import (
    InsufficientBalance,
    NotReversible,
    OperationNotFound,
)
from tollkeeper.values.receipts import Receipt

HOUR = timedelta(hours=1)
NOTE = {"reason": "a mistake of ours", "actor": "ann"}

grants = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.integers(1, 60),
            "paid": st.booleans(),
            "priority": st.sampled_from([20, 40]),
            "features": st.sampled_from([(), (), ("chat",)]),
        }
    ),
    max_size=5,
)
amounts = st.integers(1, 90)


def changes(book: PureBook, amount: int) -> list[Request]:
    """One request of each kind that has an opposite."""
    return [
        Consume(**book.name(), unit=UNIT, amount=amount, overdraft=40),
        Consume(**book.name(), unit=UNIT, amount=amount, feature="chat"),
        Revoke(**book.name(), unit=UNIT, amount=amount),
        Revoke(**book.name(), unit=UNIT),
        Adjust(**book.name(), unit=UNIT, amount=amount),
        Adjust(**book.name(), unit=UNIT, amount=-amount),
        SetBalance(**book.name(), unit=UNIT, amount=amount),
        SetBalance(**book.name(), unit=UNIT, amount=-amount),
    ]


@given(grants, amounts, st.integers(0, 30))
def test_a6_what_is_undone_at_once_never_was(
    facts: list[dict[str, Any]], amount: int, debt: int
) -> None:
    """Balances and grants stand as before, whatever was undone and whatever is owed."""
    book = PureBook()
    if debt:
        book.run(Consume(**book.name(), unit=UNIT, amount=debt, overdraft=debt))
    for fact in facts:
        book.grant(**fact)
    before = (book.numbers, book.remains)
    for request in changes(book, amount):
        undone = book.copy()
        try:
            undone.run(request)
        except InsufficientBalance:
            continue
        name = book.name() | {"id": reversal_id(request.id)}
        undone.run(Reverse(**name, operation=request.id), START)
        assert (undone.numbers, undone.remains) == before


def test_a6_value_returns_to_the_very_grants(billing: Billing, customer: str) -> None:
    """Not by today's burn order: a grant that came later and burns sooner gets nothing."""
    room = billing.credits
    room.grant(customer, "calls", 30)
    room.grant(customer, "calls", 30)
    spent = room.consume(customer, "calls", 40)
    room.grant(customer, "calls", 30, priority=1)
    reversal = room.reverse(customer, spent)
    assert remains(billing, customer) == [30, 30, 30]
    assert reversal.kind == "reverse"
    assert reversal.result["reverses"] == spent.operation_id
    lines = {line.grant_id: line.remaining_change for line in spent.lines}
    assert {line.grant_id: -line.remaining_change for line in reversal.lines} == lines


def test_a6_a_dead_grant_gets_its_value_back_and_it_expires(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """At once and visibly; the customer keeps nothing of it."""
    room = billing.credits
    room.grant(customer, "calls", 100, expires_at=clock.now() + HOUR)
    spent = room.consume(customer, "calls", 40)
    clock.advance(hours=2)
    reversal = room.reverse(customer, spent)
    assert [entry.kind for entry in reversal.entries] == ["reverse", "expire"]
    assert reversal.entries[1].amount == -40
    assert numbers(billing, customer) == (0, 0, 0, 0)
    assert kinds(billing, customer) == ["grant", "consume", "expire", "reverse", "expire"]


def test_a6_a_dead_grant_may_be_issued_anew(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """With the policy `reissue` a new grant carries the value on, and does not expire."""
    room = billing.credits
    old = room.grant(
        customer, "calls", 100, expires_at=clock.now() + HOUR, features=["chat"], priority=7
    )
    spent = room.consume(customer, "calls", 40, feature="chat")
    clock.advance(hours=2)
    room.reverse(customer, spent, expired="reissue")
    new = room.grants(customer)[1]
    assert (new.source, new.source_id) == ("reissue", old.grant_id)
    assert new.remaining == 40
    assert (new.priority, new.features, new.expires_at) == (7, ("chat",), None)
    assert numbers(billing, customer) == (0, 40, 0, 0)


def test_a6_a_settle_can_be_undone_though_its_rest_expired(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """What expired at once within the settle needs no opposite."""
    room = billing.credits
    room.grant(customer, "calls", 100, expires_at=clock.now() + HOUR)
    held = room.hold(customer, "calls", 60, lifetime=3 * HOUR)
    clock.advance(hours=2)
    settled = room.settle(customer, held, 50)
    room.reverse(customer, settled, expired="reissue")
    assert numbers(billing, customer) == (50, 0, 0, 0)


def test_a6_a_settle_with_its_excess_is_undone_as_one(billing: Billing, customer: str) -> None:
    """The held part, the excess and the debt it made all come back."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    room.set_overdraft(customer, "calls", 30)
    held = room.hold(customer, "calls", 60)
    settled = room.settle(customer, held, 120)
    assert numbers(billing, customer) == (-20, 0, 0, 20)
    room.reverse(customer, settled)
    assert numbers(billing, customer) == (100, 0, 0, 0)


def test_a6_a_grant_that_was_spent_cannot_be_undone(billing: Billing, customer: str) -> None:
    """Reversing it would take from somebody else's grant; nothing is written."""
    room = billing.credits
    granted = room.grant(customer, "calls", 100)
    room.grant(customer, "calls", 100)
    room.consume(customer, "calls", 1)
    with pytest.raises(NotReversible):
        room.reverse(customer, granted)
    assert numbers(billing, customer) == (199, 0, 0, 0)


def test_a6_undoing_a_grant_brings_back_the_debt_it_paid(billing: Billing, customer: str) -> None:
    """Marked where it passes the limit that holds now (law 4)."""
    room = billing.credits
    room.consume(customer, "calls", 30, overdraft=30)
    bought = room.grant(customer, "calls", 100, source="purchase")
    assert numbers(billing, customer) == (70, 0, 0, 0)
    reversal = room.reverse(customer, bought)
    assert numbers(billing, customer) == (-30, 0, 0, 30)
    assert [entry.mark for entry in reversal.entries] == ["beyond_limit", None]


def test_a6_debt_that_was_paid_meanwhile_comes_back_as_value(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """The overdrawn part of a consume that is undone was paid for by a purchase: it is returned."""
    room = billing.credits
    spent = room.consume(customer, "calls", 30, overdraft=30)
    room.grant(customer, "calls", 100, source="purchase")
    clock.advance(seconds=1)
    room.reverse(customer, spent)
    assert numbers(billing, customer) == (100, 0, 0, 0)
    assert room.grants(customer)[1].source == "returned"


def test_a7_a_transfer_is_undone_on_both_sides(billing: Billing, customer: str) -> None:
    """Under the giver's key, once; the taker's keys are his own."""
    room, taker = billing.credits, f"{customer}_taker"
    room.grant(customer, "calls", 100)
    moved = room.transfer(customer, "calls", 40, to=taker)
    first = room.reverse(customer, moved, idempotency_key="undo")
    assert numbers(billing, customer) == (100, 0, 0, 0)
    assert numbers(billing, taker) == (0, 0, 0, 0)
    assert {entry.customer for entry in first.entries} == {customer, taker}
    assert first.balance is not None
    assert first.balance.available == 100
    for again in (room.reverse(customer, moved, idempotency_key="undo"), _undo(billing, moved)):
        assert again.replayed
        assert again.to_json() == first.to_json()
    assert not room.grant(taker, "calls", 1, idempotency_key="undo").replayed


def test_a7_the_taker_cannot_undo_a_transfer_alone(billing: Billing, customer: str) -> None:
    """His half of it would vanish from the books."""
    room, taker = billing.credits, f"{customer}_taker"
    room.grant(customer, "calls", 100)
    moved = room.transfer(customer, "calls", 40, to=taker)
    with pytest.raises(NotReversible):
        room.reverse(taker, moved)
    assert numbers(billing, taker) == (40, 0, 0, 0)
    room.consume(taker, "calls", 1)
    with pytest.raises(NotReversible):
        room.reverse(customer, moved)
    assert numbers(billing, customer) == (60, 0, 0, 0)


def test_what_has_no_opposite_is_refused(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Holds, their ends, expiries, limits and reversals themselves."""
    room = billing.credits
    spent = room.consume(customer, "calls", 5, overdraft=5)
    reversal = room.reverse(customer, spent)
    room.grant(customer, "calls", 50)
    room.grant(customer, "calls", 5, priority=99, expires_at=clock.now() + HOUR)
    held, lapsing = (room.hold(customer, "calls", 10, lifetime=HOUR) for _ in range(2))
    extended = room.extend(customer, held, 5)
    released = room.release(customer, held)
    limited = room.set_overdraft(customer, "calls", 5)
    clock.advance(hours=2)
    room.grant(customer, "calls", 1)
    by_time = room.history(customer, kinds=["expire", "lapse"]).entries
    assert {entry.operation_id[:4] for entry in by_time} == {"exp_", "lps_"}
    named = [receipt.operation_id for receipt in (reversal, held, lapsing, extended, released)]
    named += [limited.operation_id, *(entry.operation_id for entry in by_time)]
    before = kinds(billing, customer)
    for operation in named:
        with pytest.raises(NotReversible):
            room.reverse(customer, operation)
    assert kinds(billing, customer) == before


def test_an_operation_of_nobody_or_of_another_is_not_found(billing: Billing, customer: str) -> None:
    """Even where its end is that of an operation that was undone."""
    room = billing.credits
    spent = room.consume(customer, "calls", 5, overdraft=5)
    room.reverse(customer, spent)
    for name in ("op_nothing", f"foo_{spent.operation_id.partition('_')[2]}", "op", "_"):
        with pytest.raises(OperationNotFound):
            room.reverse(customer, name)
    with pytest.raises(OperationNotFound):
        room.reverse(f"{customer}_other", spent)


def test_of_many_who_undo_one_operation_one_does(billing: Billing, customer: str) -> None:
    """The others get his receipt."""
    billing.credits.grant(customer, "calls", 100)
    spent = billing.credits.consume(customer, "calls", 40)
    with ThreadPoolExecutor(12) as threads:
        receipts = list(threads.map(lambda _: billing.credits.reverse(customer, spent), range(24)))
    assert len({receipt.to_json() for receipt in receipts}) == 1
    assert numbers(billing, customer) == (100, 0, 0, 0)
    assert kinds(billing, customer) == ["grant", "consume", "reverse"]


def _undo(billing: Billing, receipt: Receipt) -> Receipt:
    return billing.credits.reverse(receipt.customer, receipt.operation_id)
