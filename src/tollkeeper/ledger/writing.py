"""Gathers what accepted requests change, and writes all of it in a few statements, once.

It decides nothing and reads nothing: what is written was accepted before.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import Due
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import Note, Outcome, Request, Revision
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import customers
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.codec import account_row, fact_row, hold_row
from tollkeeper.ledger.rows import (
    Row,
    bare_row,
    entry_row,
    note_row,
    result_text,
    row_beside,
    rows_of,
)
from tollkeeper.store import accounts, grants, holds, journal
from tollkeeper.store.database import Database
from tollkeeper.values.customers import Known


@dataclass(slots=True)
class Writing:
    """The rows to be written for a batch."""

    operations: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    facts: list[Row] = field(default_factory=list)
    new_holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    old_holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    updated_at: dict[AccountKey, datetime] = field(default_factory=dict)
    revised: dict[str, Known] = field(default_factory=dict)
    #: Customers whose personal text goes.
    erased: set[str] = field(default_factory=set)

    def add(
        self, request: Request, outcome: Outcome, book: WorkingBook, keys: tuple[AccountKey, ...]
    ) -> list[Row]:
        """Note an accepted request; give the rows of its operation."""
        if self._is_plain(request, outcome, book):
            return self._add_plain(request, outcome, book)
        moment = book.moment_for([*(entry.after.key for entry in outcome.entries), *outcome.swept])
        self._add_swept(outcome, book, moment)
        self._add_waiting(outcome, book, moment)
        rows = rows_of(request, outcome, moment, book, keys)
        is_kept = bool(outcome.entries or request.idempotency_key)
        note = request.note
        if outcome.revision is not None:
            is_kept = bool(outcome.revision.customers)
            note = self._add_revision(request, outcome.revision, rows)
        if is_kept:
            self.operations += rows
        for fact in outcome.made:
            self.facts.append(fact_row(fact, request.id, moment))
        for hold in outcome.holds:
            self._add_hold(hold, book)
        if note is not None and is_kept:
            self.notes.append(note_row(request, note))
        for entry in outcome.entries:
            self.updated_at[entry.after.key] = moment
        return rows

    def add_key(
        self, request: Request, operation: str, book: WorkingBook, keys: tuple[AccountKey, ...]
    ) -> None:
        """Note a new key of an operation that was asked for again: it means nothing else now."""
        again = replace(request, id=new_id(OPERATION))
        told = Outcome(result={"replays": operation})
        self.operations.append(bare_row(again, told, book.moment_for(keys), book, keys))

    def write(self, connection: Connection, database: Database, book: WorkingBook) -> None:
        """Write everything, accounts last, so that what follows from them is there already."""
        if self.revised:
            customers.write(connection, database, self.revised, self.erased)
        journal.append(connection, database, self.operations)
        if self.notes:
            journal.append_notes(connection, database, self.notes)
        if self.facts:
            grants.append_facts(connection, database, self.facts)
        if self.new_holds:
            rows = [hold_row(hold) for hold in self.new_holds.values()]
            holds.append_holds(connection, database, rows)
        if self.old_holds:
            rows = [hold_row(hold)[:8] for hold in self.old_holds.values()]
            holds.write_holds(connection, database, rows)
        states, rescheduled = self._states(book)
        accounts.write_accounts(connection, database, states, rescheduled)

    def _states(self, book: WorkingBook) -> tuple[list[Row], set[AccountKey]]:
        """Give the rows of accounts that changed, and which of them are due at another moment."""
        rows: list[Row] = []
        rescheduled: set[AccountKey] = set()
        for key, moment in sorted(self.updated_at.items()):
            account = Account(*book.states[key][:-1], moment)
            if account.due_at != book.due_before.get(key):
                rescheduled.add(key)
            row = account_row(account)
            book.memo.keep(row, account)
            rows.append(row)
        return rows, rescheduled

    def _is_plain(self, request: Request, outcome: Outcome, book: WorkingBook) -> bool:
        """Tell whether there is one entry and nothing else: the shape of nearly all requests."""
        beside = outcome.made or outcome.holds or request.note or book.waiting or outcome.revision
        return len(outcome.entries) == 1 and not beside

    def _add_plain(self, request: Request, outcome: Outcome, book: WorkingBook) -> list[Row]:
        entry = outcome.entries[0]
        after = entry.after
        moment = max(book.now, after.updated_at) if after.updated_at else book.now
        result = result_text(request, outcome, entry.kind)
        row = entry_row(
            request.id, 0, entry, moment, request.idempotency_key, request.fingerprint, result
        )
        self.operations.append(row)
        self.updated_at[(after.customer, after.unit)] = moment
        return [row]

    def _add_revision(self, request: Request, revision: Revision, rows: list[Row]) -> Note | None:
        """Note what changes in customers' own rows; give the note that keeps personal text."""
        self.revised.update({known.customer.id: known for known in revision.customers})
        if revision.erases:
            self.erased.add(request.customer)
            self.notes = [note for note in self.notes if note[0] != request.customer]
        if revision.beside and all(row[0] != revision.beside for row in rows):
            rows.append(row_beside(request, rows, revision.beside))
        if not revision.private:
            return request.note
        return replace(request.note or Note(), metadata=revision.private)

    def _add_swept(self, outcome: Outcome, book: WorkingBook, moment: datetime) -> None:
        """Write accounts that change by what time did alone, or only forget a moment gone by."""
        for key in outcome.swept:
            is_booked = bool(book.waiting.get(key))
            before = book.states[key].updated_at
            self.updated_at.setdefault(key, before if before and not is_booked else moment)

    def _add_waiting(self, outcome: Outcome, book: WorkingBook, moment: datetime) -> None:
        """Book first what time did to the accounts that now change."""
        for key in {*(entry.after.key for entry in outcome.entries), *outcome.swept}:
            for due in book.waiting.pop(key, ()):
                self._add_due(due, moment)

    def _add_due(self, due: Due, moment: datetime) -> None:
        """Note one thing that time did, as an operation of its own."""
        for part, entry in enumerate(due.entries):
            self.operations.append(entry_row(due.id, part, entry, moment))
        for fact in due.made:
            self.facts.append(fact_row(fact, due.id, moment))
        if due.hold is not None:
            self.old_holds[(due.hold.customer, due.hold.id)] = due.hold

    def _add_hold(self, hold: Hold, book: WorkingBook) -> None:
        key = (hold.customer, hold.id)
        if key in self.new_holds or key not in book.holds:
            self.new_holds[key] = hold
        else:
            self.old_holds[key] = hold
