"""One round of delivery: lease some queues, tell what is in them, write down who heard it.

Functions of the app are called between two transactions and never within one. Whoever dies there
leaves leases that end by themselves, and what it had told is told again by the next.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tollkeeper.delivery.backoff import retry_at
from tollkeeper.delivery.calling import Heard, described, tell
from tollkeeper.delivery.subscribers import Subscribers
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.outbox import CALLBACKS, DEAD_DAYS, DELIVERED_DAYS, state_from
from tollkeeper.operations.door import PlainDoor
from tollkeeper.store import outbox
from tollkeeper.values.texts import canonical_json

#: How long a worker may keep a queue: whoever dies holds its customer up for so long, and a
#: function that takes longer may be called again by another worker.
LEASE: Final = timedelta(seconds=60)
#: How many customers' queues are leased at once.
QUEUES: Final = 20
#: How many notices of a queue are told before they are written down as heard.
NOTICES: Final = 25
#: How often others are looked for where no queue that is due can begin.
LOOKS: Final = 10


class Worker(NamedTuple):
    """Who delivers, to whom, and by which rules."""

    ledger: Ledger
    subscribers: Subscribers
    #: The kinds that it takes.
    kinds: Sequence[str]
    #: Its name on leases.
    name: str
    #: The loop of the task that asked, if one did.
    loop: asyncio.AbstractEventLoop | None
    lease: timedelta
    #: Gives a number from 0 to 1, for the jitter.
    chance: Callable[[], float]

    def now(self) -> datetime:
        """Give the moment, as the books' clock has it."""
        return self.ledger.clock.now()

    def is_late(self, began: datetime) -> bool:
        """Tell whether leases that were taken then are half over: nothing more is begun."""
        return self.now() - began >= self.lease / 2


class Queue(NamedTuple):
    """A customer's queue that is leased, and its first notices."""

    customer: str
    rows: Sequence[Any]


class Leased(NamedTuple):
    """The queues that a look leased."""

    queues: list[Queue]
    #: Whether other queues were found that cannot begin yet, and were put off.
    has_put_off: bool


class Failure(NamedTuple):
    """A notice that not everybody heard."""

    row: Any
    heard: Heard


def deliver_some(worker: Worker, door: PlainDoor, most: int) -> Counter[str] | None:
    """Work off some queues, about `most` notices; None where none was due and free."""
    began, counts = worker.now(), Counter[str]()
    queues, has_put_off = door.transact(lambda connection: _lease(worker, connection, most))
    for number, queue in enumerate(queues):
        if number and (worker.is_late(began) or counts.total() >= most):
            _give_back(worker, door, queues[number:])
            break
        counts[_work_off(worker, door, queue, began, counts)] += 1
    counts.pop("", None)
    return counts if queues or has_put_off else None


def _lease(worker: Worker, connection: Connection, most: int) -> Leased:
    """Lease queues that are due; those that cannot begin yet never hide the others."""
    passed: list[str] = []
    has_put_off = False
    for _ in range(LOOKS):
        due = _due(worker, connection, most, passed)
        leased = [customer for customer in sorted(due) if _take(worker, connection, customer)]
        if leased or not due:
            queues = [_read(worker, connection, customer, most) for customer in leased]
            return Leased(queues, has_put_off)
        for customer in due:
            has_put_off |= _put_off(worker, connection, customer)
        passed += due
    return Leased([], has_put_off)


def _due(worker: Worker, connection: Connection, most: int, passed: Sequence[str]) -> list[str]:
    many = min(QUEUES, max(most, 1))
    database, now = worker.ledger.database, worker.now()
    return outbox.due_queues(connection, database, CALLBACKS, worker.kinds, now, many, passed)


def _take(worker: Worker, connection: Connection, customer: str) -> bool:
    database, now = worker.ledger.database, worker.now()
    return outbox.lease_queue(
        connection,
        database,
        CALLBACKS,
        customer,
        worker.kinds,
        worker.name,
        now,
        now + worker.lease,
    )


def _put_off(worker: Worker, connection: Connection, customer: str) -> bool:
    database, now = worker.ledger.database, worker.now()
    return outbox.wait_behind(connection, database, CALLBACKS, customer, worker.kinds, now)


def _read(worker: Worker, connection: Connection, customer: str, most: int) -> Queue:
    database, many = worker.ledger.database, min(NOTICES, most)
    return Queue(
        customer, outbox.queue(connection, database, CALLBACKS, customer, worker.kinds, many)
    )


def _give_back(worker: Worker, door: PlainDoor, queues: Sequence[Queue]) -> None:
    """Leave queues to whoever comes next."""

    def release(connection: Connection) -> None:
        for queue in queues:
            outbox.release(
                connection, worker.ledger.database, CALLBACKS, queue.customer, worker.name
            )

    door.transact(release)


def _work_off(
    worker: Worker, door: PlainDoor, queue: Queue, began: datetime, counts: Counter[str]
) -> str:
    """Tell a queue's notices in order, up to the first that fails; then write down how it went.

    That is done even if a function ends this thread: what was heard was heard. Says what became of
    the one that failed: `failed` or `dead`.
    """
    told: list[str] = []
    failure: Failure | None = None
    try:
        for row in queue.rows:
            heard = _tell(worker, row)
            if heard.error is not None:
                failure = Failure(row, heard)
                break
            told.append(row[1])
            if worker.is_late(began):
                break
    finally:
        fate = door.transact(lambda connection: _conclude(worker, connection, queue, told, failure))
    counts["delivered"] += len(told)
    return fate


def _tell(worker: Worker, row: Any) -> Heard:
    try:
        state = state_from(row)
    except (InvalidRequest, ValueError) as error:
        return Heard((), described("tollkeeper", error))
    listening = worker.subscribers.of(state.notice)
    seconds = worker.lease.total_seconds()
    return tell(state.notice, listening, state.heard, worker.loop, seconds)


def _conclude(
    worker: Worker,
    connection: Connection,
    queue: Queue,
    told: Sequence[str],
    failure: Failure | None,
) -> str:
    database, now = worker.ledger.database, worker.now()
    keep_until = now + timedelta(days=DELIVERED_DAYS)
    outbox.conclude_delivered(
        connection, database, CALLBACKS, queue.customer, told, now, keep_until
    )
    fate = "" if failure is None else _failed(worker, connection, failure, now)
    outbox.release(connection, database, CALLBACKS, queue.customer, worker.name)
    return fate


def _failed(worker: Worker, connection: Connection, failure: Failure, now: datetime) -> str:
    """Note that a notice failed, and let the rest of its queue wait as long; or give it up."""
    database = worker.ledger.database
    customer, name, endpoint, *_ = failure.row
    again = retry_at(failure.row[6] + 1, now, worker.chance())
    is_noted = outbox.conclude_failed(
        connection,
        database,
        (customer, name, endpoint),
        who=worker.name,
        error=failure.heard.error or "",
        heard=canonical_json(list(failure.heard.by)) if failure.heard.by else None,
        retry_at=again,
        now=now,
        keep_until=now + timedelta(days=DEAD_DAYS),
    )
    if again is None:
        return "dead"
    if is_noted:
        outbox.postpone(connection, database, CALLBACKS, customer, again)
    return "failed"
