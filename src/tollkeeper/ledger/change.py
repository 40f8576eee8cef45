"""The protocol of a change: lock, read the clock, load, decide each request in order, write once.

`change` runs a batch inside a transaction that somebody else began and will end; it never commits.
Whatever one request is refused for concerns that request alone. RULES.md and DESIGN.md §3 say why
each step stands where it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import Connection

from tollkeeper.clock import Clock
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.requests import Outcome, Request
from tollkeeper.errors import (
    BrokenInvariant,
    CustomerMerged,
    IdempotencyConflict,
    TollkeeperError,
    UnitMismatch,
)
from tollkeeper.ledger import loading
from tollkeeper.ledger.answers import receipt_from
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.loading import Locked, Plan
from tollkeeper.ledger.memo import Memo
from tollkeeper.ledger.units import Units
from tollkeeper.ledger.writing import Writing
from tollkeeper.store import accounts, customers, journal
from tollkeeper.store import units as unit_statements
from tollkeeper.store.database import Database
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
    #: Whether the books were asked for the requests' keys.
    keys_known: bool = False


def change(
    ledger: Ledger, connection: Connection, requests: Sequence[Request], manner: Manner
) -> list[Answer]:
    """Run a batch in the order of arrival; give each request's receipt, refusal or `Later`."""
    plan = loading.plan(connection, ledger.database, requests)
    keys = plan.keys
    merged = _make_missing(ledger, connection, keys) if manner.make_missing else {}
    locked = loading.lock(connection, ledger.database, keys, skip_locked=manner.skip_locked)
    _confirm_units(ledger, connection, keys)
    book = WorkingBook(ledger.units, ledger.memo, ledger.clock.now())
    loading.load(connection, ledger.database, plan, locked, book)
    run = _Run(ledger, connection, requests, plan, locked, book)
    _look_up(run, manner)
    answers = [_answer(run, number, request, merged) for number, request in enumerate(requests)]
    run.writing.write(connection, ledger.database, book)
    return answers


def _answer(run: _Run, number: int, request: Request, merged: dict[str, str]) -> Answer:
    keys = run.plan.accounts[number]
    if request.id in run.done:
        return run.done[request.id]
    if run.locked.busy and not run.locked.busy.isdisjoint(keys):
        return Later.BUSY
    if run.deferred and not run.deferred.isdisjoint(keys):
        return Later.ABSENT
    earlier = _earlier(run, request)
    if earlier is not None:
        return earlier
    try:
        _refuse_merged(keys, merged)
        outcome = request.decide(run.book, run.book.moment_for(keys))
        if outcome.replays is not None:
            return _first(run, request) or _replayed(run, request, outcome.replays)
    except TollkeeperError as error:
        return _first(run, request) or error
    if run.locked.absent and not run.locked.absent.isdisjoint(keys):
        run.deferred.update(keys)
        return Later.ABSENT
    return _accept(run, request, outcome, keys)


def _accept(run: _Run, request: Request, outcome: Outcome, keys: tuple[AccountKey, ...]) -> Receipt:
    rows = run.writing.add(request, outcome, run.book, keys)
    run.book.accept(request, outcome)
    receipt = receipt_from(request.customer, rows, run.ledger.units)
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
    if fingerprint != request.fingerprint:
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


def _replayed(run: _Run, request: Request, operation: str) -> Receipt:
    """Answer with an operation that did the same already."""
    waiting = [row for row in run.writing.operations if row[1] == operation]
    rows = waiting or loading.operation_rows(
        run.connection, run.ledger.database, request.customer, operation
    )
    if not rows:
        raise BrokenInvariant(f"The operation {operation!r} is named, but not in the books.")
    return receipt_from(request.customer, rows, run.ledger.units, replayed=True)


def _look_up(run: _Run, manner: Manner) -> None:
    """Find out what the books know of these requests already: by key, by their own id."""
    if manner.look_up_ids:
        for request in run.requests:
            rows = loading.operation_rows(
                run.connection, run.ledger.database, request.customer, request.id
            )
            if rows:
                run.done[request.id] = receipt_from(request.customer, rows, run.ledger.units)
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
        receipt = receipt_from(head.customer_id, rows, run.ledger.units)
        key = (head.customer_id, head.idempotency_key or "")
        run.answered[key] = (head.fingerprint, receipt)


def _make_missing(
    ledger: Ledger, connection: Connection, keys: Sequence[AccountKey]
) -> dict[str, str]:
    """Make units, customers and accounts that do not exist; tell who was merged into whom."""
    now = ledger.clock.now()
    owners = {customer for customer, _ in keys}
    new = {unit for _, unit in keys if not ledger.units.is_confirmed(unit)}
    proposed = [ledger.units.proposed(unit) for unit in sorted(new)]
    unit_statements.register_units(connection, ledger.database, proposed, now)
    customers.make_customers(connection, ledger.database, owners, now)
    accounts.make_accounts(connection, ledger.database, keys)
    rows = customers.merged(connection, ledger.database, owners)
    return {row.customer_id: row.merged_into for row in rows}


def _refuse_merged(keys: tuple[AccountKey, ...], merged: dict[str, str]) -> None:
    for customer, _ in keys:
        into = merged.get(customer)
        if into is not None:
            raise CustomerMerged(
                f"{customer!r} was merged into {into!r}; use that customer.", into=into
            )


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
