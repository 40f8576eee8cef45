"""The acceptance scenarios of the ledger, by their numbers, through the door that users take."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.ledger.checks import broken_laws
from tests.ledger.scene import NOTE
from tests.ledger.shown import kinds, numbers, remains
from tests.ledger.strategies import few
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import InsufficientBalance, InvalidAmount, InvalidRequest
from tollkeeper.values.units import credits_unit

HOUR = timedelta(hours=1)


def test_s001_grant_returns_balance(billing: Billing, customer: str) -> None:
    """The first grant of 100 gives 100, the second of 50 gives 150."""
    first = billing.credits.grant(customer, "calls", 100)
    second = billing.credits.grant(customer, "calls", 50)
    assert [r.balance.available for r in (first, second)] == [100, 150]


def test_s002_types_are_independent(billing: Billing, customer: str) -> None:
    """Granting storage leaves calls unchanged."""
    billing.credits.grant(customer, "calls", 100)
    billing.credits.grant(customer, "storage", 7)
    assert numbers(billing, customer) == (100, 0, 0, 0)
    assert numbers(billing, customer, "storage") == (7, 0, 0, 0)


def test_s003_consume_sufficient(billing: Billing, customer: str) -> None:
    """100 - 30 is 70, and the entry says -30 with 70 after it."""
    billing.credits.grant(customer, "calls", 100)
    receipt = billing.credits.consume(customer, "calls", 30)
    entry = billing.credits.history(customer).entries[0]
    assert entry == receipt.entries[0]
    assert entry.changed.available == -30
    assert entry.balance.available == 70
    assert receipt.amount == 30


def test_s004_consume_exact_balance(billing: Billing, customer: str) -> None:
    """To nothing."""
    billing.credits.grant(customer, "calls", 100)
    receipt = billing.credits.consume(customer, "calls", 100)
    assert receipt.balance is not None
    assert receipt.balance.available == 0


def test_s005_consume_short_overdraft_allow(billing: Billing, customer: str) -> None:
    """A negative balance, and success."""
    billing.credits.grant(customer, "calls", 10)
    attempt = billing.credits.try_consume(customer, "calls", 30, overdraft="unlimited")
    assert attempt.success
    assert numbers(billing, customer) == (-20, 0, 0, 20)


def test_s006_consume_short_overdraft_deny(billing: Billing, customer: str) -> None:
    """Refused with balance and required; nothing is written."""
    room = billing.credits
    room.grant(customer, "calls", 10)
    with pytest.raises(InsufficientBalance) as refusal:
        room.consume(customer, "calls", 30)
    error = refusal.value
    assert (error.available, error.required, error.unit) == (10, 30, "calls")
    attempt = room.try_consume(customer, "calls", 30)
    assert not attempt.success
    assert attempt.balance.available == 10
    assert attempt.required == 30
    assert kinds(billing, customer) == ["grant"]


@pytest.mark.parametrize("overdraft", [None, 50])
def test_s007_consume_unknown_user(billing: Billing, customer: str, overdraft: int | None) -> None:
    """Refused, or -n where an overdraft lets it."""
    attempt = billing.credits.try_consume(customer, "calls", 30, overdraft=overdraft)
    assert attempt.success is (overdraft is not None)
    assert numbers(billing, customer)[0] == (-30 if overdraft else 0)


def test_s008_revoke_capped(billing: Billing, customer: str) -> None:
    """500 of 300 revokes 300; on a negative balance nothing is revoked."""
    room = billing.credits
    room.grant(customer, "calls", 300)
    receipt = room.revoke(customer, "calls", 500)
    assert receipt.amount == 300
    assert numbers(billing, customer) == (0, 0, 0, 0)
    room.consume(customer, "calls", 40, overdraft=40)
    assert room.revoke(customer, "calls", 10).amount == 0
    assert room.revoke(customer, "calls").entries == ()
    assert numbers(billing, customer) == (-40, 0, 0, 40)


def test_s008_revoke_leaves_what_the_debt_needs(billing: Billing, customer: str) -> None:
    """Beside a debt only what is available is revoked or moved, of one grant or of all."""
    room = billing.credits
    room.consume(customer, "calls", 20, overdraft=20)
    granted = room.grant(customer, "calls", 50)
    with pytest.raises(InsufficientBalance):
        room.transfer(customer, "calls", 31, to=f"{customer}_taker")
    room.transfer(customer, "calls", 5, to=f"{customer}_taker")
    assert room.revoke(customer, "calls", 10, grant=granted.grant_id).amount == 10
    assert room.revoke(customer, "calls", grant=granted.grant_id).amount == 15
    assert numbers(billing, customer) == (0, 0, 0, 20)
    room.grant(customer, "calls", 7)
    assert room.revoke(customer, "calls", 9).amount == 7
    assert room.revoke(customer, "calls").entries == ()
    assert remains(billing, customer) == [13, 7]
    assert numbers(billing, customer) == (0, 0, 0, 20)


def test_s009_revoke_all(billing: Billing, customer: str) -> None:
    """One unit or every one: the previous balance and the amount can be read from the receipt."""
    room = billing.credits
    room.grant(customer, "calls", 300)
    room.grant(customer, "calls", 20, features=["chat"])
    room.grant(customer, "storage", 5)
    room.hold(customer, "calls", 100)
    receipt = room.revoke(customer, "calls")
    entry = receipt.entries[0]
    assert entry.amount == -220
    assert entry.balance.available - entry.changed.available == 200
    assert numbers(billing, customer) == (0, 0, 100, 0)
    room.grant(customer, "calls", 1)
    everything = room.revoke(customer)
    assert {e.unit.key: e.amount for e in everything.entries} == {"calls": -1, "storage": -5}


def test_s010_set_balance(billing: Billing, customer: str) -> None:
    """From nothing, up, down, to negative, and up from there; the same value writes no row."""
    room = billing.credits
    for amount in (100, 150, 20, -30, 40):
        room.set_balance(customer, "calls", amount)
        assert numbers(billing, customer)[0] == amount
    assert kinds(billing, customer) == [*["set_balance"] * 5, "repay"]
    assert room.set_balance(customer, "calls", "40.0").entries == ()
    assert len(kinds(billing, customer)) == 6


def test_s011_balance_of_unknown_is_zero(billing: Billing, customer: str) -> None:
    """And all balances list credits alone, never the wallet."""
    assert billing.credits.balance(customer, "calls").available == 0
    assert billing.credits.balances(customer) == {}
    billing.wallet.deposit(customer, Money("25.00", "usd"))
    billing.credits.grant(customer, "calls", 5)
    assert list(billing.credits.balances(customer)) == ["calls"]


def test_s012_has_credits(billing: Billing, customer: str) -> None:
    """True at equality, false one part of a credit beyond."""
    billing.credits.grant(customer, "calls", 10)
    assert billing.credits.has(customer, "calls", 10)
    assert not billing.credits.has(customer, "calls", "10.000001")
    assert not billing.credits.has(f"{customer}_unknown", "calls", 1)


def test_s013_history(billing: Billing, clock: FixedClock, customer: str) -> None:
    """Newest first, by kind, by unit, by time, by pages; with the running balance."""
    room = billing.credits
    for number in range(1, 8):
        room.grant(customer, "calls" if number % 3 else "storage", number)
        clock.advance(minutes=1)
    room.consume(customer, "calls", 2)
    whole = room.history(customer).entries
    assert [entry.amount for entry in whole] == [-2, 7, 6, 5, 4, 3, 2, 1]
    assert [e.balance.available for e in room.history(customer, "calls").entries] == [
        *(17, 19, 12, 7, 3, 1)
    ]
    assert [e.kind for e in room.history(customer, kinds=["consume"]).entries] == ["consume"]
    first = whole[-1].created_at
    some = room.history(customer, since=first + timedelta(minutes=1), until=first + HOUR / 20)
    assert [entry.amount for entry in some.entries] == [3, 2]
    page = room.history(customer, limit=3)
    paged = list(page.entries)
    while page.next_cursor is not None:
        page = room.history(customer, limit=3, cursor=page.next_cursor)
        paged += page.entries
    assert paged == list(whole)


def test_s015_fractional_credits(billing: Billing, customer: str) -> None:
    """To the declared scale; beyond it they are refused by name, not by a database."""
    billing.credits.grant(customer, "calls", "0.1")
    billing.credits.grant(customer, "calls", "0.2")
    assert billing.credits.balance(customer, "calls").available == Decimal("0.3")
    with pytest.raises(InvalidAmount) as refusal:
        billing.credits.consume(customer, "calls", "0.0000001")
    assert refusal.value.code == "invalid_amount"


verbs = st.sampled_from(["grant", "consume", "hold", "revoke", "adjust", "set_balance"])


@given(st.lists(st.tuples(verbs, st.integers(1, 60)), min_size=3, max_size=15))
@few(5)
def test_s016_sum_of_the_ledger_is_the_balance(
    billing: Billing, engine: Engine, calls: list[tuple[str, int]]
) -> None:
    """After any sequence; and each balance after is the one before plus the change."""
    name = f"customer_{uuid4().hex}"
    for verb, amount in calls:
        options: dict[str, Any] = dict(NOTE) if verb == "adjust" else {}
        try:
            getattr(billing.credits, verb)(name, "calls", amount, **options)
        except InsufficientBalance:
            continue
    entries = billing.credits.history(name, limit=1000).entries
    balance = billing.credits.balance(name, "calls").available
    assert sum(entry.changed.available for entry in entries) == balance
    for later, earlier in pairwise(entries):
        assert later.balance.available == earlier.balance.available + later.changed.available
    assert broken_laws(engine, [name]) == []


def test_s017_validation_reports_drift(billing: Billing, engine: Engine, customer: str) -> None:
    """What is told again from the entries equals what is stored, until somebody meddles."""
    billing.credits.grant(customer, "calls", 100)
    billing.credits.consume(customer, "calls", 30)
    assert billing.books.audit(customer=customer).ok
    prefix = "tollkeeper." if engine.dialect.name == "postgresql" else "tollkeeper_"
    meddle = text(f"UPDATE {prefix}account SET available = :a WHERE customer_id = :c")
    with engine.begin() as connection:
        connection.execute(meddle, {"a": 71_000_000, "c": customer})
    report = billing.books.audit(customer=customer)
    seconded = broken_laws(engine, [customer])
    with engine.begin() as connection:
        connection.execute(meddle, {"a": 70_000_000, "c": customer})
    assert any(found.law == 1 and found.customer == customer for found in report.findings)
    assert any("law_1" in problem for problem in seconded)
    assert billing.books.audit(customer=customer).ok


def test_s018_overdraft_switch(books_url: str, clock: FixedClock, customer: str) -> None:
    """The call's limit, else the customer's, else the unit's."""
    unit = credits_unit("s018", overdraft=10)
    with Billing(books_url, clock=clock, units=[unit]) as billing:
        room = billing.credits

        def most(name: str, **options: Any) -> bool:
            return room.try_consume(name, "s018", 15, **options).success

        assert not most(customer)
        assert most(customer, overdraft=15)
        room.set_overdraft(customer, "s018", 40)
        assert most(customer)
        assert not most(customer, overdraft=44)
        room.set_overdraft(customer, "s018", None)
        assert not most(customer)
        room.set_overdraft(customer, "s018", "unlimited")
        assert most(customer)
        assert room.balance(customer, "s018").debt == 45


