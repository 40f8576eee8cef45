"""The patient lane: calls on customers whom another transaction has locked wait here.

They hold up nobody else, keep their order for each customer, and give up at their time limit.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from tollkeeper.doors import rounds
from tollkeeper.doors.lanes import AnyTicket, Lane
from tollkeeper.doors.rounds import answer_decided, answer_rest, run_with_missing
from tollkeeper.doors.tickets import answer_all
from tollkeeper.doors.transacting import Transactor
from tollkeeper.errors import StoreBusy
from tollkeeper.ledger.change import Manner

logger = logging.getLogger("tollkeeper")

#: How long it waits for one customer before it looks at the others again.
LOCK_TIMEOUT_MS = 50


class Patient:
    """The lane, which is started when somebody first has to wait."""

    def __init__(
        self, make_transactor: Callable[[int], Transactor], lock_timeout_seconds: float
    ) -> None:
        self._make_transactor = make_transactor
        self._lock_timeout = lock_timeout_seconds
        self._guard = threading.Lock()
        self.lane: Lane[AnyTicket] | None = None
        #: Customers whose calls wait here; later calls of theirs come here at once.
        self.awaited: frozenset[str] = frozenset()

    def take(self, tickets: Sequence[AnyTicket]) -> None:
        """Take over calls on busy customers; each waits until its time is over."""
        deadline = time.monotonic() + self._lock_timeout
        for ticket in tickets:
            ticket.deadline = ticket.deadline or deadline
        try:
            patient = self.lane or self._started()
        except RuntimeError:  # no thread can be had now; the next call tries again
            logger.exception("No thread for calls that wait for a lock.")
            answer_all([(ticket, StoreBusy()) for ticket in tickets])
            return
        self.awaited |= {ticket.request.customer for ticket in tickets}
        refused = [ticket for ticket in tickets if not patient.put_one(ticket)]
        answer_all([(ticket, StoreBusy()) for ticket in refused])

    def _started(self) -> Lane[AnyTicket]:
        with self._guard:
            if self.lane is None:
                lane: Lane[AnyTicket] = Lane("tollkeeper-patient")
                lane.start(self._work)
                self.lane = lane
            return self.lane

    def without_awaited(self, tickets: list[AnyTicket]) -> list[AnyTicket]:
        """Pass on the calls of customers for whom others wait already; give back the rest."""
        awaited = self.awaited
        late = [ticket for ticket in tickets if ticket.request.customer in awaited]
        if late:
            self.take(late)
        return [ticket for ticket in tickets if ticket.request.customer not in awaited]

    def close(self, seconds: float) -> None:
        """Answer who waits, then stop."""
        if self.lane is not None:
            self.lane.stop()
            self.lane.join(seconds)

    def _work(self, lane: Lane[AnyTicket]) -> None:
        """Run all at once where free, then wait a moment for one customer."""
        transactor = self._make_transactor(LOCK_TIMEOUT_MS)
        waiting: list[AnyTicket] = []
        while True:
            waiting += [] if waiting and not lane.queue else lane.take(rounds.MAXIMUM_BATCH)
            if not waiting:
                break
            batch, rest = waiting[: rounds.MAXIMUM_BATCH], waiting[rounds.MAXIMUM_BATCH :]
            try:
                with lane.work():
                    # Who goes on waiting comes last, with later calls of the same customers.
                    waiting = _in_turn(_round(transactor, batch), rest)
            except BaseException as error:  # no caller may be left waiting
                logger.exception("The patient lane failed.")
                answer_rest(batch, error)
                waiting = rest
            self.awaited = frozenset(ticket.request.customer for ticket in waiting)
        transactor.close()


def _round(transactor: Transactor, waiting: list[AnyTicket]) -> list[AnyTicket]:
    waiting = answer_decided(run_with_missing(transactor, waiting, Manner(skip_locked=True)))
    if waiting:
        first = waiting[0].request.customer
        own = [ticket for ticket in waiting if ticket.request.customer == first]
        others = [ticket for ticket in waiting if ticket.request.customer != first]
        waiting = others + answer_decided(run_with_missing(transactor, own, Manner()))
    return _in_time(waiting)


def _in_turn(still: list[AnyTicket], rest: list[AnyTicket]) -> list[AnyTicket]:
    """Let the rest come first, but no call before an earlier one of its own customer."""
    customers = {ticket.request.customer for ticket in still}
    others = [ticket for ticket in rest if ticket.request.customer not in customers]
    return others + still + [t for t in rest if t.request.customer in customers]


def _in_time(waiting: Sequence[AnyTicket]) -> list[AnyTicket]:
    """Refuse whoever has waited too long; give back the others."""
    now = time.monotonic()
    late = [ticket for ticket in waiting if now > ticket.deadline]
    answer_all([(ticket, StoreBusy()) for ticket in late])
    return [ticket for ticket in waiting if now <= ticket.deadline]
