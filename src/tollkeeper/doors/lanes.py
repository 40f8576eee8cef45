"""A lane: a queue of waiting calls, and the thread that works it off. Knows nothing of databases.

Nothing here can be left locked, or asleep, by a caller who is interrupted at any moment.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Generic, TypeVar

from tollkeeper.doors.tickets import TaskTicket, ThreadTicket

AnyTicket = ThreadTicket | TaskTicket

T = TypeVar("T")

#: The threads that work lanes, in this process: whoever waits for a lane on one of them would wait
#: for itself.
workers: Final[set[int]] = set()


class Lane(Generic[T]):
    """A queue and the thread that works it off."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queue: deque[T] = deque()
        #: Locked while there is nothing to tell; releasing it wakes the thread. A bare lock, since
        #: an interrupt within a condition's methods can leave it locked, or lose a wake-up.
        self._bell = threading.Lock()
        self._bell.acquire()
        #: Held while the thread works, and while nobody may begin to: a fork awaits a quiet moment.
        self._working = threading.Lock()
        self._turnstile = threading.Lock()
        #: Whether its thread surely does nothing until `resume`.
        self.is_paused = False
        self._stopping = False
        #: Whether the thread sleeps, or is about to.
        self._idle = False
        #: Whether the thread has looked at the queue for the last time but one.
        self._ended = False
        self._thread: threading.Thread | None = None

    def put_one(self, ticket: T) -> bool:
        """Queue one call; False once the lane takes no more. No lock while the thread is busy."""
        if self._stopping:
            return False
        self.queue.append(ticket)
        if self._idle:
            self._ring()
        return not self._ended or not self._took_back(ticket)

    def put(self, tickets: Sequence[T]) -> list[T]:
        """Queue calls that belong together, in their order; give back those it takes no more."""
        if self._stopping:
            return list(tickets)
        self.queue.extend(tickets)
        if self._idle:
            self._ring()
        return [ticket for ticket in tickets if self._took_back(ticket)] if self._ended else []

    def take(self, most: int) -> list[T]:
        """Wait for calls and take what there is; nothing once the lane has stopped and is empty."""
        while not self.queue:
            if self._stopping:
                self._ended = True
                # Who queued before it could see the end has been promised an answer.
                return self._taken(most)
            self._idle = True
            if not self.queue and not self._stopping:
                self._bell.acquire()
            self._idle = False
        return self._taken(most)

    def _taken(self, most: int) -> list[T]:
        taken: list[T] = []
        with suppress(IndexError):  # at the end, who queued too late takes a call back meanwhile
            while len(taken) < most:
                taken.append(self.queue.popleft())
        return taken

    def _ring(self) -> None:
        if self._bell.locked():
            with suppress(RuntimeError):  # another call was quicker
                self._bell.release()

    def _took_back(self, ticket: T) -> bool:
        try:
            self.queue.remove(ticket)
        except ValueError:
            return False
        return True

    def start(self, work: "Callable[[Lane[T]], None]") -> None:
        """Let a thread of its own work this lane; it ends with the process."""
        thread = threading.Thread(target=self._run, args=(work,), name=self.name, daemon=True)
        thread.start()
        self._thread = thread

    def _run(self, work: "Callable[[Lane[T]], None]") -> None:
        workers.add(threading.get_ident())
        try:
            work(self)
        finally:
            workers.discard(threading.get_ident())

    def stop(self) -> None:
        """Take no more; the thread ends when the queue is empty."""
        self._stopping = True
        self._ring()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Work inside this; not while a fork is under way."""
        with self._turnstile:
            pass
        with self._working:
            yield

    def pause(self, seconds: float) -> None:
        """Let nobody begin to work, and wait a moment for who does."""
        self._turnstile.acquire()
        self.is_paused = self._working.acquire(timeout=seconds)

    def resume(self) -> None:
        """Go on after a pause."""
        if self.is_paused:
            self.is_paused = False
            self._working.release()
        self._turnstile.release()
