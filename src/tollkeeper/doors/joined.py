"""The joined door: operations inside the host's own transaction, which stays the host's.

Nothing is committed, rolled back, retried or batched here. A savepoint keeps a failed operation
from being half done, should the host go on; the host's commit and rollback decide about the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request
from tollkeeper.errors import InvalidRequest, StoreBusy, TollkeeperError
from tollkeeper.ledger.change import Answer, Later, Ledger, Manner, change
from tollkeeper.operations.door import Finish, Result, plain
from tollkeeper.store.database import check_session, first_write, is_snapshot
from tollkeeper.store.faults import translated

T = TypeVar("T")


class JoinedDoor:
    """Runs operations on a connection whose transaction somebody else began and will end."""

    def __init__(
        self, source: Callable[[], Connection], ledger: Ledger, learn_unit: Callable[[str], None]
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._learn_unit = learn_unit

    def change(self, request: Request, finish: Finish | None = None) -> Any:
        """Run the request here and now."""
        return (finish or plain)(self._outcome(request))

    def change_all(self, requests: Sequence[Request]) -> list[Result]:
        """Run requests one after another; one that is refused leaves the others alone."""
        return [self._outcome(request) for request in requests]

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
        self._learn_unit(key)

    def _joined(self) -> Connection:
        connection = self._source()
        check_session(connection, self._ledger.database)
        return connection

    def _outcome(self, request: Request) -> Any:
        try:
            return self.transact(lambda connection: self._run(connection, request))
        except TollkeeperError as error:
            return error

    def _run(self, connection: Connection, request: Request) -> Any:
        answer = self._once(connection, request, Manner())
        if answer is Later.ABSENT:
            answer = self._once(connection, request, Manner(make_missing=True))
        if isinstance(answer, Later):
            raise StoreBusy
        if isinstance(answer, TollkeeperError):
            raise answer
        return answer

    def _once(self, connection: Connection, request: Request, manner: Manner) -> Answer:
        return change(self._ledger, connection, [request], manner)[0]
