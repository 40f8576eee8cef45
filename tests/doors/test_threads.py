"""Many threads at one set of books: what the balance allows happens once; nobody waits in vain."""

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import FrameType
from typing import Any

import pytest

from tests.doors.scenes import (
    UNIT,
    GateClock,
    at_once,
    beside,
    check,
    count,
    entries,
    locked,
    outcome,
    until,
    waits,
)
from tollkeeper import Billing
from tollkeeper.errors import Closed, IdempotencyConflict, InsufficientBalance
from tollkeeper.values.receipts import HoldReceipt, Receipt

NewCustomer = Callable[[], str]


def test_as_many_succeed_as_the_balance_allows(
    billing: Billing, books_url: str, customer: str
) -> None:
    """240 attempts of 24 threads on 100 credits: 100 are paid for, and the rest refused."""
    billing.credits.grant(customer, UNIT, 100)
    attempts = at_once(
        lambda _: [billing.credits.try_consume(customer, UNIT, 1).success for _ in range(10)], 24
    )
    paid = [success for each in attempts if isinstance(each, list) for success in each]
    assert len(paid) == 240
    assert paid.count(True) == 100
    assert billing.credits.balance(customer, UNIT).available == 0
    assert len(entries(books_url, customer)) == 101
    check(billing, books_url, customer)


def test_holds_set_aside_what_the_balance_allows(
    billing: Billing, books_url: str, customer: str
) -> None:
    """B7: 20 holds of 75 on 500 at once grant 6."""
    billing.credits.grant(customer, UNIT, 500)
    results = at_once(lambda _: billing.credits.hold(customer, UNIT, 75), 20)
    assert count(results, HoldReceipt) == 6
    assert count(results, InsufficientBalance) == 14
    balance = billing.credits.balance(customer, UNIT)
    assert (balance.available, balance.held) == (Decimal(50), Decimal(450))
    assert billing.books.audit(customer=customer).ok


def test_grants_to_a_new_customer_at_once(billing: Billing, books_url: str, customer: str) -> None:
    """Ten threads make the same customer and account; each grant counts."""
    results = at_once(lambda number: billing.credits.grant(customer, UNIT, number + 1), 10)
    assert count(results, Receipt) == 10
    assert billing.credits.balance(customer, UNIT).available == 55
    assert sorted(grant.amount for grant in billing.credits.grants(customer)) == [*range(1, 11)]
    check(billing, books_url, customer)


