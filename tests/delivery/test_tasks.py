"""The same for tasks: functions that are awaited, and plain ones beside the loop."""

import asyncio
import threading
from datetime import timedelta

from tests.delivery.conftest import START
from tollkeeper import AsyncBilling
from tollkeeper.clock import FixedClock
from tollkeeper.delivery.calling import tell
from tollkeeper.delivery.subscribers import Subscriber
from tollkeeper.notices import CreditsGranted, Notice

UNIT = "api_calls"


def test_tasks_hear_on_their_own_loop_and_may_call_verbs(database_url: str) -> None:
    """A coroutine function runs on the loop, a plain one on a thread beside it."""
    told: list[tuple[str, object]] = []

    async def main() -> None:
        async with AsyncBilling(database_url, clock=FixedClock(START)) as billing:
            await billing.migrate()
            here = threading.get_ident()

            @billing.on(CreditsGranted)
            async def awaited(notice: CreditsGranted) -> None:
                balance = await billing.credits.balance(notice.customer, UNIT)
                told.append(("awaited", (threading.get_ident() == here, int(balance.available))))

            @billing.on(Notice)
            def plain(_: Notice) -> None:
                told.append(("plain", threading.get_ident() == here))

            await billing.credits.grant("ann", UNIT, 5)
            report = await billing.jobs.run_due()
            assert (report.delivered, report.is_done) == (1, True)
            assert (await billing.notices.list()).notices[0].status == "delivered"
            assert await billing.jobs.last_run() == START

    asyncio.run(main())
    assert told == [("awaited", (True, 5)), ("plain", False)]


def test_a_task_that_fails_is_tried_again(database_url: str) -> None:
    """As a plain function is; money stays."""
    clock = FixedClock(START)
    tries: list[str] = []

    async def main() -> None:
        async with AsyncBilling(database_url, clock=clock) as billing:
            await billing.migrate()

            @billing.on(CreditsGranted)
            async def listen(notice: CreditsGranted) -> None:
                await asyncio.sleep(0)
                tries.append(notice.id)
                if len(tries) == 1:
                    raise RuntimeError

            await billing.credits.grant("ann", UNIT, 5)
            assert (await billing.jobs.run_due()).failed == 1
            clock.advance(hours=1)
            assert (await billing.jobs.run_due()).delivered == 1
            assert (await billing.credits.balance("ann", UNIT)).available == 5

    asyncio.run(main())
    assert len(tries) == 2
    assert len(set(tries)) == 1


def test_many_tasks_at_once_tell_each_notice_once(database_url: str) -> None:
    """One works and the others leave: no reader's thread waits for another."""
    heard: list[str] = []

    async def main() -> None:
        async with AsyncBilling(database_url, clock=FixedClock(START)) as billing:
            await billing.migrate()

            @billing.on(CreditsGranted)
            async def listen(notice: CreditsGranted) -> None:
                await billing.credits.balance(notice.customer, UNIT)
                heard.append(notice.customer)

            names = [f"user_{number}" for number in range(8)]
            await asyncio.gather(*(billing.credits.grant(name, UNIT, 1) for name in names))
            await asyncio.gather(*(billing.jobs.run_due() for _ in range(12)))
            assert sorted(heard) == names

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_takes_too_long_is_cut_off() -> None:
    """A lease ends some time; what is awaited gets no longer than that."""
    ended: list[str] = []

    async def slow(_: Notice) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def main() -> None:
        loop = asyncio.get_running_loop()
        subscriber = Subscriber("app.slow", (Notice,), slow)
        notice = Notice(id="ntc_1", customer="ann")
        heard = await asyncio.to_thread(
            tell, notice, [subscriber], (), loop, timedelta(milliseconds=50).total_seconds()
        )
        assert heard.by == ()
        assert "TimeoutError" in str(heard.error)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if ended:
                break

    asyncio.run(main())
    assert ended == ["cancelled"]


def test_a_runner_of_tasks_tells_at_once_and_stops(database_url: str) -> None:
    """It is woken by what is written here, long before its interval is over."""
    heard = asyncio.Event()

    async def main() -> None:
        async with AsyncBilling(database_url) as billing:
            await billing.migrate()

            @billing.on(CreditsGranted)
            async def listen(_: CreditsGranted) -> None:
                heard.set()

            runner = billing.start(interval_seconds=3600)
            assert billing.start() is runner
            await asyncio.sleep(0.2)
            await billing.credits.grant("ann", UNIT, 5)
            await asyncio.wait_for(heard.wait(), 20)
            await runner.stop()
            assert not runner.is_running
            async with billing.start(interval_seconds=3600) as again:
                assert again is runner
            assert not runner.is_running
            billing.start()
        assert not runner.is_running

    asyncio.run(main())
