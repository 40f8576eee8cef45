"""Many tasks at one set of books: the promises made to threads, and the loop is never blocked."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from tests.doors.scenes import UNIT, GateClock, beside, check, count, entries, locked, until
from tollkeeper import AsyncBilling, Billing
from tollkeeper.errors import Closed, InsufficientBalance, StoreBusy, TollkeeperError
from tollkeeper.values.receipts import Receipt

T = TypeVar("T")
NewCustomer = Callable[[], str]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine; a call that is never answered ends it."""
    return asyncio.run(asyncio.wait_for(main, 40))


async def gathered(calls: Sequence[Awaitable[T]]) -> list[T | BaseException]:
    """Await calls together; give each answer or error."""
    return await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[AsyncBilling]:
    """Open books for tasks."""
    async with AsyncBilling(url, **options) as billing:
        yield billing


def test_as_many_succeed_as_the_balance_allows(books_url: str, customer: str) -> None:
    """200 tasks on 60 credits: 60 are paid for, and the rest refused."""

    async def main() -> list[Receipt | BaseException]:
        async with opened(books_url) as billing:
            await billing.credits.grant(customer, UNIT, 60)
            return await gathered([billing.credits.consume(customer, UNIT, 1) for _ in range(200)])

    results = run(main())
    assert count(results, Receipt) == 60
    assert count(results, InsufficientBalance) == 140
    with Billing(books_url) as billing:
        check(billing, books_url, customer)