def test_s024_ten_parallel_grants(billing: Billing, customer: str) -> None:
    """Of 100 each: 1000."""
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: billing.credits.grant(customer, "calls", 100), range(10)))
    assert numbers(billing, customer) == (1000, 0, 0, 0)


@pytest.mark.parametrize(
    ("overdraft", "successes", "left"), [(None, 5, 0), ("unlimited", 10, -500)]
)
def test_s025_ten_parallel_consumes(
    billing: Billing, customer: str, overdraft: Any, successes: int, left: int
) -> None:
    """Of 100 each from 500: five succeed without overdraft, ten with it."""
    billing.credits.grant(customer, "calls", 500)

    def spend(_: int) -> bool:
        return billing.credits.try_consume(customer, "calls", 100, overdraft=overdraft).success

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(spend, range(10))) == successes
    assert numbers(billing, customer)[0] == left


def test_s032_a_negative_balance_is_paid_back(billing: Billing, customer: str) -> None:
    """-200 + 1000 is 800, as an allowance that adds up pays the debt first."""
    room = billing.credits
    room.consume(customer, "calls", 200, overdraft=200)
    receipt = room.grant(customer, "calls", 1000, source="allowance")
    assert [entry.kind for entry in receipt.entries] == ["grant", "repay"]
    assert numbers(billing, customer) == (800, 0, 0, 0)


