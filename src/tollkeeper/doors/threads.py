"""The door of threads: a call sleeps until the writer answered it; reads run where they are."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.tickets import ThreadTicket
from tollkeeper.doors.writer import Writer
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import Finish, Result, plain
from tollkeeper.store.database import begin_snapshot, begin_write
from tollkeeper.store.faults import translated
from tollkeeper.store.units import all_units

T = TypeVar("T")

#: How long work that runs alone waits for a lock.
LOCK_TIMEOUT_MS = 10_000


class ThreadDoor:
    """Runs changes through the writer, and reads on connections of the pool."""

    def __init__(self, engine: Engine, ledger: Ledger, writer: Writer) -> None:
        self._engine = engine
        self._ledger = ledger
        self._writer = writer

    def change(self, request: Request, finish: Finish | None = None) -> Any:
        """Hand the request to the writer and wait for its answer."""
        ticket = ThreadTicket(request)
        self._writer.submit(ticket)
        return (finish or plain)(ticket.wait())

    def change_all(self, requests: Sequence[Request]) -> list[Result]:
        """Hand requests to the writer at once, to share its transactions; wait for all."""
        tickets = [ThreadTicket(request) for request in requests]
        for ticket in tickets:
            self._writer.submit(ticket)
        return [ticket.wait() for ticket in tickets]

    def perform(self, work: Callable[["ThreadDoor"], T]) -> T:
        """Run the steps here."""
        return work(self)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a connection of the pool."""
        with translated(), self._engine.connect() as connection:
            return query(connection)

    def snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query that reads one unchanging state, and holds up nobody who writes."""
        with translated(), self._engine.connect() as connection:
            begin_snapshot(connection, self._ledger.database)
            return query(connection)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction of its own."""
        with translated(), self._engine.connect() as connection:
            begin_write(connection, self._ledger.database, LOCK_TIMEOUT_MS)
            done = work(connection)
            connection.commit()
            return done

    def learn_unit(self, key: str) -> None:
        """Read every unit, unless this one was just looked for: they are few, and fixed."""
        known = self._ledger.units
        if known.may_be_used(key):
            return
        known.confirm(self.read(lambda connection: all_units(connection, self._ledger.database)))
        self.recall_unit(key)

    def recall_unit(self, key: str) -> None:
        """Remember a little longer that a unit which was looked for is not in the books."""
        if not self._ledger.units.is_confirmed(key):
            self._ledger.units.looked_for(key)
