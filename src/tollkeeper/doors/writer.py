"""The writer: takes what waits, runs it as one transaction, answers everybody. Group commit.

It belongs to a `Billing` and runs on threads of its own, so that no caller's cancellation,
interrupt or death strands another. A lone call passes straight through; a thousand share a commit.
"""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Engine

from tollkeeper.doors.tickets import Pair, TaskTicket, ThreadTicket, answer_all
from tollkeeper.doors.transacting import Transactor
from tollkeeper.errors import Closed, StoreBusy, StoreError
from tollkeeper.ledger.change import Answer, Later, Ledger, Manner

logger = logging.getLogger("tollkeeper")

#: The most requests one transaction takes.
MAXIMUM_BATCH = 1000
#: How long a batch waits for a lock that it could not pass over.
BATCH_LOCK_TIMEOUT_MS = 100
#: How long the patient lane waits for one customer before it looks at the others again.
PATIENT_LOCK_TIMEOUT_MS = 50

AnyTicket = ThreadTicket | TaskTicket


class Lane:
    """A queue and the thread that works it off."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queue: deque[AnyTicket] = deque()
        #: Locked while there is nothing to tell; releasing it wakes the thread. A bare lock, since
        #: an interrupt within a condition's methods can leave it locked, or lose a wake-up.
        self._bell = threading.Lock()
        self._bell.acquire()
        #: Held while the thread works, so that a fork can wait for a quiet moment.
        self.working = threading.Lock()
        self._stopping = False
        #: Whether the thread sleeps, or is about to.
        self._idle = False
        #: Whether the thread has looked at the queue for the last time but one.
        self._ended = False
        self._thread: threading.Thread | None = None

    def put_one(self, ticket: AnyTicket) -> bool:
        """Queue one call; False once the lane takes no more. No lock while the thread is busy."""
        if self._stopping:
            return False
        self.queue.append(ticket)
        if self._idle:
            self._ring()
        return not self._ended or not self._took_back(ticket)

    def take(self, most: int) -> list[AnyTicket]:
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

    def _taken(self, most: int) -> list[AnyTicket]:
        return [self.queue.popleft() for _ in range(min(len(self.queue), most))]

    def _ring(self) -> None:
        with suppress(RuntimeError):  # it rings already
            self._bell.release()

    def _took_back(self, ticket: AnyTicket) -> bool:
        try:
            self.queue.remove(ticket)
        except ValueError:
            return False
        return True

    def start(self, work: "threading.Thread") -> None:
        """Let a thread work this lane."""
        self._thread = work
        work.start()

    def stop(self) -> None:
        """Take no more; the thread ends when the queue is empty."""
        self._stopping = True
        self._ring()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)


class Writer:
    """The lanes of one `Billing`: for batches, and a patient one for what others have locked."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        *,
        lanes: int,
        lock_timeout_seconds: float,
        keep_connections: bool = True,
        owns_connections: bool = False,
    ) -> None:
        self._engine = engine
        self._keep = keep_connections
        self._owns = owns_connections
        self._ledger = ledger
        self._count = lanes
        self._lock_timeout = lock_timeout_seconds
        self._guard = threading.Lock()
        self._lanes: list[Lane] = []
        self._patient: Lane | None = None
        self._closed = False
        _after_fork(self)

    def submit(self, ticket: AnyTicket) -> None:
        """Queue a call; its answer reaches the ticket. One customer always takes the same lane."""
        lanes = self._lanes or self._started()
        lane = lanes[hash(ticket.request.customer) % len(lanes)] if len(lanes) > 1 else lanes[0]
        if not lane.put_one(ticket):
            raise Closed

    def close(self, seconds: float = 30.0) -> None:
        """Answer what was taken, then stop."""
        with self._guard:
            self._closed = True
            lanes, patient = list(self._lanes), self._patient
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            lane.join(seconds)
        if patient is not None:
            patient.stop()
            patient.join(seconds)

    def forget(self) -> None:
        """Start anew in a forked child: its parent's threads and connections are not its own."""
        self._guard = threading.Lock()
        self._lanes = []
        self._patient = None
        self._engine.dispose(close=False)

    def _started(self) -> list[Lane]:
        with self._guard:
            if self._closed:
                raise Closed
            if not self._lanes:
                lanes = [Lane(f"tollkeeper-writer-{number}") for number in range(self._count)]
                for lane in lanes:
                    lane.start(_thread(lane, self._work, lane))
                self._lanes = lanes
            return self._lanes

    def _work(self, lane: Lane) -> None:
        transactor = self._transactor(BATCH_LOCK_TIMEOUT_MS)
        while tickets := lane.take(MAXIMUM_BATCH):
            try:
                self._batch(transactor, tickets)
            except BaseException as error:  # no caller may be left waiting
                logger.exception("The writer failed on a batch.")
                _answer_rest(tickets, error)
        transactor.close()

    def _batch(self, transactor: Transactor, tickets: list[AnyTicket]) -> None:
        postgres = self._ledger.database.is_postgres
        manner = Manner(skip_locked=postgres, look_up_keys=False)
        answers = run_with_missing(transactor, tickets, manner)
        answer_all([pair for pair in answers if not isinstance(pair[1], Later)])
        busy = [ticket for ticket, answer in answers if isinstance(answer, Later)]
        if busy:
            self._be_patient(busy)

    def _be_patient(self, tickets: Sequence[AnyTicket]) -> None:
        """Leave calls on busy customers to the patient lane."""
        deadline = time.monotonic() + self._lock_timeout
        for ticket in tickets:
            ticket.deadline = ticket.deadline or deadline
        with self._guard:
            if self._patient is None:
                self._patient = Lane("tollkeeper-patient")
                self._patient.start(_thread(self._patient, self._wait, self._patient))
        self._patient.put(tickets)

    def _wait(self, lane: Lane) -> None:
        """Work the patient lane: all at once where free, then wait a moment for one customer."""
        transactor = self._transactor(PATIENT_LOCK_TIMEOUT_MS)
        waiting: list[AnyTicket] = []
        while True:
            waiting += [] if waiting and not lane.queue else lane.take(MAXIMUM_BATCH)
            if not waiting:
                break
            try:
                waiting = self._patient_round(transactor, waiting)
            except BaseException as error:  # no caller may be left waiting
                logger.exception("The patient lane failed.")
                _answer_rest(waiting, error)
                waiting = []
        transactor.close()

    def _transactor(self, lock_timeout_ms: int) -> Transactor:
        return Transactor(
            self._engine,
            self._ledger,
            lock_timeout_ms,
            keep_connection=self._keep,
            is_ours=self._owns,
        )

    def _patient_round(self, transactor: Transactor, waiting: list[AnyTicket]) -> list[AnyTicket]:
        waiting = _settle(run_with_missing(transactor, waiting, Manner(skip_locked=True)))
        if waiting:
            first = waiting[0].request.customer
            own = [ticket for ticket in waiting if ticket.request.customer == first]
            others = [ticket for ticket in waiting if ticket.request.customer != first]
            waiting = others + _settle(run_with_missing(transactor, own, Manner()))
        return _in_time(waiting)


