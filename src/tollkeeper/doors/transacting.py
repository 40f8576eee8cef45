"""One batch, one transaction: run it, commit it, and know what a failure means for whom.

Retries what may be retried, splits what fails on data so that nobody suffers for a neighbour, and
after a commit whose answer was lost looks before it does anything again (DESIGN.md §3).
"""

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from tollkeeper.decisions.requests import Request
from tollkeeper.errors import OutcomeUnknown, StoreError, TollkeeperError
from tollkeeper.ledger.change import Answer, Later, Ledger, Manner, change
from tollkeeper.store.database import begin_write, settle_session
from tollkeeper.store.faults import Fault, as_error, fault_of

logger = logging.getLogger("tollkeeper")

#: How often a batch is tried again after conflicts, or after a lost connection.
MAXIMUM_TRIES = 6
FIRST_PAUSE_SECONDS = 0.005
#: How long keys are looked up beforehand after a replay was seen.
REPLAYS_EXPECTED_SECONDS = 2.0


class CommitLost(Exception):
    """The connection broke during the commit: it may have happened or not."""


class Transactor:
    """Runs batches on one connection of its own; belongs to one thread."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        lock_timeout_ms: int,
        *,
        keep_connection: bool = True,
        is_ours: bool = False,
    ) -> None:
        self._engine = engine
        self._keep_connection = keep_connection
        #: Whether settings may outlive a transaction: only on connections nobody else uses.
        self._settles = is_ours and keep_connection
        self._ledger = ledger
        self._lock_timeout_ms = lock_timeout_ms
        self._connection: Connection | None = None
        self._replays_expected_until = 0.0

    def run(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        """Run a batch to its end: every request gets a receipt, an error or a `Later`."""
        manner = replace(manner, look_up_keys=manner.look_up_keys or self._expects_replays())
        last: BaseException = StoreError()
        for attempt in range(MAXIMUM_TRIES):
            try:
                return self._attempt(requests, manner)
            except CommitLost as error:
                logger.warning("The commit's answer was lost; looking what became of it.")
                manner = replace(manner, look_up_ids=True)
                last = error
            except TollkeeperError as error:
                return self._apart(requests, manner, error)
            except Exception as error:  # noqa: BLE001  # the batch writer answers whatever happens
                fault = fault_of(error)
                if fault is Fault.LOCKED:
                    return self._locked(requests, error)
                if fault in (Fault.OTHER, Fault.UNMIGRATED):
                    return self._apart(requests, manner, error)
                if fault is Fault.DUPLICATE:
                    self._replays_expected_until = time.monotonic() + REPLAYS_EXPECTED_SECONDS
                    manner = replace(manner, look_up_keys=True)
                last = error
            _pause(attempt)
        return self._given_up(requests, manner, last)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if self._settles:
                connection.invalidate()
            connection.close()

    def _attempt(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        connection = self._connected()
        try:
            begin_write(
                connection,
                self._ledger.database,
                self._lock_timeout_ms,
                is_settled=self._settles,
            )
            answers = change(self._ledger, connection, requests, manner)
        except BaseException:
            self._abandon(connection)
            raise
        self._commit(connection)
        if not self._keep_connection:
            self.close()
        return answers

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except BaseException as error:
            self._abandon(connection)
            if fault_of(error) is Fault.LOST:
                raise CommitLost from error
            raise

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._connection = self._engine.connect()
            if self._settles:
                settle_session(self._connection, self._ledger.database, self._lock_timeout_ms)
        return self._connection

    def _abandon(self, connection: Connection) -> None:
        """Roll back; a connection that cannot even do that is thrown away."""
        try:
            connection.rollback()
        except Exception:  # noqa: BLE001  # it is broken; whatever it says changes nothing
            connection.invalidate()
        if connection.invalidated or not self._keep_connection:
            connection.close()
            self._connection = None

    def _apart(
        self, requests: Sequence[Request], manner: Manner, error: BaseException
    ) -> list[Answer]:
        """Find who is to blame by halves; who is alone gets the error."""
        if len(requests) == 1:
            return [as_error(error)]
        middle = len(requests) // 2
        return self.run(requests[:middle], manner) + self.run(requests[middle:], manner)

    def _locked(self, requests: Sequence[Request], error: BaseException) -> list[Answer]:
        """Leave requests that met a lock to whoever can wait; on SQLite there is nobody else."""
        if self._ledger.database.is_postgres:
            return [Later.BUSY] * len(requests)
        return [as_error(error) for _ in requests]

    def _given_up(
        self, requests: Sequence[Request], manner: Manner, error: BaseException
    ) -> list[Answer]:
        if manner.look_up_ids:
            return [_unknown(error) for _ in requests]
        if fault_of(error) is Fault.LOST:
            return [as_error(error) for _ in requests]
        return self._apart(requests, manner, error)

    def _expects_replays(self) -> bool:
        return time.monotonic() < self._replays_expected_until


def _unknown(error: BaseException) -> OutcomeUnknown:
    unknown = OutcomeUnknown()
    unknown.__cause__ = error
    return unknown


def _pause(attempt: int) -> None:
    """Wait a little longer each time, not in step with others."""
    time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
