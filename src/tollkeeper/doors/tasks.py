"""The door of tasks: a call awaits the writer; reads run on a few threads beside the loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.threads import ThreadDoor
from tollkeeper.doors.tickets import Result, TaskTicket
from tollkeeper.doors.writer import Writer
from tollkeeper.errors import Closed
from tollkeeper.operations.door import Finish, UnitsUnknown

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
        """Ask to be called again once the unit was looked for (see `find_unit`)."""
        ask_for_unit(key)

    async def find_unit(self, key: str) -> None:
        """Look for a unit without blocking the loop."""
        await find_unit(self._behind, key)

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


def ask_for_unit(key: str) -> None:
    """Have a unit looked for beside the loop: whoever awaits the verb does it and calls again."""
    raise UnitsUnknown(key)


async def find_unit(behind: ThreadDoor, key: str) -> None:
    """Look for a unit without blocking the loop."""
    await asyncio.to_thread(behind.learn_unit, key)
    # The loop may be late; what was found absent stays so for the call that comes right now.
    behind.recall_unit(key)


async def _finished(future: "asyncio.Future[Result]", finish: Finish) -> Any:
    try:
        result = await future
    except Exception as error:  # noqa: BLE001  # whatever it is, `finish` says what it means
        result = error
    return finish(result)