def test_one_key_from_64_callers_is_one_operation(
    billing: Billing, books_url: str, customer: str
) -> None:
    """Everybody gets the first receipt, byte for byte; one of them was told it as new (law 5)."""
    billing.credits.grant(customer, UNIT, 100)
    results = at_once(
        lambda _: billing.credits.consume(customer, UNIT, 3, idempotency_key="once"), 64
    )
    receipts = [result for result in results if isinstance(result, Receipt)]
    assert len(receipts) == 64
    assert len({receipt.to_json() for receipt in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert len(entries(books_url, customer)) == 2
    check(billing, books_url, customer)


def test_one_key_with_two_requests_is_a_conflict_for_one(
    billing: Billing, books_url: str, customer: str
) -> None:
    """Whoever was first wins; who asks the same gets its receipt, who asks otherwise a conflict."""
    billing.credits.grant(customer, UNIT, 100)
    results = at_once(
        lambda number: billing.credits.consume(
            customer, UNIT, 1 + number % 2, idempotency_key="disputed"
        ),
        32,
    )
    receipts = [result for result in results if isinstance(result, Receipt)]
    assert len(receipts) == count(results, IdempotencyConflict) == 16
    assert len({receipt.operation_id for receipt in receipts}) == 1
    winners = {number % 2 for number, result in enumerate(results) if isinstance(result, Receipt)}
    assert len(winners) == 1
    assert billing.credits.balance(customer, UNIT).available == 100 - (1 + winners.pop())
    check(billing, books_url, customer)


def test_transfers_back_and_forth(
    billing: Billing, books_url: str, new_customer: NewCustomer
) -> None:
    """Sixteen threads move credits both ways between two customers: none is lost, none stuck."""
    pair = new_customer(), new_customer()
    for customer in pair:
        billing.credits.grant(customer, UNIT, 50)

    def move(number: int) -> int:
        giver, taker = pair[number % 2], pair[1 - number % 2]
        results = [
            outcome(lambda: billing.credits.transfer(giver, UNIT, 7, to=taker)) for _ in range(8)
        ]
        assert all(isinstance(result, Receipt | InsufficientBalance) for result in results)
        return count(results, Receipt)

    moved = [number for number in at_once(move, 16) if isinstance(number, int)]
    assert len(moved) == 16
    balances = [billing.credits.balance(customer, UNIT).available for customer in pair]
    assert sum(balances) == 100
    assert balances[0] - 50 == 7 * (sum(moved[1::2]) - sum(moved[::2]))
    check(billing, books_url, *pair)


def test_reads_beside_holds_that_lapse(billing: Billing, books_url: str, customer: str) -> None:
    """Somebody books a lapse between two statements of a read: it still tells one state."""
    billing.credits.grant(customer, UNIT, 100)
    done = threading.Event()

    def hold_and_release(_: int) -> int:
        for _ in range(80):
            hold = billing.credits.hold(customer, UNIT, 30, lifetime=timedelta(milliseconds=2))
            time.sleep(0.001)
            outcome(partial(billing.credits.release, customer, hold))
        return 80

    def look() -> int:
        looks = 0
        while not done.is_set():
            balance = billing.credits.balance(customer, UNIT)
            assert balance.available + balance.held == 100
            looks += 1
        return looks

    readers = [beside(look) for _ in range(3)]
    assert at_once(hold_and_release, 3) == [80] * 3
    done.set()
    assert sum(reader.result(20) for reader in readers) > 10
    assert billing.books.audit(customer=customer).ok


def test_an_interrupted_main_thread_strands_nobody(
    billing: Billing, books_url: str, customer: str
) -> None:
    """Ctrl-C while a call waits ends the wait; the request stays with the writer."""
    billing.credits.grant(customer, UNIT, 10)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        until(lambda: waits(main))
        signal.pthread_kill(main, signal.SIGINT)

    with locked(books_url, customer):
        neighbour = beside(lambda: billing.credits.consume(customer, UNIT, 1))
        interrupter = beside(interrupt)
        with pytest.raises(KeyboardInterrupt):
            billing.credits.consume(customer, UNIT, 2, idempotency_key="interrupted")
    interrupter.result(5)
    assert neighbour.result(20).amount == 1
    again = billing.credits.consume(customer, UNIT, 2, idempotency_key="interrupted")
    assert again.amount == 2
    until(lambda: len(entries(books_url, customer)) == 3)
    assert billing.credits.balance(customer, UNIT).available == 7
    check(billing, books_url, customer)


def test_an_interrupted_thread_strands_nobody(
    billing: Billing, books_url: str, customer: str
) -> None:
    """A thread that is told to end while it waits ends once it is answered; others go on."""
    billing.credits.grant(customer, UNIT, 10)
    with locked(books_url, customer):
        told: list[int] = []

        def call() -> None:
            told.append(threading.get_ident())
            billing.credits.consume(customer, UNIT, 2)
            while True:  # the interrupt comes with the next step of Python
                pass

        interrupted = beside(call)
        until(lambda: bool(told) and waits(told[0]))
        neighbour = beside(lambda: billing.credits.consume(customer, UNIT, 1))
        error = ctypes.py_object(KeyboardInterrupt)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(told[0]), error) == 1
    assert neighbour.result(20).amount == 1
    with pytest.raises(KeyboardInterrupt):
        interrupted.result(20)
    assert billing.credits.consume(customer, UNIT, 1).amount == 1
    check(billing, books_url, customer)


def test_an_interrupt_at_any_line_of_a_call_strands_nobody(
    sqlite_books: str, customer: str
) -> None:
    """Break off a call at each of its lines in our doors in turn: the next call is answered."""
    with Billing(sqlite_books) as billing:
        billing.credits.grant(customer, UNIT, 1000)
        consume = lambda: billing.credits.consume(customer, UNIT, 1)  # noqa: E731  # traced as one
        line = 0
        while interrupted_at(line, consume):
            assert beside(consume).result(10).amount == 1
            line += 1
        assert line > 20
        check(billing, sqlite_books, customer)


def interrupted_at(line: int, work: Callable[[], object]) -> bool:
    """Raise KeyboardInterrupt at the n-th line run in the doors; False if there are fewer."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        if "/doors/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        if event == "line":
            seen += 1
            if seen > line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_close_answers_what_it_took(books_url: str, new_customer: NewCustomer) -> None:
    """Callers under way when it closes get their receipt, or hear that it is closed."""
    clock = GateClock()
    billing = Billing(books_url, clock=clock)
    customers = [new_customer() for _ in range(12)]
    for customer in customers:
        billing.credits.grant(customer, UNIT, 1)
    clock.close()
    calls = [
        beside(outcome, partial(billing.credits.consume, customer, UNIT, 1))
        for customer in customers
    ]
    assert clock.reached.wait(10)
    closing = beside(billing.close)
    until(lambda: isinstance(outcome(lambda: billing.credits.consume("x", UNIT, 1)), Closed))
    clock.open()
    closing.result(20)
    results = [call.result(20) for call in calls]
    assert count(results, Receipt) + count(results, Closed) == 12
    assert count(results, Receipt) > 0
    with Billing(books_url) as again:
        left = [again.credits.balance(customer, UNIT).available for customer in customers]
        assert left == [0 if isinstance(result, Receipt) else 1 for result in results]


def test_close_waits_for_a_busy_customer(postgres_books: str, customer: str) -> None:
    """A call that waits for somebody else's lock is answered before close returns."""
    billing = Billing(postgres_books)
    billing.credits.grant(customer, UNIT, 1)
    with locked(postgres_books, customer):
        call = beside(lambda: billing.credits.consume(customer, UNIT, 1))
        until(lambda: "tollkeeper-patient" in names_of_threads())
        closing = beside(billing.close)
        assert not call.done()
    closing.result(20)
    assert call.result(5).amount == 1


def test_nothing_goes_through_a_closed_door(books_url: str, customer: str) -> None:
    """Changes and reads alike; and to close again does no harm."""
    billing = Billing(books_url)
    billing.credits.grant(customer, UNIT, 1)
    billing.close()
    with pytest.raises(Closed):
        billing.credits.consume(customer, UNIT, 1)
    with pytest.raises(Closed):
        billing.credits.balance(customer, UNIT)
    with pytest.raises(Closed):
        billing.credits.consume(customer, "never_met", 1)
    billing.close()


def test_a_forgotten_billing_leaves_no_thread_behind(books_url: str, customer: str) -> None:
    """Whoever does not close it leaks nothing for ever: it closes itself when it is collected."""
    before = threads_of_ours()
    billing = Billing(books_url)
    room = billing.credits
    room.grant(customer, UNIT, 5)
    del billing
    assert room.consume(customer, UNIT, 2).amount == 2  # whoever has a room keeps the door open
    assert threads_of_ours() - before
    del room
    until(lambda: not threads_of_ours() - before)


def names_of_threads() -> set[str]:
    """Name the threads of ours that run."""
    return {thread.name for thread in threads_of_ours()}


def threads_of_ours() -> set[threading.Thread]:
    """Find the threads of ours that run; another test's Billing may have some too."""
    return {t for t in threading.enumerate() if t.name.startswith("tollkeeper")}


def test_a_billing_of_decimal_amounts_stays_exact_under_load(
    billing: Billing, books_url: str, customer: str
) -> None:
    """Amounts with six digits from many threads add up to the last one."""
    billing.credits.grant(customer, UNIT, "1")
    results = at_once(lambda _: billing.credits.consume(customer, UNIT, "0.000001"), 40)
    assert count(results, Receipt) == 40
    assert billing.credits.balance(customer, UNIT).available == Decimal("0.999960")
    check(billing, books_url, customer)