@pytest.mark.parametrize(
    ("source", "pays"),
    [("allowance", True), ("purchase", True), ("promotion", False), ("campaign", False)],
)
def test_s096_debt_is_settled_by_new_paid_value(
    billing: Billing, customer: str, source: str, pays: Any
) -> None:
    """As its own entry; promotional value does not pay debt, which stays visible beside it."""
    room = billing.credits
    room.consume(customer, "calls", 30, overdraft=30)
    room.grant(customer, "calls", 20, source=source)
    assert numbers(billing, customer) == (-10, 0, 0, 10 if pays else 30)
    room.grant(customer, "calls", 20, source=source)
    assert numbers(billing, customer) == (10, 0, 0, 0 if pays else 30)
    assert kinds(billing, customer).count("repay") == (2 if pays else 0)


def test_s096_a_transfer_of_paid_value_pays_the_takers_debt(
    billing: Billing, customer: str
) -> None:
    """New to him, and paid for."""
    room, taker = billing.credits, f"{customer}_taker"
    room.grant(customer, "calls", 50, source="purchase")
    room.consume(taker, "calls", 30, overdraft=30)
    moved = room.transfer(customer, "calls", 40, to=taker)
    assert numbers(billing, taker) == (10, 0, 0, 0)
    assert [entry.kind for entry in moved.entries] == ["transfer_out", "transfer_in", "repay"]
    room.reverse(customer, moved)
    assert numbers(billing, taker) == (-30, 0, 0, 30)
    assert numbers(billing, customer) == (50, 0, 0, 0)


