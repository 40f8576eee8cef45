"""What a grant cost goes with its parts, to the last digit (A7)."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.pure import CUSTOMER, START, UNIT, PureBook
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.holding import Place
from tollkeeper.decisions.moving import Transfer
from tollkeeper.decisions.reversing import Reverse, reversal_id
from tollkeeper.decisions.settling import Settle
from tollkeeper.decisions.spending import Consume

HOUR = timedelta(hours=1)

costs = st.integers(0, 10**12)
parts = st.lists(st.integers(1, 10**6), min_size=1, max_size=8)


def _cost_of(book: PureBook, customer: str) -> int:
    return sum(fact.cost for (owner, _), fact in book.grants.items() if owner == customer)


def _transfer(book: PureBook, amount: int) -> None:
    book.run(Transfer(**book.name(), to="other", unit=UNIT, amount=amount))


def _reissue(book: PureBook, operation: str, now: datetime) -> None:
    name = book.name() | {"id": reversal_id(operation)}
    book.run(Reverse(**name, operation=operation, dead="reissue"), now)


@given(costs, parts)
def test_a7_the_costs_of_what_is_transferred_add_up_to_the_whole(
    cost: int, amounts: list[int]
) -> None:
    """However a grant is cut up, nothing of its cost is lost, and nothing is made."""
    book = PureBook()
    book.grant(sum(amounts), cost=cost, cost_currency="usd")
    for amount in amounts:
        _transfer(book, amount)
    assert _cost_of(book, "other") == cost


@given(costs, st.lists(st.tuples(st.booleans(), st.integers(1, 10**6)), min_size=1, max_size=8))
def test_a7_what_is_spent_leaves_its_cost_and_no_other_behind(
    cost: int, steps: list[tuple[bool, int]]
) -> None:
    """What goes elsewhere and what is spent here cost the whole together."""
    book = PureBook()
    whole = sum(amount for _, amount in steps)
    book.grant(whole, cost=cost, cost_currency="usd")
    for moves, amount in steps:
        if moves:
            _transfer(book, amount)
        else:
            book.run(Consume(**book.name(), unit=UNIT, amount=amount))
    left = accumulate((amount for _, amount in steps), int.__sub__, initial=whole)
    shares = [cost * before // whole - cost * after // whole for before, after in pairwise(left)]
    moved = [share for share, (moves, _) in zip(shares, steps, strict=True) if moves]
    assert _cost_of(book, "other") == sum(moved)
    if len(moved) == len(steps):
        assert _cost_of(book, "other") == cost


@given(costs, parts)
def test_a7_the_costs_of_what_is_granted_anew_add_up_to_the_whole(
    cost: int, amounts: list[int]
) -> None:
    """An expired grant's value comes back in parts; together they cost what it did."""
    book = PureBook()
    old = book.grant(sum(amounts), cost=cost, cost_currency="usd", expires_at=START + HOUR)
    spent = [Consume(**book.name(), unit=UNIT, amount=amount) for amount in amounts]
    for consume in spent:
        book.run(consume)
    for consume in reversed(spent):
        _reissue(book, consume.id, START + 2 * HOUR)
    assert _cost_of(book, CUSTOMER) - old.cost == cost


@given(costs, st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a7_what_is_held_keeps_its_cost(cost: int, used: int, back: int, rest: int) -> None:
    """It may come back after everything else has gone, and then it goes with what is left of it."""
    book, held, whole = PureBook(), used + back, used + back + rest
    book.grant(whole, cost=cost, cost_currency="usd")
    (opened,) = book.run(Place(**book.name(), unit=UNIT, amount=held, lifetime=HOUR)).holds
    _transfer(book, rest)
    assert _cost_of(book, "other") == cost - cost * held // whole
    book.run(Settle(**book.name(), hold=opened.id, amount=Decimal(used).scaleb(-6)))
    _transfer(book, back)
    spent = cost * held // whole - cost * back // whole
    assert _cost_of(book, "other") + spent == cost


def test_a7_what_is_held_keeps_its_cost_in_the_books(billing: Billing, customer: str) -> None:
    """Released after the others have gone, the last third takes the rest of the cost along."""
    room, other = billing.credits, f"{customer}_b"
    room.grant(customer, "calls", 30, cost_basis=Money("0.000000010", "usd"))
    held = room.hold(customer, "calls", 10)
    room.transfer(customer, "calls", 10, to=other)
    room.transfer(customer, "calls", 10, to=other)
    room.release(customer, held)
    room.transfer(customer, "calls", 10, to=other)
    assert [grant.cost_basis for grant in room.grants(other)] == [
        Money.from_scaled(scaled, "usd") for scaled in (4, 3, 3)
    ]


def test_a7_costs_add_up_in_the_books(billing: Billing, clock: FixedClock, customer: str) -> None:
    """Thirds of a nano-dollar are given to somebody: by transfers, reissues and a merge."""
    room, cost = billing.credits, Money("0.000000010", "usd")
    room.grant(customer, "calls", 30, cost_basis=cost, expires_at=clock.now() + HOUR)
    kept = Money(0, "usd")
    spent = [room.consume(customer, "calls", 10) for _ in range(3)]
    clock.set(clock.now() + HOUR)
    for receipt in spent:
        room.reverse(customer, receipt, expired="reissue", idempotency_key=receipt.operation_id)
    new = [grant for grant in room.grants(customer) if grant.source == "reissue"]
    assert [grant.cost_basis for grant in new] == [
        Money.from_scaled(scaled, "usd") for scaled in (3, 3, 4)
    ]
    for amount in (4, 7):
        room.transfer(customer, "calls", amount, to=f"{customer}_b")
    billing.customers.merge(customer, into=f"{customer}_b")
    for grant in room.grants(f"{customer}_b"):
        assert grant.cost_basis is not None
        kept += grant.cost_basis
    assert kept == cost


def test_a7_a_source_of_the_apps_own_is_no_part(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Whoever calls a source "reissue" takes nothing of the cost of what is granted anew."""
    room, cost = billing.credits, Money("9.00", "usd")
    grant = room.grant(customer, "calls", 30, cost_basis=cost, expires_at=clock.now() + HOUR)
    spent = room.consume(customer, "calls", 30)
    clock.set(clock.now() + HOUR)
    room.grant(customer, "calls", 5, source="reissue", source_id=grant.grant_id, cost_basis=cost)
    room.reverse(customer, spent, expired="reissue")
    assert room.grants(customer)[-1].cost_basis == cost
