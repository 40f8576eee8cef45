"""The door of tasks: a call awaits the writer; reads run on a few threads beside the loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.threads import ThreadDoor
from tollkeeper.doors.tickets import Result, TaskTicket
from tollkeeper.doors.writer import Writer
from tollkeeper.errors import BrokenInvariant, Closed
from tollkeeper.operations.door import Finish, FinishAll, Lesson, Unlearnt, each

T = TypeVar("T")

#: How many reads of one `AsyncBilling` run at once.
READERS = 4


class TaskDoor:
    """Runs changes through the writer without blocking the loop."""

    def __init__(self, behind: ThreadDoor, writer: Writer) -> None:
        self._behind = behind
        self._writer = writer
        self._readers = _readers()
        self._process = os.getpid()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Tell whether it takes no more calls."""
        return self._closed

    def change(self, request: Request, finish: Finish | None = None) -> Awaitable[Any]:
        """Hand the request to the writer; the answer is to be awaited."""
        ticket = TaskTicket(request, asyncio.get_running_loop())
        self._writer.submit(ticket)
        return ticket.future if finish is None else _finished(ticket.future, finish)

    def change_all(self, requests: Sequence[Request], finish: FinishAll = each) -> Awaitable[Any]:
        """Hand requests to the writer at once; the answer to all of them is to be awaited."""
        loop = asyncio.get_running_loop()
        tickets = [TaskTicket(request, loop) for request in requests]
        self._writer.submit_all(tickets)
        return _all_finished([ticket.future for ticket in tickets], finish)

    def read(self, query: Callable[[Connection], T]) -> Awaitable[T]:
        """Run a query on a reader's thread."""
        return self._beside(lambda: self._behind.read(query))

    def perform(self, work: Callable[[ThreadDoor], T]) -> Awaitable[T]:
        """Run several steps on a reader's thread, without blocking the loop."""
        return self._beside(lambda: work(self._behind))

    async def run(self, work: Callable[[], T]) -> T:
        """Run any blocking work beside the loop."""
        return await self._beside(work)

    def learn_unit(self, key: str) -> None:
        """Ask to be called again once the unit was looked for."""
        self.learn("unit", key)

    def look(self) -> None:
        """Ask to be called again once it was looked which catalog is in force."""
        self.learn("catalog", "")

    def look_again(self) -> None:
        """Ask to be called again once a name was looked for that no catalog here knows."""
        self.learn("names", "")

    def learn(self, lesson: Lesson, key: str) -> None:
        """Ask to be called again once something was read (see `learning`)."""
        ask(self._behind, lesson, key)

    async def learnt(self, unlearnt: Unlearnt, verb: Callable[[], Awaitable[T]]) -> T:
        """Read what a verb asks for, and call it again."""
        return await learning(self._behind, unlearnt, verb)

    def close(self) -> None:
        """Let the readers end."""
        self._closed = True
        self._readers.shutdown(wait=False)

    def _beside(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        if self._closed:
            raise Closed
        if self._process != os.getpid():
            # A forked child has its parent's pool, but none of its threads.
            self._readers, self._process = _readers(), os.getpid()
        return asyncio.get_running_loop().run_in_executor(self._readers, work)


def _readers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="tollkeeper-reader")


#: What was read already for the verb that this task is about to call: it is asked for once.
_LEARNT: ContextVar[frozenset[tuple[Lesson, str]]] = ContextVar("learnt", default=frozenset())


def ask(behind: ThreadDoor, lesson: Lesson, key: str) -> None:
    """Have something read beside the loop: whoever awaits the verb does it and calls again."""
    if (lesson, key) not in _LEARNT.get():
        if lesson != "unit":
            behind.claim_look()
        raise Unlearnt(lesson, key)
    if lesson == "unit":
        # The loop may be late; what was found absent stays so for the call that comes right now.
        behind.recall_unit(key)


async def learning(behind: ThreadDoor, unlearnt: Unlearnt, verb: Callable[[], Awaitable[T]]) -> T:
    """Read what a verb asks for without blocking the loop, and call it again."""
    before = _LEARNT.set(frozenset())
    try:
        while (asked := (unlearnt.lesson, unlearnt.key)) not in _LEARNT.get():
            await asyncio.to_thread(behind.learn, *asked)
            _LEARNT.set(_LEARNT.get() | {asked})
            try:
                return await verb()
            except Unlearnt as another:
                unlearnt = another
        raise BrokenInvariant(f"A verb asks again for what was read: {asked}.")
    finally:
        _LEARNT.reset(before)


async def _all_finished(futures: "list[asyncio.Future[Result]]", finish: FinishAll) -> Any:
    return finish(await asyncio.gather(*futures, return_exceptions=True))


async def _finished(future: "asyncio.Future[Result]", finish: Finish) -> Any:
    try:
        result = await future
    except Exception as error:  # noqa: BLE001  # whatever it is, `finish` says what it means
        result = error
    return finish(result)
