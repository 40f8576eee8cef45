"""Calls that share a transaction share nothing else: what is wrong with one is its own affair."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from tests.doors.scenes import UNIT, GateClock, beside, check, count, entries, locked, until
from tollkeeper import Billing
from tollkeeper.decisions.granting import Grant
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Note, Outcome, Request
from tollkeeper.decisions.spending import Consume
from tollkeeper.doors import rounds, writer
from tollkeeper.doors.lanes import Lane
from tollkeeper.doors.transacting import Transactor
from tollkeeper.errors import (
    BalanceOverflow,
    IdempotencyConflict,
    InsufficientBalance,
    StoreBusy,
    StoreError,
    TollkeeperError,
)
from tollkeeper.ids import GRANT, OPERATION, new_id
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.receipts import Receipt

NewCustomer = Callable[[], str]
ONE = 1_000_000


@pytest.fixture
def clock() -> GateClock:
    """A clock that can keep a batch under way."""
    return GateClock()


@pytest.fixture
def gated(books_url: str, clock: GateClock, one_lane: None) -> Iterator[Billing]:
    """Books on that clock."""
    with Billing(books_url, clock=clock) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Request):
    """A verb with a bug."""

    verb: ClassVar[str] = "broken"

    needed: tuple[tuple[str, str], ...] = ()

    def needs(self) -> Needs:
        """Ask for the account like any other."""
        return Needs(accounts=self.needed)

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Fail as no verb should."""
        raise ZeroDivisionError("a bug")


class Lost(Broken):
    """A verb that fails even earlier."""

    def needs(self) -> Needs:
        """Fail as no verb should."""
        raise KeyError("a bug")


def consume(customer: str, **fields: Any) -> Consume:
    """Make a request to consume 1, valid unless some fields say otherwise."""
    given = {"id": new_id(OPERATION), "customer": customer, "unit": UNIT, "amount": ONE, **fields}
    return Consume(**given)


def granted(customer: str, **fields: Any) -> Grant:
    """Make a request to grant 5, valid unless some fields say otherwise."""
    fact = {
        "id": new_id(GRANT),
        "customer": customer,
        "unit": UNIT,
        "amount": 5 * ONE,
        "source": "promotion",
        "priority": 40,
        "paid": False,
        "effective_at": datetime(2026, 1, 1, tzinfo=UTC),
        **fields,
    }
    return Grant(id=new_id(OPERATION), customer=customer, fact=GrantFact(**fact))


def together(billing: Billing, clock: GateClock, requests: list[Request]) -> list[Any]:
    """Have requests decided in one transaction: they queue while another one is under way."""
    clock.close()
    first = beside(lambda: billing.credits.grant("first", UNIT, 1))
    assert clock.reached.wait(10)
    rest = beside(billing._wired.threads.change_all, requests)
    while len(billing._wired.writer._lanes[0].queue) < len(requests):
        assert not rest.done()
    clock.open()
    first.result(20)
    answers: list[Any] = rest.result(30)
    return answers