def test_s098_an_adjustment_names_reason_and_actor(billing: Billing, customer: str) -> None:
    """They are kept beside it; without them it is refused."""
    room = billing.credits
    room.grant(customer, "calls", 10)
    room.adjust(customer, "calls", "-2.5", reason="double count", actor="ann")
    room.adjust(customer, "calls", 1, reason="goodwill", actor="bob")
    notes = [entry.note for entry in room.history(customer).entries]
    assert notes == [
        {"reason": "goodwill", "actor": "bob"},
        {"reason": "double count", "actor": "ann"},
        None,
    ]
    assert numbers(billing, customer)[0] == Decimal("8.5")
    with pytest.raises(InvalidRequest):
        room.adjust(customer, "calls", 1, actor="ann")
    with pytest.raises(InvalidRequest):
        room.adjust(customer, "calls", 1, reason="none")


def test_s131_spending_order(billing: Billing, clock: FixedClock, customer: str) -> None:
    """By priority first (plan 20, promotion 40, purchase 60), then earliest expiry; or as told."""
    room, now = billing.credits, clock.now()
    given: dict[str, dict[str, Any]] = {
        "bought": {"source": "purchase"},
        "promotion": {"source": "promotion"},
        "promotion that ends later": {"source": "promotion", "expires_at": now + 5 * HOUR},
        "promotion that ends sooner": {"source": "promotion", "expires_at": now + 2 * HOUR},
        "plan": {"source": "allowance", "expires_at": now + 9 * HOUR},
        "cheap": {"source": "purchase", "cost_basis": Money("1.00", "usd")},
        "told to be first": {"source": "purchase", "priority": 1},
    }
    names = {
        room.grant(customer, "calls", 10, **facts).grant_id: name for name, facts in given.items()
    }
    receipt = room.consume(customer, "calls", 65)
    assert [names[line.grant_id] for line in receipt.lines] == [
        "told to be first",
        "plan",
        "promotion that ends sooner",
        "promotion that ends later",
        "promotion",
        "bought",
        "cheap",
    ]
    assert [line.remaining_change for line in receipt.lines] == [*[-10] * 6, -5]
    assert remains(billing, customer) == [0, 0, 0, 0, 0, 5, 0]


def test_a7_a_transfer_keeps_expiry_priority_and_its_share_of_the_cost(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Never from an overdraft, and with a trace to where it came from."""
    room, taker = billing.credits, f"{customer}_taker"
    ends = clock.now() + 5 * HOUR
    given = room.grant(
        customer,
        "calls",
        100,
        source="purchase",
        priority=7,
        expires_at=ends,
        cost_basis=Money("9.00", "usd"),
    )
    room.transfer(customer, "calls", 25, to=taker)
    moved = room.grants(taker)[0]
    assert (moved.priority, moved.expires_at, moved.paid) == (7, ends, True)
    assert moved.cost_basis == Money("2.25", "usd")
    assert moved.origin == f"{customer}/{given.grant_id}"
    room.set_overdraft(customer, "calls", "unlimited")
    with pytest.raises(InsufficientBalance):
        room.transfer(customer, "calls", 76, to=taker)
    clock.advance(hours=5)
    assert numbers(billing, taker) == (0, 0, 0, 0)
