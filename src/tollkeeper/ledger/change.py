"""The protocol of a change: lock, read the clock, load, decide each request in order, write once.

`change` runs a batch inside a transaction that somebody else began and will end; it never commits.
Whatever one request is refused for concerns that request alone. The numbers of rules in these rooms
(A1, B2 …) are those of docs/concepts/rules.md.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import Connection

from tollkeeper.clock import Clock
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.requests import Outcome, Request
from tollkeeper.errors import (
    BrokenInvariant,
    IdempotencyConflict,
    TollkeeperError,
    UnitMismatch,
)
from tollkeeper.ledger import customers, loading
from tollkeeper.ledger.answers import receipt_from, replayed_by
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.customers import Shut
from tollkeeper.ledger.loading import Locked, Plan
from tollkeeper.ledger.memo import Memo
from tollkeeper.ledger.units import Units
from tollkeeper.ledger.writing import Writing
from tollkeeper.store import accounts, journal
from tollkeeper.store import units as unit_statements
from tollkeeper.store.database import Database
from tollkeeper.store.journal import OperationRow
from tollkeeper.values.receipts import Receipt


class Later(Enum):
    """Why a request of a batch was not decided: it has to be run again, another way."""

    #: Its account is locked by another transaction; wait for it alone.
    BUSY = "busy"
    #: Its account does not exist yet; run again with `make_missing`.
    ABSENT = "absent"


#: A receipt, the error to raise, or why it was not decided.
Answer = Receipt | BaseException | Later


@dataclass(frozen=True, slots=True)
class Manner:
    """How a batch is to be run."""

    #: Pass over accounts that others have locked.
    skip_locked: bool = False
    #: Make customers and accounts that do not exist yet.
    make_missing: bool = False
    #: Look for the requests' keys first; otherwise the unique key finds a replay when written.
    look_up_keys: bool = True
    #: Look for the requests' own ids first: an earlier commit's outcome is unknown.
    look_up_ids: bool = False


@dataclass(slots=True)
class Ledger:
    """What every batch needs to know: the database, the clock, the units."""

    database: Database
    clock: Clock
    units: Units
    memo: Memo = field(init=False)

    def __post_init__(self) -> None:
        self.memo = Memo(moments_are_text=not self.database.is_postgres)

    def apart(self) -> "Ledger":
        """Give one for a host's transaction: what it learns of units may yet be rolled back."""
        made = Ledger(self.database, self.clock, self.units.apart())
        made.memo = self.memo
        return made


@dataclass(slots=True)
class _Run:
    """One batch under way."""

    ledger: Ledger
    connection: Connection
    requests: Sequence[Request]
    plan: Plan
    locked: Locked
    book: WorkingBook
    writing: Writing = field(default_factory=Writing)
    #: Answers by (customer, idempotency key): from the books, and from this batch.
    answered: dict[tuple[str, str], tuple[str | None, Receipt]] = field(default_factory=dict)
    #: Answers by operation id, where an earlier commit turned out to have happened.
    done: dict[str, Receipt] = field(default_factory=dict)
    deferred: set[AccountKey] = field(default_factory=set)
    #: Accounts that do not exist and must not be opened.
    shut: Shut = field(default_factory=Shut)
    #: Whether the books were asked for the requests' keys.
    keys_known: bool = False


def change(
    ledger: Ledger, connection: Connection, requests: Sequence[Request], manner: Manner
) -> list[Answer]:
    """Run a batch in the order of arrival; give each request's receipt, refusal or `Later`."""
    if manner.make_missing:
        customers.make_named(connection, ledger.database, requests, ledger.clock.now())
    plan = loading.plan(connection, ledger.database, requests, skip_locked=manner.skip_locked)
    keys = plan.keys
    shut = _make_missing(ledger, connection, plan, manner) if manner.make_missing else None
    locked = loading.lock(connection, ledger.database, keys, skip_locked=manner.skip_locked)
    if shut is None:
        shut = customers.shut_now(connection, ledger.database, locked.absent)
    locked.busy.update(shut.busy)
    _confirm_units(ledger, connection, keys)
    book = WorkingBook(ledger.units, ledger.memo, ledger.clock.now())
    loading.load(connection, ledger.database, plan, locked, book)
    run = _Run(ledger, connection, requests, plan, locked, book, shut=shut)
    _look_up(run, manner)
    answers = [_answer(run, number, request) for number, request in enumerate(requests)]
    run.writing.write(connection, ledger.database, book)
    return answers


def _answer(run: _Run, number: int, request: Request) -> Answer:
    keys = run.plan.accounts[number]
    if request.id in run.done:
        return run.done[request.id]
    later = _later(run, number, keys)
    if later is not None:
        return later
    earlier = _earlier(run, request)
    if earlier is not None:
        return earlier
    try:
        if run.shut.refused:
            _refuse_shut(keys, run.shut)
        outcome = request.decide(run.book, run.book.moment_for(keys))
        if outcome.replays is not None:
            return _first(run, request) or _replayed(run, request, outcome.replays, keys)
    except TollkeeperError as error:
        return _first(run, request) or error
    absent = run.locked.absent
    if number in run.plan.absent or (absent and not absent.isdisjoint(keys)):
        run.deferred.update(keys)
        return Later.ABSENT
    return _accept(run, request, outcome, keys)


def _later(run: _Run, number: int, keys: tuple[AccountKey, ...]) -> Later | None:
    """Tell whether a request must wait for a lock, or for one before it that has to run again."""
    if not (run.plan.busy or run.locked.busy or run.deferred):
        return None
    if number in run.plan.busy or not run.locked.busy.isdisjoint(keys):
        return Later.BUSY
    return None if run.deferred.isdisjoint(keys) else Later.ABSENT


