"""A job that walks over rows in the order of a moment, some at a time, and tells of each once.

A mark in the books keeps the place; of several workers at once, one is at it. What is walked over,
and what is told, the jobs themselves say (`expiring`, `ending`).
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request
from tollkeeper.ids import new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work
from tollkeeper.store import due_jobs
from tollkeeper.values.texts import canonical_json

logger = logging.getLogger("tollkeeper")

#: How often a process looks whether there is something new.
EVERY: Final = timedelta(minutes=1)
#: How many rows are looked at in one step.
STEP: Final = 250
#: How long a worker keeps the job; whoever dies holds the notices up for so long.
LEASE: Final = timedelta(minutes=1)

#: How far a walk came: a moment, a customer, and which of his.
Place = tuple[datetime, str, str]


class Step(NamedTuple):
    """Some rows, and where to go on after them: None where the place stays."""

    rows: Sequence[Any]
    after: Place | None
    #: Whether nothing more is due.
    is_last: bool


@dataclass(slots=True, kw_only=True)
class Walk:
    """Walks from wherever it was left."""

    ledger: Ledger
    #: The job's name in the books.
    name: str
    #: The kind of notice; while nobody wants any, nothing is walked over.
    kind: str
    #: What is counted: it names the sum in what a run reports, and in the requests' results.
    counted: str
    #: Reads some rows from a place on: the connection, the place, now, the most of them.
    read: Callable[[Connection, Place | None, datetime, int], Step]
    #: Makes the request that tells of a row.
    request: Callable[[Any], Request]
    _who: str = field(default_factory=lambda: new_id("run"), init=False)
    _looked_at: datetime | None = field(default=None, init=False)

    def begin(self) -> Work:
        """Give what does it."""
        return self._run

    def _run(self, door: PlainDoor, limit: int) -> Done:
        now = self.ledger.clock.now()
        is_early = self._looked_at is not None and self._looked_at <= now < self._looked_at + EVERY
        if is_early or self.kind not in self.ledger.outbox.telling.kinds:
            return Done()
        told, left = 0, limit
        while left > 0:
            most = min(left, STEP)
            step = self._take(door, now, most)
            if step is None:  # another worker is at it
                return Done({self.counted: told})
            told += self._tell(door, step.rows)
            self._finish(door, now, step.after)
            if step.is_last:
                self._looked_at = now
                return Done({self.counted: told})
            left -= most
        return Done({self.counted: told}, is_done=False)

    def _take(self, door: PlainDoor, now: datetime, most: int) -> Step | None:
        database = self.ledger.database

        def work(connection: Connection) -> Step | None:
            if not due_jobs.lease(connection, database, self.name, self._who, now, now + LEASE):
                return None
            place = _place(due_jobs.mark_of(connection, database, self.name))
            return self.read(connection, place, now, most)

        return door.transact(work)

    def _tell(self, door: PlainDoor, rows: Sequence[Any]) -> int:
        answers: Sequence[Any] = door.change_all([self.request(row) for row in rows])
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            logger.warning("%d notices %r were not written: %s", len(failed), self.kind, failed[0])
        written = [answer for answer in answers if not isinstance(answer, BaseException)]
        return sum(answer.result.get(self.counted, 0) for answer in written)

    def _finish(self, door: PlainDoor, now: datetime, after: Place | None) -> None:
        """Give the job back; where nothing was found, the place stays as it is."""
        database = self.ledger.database

        def work(connection: Connection) -> None:
            mark = due_jobs.mark_of(connection, database, self.name)
            if after is not None:
                mark = canonical_json([after[0].isoformat(), *after[1:]])
            due_jobs.finish(connection, database, self.name, self._who, now, mark)

        door.transact(work)


def _place(mark: str | None) -> Place | None:
    if mark is None:
        return None
    moment, customer, name = json.loads(mark)
    return datetime.fromisoformat(moment), customer, name
