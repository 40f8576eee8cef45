"""One waiting call: its request, and how its answer reaches a thread or a task."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from os import getpid
from threading import Lock, get_ident, main_thread
from typing import Any

from tollkeeper.decisions.requests import Request
from tollkeeper.errors import OutcomeUnknown

#: How long a thread sleeps before it looks whether its answer is there, and nobody woke it.
LOOK_SECONDS = 0.5
_FORKED = "The process was forked while this call waited; the parent gets its answer."

#: What a call gets in the end: a receipt, or the error to raise.
Result = Any


class ThreadTicket:
    """A call of a thread, which sleeps on a lock until it is answered.

    The threads of a batch are woken one by one, each by the one before it: all at once, they would
    only queue for the interpreter's lock, and each would fall asleep once more. Each also looks up
    now and then by itself: a tracer that raises, or a second interrupt, can stop a thread at any
    line, before it has woken the next.
    """

    __slots__ = (
        "bell",
        "deadline",
        "following",
        "is_answered",
        "is_waiting",
        "process",
        "request",
        "result",
        "wakes_others",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        #: Until when it may wait for a lock (seconds of the monotonic clock); 0 while it has not.
        self.deadline = 0.0
        self.result: Result = None
        self.is_answered = False
        #: Locked until the thread is woken.
        self.bell = Lock()
        self.bell.acquire()
        #: Who is to be woken after this one.
        self.following: ThreadTicket | None = None
        #: Whether its thread sleeps, and so will wake who follows.
        self.is_waiting = False
        #: A child forked while it waits (by a signal's handler, say) waits for nobody.
        self.process = getpid()
        #: The main thread runs signal handlers before it wakes, which may take long.
        self.wakes_others = get_ident() != main_thread().ident

    def wait(self) -> Result:
        """Sleep until answered; an interrupt leaves the request with the writer.

        Whoever wakes here, an interrupted thread too, first wakes who follows. No Python function
        may be called for that: an interrupt could come upon its call.
        """
        try:
            self.is_waiting = True
            while not self.bell.acquire(timeout=LOOK_SECONDS):
                if self.is_answered:
                    break
                if getpid() != self.process:
                    raise OutcomeUnknown(_FORKED)
        finally:
            self.is_waiting = False
            following, self.following = self.following, None
            while following is not None:
                try:  # noqa: SIM105  # suppress is Python
                    following.bell.release()
                except RuntimeError:  # woken already
                    pass
                if following.is_waiting:
                    break
                # It does not sleep yet, or never will: who follows it is ours to wake.
                after, following.following = following.following, None
                following = after
        return self.result

    def wake(self) -> None:
        """Wake its thread, and who follows up to the first that sleeps and will go on with it."""
        ticket: ThreadTicket | None = self
        while ticket is not None:
            with suppress(RuntimeError):  # woken already
                ticket.bell.release()
            if ticket.is_waiting:
                return
            after, ticket.following = ticket.following, None
            ticket = after


def wake_all(tickets: Iterable[ThreadTicket]) -> None:
    """Wake threads: the first here, and each of the others by the one before it."""
    first = last = None
    for ticket in tickets:
        if not ticket.wakes_others:
            ticket.wake()
        elif last is None:
            first = last = ticket
        else:
            last.following = ticket
            last = ticket
    if first is not None:
        first.wake()


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
    """Answer many calls: wake threads one after another, the tasks of a loop in one step."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[TaskTicket, Result]]] = {}
    threads: list[ThreadTicket] = []
    for ticket, result in pairs:
        if isinstance(ticket, ThreadTicket):
            ticket.result = result
            ticket.is_answered = True
            threads.append(ticket)
        else:
            by_loop.setdefault(ticket.loop, []).append((ticket, result))
    wake_all(threads)
    for loop, answers in by_loop.items():
        with suppress(RuntimeError):  # closed with calls under way: nobody is left to be told
            loop.call_soon_threadsafe(_resolve, answers)
        for ticket, _ in answers:
            ticket.is_answered = True


def _resolve(answers: list[tuple[TaskTicket, Result]]) -> None:
    for ticket, result in answers:
        future = ticket.future
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