def run_with_missing(
    transactor: Transactor, tickets: Sequence[AnyTicket], manner: Manner
) -> list[Pair]:
    """Run calls; those whose customer or account is new again, once these are made."""
    answers = transactor.run([ticket.request for ticket in tickets], manner)
    pairs: list[Pair] = list(zip(tickets, answers, strict=True))
    new = [ticket for ticket, answer in pairs if answer is Later.ABSENT]
    if not new:
        return pairs
    making = Manner(skip_locked=manner.skip_locked, make_missing=True)
    made: list[Answer] = transactor.run([ticket.request for ticket in new], making)
    again = dict(zip(map(id, new), made, strict=True))
    return [(ticket, again.get(id(ticket), answer)) for ticket, answer in pairs]


def _settle(pairs: Sequence[Pair]) -> list[AnyTicket]:
    """Answer what was decided; give back who has to go on waiting."""
    answer_all([pair for pair in pairs if not isinstance(pair[1], Later)])
    return [ticket for ticket, answer in pairs if isinstance(answer, Later)]


def _in_time(waiting: Sequence[AnyTicket]) -> list[AnyTicket]:
    """Refuse whoever has waited too long; give back the others."""
    now = time.monotonic()
    late = [ticket for ticket in waiting if now > ticket.deadline]
    answer_all([(ticket, StoreBusy()) for ticket in late])
    return [ticket for ticket in waiting if now <= ticket.deadline]


def _answer_rest(tickets: Sequence[AnyTicket], error: BaseException) -> None:
    unanswered = [ticket for ticket in tickets if not ticket.is_answered]
    failure = StoreError("The writer failed; repeat the call with the same idempotency key.")
    failure.__cause__ = error
    answer_all([(ticket, failure) for ticket in unanswered])


def _thread(lane: Lane, work: object, *arguments: object) -> threading.Thread:
    return threading.Thread(target=work, args=arguments, name=lane.name, daemon=True)  # type: ignore[arg-type]  # a bound method


def _after_fork(writer: Writer) -> None:
    reference = weakref.ref(writer)

    def forget() -> None:
        alive = reference()
        if alive is not None:
            alive.forget()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)
