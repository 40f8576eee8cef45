"""Gathers what accepted requests change, and writes all of it in a few statements, once.

It decides nothing and reads nothing: what is written was accepted before.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import Due
from tollkeeper.decisions.asking import Part
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import Claim, Hour, Note, Outcome, Request, Revision
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import TallyKey
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import charge_holds, customers
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.codec import account_row, fact_row, hold_row
from tollkeeper.ledger.rows import (
    Row,
    bare_row,
    entry_row,
    hours_rows,
    note_row,
    result_text,
    row_beside,
    rows_of,
    use_row,
)
from tollkeeper.ledger.subscriptions import subscription_row
from tollkeeper.ledger.tallies import tally_row
from tollkeeper.store import accounts, grants, holds, journal, subscriptions, tallies, usage
from tollkeeper.store.database import Database
from tollkeeper.values.customers import Known
from tollkeeper.values.moments import from_microseconds


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
    uses: list[Row] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    tallied: set[TallyKey] = field(default_factory=set)
    subscribed: dict[tuple[str, str], Subscribed] = field(default_factory=dict)
    claims: list[tuple[Claim, datetime]] = field(default_factory=list)
    new_charge_holds: dict[tuple[str, str], ChargeHold] = field(default_factory=dict)
    old_charge_holds: dict[tuple[str, str], ChargeHold] = field(default_factory=dict)
    #: What time did and is booked with the last request, and as of when it is booked.
    dues: list[tuple[Due, datetime]] = field(default_factory=list)

    def add(
        self, request: Request, outcome: Outcome, book: WorkingBook, keys: tuple[AccountKey, ...]
    ) -> list[Row]:
        """Note an accepted request; give the rows of its operation."""
        if self._is_plain(request, outcome, book):
            return self._add_plain(request, outcome, book)
        swept = [*outcome.swept, *(account.key for account in outcome.unposted)]
        moment = book.moment_for([*(entry.after.key for entry in outcome.entries), *swept])
        self._add_swept(swept, book, moment)
        self._add_waiting(outcome, swept, book, moment)
        rows = rows_of(request, outcome, moment, book, keys)
        is_kept = _is_kept(request, outcome)
        note = request.note
        if outcome.revision is not None:
            note = self._add_revision(request, outcome.revision, rows)
        if is_kept:
            self.operations += rows
        for fact in outcome.made:
            self.facts.append(fact_row(fact, request.id, moment))
        self._add_held(outcome, book)
        if note is not None and is_kept:
            self.notes.append(note_row(request, note))
        for entry in outcome.entries:
            self.updated_at[entry.after.key] = moment
        return rows

    def add_counts(self, outcome: Outcome) -> None:
        """Note what was used and counted."""
        moment = from_microseconds(outcome.tallies[0].updated)
        self.uses += [use_row(use, moment) for use in outcome.uses]
        self.hours += outcome.hours
        self.parts += outcome.parts
        self.tallied.update(tally.key for tally in outcome.tallies)
        self.subscribed.update({known[:2]: known for known in outcome.subscriptions})
        self.claims += [(claim, moment) for claim in outcome.claims]

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
        if self.new_charge_holds or self.old_charge_holds:
            made, changed = self.new_charge_holds.values(), self.old_charge_holds.values()
            charge_holds.write(connection, database, [*made], [*changed])
        if self.tallied:
            self.write_counts(connection, database, book)
        self._write_accounts(connection, database, book)

    def _write_accounts(
        self, connection: Connection, database: Database, book: WorkingBook
    ) -> None:
        states, rescheduled, reallowed = self._states(book)
        accounts.write_accounts(connection, database, states, rescheduled)
        if reallowed:
            filled = [row for row in states if row[:2] in reallowed]
            accounts.write_allowances(connection, database, filled)

    def write_counts(self, connection: Connection, database: Database, book: WorkingBook) -> None:
        """Write usage events, the hours that are over, and the tallies as they are now.

        Whoever asks the books about usage in the middle of a batch finds what it used so far.
        """
        usage.append_events(connection, database, self.uses)
        usage.add_totals(connection, database, hours_rows(self.hours))
        usage.write_parts(connection, database, self.parts)
        self._write_tallies(connection, database, book)
        rows = [subscription_row(known) for known in self.subscribed.values()]
        subscriptions.write_subscriptions(connection, database, rows)
        claims = [(*claim, moment) for claim, moment in sorted(self.claims)]
        subscriptions.claim_payments(connection, database, claims)
        self.uses, self.hours, self.parts, self.tallied = [], [], [], set()
        self.subscribed, self.claims = {}, []

    def _write_tallies(self, connection: Connection, database: Database, book: WorkingBook) -> None:
        rows: list[Row] = []
        for key in sorted(self.tallied):
            row = tally_row(book.tallies[key])
            book.tally_memo.keep(row, book.tallies[key])
            rows.append(row)
        tallies.write_tallies(connection, database, rows)

    def _states(self, book: WorkingBook) -> tuple[list[Row], set[AccountKey], set[AccountKey]]:
        """Give the rows of accounts that changed; which are due otherwise, or filled otherwise."""
        rows: list[Row] = []
        rescheduled: set[AccountKey] = set()
        reallowed: set[AccountKey] = set()
        for key, moment in sorted(self.updated_at.items()):
            state = book.states[key]
            account = Account(*state[:11], moment, state[12])
            if account.due_at != book.due_before.get(key):
                rescheduled.add(key)
            if account.allowances != book.allowances_before.get(key, ()):
                reallowed.add(key)
            row = account_row(account)
            book.memo.keep(row, account)
            rows.append(row)
        return rows, rescheduled, reallowed

    def _is_plain(self, request: Request, outcome: Outcome, book: WorkingBook) -> bool:
        """Tell whether there is one entry and nothing else: the shape of nearly all requests."""
        beside = (
            outcome.made
            or outcome.holds
            or outcome.charge_holds
            or request.note
            or book.waiting
            or outcome.revision
            or outcome.unposted
        )
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

    def _add_swept(self, swept: list[AccountKey], book: WorkingBook, moment: datetime) -> None:
        """Write accounts that change by what time did alone, or without any entry."""
        for key in swept:
            is_booked = bool(book.waiting.get(key))
            before = book.states[key].updated_at
            self.updated_at.setdefault(key, before if before and not is_booked else moment)

    def _add_waiting(
        self, outcome: Outcome, swept: list[AccountKey], book: WorkingBook, moment: datetime
    ) -> None:
        """Book first what time did to the accounts that now change."""
        for key in {*(entry.after.key for entry in outcome.entries), *swept}:
            for due in book.waiting.pop(key, ()):
                self._add_due(due, moment)

    def _add_due(self, due: Due, moment: datetime) -> None:
        """Note one thing that time did, as an operation of its own."""
        self.dues.append((due, moment))
        for part, entry in enumerate(due.entries):
            self.operations.append(entry_row(due.id, part, entry, moment))
        for fact in due.made:
            self.facts.append(fact_row(fact, due.id, moment))
        if due.hold is not None:
            self.old_holds[(due.hold.customer, due.hold.id)] = due.hold

    def _add_held(self, outcome: Outcome, book: WorkingBook) -> None:
        """Note what is set aside: holds of accounts, and of charges; new ones are made."""
        for hold in outcome.holds:
            key = (hold.customer, hold.id)
            is_new = key in self.new_holds or key not in book.holds
            (self.new_holds if is_new else self.old_holds)[key] = hold
        for charge in outcome.charge_holds:
            key = (charge.customer, charge.id)
            is_new = key in self.new_charge_holds or key not in book.charge_holds
            (self.new_charge_holds if is_new else self.old_charge_holds)[key] = charge


def _is_kept(request: Request, outcome: Outcome) -> bool:
    """Tell whether an operation leaves a row: it changed something, or its key is remembered."""
    if not request.is_operation:
        return False
    if outcome.revision is not None:
        return bool(outcome.revision.customers)
    changed = outcome.entries or outcome.uses or outcome.charge_holds or outcome.is_kept
    return bool(changed or request.idempotency_key)
