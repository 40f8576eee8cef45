"""A host that sleeps in its transaction delays its own customer on PostgreSQL, and nobody else.

What a host has not committed is not there: a customer whom it has just made has nothing to spend,
and is told so at once; but who would write to the same customer has to wait.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

import pytest

from tests.doors.scenes import UNIT, at_once, beside, check, connected, count, outcome, until
from tollkeeper import AsyncBilling, Billing
from tollkeeper.errors import CustomerMerged, InsufficientBalance, StoreBusy
from tollkeeper.values.receipts import Receipt

NewCustomer = Callable[[], str]


@pytest.fixture
def books_url(postgres_books: str) -> str:
    """SQLite has one writer at a time, so these are about PostgreSQL."""
    return postgres_books


@contextmanager
def asleep(billing: Billing, url: str, customer: str, *, commits: bool = True) -> Iterator[Receipt]:
    """A host that has granted its customer 100 and sleeps before it commits, or rolls back."""
    with connected(url) as host:
        receipt = billing.using(host).credits.grant(customer, UNIT, 100)
        yield receipt
        if commits:
            host.commit()
        else:
            host.rollback()


@pytest.mark.parametrize("is_new", [False, True], ids=["known", "brand-new"])
def test_others_go_on_while_a_host_sleeps(
    billing: Billing,
    books_url: str,
    customer: str,
    new_customer: NewCustomer,
    is_new: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """Every call of 12 others, half of them new, is answered before the host ends; its own not."""
    others = [new_customer() for _ in range(12)]
    for other in others[::2]:
        billing.credits.grant(other, UNIT, 10)
    if not is_new:
        billing.credits.grant(customer, UNIT, 1)
    own: list[Future[Receipt]] = []

    def live(number: int) -> list[object]:
        other = others[number]
        results: list[object] = [billing.credits.grant(other, UNIT, 10)]
        for step in range(10):
            results.append(billing.credits.consume(other, UNIT, 1))
            if not number and not step % 3:
                own.append(beside(partial(billing.credits.grant, customer, UNIT, 1)))
        return results

    with asleep(billing, books_url, customer):
        own.append(beside(partial(billing.credits.grant, customer, UNIT, 1)))
        answered = at_once(live, len(others))
        assert [count(results, Receipt) for results in answered if isinstance(results, list)] == [
            11
        ] * len(others)
        assert not any(call.done() for call in own)
    assert [call.result(20).amount for call in own] == [1] * len(own)
    check(billing, books_url, customer, *others)


def test_a_host_that_rolls_back_leaves_the_waiting_their_turn(
    billing: Billing, books_url: str, customer: str
) -> None:
    """What the host undoes is not there for who waited: decided anew, on what is true then."""
    billing.credits.grant(customer, UNIT, 1)
    with asleep(billing, books_url, customer, commits=False):
        call = beside(partial(billing.credits.consume, customer, UNIT, 50))
        grant = beside(partial(billing.credits.grant, customer, UNIT, 7))
        until(lambda: patient() is not None)
        assert not call.done()
        assert not grant.done()
    assert grant.result(20).amount == 7
    with pytest.raises(InsufficientBalance):
        call.result(20)
    check(billing, books_url, customer)


def patient() -> threading.Thread | None:
    """Find the thread that waits for locks."""
    return next((t for t in threading.enumerate() if t.name == "tollkeeper-patient"), None)


def test_who_waits_too_long_is_told(
    books_url: str, customer: str, new_customer: NewCustomer
) -> None:
    """After `lock_timeout_seconds`, with nothing written; also for a customer not committed yet."""
    known = new_customer()
    with Billing(books_url, lock_timeout_seconds=0.3) as billing:
        billing.credits.grant(known, UNIT, 1)
        with asleep(billing, books_url, customer), asleep(billing, books_url, known):
            results = at_once(
                lambda number: billing.credits.grant((customer, known)[number % 2], UNIT, 1), 6
            )
            refused = outcome(partial(billing.credits.consume, customer, UNIT, 1))
            assert isinstance(refused, InsufficientBalance)
            assert [type(result) for result in results] == [StoreBusy] * 6
            bystander = billing.credits.grant(new_customer(), UNIT, 1)
            assert bystander.amount == 1
        assert billing.credits.consume(customer, UNIT, 1).amount == 1
        check(billing, books_url, customer, known)


def test_two_hosts_sleep_and_each_delays_its_own(
    billing: Billing, books_url: str, new_customer: NewCustomer
) -> None:
    """Whoever wakes first lets go of his own; the other's customers wait on."""
    first, second = new_customer(), new_customer()
    with connected(books_url) as one:
        billing.using(one).credits.grant(first, UNIT, 5)
        with asleep(billing, books_url, second):
            waiting = beside(partial(billing.credits.grant, second, UNIT, 1))
            call = beside(partial(billing.credits.grant, first, UNIT, 1))
            until(lambda: patient() is not None)
            one.commit()
            assert call.result(20).amount == 1
            assert not waiting.done()
        assert waiting.result(20).amount == 1


def test_a_transfer_waits_for_either_side(
    billing: Billing, books_url: str, customer: str, new_customer: NewCustomer
) -> None:
    """The one who gives is free, the one who takes is not; afterwards both are right."""
    giver = new_customer()
    billing.credits.grant(giver, UNIT, 10)
    with asleep(billing, books_url, customer):
        call = beside(partial(billing.credits.transfer, giver, UNIT, 4, to=customer))
        until(lambda: patient() is not None)
        assert not call.done()
        assert billing.credits.balance(giver, UNIT).available == 10
    assert call.result(20).amount == 4
    assert billing.credits.balance(customer, UNIT).available == 104
    check(billing, books_url, customer, giver)


def test_tasks_wait_for_their_own_customer_alone(
    books_url: str, customer: str, new_customer: NewCustomer
) -> None:
    """The same from tasks: the others' calls all come back while one waits."""
    others = [new_customer() for _ in range(6)]

    async def main() -> None:
        async with AsyncBilling(books_url) as billing:
            with Billing(books_url) as threads:
                with asleep(threads, books_url, customer):
                    own = asyncio.ensure_future(billing.credits.grant(customer, UNIT, 1))
                    granted = await asyncio.gather(
                        *[billing.credits.grant(other, UNIT, 2) for other in others * 3]
                    )
                    assert len(granted) == 18
                    assert not own.done()
                assert (await own).amount == 1

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_merged_customer_is_said_to_be_so(
    billing: Billing, books_url: str, customer: str, new_customer: NewCustomer
) -> None:
    """A merge under way delays a call on either; then it is refused, and names whom to use."""
    into = new_customer()
    for name in (customer, into):
        billing.credits.grant(name, UNIT, 5)
    with connected(books_url) as host:
        billing.using(host).customers.merge(customer, into=into, reason="same", actor="app")
        call = beside(outcome, partial(billing.credits.consume, customer, UNIT, 1))
        until(lambda: patient() is not None)
        assert not call.done()
        host.commit()
    refused = call.result(20)
    assert isinstance(refused, CustomerMerged)
    assert refused.into == into
    assert billing.credits.balance(into, UNIT).available == 10
