"""The joined door: operations inside the host's own transaction, which stays the host's.

Nothing is committed, rolled back, retried or batched here. A savepoint keeps a failed operation
from being half done, should the host go on; the host's commit and rollback decide about the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.grouping import apart
from tollkeeper.errors import InvalidRequest, StoreBusy, StoreError, TollkeeperError
from tollkeeper.ledger.catalogs import follow_main, look_again, refresh
from tollkeeper.ledger.change import Answer, Later, Ledger, Manner, change
from tollkeeper.operations.door import Finish, FinishAll, Lesson, each, plain
from tollkeeper.store.citus import is_distributed
from tollkeeper.store.database import check_session, first_write, is_snapshot
from tollkeeper.store.faults import translated

T = TypeVar("T")


class JoinedDoor:
    """Runs operations on a connection whose transaction somebody else began and will end."""

    def __init__(
        self, source: Callable[[], Connection], ledger: Ledger, learn: Callable[[Lesson, str], None]
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._learn = learn

    def change(self, request: Request, finish: Finish | None = None) -> Any:
        """Run the request here and now."""
        return (finish or plain)(self._outcome(request))

    def change_all(self, requests: Sequence[Request], finish: FinishAll = each) -> Any:
        """Run requests together; one that is refused leaves the others alone."""
        return finish(self._outcomes(requests))

    def perform(self, work: Callable[["JoinedDoor"], T]) -> T:
        """Run the steps here."""
        return work(self)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query inside the transaction: it sees what was changed before."""
        with translated():
            return query(self._joined())

    def snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query over one unchanging state, which only the host's isolation level can give."""
        with translated():
            connection = self._joined()
            if not is_snapshot(connection, self._ledger.database):
                raise InvalidRequest(
                    "This reads the whole book and needs one unchanging state: open the "
                    "transaction with isolation level REPEATABLE READ."
                )
            return query(connection)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work inside the transaction, all of it or nothing."""
        with translated():
            connection = self._joined()
            first_write(connection, self._ledger.database)
            with connection.begin_nested():
                return work(connection)

    def learn_unit(self, key: str) -> None:
        """Look for a unit on another connection: only what is committed is fixed for life."""
        self._learn("unit", key)

    def look(self) -> None:
        """Look on another connection: a transaction that changes something must not begin so.

        Only one that may have applied a catalog itself looks inside.
        """
        if self._ledger.looked.looks_inside:
            self.read(lambda connection: refresh(self._ledger, connection))
            return
        self._learn("catalog", "")
        follow_main(self._ledger)

    def look_again(self) -> None:
        """Look here: what the host's own transaction applied counts in it."""
        self.read(lambda connection: look_again(self._ledger, connection))

    def _joined(self) -> Connection:
        connection = self._source()
        check_session(connection, self._ledger.database)
        return connection

    def _outcome(self, request: Request) -> Any:
        try:
            return self.transact(lambda connection: self._run(connection, request))
        except TollkeeperError as error:
            return error

    def _outcomes(self, requests: Sequence[Request]) -> list[Any]:
        try:
            return self.transact(lambda connection: self._run_all(connection, requests))
        except TollkeeperError as error:
            if isinstance(error, StoreError) and type(error) is not StoreError:
                return [error for _ in requests]  # the transaction's own failure, not a request's
        # One failed on its data and took the others with it: each in a savepoint of its own then.
        return [self._outcome(request) for request in requests]

    def _run(self, connection: Connection, request: Request) -> Any:
        answer = self._once(connection, request, Manner())
        if answer is Later.ABSENT:
            answer = self._once(connection, request, Manner(make_missing=True))
        if isinstance(answer, Later):
            raise StoreBusy
        if isinstance(answer, TollkeeperError):
            raise answer
        return answer

    def _run_all(self, connection: Connection, requests: Sequence[Request]) -> list[Any]:
        database = self._ledger.database
        if (
            len(requests) == 1
            or not database.is_postgres
            or not is_distributed(connection, database)
        ):
            return self._run_some(connection, requests)
        answers: dict[int, Any] = {}
        for numbers in apart(requests):
            made = self._run_some(connection, [requests[number] for number in numbers])
            answers.update(zip(numbers, made, strict=True))
        return [answers[number] for number in range(len(requests))]

    def _run_some(self, connection: Connection, requests: Sequence[Request]) -> list[Any]:
        answers = change(self._ledger, connection, requests, Manner())
        absent = [number for number, answer in enumerate(answers) if answer is Later.ABSENT]
        if absent:
            again = [requests[number] for number in absent]
            made = change(self._ledger, connection, again, Manner(make_missing=True))
            for number, answer in zip(absent, made, strict=True):
                answers[number] = answer
        return [StoreBusy() if isinstance(answer, Later) else answer for answer in answers]

    def _once(self, connection: Connection, request: Request, manner: Manner) -> Answer:
        return change(self._ledger, connection, [request], manner)[0]
