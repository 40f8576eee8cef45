"""The door of threads: a call sleeps until the writer answered it; reads run where they are."""

import _thread
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.retrying import MAXIMUM_TRIES, pause
from tollkeeper.doors.tickets import ThreadTicket
from tollkeeper.doors.writer import Writer
from tollkeeper.ledger.catalogs import look_again, refresh
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import Finish, FinishAll, Lesson, each, plain
from tollkeeper.store.database import begin_snapshot, begin_write, commit, roll_back
from tollkeeper.store.faults import Fault, fault_of, translated
from tollkeeper.store.units import all_units

T = TypeVar("T")


class ThreadDoor:
    """Runs changes through the writer, and reads on connections of the pool."""

    def __init__(
        self, engine: Engine, ledger: Ledger, writer: Writer, *, owns_engine: bool = False
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._writer = writer
        # Whoever can still make calls holds this door; the writer's own threads do not.
        weakref.finalize(self, _let_go, writer, engine if owns_engine else None).atexit = False

    def change(self, request: Request, finish: Finish | None = None) -> Any:
        """Hand the request to the writer and wait for its answer."""
        ticket = ThreadTicket(request)
        self._writer.submit(ticket)
        return (finish or plain)(ticket.wait())

    def change_all(self, requests: Sequence[Request], finish: FinishAll = each) -> Any:
        """Hand requests to the writer at once, to share its transactions; wait for all."""
        tickets = [ThreadTicket(request) for request in requests]
        self._writer.submit_all(tickets)
        return finish([ticket.wait() for ticket in tickets])

    def perform(self, work: Callable[["ThreadDoor"], T]) -> T:
        """Run the steps here."""
        return work(self)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a connection of the pool."""
        with translated():
            try:
                return self._read(query)
            except Exception as error:
                if fault_of(error) is not Fault.LOST or isinstance(error, PoolTimeout):
                    raise
            # The server was restarted, say: all that the pool had kept is gone by now.
            return self._read(query)

    def snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query that reads one unchanging state, and holds up nobody who writes."""
        with translated(), self._writer.reading(), self._engine.connect() as connection:
            begin_snapshot(connection, self._ledger.database)
            return query(connection)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work that changes no balance in a transaction of its own, all of it or nothing."""
        with translated():
            for attempt in range(MAXIMUM_TRIES - 1):
                try:
                    return self._transact(work)
                except Exception as error:
                    if fault_of(error) is not Fault.CONFLICT:
                        raise
                pause(attempt)
            return self._transact(work)

    def learn_unit(self, key: str) -> None:
        """Read every unit, unless this one was just looked for: they are few, and fixed.

        It is looked which catalog is in force before, where the last look is old.
        """
        if self._ledger.looked.is_due:
            self.look()
        known = self._ledger.units
        if known.may_be_used(key):
            return
        known.confirm(self.read(lambda connection: all_units(connection, self._ledger.database)))
        self.recall_unit(key)

    def look(self) -> None:
        """Look which catalog is in force."""
        self.read(lambda connection: refresh(self._ledger, connection))

    def look_again(self) -> None:
        """Look for a name that no catalog here knows."""
        self.read(lambda connection: look_again(self._ledger, connection))

    def learn(self, lesson: Lesson, key: str) -> None:
        """Read what a verb needs to know."""
        if lesson == "unit":
            self.learn_unit(key)
        elif lesson == "catalog":
            self.look()
        else:
            self.look_again()

    def claim_look(self) -> None:
        """Let others go on with what is known while somebody looks which catalog is in force."""
        self._ledger.looked.claim()

    def recall_unit(self, key: str) -> None:
        """Remember a little longer that a unit which was looked for is not in the books."""
        if not self._ledger.units.is_confirmed(key):
            self._ledger.units.looked_for(key)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        database, timeout = self._ledger.database, self._writer.lock_timeout_ms
        with self._writer.reading(), self._engine.connect() as connection:
            try:
                begin_write(connection, database, timeout)
                answer = work(connection)
                commit(connection)
            except BaseException:
                roll_back(connection)
                raise
            return answer

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self._writer.reading(), self._engine.connect() as connection:
            return query(connection)


def _let_go(writer: Writer, engine: Engine | None) -> None:
    """Close what an app forgot to close, on another thread.

    The collector calls this anywhere, perhaps in the middle of `threading` itself, whose locks it
    must not touch; so a bare thread makes the real one.
    """
    if not writer.is_closed:
        with suppress(RuntimeError):  # the interpreter is ending, and every thread with it
            _thread.start_new_thread(_close_beside, (writer, engine))


def _close_beside(writer: Writer, engine: Engine | None) -> None:
    def close() -> None:
        writer.close()
        if engine is not None:
            engine.dispose()

    threading.Thread(target=close, name="tollkeeper-closing", daemon=True).start()
