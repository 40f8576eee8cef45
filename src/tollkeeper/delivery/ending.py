"""The job that tells the app of subscriptions whose time came, each once, in the order of ends.

A mark in the books keeps the place. It ends nothing: whether a subscription is over is a comparison
of moments, and waits for no job (A8).
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.decisions.telling_plans import TellEnd
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.notices import SubscriptionEnded
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work
from tollkeeper.store import due_jobs, subscriptions
from tollkeeper.values.moments import EPOCH
from tollkeeper.values.texts import canonical_json

logger = logging.getLogger("tollkeeper")

#: How often a process looks for subscriptions that ended.
EVERY: Final = timedelta(minutes=1)
#: How many subscriptions are told of in one step.
STEP: Final = 250
#: How long a worker keeps the job; whoever dies holds the notices up for so long.
LEASE: Final = timedelta(minutes=1)
NAME: Final = "ended"

Place = tuple[datetime, str, str]


class Ending:
    """Tells of ends; of several workers at once, one does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._who = new_id("run")
        self._looked_at: datetime | None = None

    def begin(self) -> Work:
        """Give what does it."""
        return self._run

    def _run(self, door: PlainDoor, limit: int) -> Done:
        now = self._ledger.clock.now()
        is_early = self._looked_at is not None and self._looked_at <= now < self._looked_at + EVERY
        if is_early or SubscriptionEnded.kind not in self._ledger.outbox.telling.kinds:
            return Done()
        told, left = 0, limit
        while left > 0:
            most = min(left, STEP)
            rows = self._take(door, now, most)
            if rows is None:  # another worker is at it
                return Done({"ended": told})
            told += self._tell(door, rows)
            self._finish(door, now, rows)
            if len(rows) < most:
                self._looked_at = now
                return Done({"ended": told})
            left -= most
        return Done({"ended": told}, is_done=False)

    def _take(self, door: PlainDoor, now: datetime, most: int) -> Sequence[Place] | None:
        database = self._ledger.database

        def work(connection: Connection) -> Sequence[Place] | None:
            if not due_jobs.lease(connection, database, NAME, self._who, now, now + LEASE):
                return None
            after = _read_place(due_jobs.mark_of(connection, database, NAME))
            return subscriptions.ended(connection, database, after, now, most)

        return door.transact(work)

    def _tell(self, door: PlainDoor, rows: Sequence[Place]) -> int:
        answers: Sequence[Any] = door.change_all(
            [TellEnd(id=new_id(OPERATION), customer=row[1], subscription=row[2]) for row in rows]
        )
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            logger.warning("%d ends of subscriptions were not told: %s", len(failed), failed[0])
        told = [answer for answer in answers if not isinstance(answer, BaseException)]
        return sum(answer.result.get("ended", 0) for answer in told)

    def _finish(self, door: PlainDoor, now: datetime, rows: Sequence[Place]) -> None:
        """Give the job back; the place is the last one told, so that none is passed over."""
        database, name = self._ledger.database, self._who

        def work(connection: Connection) -> None:
            mark = due_jobs.mark_of(connection, database, NAME)
            if rows:
                mark = canonical_json([rows[-1][0].isoformat(), *rows[-1][1:]])
            due_jobs.finish(connection, database, NAME, name, now, mark)

        door.transact(work)


def _read_place(mark: str | None) -> Place:
    if mark is None:
        return EPOCH, "", ""
    moment, customer, subscription = json.loads(mark)
    return datetime.fromisoformat(moment), customer, subscription
