"""One batch, one transaction: run it, commit it, and know what a failure means for whom.

Retries what may be retried, and splits what fails on data so that nobody suffers for a neighbour.
After a commit whose answer was lost nothing is done again here before `doubts` has looked.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.doubts import CommitLost, clear_up
from tollkeeper.doors.grouping import apart, one_customer
from tollkeeper.doors.retrying import MAXIMUM_TRIES, pause
from tollkeeper.errors import StoreError
from tollkeeper.ledger.change import Answer, Later, Ledger, Manner, change
from tollkeeper.store.citus import is_distributed
from tollkeeper.store.database import (
    begin_write,
    commit,
    roll_back,
    set_up_session,
    shorten_lock_timeout,
)
from tollkeeper.store.faults import Fault, as_error, fault_of, is_refusal
from tollkeeper.store.wire import close_wire

#: How long keys are looked up beforehand after a replay was seen.
REPLAYS_EXPECTED_SECONDS = 2.0
#: How long a batch that meets locks is taken apart; whoever is left then goes to the patient lane.
APART_SECONDS = 0.25
#: When no further try is begun, however others come between: they wait for this batch's end.
GIVE_UP_SECONDS = 5.0


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
        self._keeps_settings = is_ours and keep_connection
        self._ledger = ledger
        self._lock_timeout_ms = lock_timeout_ms
        self._connection: Connection | None = None
        #: Whether Citus distributes the tables; None until it was asked.
        self._distributed = None if ledger.database.is_postgres else False
        self._replays_expected_until = 0.0
        self._began = 0.0

    def run(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        """Run a batch to its end: every request gets a receipt, an error or a `Later`."""
        self._began = time.monotonic()
        if len(requests) > 1 and self._is_distributed():
            return self._each_customer(requests, manner)
        return self._run(requests, manner)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if self._keeps_settings:
                close_wire(connection)
                connection.invalidate()
            connection.close()

    def _run(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        manner = replace(manner, look_up_keys=manner.look_up_keys or self._expects_replays())
        last: BaseException = StoreError()
        for attempt in range(MAXIMUM_TRIES):
            try:
                return self._attempt(requests, manner)
            except CommitLost as error:
                return clear_up(requests, manner, error, attempt=self._attempt, run=self._run)
            except Exception as error:  # noqa: BLE001  # the batch writer answers whatever happens
                fault, last = fault_of(error), error
            if fault is Fault.DUPLICATE:
                self._replays_expected_until = time.monotonic() + REPLAYS_EXPECTED_SECONDS
                manner = replace(manner, look_up_keys=True)
            elif fault not in (Fault.CONFLICT, Fault.LOST):
                break
            if self._has_given_up():
                break
            pause(attempt)
        return self._failed(requests, manner, last)

    def _failed(
        self, requests: Sequence[Request], manner: Manner, error: BaseException
    ) -> list[Answer]:
        """Answer for what another try would not change, or leave it to whoever can wait."""
        fault = fault_of(error)
        if fault is Fault.LOCKED and self._ledger.database.is_postgres:
            return self._left_waiting(requests, manner, error)
        is_over = self._has_given_up() and fault in (Fault.CONFLICT, Fault.DUPLICATE)
        if is_over or fault in (Fault.LOCKED, Fault.LOST, Fault.UNMIGRATED):
            return [as_error(error) for _ in requests]
        return self._by_halves(requests, manner, error)

    def _each_customer(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        """Give each customer a transaction: with distributed tables it then stays on one node."""
        answers: dict[int, Answer] = {}
        for numbers in apart(requests):
            few = [requests[number] for number in numbers]
            made = self._run(few, one_customer(few[0], manner))
            answers.update(zip(numbers, made, strict=True))
        return [answers[number] for number in range(len(requests))]

    def _is_distributed(self) -> bool:
        """Tell whether the tables are distributed; asked once, of the first connection."""
        if self._distributed is None:
            try:
                connection = self._connected()
                self._distributed = is_distributed(connection, self._ledger.database)
                # To ask began a transaction, and the batch begins its own.
                connection.commit()
            except Exception:  # noqa: BLE001  # whoever runs next meets it again, and says what it is
                self._abandon_now()
                return False
        return self._distributed

    def _abandon_now(self) -> None:
        if self._connection is not None:
            self._abandon(self._connection)

    def _attempt(self, requests: Sequence[Request], manner: Manner) -> list[Answer]:
        connection = self._connected()
        try:
            begin_write(
                connection,
                self._ledger.database,
                self._lock_timeout_ms,
                is_set_up=self._keeps_settings,
            )
            if manner.make_missing and manner.skip_locked:
                # What another transaction has just made cannot be passed over, only waited for.
                shorten_lock_timeout(connection, self._ledger.database)
            answers = change(self._ledger, connection, requests, manner)
        except BaseException:
            self._abandon(connection)
            raise
        self._commit(connection, answers)
        if not self._keep_connection:
            self.close()
        return answers

    def _commit(self, connection: Connection, answers: list[Answer]) -> None:
        try:
            commit(connection)
        except BaseException as error:
            self._abandon(connection)
            if is_refusal(error):
                raise
            raise CommitLost(answers) from error

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            connection = self._engine.connect()
            try:
                if self._keeps_settings:
                    set_up_session(connection, self._ledger.database, self._lock_timeout_ms)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _abandon(self, connection: Connection) -> None:
        """Roll back; a connection that cannot even do that is thrown away."""
        try:
            roll_back(connection)
        except Exception:  # noqa: BLE001  # it is broken; whatever it says changes nothing
            connection.invalidate()
        if connection.invalidated or not self._keep_connection:
            connection.close()
            self._connection = None

    def _by_halves(
        self, requests: Sequence[Request], manner: Manner, error: BaseException
    ) -> list[Answer]:
        """Find who is to blame by halves; who is alone gets the error."""
        if len(requests) == 1:
            return [as_error(error)]
        middle = len(requests) // 2
        answers = self._run(requests[:middle], manner)
        # Who waits in the first half waits with all that is his: his calls keep their order.
        waiting = {
            request.customer: answer
            for request, answer in zip(requests[:middle], answers, strict=True)
            if isinstance(answer, Later)
        }
        rest = requests[middle:]
        free = [request for request in rest if request.customer not in waiting]
        made = iter(self._run(free, manner) if free else ())
        return answers + [waiting.get(request.customer) or next(made) for request in rest]

    def _left_waiting(
        self, requests: Sequence[Request], manner: Manner, error: BaseException
    ) -> list[Answer]:
        """Leave whoever met a lock to the patient lane, and with them as few others as we can."""
        is_one = len({request.customer for request in requests}) == 1
        if is_one or time.monotonic() > self._began + APART_SECONDS:
            return [Later.BUSY] * len(requests)
        return self._by_halves(requests, manner, error)

    def _has_given_up(self) -> bool:
        return time.monotonic() > self._began + GIVE_UP_SECONDS

    def _expects_replays(self) -> bool:
        return time.monotonic() < self._replays_expected_until
