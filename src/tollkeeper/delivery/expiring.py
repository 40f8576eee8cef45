"""The job that warns of grants which expire within days: once each, from wherever it was left.

It walks over the grants by their end, and a mark in the books keeps the place. A grant that lives
shorter than the warning's days is not warned of: whoever gets it knows.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.expiring import Warn
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.notices import GrantExpiring
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work
from tollkeeper.store import due_jobs
from tollkeeper.store.expiring import grants_expiring
from tollkeeper.store.units import all_units
from tollkeeper.values.texts import canonical_json

logger = logging.getLogger("tollkeeper")

#: How long before its end a grant is warned of.
WARNING: Final = timedelta(days=7)
#: How often a process looks for grants to warn of.
EVERY: Final = timedelta(minutes=1)
#: How many grants are looked at in one step.
STEP: Final = 250
#: How long a worker keeps the job; whoever dies holds the warnings up for so long.
LEASE: Final = timedelta(minutes=1)
NAME: Final = "expiring"
#: Sorts after every customer, byte by byte.
AFTER_ALL: Final = "\U0010ffff"

Place = tuple[datetime, str, str]


class Step(NamedTuple):
    """Some grants whose end is near, and where to go on after them."""

    rows: Sequence[Any]
    after: Place
    #: Whether nothing more is near.
    is_last: bool


class Expiring:
    """Warns; of several workers at once, one does."""

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
        if is_early or GrantExpiring.kind not in self._ledger.outbox.telling.kinds:
            return Done()
        warned, left = 0, limit
        while left > 0:
            most = min(left, STEP)
            step = self._take(door, now, most)
            if step is None:  # another worker is at it
                return Done({"warned": warned})
            warned += self._warn(door, step.rows)
            self._finish(door, now, step.after)
            if step.is_last:
                self._looked_at = now
                return Done({"warned": warned})
            left -= most
        return Done({"warned": warned}, is_done=False)

    def _take(self, door: PlainDoor, now: datetime, most: int) -> Step | None:
        database = self._ledger.database

        def work(connection: Connection) -> Step | None:
            if not due_jobs.lease(connection, database, NAME, self._who, now, now + LEASE):
                return None
            after = _read_place(due_jobs.mark_of(connection, database, NAME)) or (now, "", "")
            rows = grants_expiring(connection, database, after, now + WARNING, most)
            if not all(self._ledger.units.is_confirmed(row.unit) for row in rows):
                self._ledger.units.confirm(all_units(connection, database))
            return Step(rows, _after(rows, after, now, most), len(rows) < most)

        return door.transact(work)

    def _warn(self, door: PlainDoor, rows: Sequence[Any]) -> int:
        answers = door.change_all([_warning(row) for row in rows])
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            logger.warning("%d grants could not be warned of: %s", len(failed), failed[0])
        told = [answer for answer in answers if not isinstance(answer, BaseException)]
        return sum(answer.result.get("warned", 0) for answer in told)

    def _finish(self, door: PlainDoor, now: datetime, after: Place) -> None:
        database, name = self._ledger.database, self._who
        mark = canonical_json([after[0].isoformat(), *after[1:]])
        door.transact(lambda c: due_jobs.finish(c, database, NAME, name, now, mark))


def _warning(row: Any) -> Warn:
    return Warn(
        id=new_id(OPERATION),
        customer=row.customer_id,
        unit=row.unit,
        grant=row.id,
        before=WARNING,
    )


def _after(rows: Sequence[Any], before: Place, now: datetime, most: int) -> Place:
    """Say where to go on: after the last grant, or after all that is near."""
    if len(rows) < most:
        return max(before, (now + WARNING, AFTER_ALL, ""))
    last = rows[-1]
    return last.expires_at, last.customer_id, last.id


def _read_place(mark: str | None) -> Place | None:
    if mark is None:
        return None
    moment, customer, grant = json.loads(mark)
    return datetime.fromisoformat(moment), customer, grant