def _accept(run: _Run, request: Request, outcome: Outcome, keys: tuple[AccountKey, ...]) -> Receipt:
    rows = run.writing.add(request, outcome, run.book, keys)
    run.book.accept(request, outcome, rows[0][6])
    private = outcome.revision.private if outcome.revision is not None else None
    receipt = receipt_from(request.customer, rows, run.ledger.units, private=private)
    if request.idempotency_key is not None:
        run.answered[(request.customer, request.idempotency_key)] = (request.fingerprint, receipt)
    return receipt


def _earlier(run: _Run, request: Request) -> Answer | None:
    """Give the first result of this key again, or the conflict (law 5); None for a new key."""
    if request.idempotency_key is None:
        return None
    found = run.answered.get((request.customer, request.idempotency_key))
    if found is None:
        return None
    fingerprint, receipt = found
    if fingerprint != request.fingerprint or not request.agrees(receipt.result):
        return IdempotencyConflict(
            f"The key {request.idempotency_key!r} was used before, for another request; "
            "use a new key for a new request.",
            idempotency_key=request.idempotency_key,
            operation=receipt.operation_id,
        )
    return receipt.as_replay()


def _first(run: _Run, request: Request) -> Answer | None:
    """Give the first result of this key where its request would not be accepted now (law 5).

    Most keys are new, so a batch begins without looking for them: an accepted request would meet
    the unique key when it is written. A refusal is not written, and must not hide a replay.
    """
    if run.keys_known or request.idempotency_key is None:
        return None
    _look_up_keys(run)
    return _earlier(run, request)


def _replayed(run: _Run, request: Request, operation: str, keys: tuple[AccountKey, ...]) -> Receipt:
    """Answer with an operation that did the same already; a new key stands for it from now on."""
    waiting = [row for row in run.writing.operations if row[1] == operation]
    rows = waiting or loading.operation_rows(
        run.connection, run.ledger.database, request.customer, operation
    )
    if not rows:
        raise BrokenInvariant(f"The operation {operation!r} is named, but not in the books.")
    receipt = receipt_from(request.customer, rows, run.ledger.units, replayed=True)
    if request.idempotency_key is not None:
        run.writing.add_key(request, operation, run.book, keys)
        key = (request.customer, request.idempotency_key)
        run.answered[key] = (request.fingerprint, receipt)
    return receipt


def _look_up(run: _Run, manner: Manner) -> None:
    """Find out what the books know of these requests already: by key, by their own id."""
    if manner.look_up_ids:
        for request in run.requests:
            rows = loading.operation_rows(
                run.connection, run.ledger.database, request.customer, request.id
            )
            if rows:
                run.done[request.id] = _recalled(run, request.customer, rows)
    if manner.look_up_keys:
        _look_up_keys(run)


def _look_up_keys(run: _Run) -> None:
    run.keys_known = True
    wanted = {(r.customer, r.idempotency_key) for r in run.requests if r.idempotency_key}
    for head in journal.by_keys(run.connection, run.ledger.database, sorted(wanted)):
        rows = loading.operation_rows(
            run.connection, run.ledger.database, head.customer_id, head.id
        )
        _confirm_units(run.ledger, run.connection, [("", row.unit) for row in rows if row.unit])
        receipt = _recalled(run, head.customer_id, rows)
        key = (head.customer_id, head.idempotency_key or "")
        run.answered[key] = (head.fingerprint, receipt)


def _recalled(run: _Run, customer: str, rows: Sequence[OperationRow]) -> Receipt:
    """Build the answer of an operation in the books, with the personal text that it told."""
    first = replayed_by(rows[0].result)
    if first is not None:
        rows = loading.operation_rows(run.connection, run.ledger.database, customer, first)
    private = None
    if rows[0].kind in customers.VERBS:
        database = run.ledger.database
        private = customers.private_text(run.connection, database, customer, rows[0].id)
    return receipt_from(customer, rows, run.ledger.units, private=private)


def _make_missing(ledger: Ledger, connection: Connection, plan: Plan, manner: Manner) -> Shut:
    """Make units, customers and accounts that do not exist; tell which accounts must not be."""
    now, keys = ledger.clock.now(), plan.keys
    new = {unit for _, unit in keys if not ledger.units.is_confirmed(unit)}
    proposed = [ledger.units.proposed(unit) for unit in sorted(new)]
    unit_statements.register_units(connection, ledger.database, proposed, now)
    shut = customers.open_customers(
        connection, ledger.database, plan.accounts, now, skip_locked=manner.skip_locked
    )
    open_keys = [key for key in keys if key not in shut.refused and key not in shut.busy]
    accounts.make_accounts(connection, ledger.database, open_keys)
    return shut


def _refuse_shut(keys: tuple[AccountKey, ...], shut: Shut) -> None:
    for key in keys:
        if key in shut.refused:
            raise copy(shut.refused[key])


def _confirm_units(ledger: Ledger, connection: Connection, keys: Sequence[AccountKey]) -> None:
    """Compare units we have only proposed so far with what the books hold.

    Amounts were scaled by the proposal; another scale in the books must never go unnoticed.
    """
    unknown = {unit for _, unit in keys if not ledger.units.is_confirmed(unit)}
    if not unknown:
        return
    for stored in unit_statements.all_units(connection, ledger.database):
        if stored.key in unknown and ledger.units.checked(stored).scale != (
            ledger.units.proposed(stored.key).scale
        ):
            raise UnitMismatch(
                f"{stored.key!r} was just defined with scale {stored.scale}; repeat the call.",
                unit=stored.key,
            )
