"""What the body of `with billing.metered(…)` gets: a call to hand the vendor's answers to.

It drives the steps of `running` for threads and for tasks, and never loses an ending: what the
database cannot take now is handed to the endings that `run_due` books.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from tollkeeper.errors import InvalidRequest, StillRunning
from tollkeeper.metering.calls.ending import Endings
from tollkeeper.metering.calls.replaying import body_of, restored
from tollkeeper.metering.calls.running import RunningCall
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import PlainDoor
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.charges import ChargeReceipt
from tollkeeper.values.money import Money

logger = logging.getLogger("tollkeeper")

R = TypeVar("R")
Step = Callable[[PlainDoor], object]
#: Runs a step; the answer of a door of tasks is to be awaited.
Perform = Callable[[Step], Any]

#: How often a call under the same key is looked at while it is waited for.
POLL_SECONDS: Final = 0.1


class MeteredCall:
    """One metered call. Use it with `with`, and with `async with` where `AsyncBilling` made it.

    Hand it what the vendor answers: `result(response)`, or chunk by chunk `add(chunk)`. When the
    body ends, the call is settled at what was used; where the body failed before anything came,
    what was held is released.
    """

    def __init__(
        self, running: RunningCall, desk: Desk, endings: Endings, *, is_async: bool
    ) -> None:
        self._running = running
        self._desk = desk
        self._perform: Perform = desk.door.perform
        self._endings = endings
        self._is_async = is_async
        self._is_open = False

    @property
    def id(self) -> str:
        """The call's id: `billing.model_calls.get(customer, id)` tells all of it."""
        return self._running.id

    @property
    def outcome(self) -> str | None:
        """How it ended: `delivered`, `aborted` or `failed_before_delivery`; None while it runs."""
        return self._running.outcome

    @property
    def receipt(self) -> ChargeReceipt | None:
        """What was charged; None while it runs, where nothing was, and until it is booked."""
        return self._running.receipt

    @property
    def is_booked(self) -> bool:
        """Tell whether the call is settled or released; if not yet, `run_due` sees to it."""
        return self._running.is_booked or self._running.is_replayed

    @property
    def replayed(self) -> bool:
        """Tell whether a call under this key was made before: do not ask the vendor again."""
        return self._running.is_replayed

    @property
    def response(self) -> Any:
        """What the vendor answered to the earlier call: `replayed` tells whether there is one.

        It is of the vendor's own class where that is imported, otherwise a dict; a list of the
        chunks where it was streamed.
        """
        body = self._running.replayed_body
        return None if body is None else restored(body)

    @property
    def used(self) -> Decimal:
        """How much of the feature was used by now."""
        return from_scaled(self._running.used(), self._running.pricing.scale)

    @property
    def held(self) -> Decimal:
        """How much is held for it by now."""
        return from_scaled(self._running.held, self._running.pricing.scale)

    @property
    def left(self) -> Decimal:
        """How much of what is held may still be used."""
        return max(self.held - self.used, Decimal(0))

    def add(self, item: object) -> Any:
        """Take the next chunk, usage, piece of text, or number of the feature's quantity.

        Where what was used comes near to what is held, more is held first. To be awaited where
        `AsyncBilling` made the call.

        Raises:
            CallExhausted: no more can be held; `left` says what may still be used. Stop the vendor
                and let the body end: what was streamed is charged.
        """
        running = self._running
        running.progress.add(item)
        if not self._is_open or not running.is_due():
            return _nothing() if self._is_async else None
        return self._perform(running.go_on)

    def result(self, response: R) -> R:
        """Take a whole response, and give it back; its usage is read when the body ends."""
        self._running.progress.result(response)
        if self._running.terms.replay:
            self._running.answer = body_of(response)
        return response

    def take(self, found: object, response: object) -> None:
        """Take what an app's own function found in a response: a usage, a number, a response."""
        if found is None or isinstance(found, int | Decimal | Money):
            self._running.progress.add(found)
        else:
            self._running.progress.result(found)
        if self._running.terms.replay:
            self._running.answer = body_of(response)

    def keep(self, chunks: list[Any]) -> None:
        """Keep the chunks of a stream for a replay, if the call is to be replayed."""
        if self._running.terms.replay:
            self._running.answer = body_of(chunks)

    def cancel(self) -> None:
        """Say that the vendor was not asked: nothing is charged."""
        self._running.is_cancelled = True

    def open(self) -> Self:
        """Hold for the call, as `with` does."""
        if self._is_async:
            raise InvalidRequest("This call is for tasks: write `async with`.")
        give_up = self._give_up()
        while True:
            try:
                self._perform(self._running.open)
            except StillRunning:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                self._begin()
                return self

    async def open_async(self) -> Self:
        """Hold for the call, as `async with` does."""
        if not self._is_async:
            raise InvalidRequest("This call is for threads: write `with`.")
        give_up = self._give_up()
        while True:
            try:
                await self._opened()
            except StillRunning:
                if time.monotonic() >= give_up:
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                self._begin()
                return self

    def end(self, error: BaseException | None = None) -> None:
        """Book the call, as the end of the body does; to repeat it changes nothing."""
        if self._was_open():
            with self._endings.seen_to(self._running, error):
                self._perform(lambda door: self._running.end(door, error))

    async def end_async(self, error: BaseException | None = None) -> None:
        """Book the call, as the end of the body does; a cancelled task does not cut it off."""
        if self._was_open():
            with self._endings.seen_to(self._running, error):
                await asyncio.shield(_future(self._ended(error)))

    def abandon(self) -> None:
        """Book a call whose owner let go of it without a word, on another thread."""
        if self._was_open():
            self._endings.abandoned(self._running)

    def __enter__(self) -> Self:
        """Hold for the call."""
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Book the call."""
        self.end(error)

    async def __aenter__(self) -> Self:
        """Hold for the call."""
        return await self.open_async()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Book the call."""
        await self.end_async(error)

    async def _ended(self, error: BaseException | None) -> None:
        """Have the writer book the end beside what others write; else book it step by step."""
        running = self._running
        request = running.ending(self._desk, error)
        if request is None:
            return
        if not running.is_over(await self._desk.door.change(request, _as_it_is)):
            await self._perform(running.end_in_steps)

    async def _opened(self) -> None:
        """Open; where the task is cancelled meanwhile, let go of what is held after all."""
        step = _future(self._perform(self._running.open))
        try:
            await asyncio.shield(step)
        except asyncio.CancelledError:
            step.add_done_callback(self._unwanted)
            raise

    def _unwanted(self, step: "asyncio.Future[object]") -> None:
        if not step.cancelled() and step.exception() is None:
            self._begin()
            self.abandon()

    def _give_up(self) -> float:
        wait = self._running.terms.wait
        return time.monotonic() + (0.0 if wait is None else wait.total_seconds())

    def _begin(self) -> None:
        self._is_open = True
        self._endings.begun(self._running)

    def _was_open(self) -> bool:
        was_open, self._is_open = self._is_open, False
        return was_open


def _as_it_is(result: Any) -> Any:
    """Give an error like an answer: it may say no more than that steps are needed."""
    return result


async def _nothing() -> None:
    """Give tasks something to await where nothing is to be done."""


def _future(step: Any) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = asyncio.ensure_future(step)
    return future
