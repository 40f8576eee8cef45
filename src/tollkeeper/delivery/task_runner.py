"""A task that runs what is due while its `AsyncBilling` is open, on the loop that started it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from tollkeeper.delivery.running import INTERVAL_SECONDS, Rhythm, check_interval
from tollkeeper.errors import Closed
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.values.findings import DueReport

logger = logging.getLogger("tollkeeper")


class TaskRunner:
    """Runs what is due, at once when something was written here, otherwise every interval.

    One `AsyncBilling` has one; to start it again while it runs changes nothing.
    """

    def __init__(self, run_due: Callable[[], Awaitable[DueReport]], outbox: Outbox) -> None:
        self._run_due = run_due
        self._outbox = outbox
        self._task: asyncio.Task[None] | None = None
        self._process = os.getpid()
        self._bell = asyncio.Event()
        self._is_stopping = False

    @property
    def is_running(self) -> bool:
        """Tell whether its task is there, in this process."""
        is_here = self._task is not None and self._process == os.getpid()
        return is_here and self._task is not None and not self._task.done()

    def start(self, interval_seconds: float = INTERVAL_SECONDS) -> Self:
        """Start the task on the running loop, unless it is there.

        Raises:
            InvalidRequest: the interval is not from 0.01 seconds to an hour.
        """
        rhythm = Rhythm(check_interval(interval_seconds))
        if not self.is_running:
            loop = asyncio.get_running_loop()
            self._bell, self._is_stopping, self._process = asyncio.Event(), False, os.getpid()
            self._outbox.wake = _waking(loop, self._bell)
            self._task = loop.create_task(self._work(rhythm), name="tollkeeper-runner")
        return self

    async def stop(self) -> None:
        """Let what is under way end, and wait for it; nothing new is begun."""
        task, self._task = self._task, None
        self._outbox.wake = None
        self._is_stopping = True
        self._bell.set()
        if task is None or self._process != os.getpid() or task is asyncio.current_task():
            return
        if task.get_loop() is not asyncio.get_running_loop():  # it ended with its loop
            return
        # Whoever cancels the wait does not cut off what is being told.
        await asyncio.shield(task)

    async def _work(self, rhythm: Rhythm) -> None:
        while not self._is_stopping:
            self._bell.clear()
            report: DueReport | None = None
            try:
                report = await self._run_due()
                rhythm = rhythm.ran()
            except Closed:
                return
            except Exception:  # a database that is away comes back; the runner stays
                rhythm = rhythm.failed()
                logger.exception("What is due could not be run; the runner tries again.")
            seconds = rhythm.sleep_seconds(report)
            if seconds and not self._is_stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), seconds)

    async def __aenter__(self) -> Self:
        """Use it as a context manager, which stops it."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        await self.stop()


def _waking(loop: asyncio.AbstractEventLoop, bell: asyncio.Event) -> Callable[[], None]:
    """Wake the task from the writer's thread, as long as its loop is there."""

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody is left to be woken
            loop.call_soon_threadsafe(bell.set)

    return wake
