"""The writer: takes what waits, runs it as one transaction, answers everybody. Group commit.

It belongs to a `Billing` and runs on threads of its own, so that no caller's cancellation,
interrupt or death strands another. A lone call passes straight through; a thousand share a commit.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Final

from sqlalchemy import Engine, Pool

from tollkeeper.doors import rounds
from tollkeeper.doors.checkpoints import Checkpoints
from tollkeeper.doors.forks import (
    PAUSE_SECONDS,
    Gate,
    file_of,
    refuse_if_tainted,
    taint,
    take_part,
)
from tollkeeper.doors.lanes import AnyTicket, Lane, workers
from tollkeeper.doors.patient import Patient
from tollkeeper.doors.rounds import answer_decided, answer_rest, run_with_missing
from tollkeeper.doors.tickets import answer_all
from tollkeeper.doors.transacting import Transactor
from tollkeeper.errors import Closed, InvalidRequest, StoreBusy
from tollkeeper.ledger.change import Ledger, Manner

logger = logging.getLogger("tollkeeper")

#: The most calls that may wait in one lane; beyond them a call is refused at once.
MAXIMUM_QUEUE = 100_000
#: How long a batch waits for a lock that it could not pass over.
BATCH_LOCK_TIMEOUT_MS = 100
_TOO_MANY: Final = f"{MAXIMUM_QUEUE:,} calls wait already; try again later."


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
        self._lanes: list[Lane[AnyTicket]] = []
        self._patient = self._new_patient()
        #: Lanes that wait for a fork to be over.
        self._paused: list[Lane[Any]] = []
        self._closed = False
        self._checkpoints = self._new_checkpoints()
        self._transactors: list[Transactor] = []
        #: Whoever reads from the file is within, so that a fork can wait; None but for such files.
        self._gate = self._new_gate()
        self._is_let_go = True
        self._file = None if self._gate is None else file_of(engine.url.database)
        take_part(self)

    @property
    def lock_timeout_ms(self) -> int:
        """Tell how long a call waits for what another transaction has locked."""
        return int(self._lock_timeout * 1000)

    @property
    def is_closed(self) -> bool:
        """Tell whether it takes no more calls."""
        return self._closed

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read within this; not while a fork is under way.

        Raises:
            Closed: it takes no more calls.
            StoreUnavailable: the file cannot be used in this process, which was forked.
        """
        if self._closed:
            raise Closed
        if self._gate is None:
            yield
            return
        refuse_if_tainted(self._file)
        with self._gate.within():
            yield

    def submit(self, ticket: AnyTicket) -> None:
        """Queue a call; its answer reaches the ticket. One customer always takes the same lane.

        Raises:
            Closed: it takes no more calls, or the interpreter is ending.
            InvalidRequest: a thread calls that answers calls, this Billing's or another one's.
            StoreBusy: too many calls wait.
        """
        _refuse_here()
        lanes = self._lanes or self._started()
        lane = lanes[hash(ticket.request.customer) % len(lanes)] if len(lanes) > 1 else lanes[0]
        if len(lane.queue) >= MAXIMUM_QUEUE:
            raise StoreBusy(_TOO_MANY)
        if not lane.put_one(ticket):
            raise Closed

    def submit_all(self, tickets: Sequence[AnyTicket]) -> None:
        """Queue calls that belong together, to share transactions: all, or none where it raises.

        Each customer's keep their order. What a lane takes no more, because it is being closed, is
        answered with Closed. Raises what `submit` raises.
        """
        _refuse_here()
        lanes = self._lanes or self._started()
        if self._closed:
            raise Closed
        by_lane: list[list[AnyTicket]] = [[] for _ in lanes]
        for ticket in tickets:
            by_lane[hash(ticket.request.customer) % len(lanes)].append(ticket)
        shared = [(lane, some) for lane, some in zip(lanes, by_lane, strict=True) if some]
        if any(len(lane.queue) + len(some) > MAXIMUM_QUEUE for lane, some in shared):
            raise StoreBusy(_TOO_MANY)
        for lane, some in shared:
            answer_all([(ticket, Closed()) for ticket in lane.put(some)])

    def close(self, seconds: float = 30.0) -> None:
        """Answer what was taken, then stop."""
        with self._guard:
            self._closed = True
        self.stop()
        for lane in self._lanes:
            lane.join(seconds)
        # Only now: what a batch found busy went to the patient lane until the batch was done.
        self._patient.close(seconds)
        if self._checkpoints is not None:
            self._checkpoints.close(seconds)

    def stop(self) -> None:
        """Take no more calls; what was taken is answered. Returns at once."""
        self._closed = True
        for lane in self._lanes:
            lane.stop()

    def pause(self) -> None:
        """Let no batch be under way: a child forked in the middle of one inherits locked locks."""
        with self._guard:
            self._paused = [*self._lanes]
            if self._patient.lane is not None:
                self._paused.append(self._patient.lane)
            if self._checkpoints is not None:
                self._paused.append(self._checkpoints.lane)
        for lane in self._paused:
            lane.pause(PAUSE_SECONDS)
        if self._gate is not None:
            self._is_let_go = self._gate.shut() and all(lane.is_paused for lane in self._paused)
            if self._is_let_go:
                for transactor in self._transactors:
                    transactor.close()
                self._engine.dispose()

    def resume(self) -> None:
        """Go on after a fork."""
        if self._gate is not None:
            self._gate.open()
        paused, self._paused = self._paused, []
        for lane in paused:
            lane.resume()

    def forget(self) -> None:
        """Start anew in a forked child: its parent's threads and connections are not its own."""
        if not self._is_let_go:
            taint(self._file)
        # The system gives the numbers of the parent's threads to new ones of the child.
        workers.clear()
        self._guard = threading.Lock()
        self._gate = self._new_gate()
        self._lanes, self._paused, self._transactors = [], [], []
        self._patient = self._new_patient()
        self._checkpoints = self._new_checkpoints()
        # To close them, even by forgetting them, would reach into the parent's conversation.
        _of_the_parent.append(self._engine.pool)
        self._engine.dispose(close=False)

    def _new_patient(self) -> Patient:
        return Patient(self._transactor, self._lock_timeout)

    def _new_gate(self) -> Gate | None:
        """Mind who uses a SQLite file; one in memory is the child's own, and whole."""
        return Gate() if self._keep and not self._ledger.database.is_postgres else None

    def _new_checkpoints(self) -> Checkpoints | None:
        """Look after the log of a SQLite file whose connections are ours."""
        is_ours = self._owns and self._keep and not self._ledger.database.is_postgres
        return Checkpoints(self._engine) if is_ours else None

    def _started(self) -> list[Lane[AnyTicket]]:
        refuse_if_tainted(self._file)
        with self._guard:
            if self._closed:
                raise Closed
            if not self._lanes:
                lanes: list[Lane[AnyTicket]] = [
                    Lane(f"tollkeeper-writer-{number}") for number in range(self._count)
                ]
                try:
                    for lane in lanes:
                        lane.start(self._work)
                except BaseException:  # interrupted, or no thread can be had
                    for lane in lanes:
                        lane.stop()
                    raise
                self._lanes = lanes
            return self._lanes

    def _work(self, lane: Lane[AnyTicket]) -> None:
        transactor = self._transactor(BATCH_LOCK_TIMEOUT_MS)
        while tickets := lane.take(rounds.MAXIMUM_BATCH):
            try:
                with lane.work():
                    self._batch(transactor, tickets)
                if self._ledger.outbox.has_written:
                    self._ledger.outbox.ring()
                if self._checkpoints is not None:
                    self._checkpoints.count(len(tickets))
            except BaseException as error:  # no caller may be left waiting
                logger.exception("The writer failed on a batch.")
                answer_rest(tickets, error)
        transactor.close()

    def _batch(self, transactor: Transactor, tickets: list[AnyTicket]) -> None:
        if self._patient.awaited:
            tickets = self._patient.without_awaited(tickets)
        if not tickets:
            return
        postgres = self._ledger.database.is_postgres
        manner = Manner(skip_locked=postgres, look_up_keys=False)
        busy = answer_decided(run_with_missing(transactor, tickets, manner))
        if busy:
            self._patient.take(busy)

    def _transactor(self, lock_timeout_ms: int) -> Transactor:
        made = Transactor(
            self._engine,
            self._ledger,
            lock_timeout_ms,
            keep_connection=self._keep,
            is_ours=self._owns,
        )
        self._transactors.append(made)
        return made


def _refuse_here() -> None:
    """Refuse a call that nobody could answer: at the interpreter's end, or on a lane's thread."""
    if sys.is_finalizing():
        raise Closed
    if get_ident() in workers:
        raise InvalidRequest(
            "This thread answers Tollkeeper's calls: a hook, a handler or a finaliser that "
            "runs on it cannot make one; call from another thread."
        )


#: The parent's connections in a forked child: kept, so that nothing ever closes them.
_of_the_parent: Final[list[Pool]] = []
