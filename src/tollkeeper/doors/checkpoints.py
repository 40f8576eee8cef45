"""Moves SQLite's write-ahead log into its file beside the writer, so that no call waits for that.

Left to itself, SQLite does it within a commit, and whoever commits waits for the file's own pages
to reach the disk: with millions of entries that takes longer than all the rest. What is done here
changes nothing that anybody reads; where it fails, the commit that finds the log too long does it.
"""

import logging

from sqlalchemy import Engine

from tollkeeper.doors.lanes import Lane

logger = logging.getLogger("tollkeeper")

#: After how many calls the log is moved; each call adds three or four pages of 4 KB to it.
CALLS = 3000


class Checkpoints:
    """A thread that moves the log of one database whenever enough was written."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._calls = 0
        #: What is put there is how many calls were made; several are one reason.
        self.lane: Lane[int] = Lane("tollkeeper-checkpoints")
        self._is_started = False

    def count(self, calls: int) -> None:
        """Tell that so many calls were committed. Only the writer's own thread does."""
        self._calls += calls
        if self._calls < CALLS:
            return
        if not self._is_started:
            self.lane.start(self._work)
            self._is_started = True
        self.lane.put_one(self._calls)
        self._calls = 0

    def close(self, seconds: float) -> None:
        """Stop, once what is under way is done."""
        self.lane.stop()
        self.lane.join(seconds)

    def _work(self, lane: Lane[int]) -> None:
        while lane.take(CALLS):
            try:
                with lane.work():
                    self._move()
            except Exception:  # nothing is lost: a commit does it, some time
                logger.warning("SQLite's log could not be moved into its file.", exc_info=True)

    def _move(self) -> None:
        """Move what the log holds and nobody still reads, in nobody's way."""
        with self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            try:
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
                cursor.fetchall()
            finally:
                cursor.close()
