"""One waiting call: its request, and how its answer reaches a thread or a task."""

import asyncio
from collections.abc import Iterable
from threading import Lock
from typing import Any

from tollkeeper.decisions.requests import Request

#: What a call gets in the end: a receipt, or the error to raise.
Result = Any


class ThreadTicket:
    """A call of a thread, which sleeps on a lock until it is answered."""

    __slots__ = ("_answered", "deadline", "is_answered", "request", "result")

    def __init__(self, request: Request) -> None:
        self.request = request
        #: Until when it may wait for a lock (seconds of the monotonic clock); 0 while it has not.
        self.deadline = 0.0
        self.result: Result = None
        self.is_answered = False
        self._answered = Lock()
        self._answered.acquire()

    def answer(self, result: Result) -> None:
        """Wake the thread with its answer."""
        self.result = result
        self.is_answered = True
        self._answered.release()

    def wait(self) -> Result:
        """Sleep until answered; an interrupt leaves the request with the writer."""
        with self._answered:
            return self.result


class TaskTicket:
    """A call of a task, which awaits a future of its own loop."""

    __slots__ = ("deadline", "future", "is_answered", "loop", "request")

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self.deadline = 0.0
        self.is_answered = False
        self.loop = loop
        self.future: asyncio.Future[Result] = loop.create_future()


Pair = tuple[ThreadTicket | TaskTicket, Result]


def answer_all(pairs: Iterable[Pair]) -> None:
    """Answer many calls: threads one by one, the tasks of a loop in one step."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Result]]] = {}
    for ticket, result in pairs:
        if isinstance(ticket, ThreadTicket):
            ticket.answer(result)
        else:
            ticket.is_answered = True
            by_loop.setdefault(ticket.loop, []).append((ticket.future, result))
    for loop, answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, answers)
        except RuntimeError:
            # The loop was closed with calls under way: nobody is left to be told.
            continue


def _resolve(answers: list[tuple[asyncio.Future[Result], Result]]) -> None:
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