#: What the rooms would refuse, and what a database says to it.
BAD = {
    "NUL in a key": lambda customer: consume(customer, idempotency_key="a\0b", fingerprint="f"),
    "lone surrogate in a key": lambda customer: consume(
        customer, idempotency_key="\ud800", fingerprint="f"
    ),
    "lone surrogate in a note": lambda customer: consume(customer, note=Note(reason="\udfff")),
    "lone surrogate as customer": lambda customer: consume(f"{customer}\ud800"),
    "priority over 32 bits": lambda customer: granted(customer, priority=1 << 40),
    "cost over 64 bits": lambda customer: granted(customer, cost=1 << 70),
    "no amount": lambda customer: granted(customer, amount=None),
    "a decision with a bug": lambda customer: Broken(
        id=new_id(OPERATION), customer=customer, needed=((customer, UNIT),)
    ),
    "needs with a bug": lambda customer: Lost(id=new_id(OPERATION), customer=customer),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("whose", ["a neighbour's", "its own"])
def test_one_bad_request_fails_alone(
    gated: Billing,
    clock: GateClock,
    books_url: str,
    new_customer: NewCustomer,
    bad: Callable[[str], Request],
    whose: str,
) -> None:
    """Those before and after it in the batch are accepted, of the same customer and of others."""
    customers = [new_customer() for _ in range(4)]
    for customer in customers:
        gated.credits.grant(customer, UNIT, 10)
    guilty = customers[1] if whose == "its own" else new_customer()
    requests: list[Request] = [consume(customer) for customer in customers * 2]
    requests.insert(3, bad(guilty))
    results = together(gated, clock, requests)
    failed = results.pop(3)
    # SQLite keeps a NUL, and integers of any width up to 64 bits.
    may_pass = books_url.startswith("sqlite") and not isinstance(failed, BaseException)
    assert may_pass or isinstance(failed, BaseException)
    assert count(results, Receipt) == 8
    assert len({receipt.operation_id for receipt in results}) == 8
    for customer in set(customers) - {guilty}:
        assert gated.credits.balance(customer, UNIT).available == 8
        check(gated, books_url, customer)


def test_refusals_of_every_kind_beside_good_calls(
    gated: Billing, clock: GateClock, books_url: str, customer: str, new_customer: NewCustomer
) -> None:
    """Short balance, overflow, a conflict: each caller hears what concerns it, in one batch."""
    rich = new_customer()
    gated.credits.grant(customer, UNIT, 3)
    gated.credits.consume(customer, UNIT, 1, idempotency_key="taken")
    gated.credits.grant(rich, UNIT, MAXIMUM // ONE)
    requests: list[Request] = [
        consume(customer),
        consume(customer, amount=5 * ONE),
        granted(rich),
        consume(customer, idempotency_key="taken", fingerprint="of another request"),
        consume(rich),
        consume(customer),
        consume(customer),
    ]
    results = together(gated, clock, requests)
    kinds: list[type] = [
        Receipt,
        InsufficientBalance,
        BalanceOverflow,
        IdempotencyConflict,
        Receipt,
        Receipt,
        InsufficientBalance,
    ]
    assert [type(result) for result in results] == kinds
    assert gated.credits.balance(customer, UNIT).available == 0
    check(gated, books_url, customer, rich)


def test_one_batch_is_booked_at_one_moment(
    gated: Billing, clock: GateClock, books_url: str, customer: str
) -> None:
    """So `together` puts calls together indeed; and they are decided in order of arrival."""
    gated.credits.grant(customer, UNIT, 50)
    results = together(gated, clock, [consume(customer) for _ in range(40)])
    assert len({receipt.created_at for receipt in results}) == 1
    assert [receipt.balance.available for receipt in results] == [*range(49, 9, -1)]
    assert [receipt.operation_id for receipt in results] == [
        operation for operation, kind, *_ in entries(books_url, customer) if kind == "consume"
    ]


def test_one_key_in_one_batch_is_one_operation(
    gated: Billing, clock: GateClock, books_url: str, customer: str
) -> None:
    """The batch answers itself: the first is booked, the others replay it."""
    gated.credits.grant(customer, UNIT, 50)
    requests: list[Request] = [
        consume(customer, idempotency_key="once", fingerprint="same") for _ in range(64)
    ]
    results = together(gated, clock, requests)
    assert [receipt.replayed for receipt in results] == [False] + [True] * 63
    assert len({receipt.to_json() for receipt in results}) == 1
    assert gated.credits.balance(customer, UNIT).available == 49
    check(gated, books_url, customer)


def test_a_new_customer_fails_beside_new_customers(
    gated: Billing, clock: GateClock, books_url: str, new_customer: NewCustomer
) -> None:
    """Customers who are made by this very batch do not suffer from one who cannot be."""
    customers = [new_customer() for _ in range(6)]
    requests: list[Request] = [granted(customer) for customer in customers]
    requests[2] = granted(customers[2], source="\ud800")
    requests.append(consume(customers[0]))
    results = together(gated, clock, requests)
    assert isinstance(results.pop(2), BaseException)
    assert count(results, Receipt) == 6
    balances = [gated.credits.balance(customer, UNIT).available for customer in customers]
    assert balances == [4, 5, 0, 5, 5, 5]
    check(gated, books_url, *customers)


def test_whoever_waits_for_a_lock_shares_no_larger_batch(
    postgres_books: str, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait, a transaction takes so many and no more; all are answered, in order."""
    monkeypatch.setattr(rounds, "MAXIMUM_BATCH", 4)
    sizes: list[int] = []
    real = Transactor.run

    def run(self: Transactor, requests: Any, manner: Any) -> Any:
        sizes.append(len(requests))
        return real(self, requests, manner)

    monkeypatch.setattr(Transactor, "run", run)
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 100)
        with locked(postgres_books, customer):
            calls = beside(
                billing._wired.threads.change_all, [consume(customer) for _ in range(30)]
            )
            time.sleep(0.3)
        results = calls.result(30)
    assert count(results, Receipt) == 30
    left = [result.balance.available for result in results]
    assert left == sorted(left, reverse=True)
    assert max(sizes) == 4


def test_a_queue_has_an_end(
    postgres_books: str, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many that wait, a call is refused at once, and nothing of it is written."""
    monkeypatch.setattr(writer, "MAXIMUM_QUEUE", 3)
    clock = GateClock()
    with Billing(postgres_books, clock=clock) as billing:
        billing.credits.grant(customer, UNIT, 10)
        clock.close()
        first = beside(billing.credits.consume, customer, UNIT, 1)
        assert clock.reached.wait(10)
        waiting = [beside(billing.credits.consume, customer, UNIT, 1) for _ in range(3)]
        until(lambda: sum(len(lane.queue) for lane in billing._wired.writer._lanes) == 3)
        with pytest.raises(StoreBusy, match="wait already"):
            billing.credits.consume(customer, UNIT, 1)
        clock.open()
        assert [call.result(20).amount for call in [first, *waiting]] == [1] * 4
        assert billing.credits.balance(customer, UNIT).available == 6


def test_a_call_taken_back_at_the_end_harms_nobody() -> None:
    """While the last calls are taken, somebody who came too late takes his own back."""
    lane: Lane[str] = Lane("ending")

    class Racing(deque[str]):
        def popleft(self) -> str:
            taken = super().popleft()
            lane._took_back("late")
            return taken

    lane.queue = Racing(["in time", "late"])
    assert lane._taken(10) == ["in time"]


def test_what_the_database_refuses_is_said_in_our_words(postgres_books: str, customer: str) -> None:
    """A NUL that no room would let pass comes back as an error with a stable code."""
    with Billing(postgres_books) as billing:
        billing.credits.grant(customer, UNIT, 1)
        bad = consume(customer, idempotency_key="a\0b", fingerprint="f")
        (error,) = billing._wired.threads.change_all([bad])
        assert isinstance(error, StoreError)
        assert error.code == "store_error"
        assert "INSERT" not in str(error)
        assert isinstance(error, TollkeeperError)
        check(billing, postgres_books, customer)