def test_one_key_from_64_tasks_is_one_operation(books_url: str, customer: str) -> None:
    """In one batch, too: everybody gets the first receipt."""

    async def main() -> list[Receipt | BaseException]:
        async with opened(books_url) as billing:
            await billing.credits.grant(customer, UNIT, 60)
            calls = [
                billing.credits.consume(customer, UNIT, 2, idempotency_key="once")
                for _ in range(64)
            ]
            return await gathered(calls)

    receipts = [result for result in run(main()) if isinstance(result, Receipt)]
    assert len(receipts) == 64
    assert len({receipt.to_json() for receipt in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert len(entries(books_url, customer)) == 2


def test_a_cancelled_task_strands_nobody(books_url: str, customer: str) -> None:
    """Its request stays with the writer: repeated with its key, it is found to have happened."""

    async def main() -> None:
        async with opened(books_url) as billing:
            await billing.credits.grant(customer, UNIT, 10)
            with locked(books_url, customer):
                calls = [
                    asyncio.ensure_future(
                        billing.credits.consume(customer, UNIT, 1, idempotency_key=f"call-{n}")
                    )
                    for n in range(4)
                ]
                await asyncio.sleep(0.1)
                calls[0].cancel()
                calls[2].cancel()
            results = await gathered([*calls])
            assert [type(result) for result in results[::2]] == [asyncio.CancelledError] * 2
            assert count(results, Receipt) == 2
            for key in ("call-0", "call-2"):
                await billing.credits.consume(customer, UNIT, 1, idempotency_key=key)
            assert (await billing.credits.balance(customer, UNIT)).available == 6

    run(main())
    with Billing(books_url) as billing:
        check(billing, books_url, customer)


@pytest.mark.usefixtures("one_lane")
def test_a_loop_closed_with_calls_under_way_strands_nobody(books_url: str, customer: str) -> None:
    """A call of a loop that is gone is made all the same; others of its batch are answered."""
    clock = GateClock()
    billing = AsyncBilling(books_url, clock=clock)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(billing.credits.grant(customer, UNIT, 10))
    clock.close()
    first = beside(run, billing.credits.grant("first", UNIT, 1))
    assert clock.reached.wait(10)
    call = loop.create_task(billing.credits.consume(customer, UNIT, 3))
    loop.run_until_complete(asyncio.sleep(0.05))
    call._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio would say, rightly, that we left it
    loop.close()

    async def others() -> None:
        neighbours = [billing.credits.consume(customer, UNIT, 1) for _ in range(3)]
        asyncio.get_running_loop().call_later(0.05, clock.open)
        results = await gathered([*neighbours])
        assert count(results, Receipt) == 3
        assert first.result(10).amount == 1
        assert (await billing.credits.balance(customer, UNIT)).available == 4
        await billing.close()

    run(others())


def test_two_loops_in_two_threads(books_url: str, customer: str) -> None:
    """One AsyncBilling answers each task on the task's own loop."""
    billing = AsyncBilling(books_url)

    async def spend(number: int) -> int:
        loop = asyncio.get_running_loop()
        done = 0
        for _ in range(number):
            await billing.credits.consume(customer, UNIT, 1)
            assert asyncio.get_running_loop() is loop
            done += 1
        return done

    async def many() -> list[int]:
        return await asyncio.gather(*[spend(5) for _ in range(6)])

    run(billing.credits.grant(customer, UNIT, 100))
    both = [beside(run, many()), beside(run, many())]
    assert [future.result(40) for future in both] == [[5] * 6] * 2
    assert run(billing.credits.balance(customer, UNIT)).available == 40
    run(billing.close())


def test_close_answers_what_it_took(books_url: str, new_customer: NewCustomer) -> None:
    """Tasks under way when it closes get their receipt, or hear that it is closed."""
    customers = [new_customer() for _ in range(10)]

    async def main() -> tuple[list[Receipt | BaseException], list[type[object]]]:
        clock = GateClock()
        billing = AsyncBilling(books_url, clock=clock)
        await gathered([billing.credits.grant(customer, UNIT, 1) for customer in customers])
        clock.close()
        calls = [
            asyncio.ensure_future(billing.credits.consume(customer, UNIT, 1))
            for customer in customers
        ]
        await asyncio.sleep(0.05)
        closing = asyncio.ensure_future(billing.close())
        await asyncio.sleep(0.05)
        clock.open()
        await closing
        await billing.close()
        late = [
            billing.credits.consume(customers[0], UNIT, 1),
            billing.credits.balance(customers[0], UNIT),
            billing.credits.grant(customers[0], "never_met", 1),
        ]
        return await gathered([*calls]), [type(error) for error in await gathered(late)]

    results, late = run(main())
    assert count(results, Receipt) == 10
    assert late == [Closed] * 3


def test_the_loop_goes_on_while_calls_wait(books_url: str, customer: str) -> None:
    """A customer who is locked elsewhere, and a unit met for the first time, block no loop."""

    async def main() -> float:
        async with opened(books_url, lock_timeout_seconds=0.5) as billing:
            with Billing(books_url) as before:
                before.credits.grant(customer, UNIT, 1)
            longest = 0.0
            with locked(books_url, customer):
                call = asyncio.ensure_future(billing.credits.consume(customer, UNIT, 1))
                while not call.done():
                    began = time.monotonic()
                    await asyncio.sleep(0.01)
                    longest = max(longest, time.monotonic() - began)
                with pytest.raises(StoreBusy):
                    await call
            return longest

    assert run(main()) < 0.4


def test_a_refusal_is_raised_where_it_is_awaited(books_url: str, customer: str) -> None:
    """With what it carries; the other tasks of a group go their own way."""

    async def main() -> TollkeeperError | None:
        async with opened(books_url) as billing:
            await billing.credits.grant(customer, UNIT, 5)
            attempt = await billing.credits.try_consume(customer, UNIT, 6)
            assert not attempt.success
            with pytest.raises(InsufficientBalance) as refused:
                await billing.credits.consume(customer, UNIT, 6)
            return refused.value

    error = run(main())
    assert error is not None
    assert (error.available, error.required, error.unit) == (5, 6, UNIT)


def test_a_forgotten_room_keeps_the_door(books_url: str, customer: str) -> None:
    """Whoever holds one room of it can go on; the door closes itself when nobody does."""

    def ours() -> set[threading.Thread]:
        return {t for t in threading.enumerate() if t.name.startswith("tollkeeper")}

    async def main() -> None:
        billing = AsyncBilling(books_url)
        room = billing.credits
        del billing
        await room.grant(customer, UNIT, 5)
        assert (await room.consume(customer, UNIT, 2)).amount == 2

    before = ours()
    run(main())
    until(lambda: not ours() - before)
