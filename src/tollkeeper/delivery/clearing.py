"""The job that deletes notices which are kept no longer: delivered, given up, heard by nobody."""

from datetime import datetime, timedelta
from typing import Final

from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work
from tollkeeper.store import outbox_lists

#: How often a process looks for notices to delete.
EVERY: Final = timedelta(minutes=1)
#: How many are deleted in one transaction.
STEP: Final = 1000


class Clearing:
    """Clears; several at once are safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looked_at: datetime | None = None

    def begin(self) -> Work:
        """Give what does it."""
        return self._run

    def _run(self, door: PlainDoor, limit: int) -> Done:
        now = self._ledger.clock.now()
        if self._looked_at is not None and self._looked_at <= now < self._looked_at + EVERY:
            return Done()
        cleared = 0
        while cleared < limit:
            most = min(STEP, limit - cleared)
            found = self._clear(door, now, most)
            cleared += found
            if found < most:
                self._looked_at = now
                return Done({"cleared": cleared})
        return Done({"cleared": cleared}, is_done=False)

    def _clear(self, door: PlainDoor, now: datetime, most: int) -> int:
        database = self._ledger.database
        return door.transact(lambda c: outbox_lists.clear(c, database, now, most))
