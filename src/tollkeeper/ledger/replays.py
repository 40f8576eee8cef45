"""Keys and replays: a request that was made before gets its first result again (law 5).

It looks in the books and in the batch so far. It changes no balance and decides nothing: the most
that it notes to be written is a new key of an operation that is there already.
"""

from collections.abc import Sequence

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.requests import Request
from tollkeeper.errors import BrokenInvariant, IdempotencyConflict
from tollkeeper.ledger import customers, loading
from tollkeeper.ledger.answers import receipt_from, replayed_by
from tollkeeper.ledger.batch import Batch
from tollkeeper.ledger.missing import check_proposed_units
from tollkeeper.ledger.questions import look_up_events
from tollkeeper.store import journal
from tollkeeper.store.journal import OperationRow
from tollkeeper.values.receipts import Receipt


def look_up_ids(batch: Batch) -> None:
    """Find the requests' own operations: an earlier commit of theirs may have happened."""
    for request in batch.requests:
        rows = loading.operation_rows(
            batch.connection, batch.database, request.customer, request.id
        )
        if rows:
            batch.done[request.id] = _recalled(batch, request.customer, rows)


def look_up_keys(batch: Batch) -> None:
    """Find the operations that hold the requests' keys already."""
    batch.keys_known = True
    look_up_events(batch)
    wanted = {(r.customer, r.idempotency_key) for r in batch.requests if r.idempotency_key}
    for head in journal.by_keys(batch.connection, batch.database, sorted(wanted)):
        rows = loading.operation_rows(batch.connection, batch.database, head.customer_id, head.id)
        accounts = [(row.customer_id, row.unit) for row in rows if row.unit]
        check_proposed_units(batch.connection, batch.database, batch.units, accounts)
        receipt = _recalled(batch, head.customer_id, rows)
        key = (head.customer_id, head.idempotency_key or "")
        batch.answered[key] = (head.fingerprint, receipt)


def replay_of(batch: Batch, request: Request) -> Receipt | IdempotencyConflict | None:
    """Give the first result of this key again, or the conflict; None for a key that is new so far.

    The books may hold a key that is new so far: see `hidden_replay`.
    """
    if request.idempotency_key is None:
        return None
    found = batch.answered.get((request.customer, request.idempotency_key))
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


def hidden_replay(batch: Batch, request: Request) -> Receipt | IdempotencyConflict | None:
    """Give the first result of this key where its request would not be accepted now.

    Most keys are new, so a batch begins without looking for them: an accepted request would meet
    the unique key when it is written. A refusal is not written, and must not hide a replay.
    """
    if batch.keys_known or request.idempotency_key is None:
        return None
    look_up_keys(batch)
    return replay_of(batch, request)


def stand_for(
    batch: Batch, request: Request, operation: str, keys: tuple[AccountKey, ...]
) -> Receipt:
    """Answer with an operation that did the same already; a new key stands for it from now on."""
    waiting = [row for row in batch.writing.operations if row[1] == operation]
    rows = waiting or loading.operation_rows(
        batch.connection, batch.database, request.customer, operation
    )
    if not rows:
        raise BrokenInvariant(f"The operation {operation!r} is named, but not in the books.")
    receipt = receipt_from(request.customer, rows, batch.units, replayed=True)
    if request.idempotency_key is not None:
        batch.writing.add_key(request, operation, batch.book, keys)
        key = (request.customer, request.idempotency_key)
        batch.answered[key] = (request.fingerprint, receipt)
    return receipt


def _recalled(batch: Batch, customer: str, rows: Sequence[OperationRow]) -> Receipt:
    """Build the answer of an operation in the books, with the personal text that it told."""
    first = replayed_by(rows[0].result)
    if first is not None:
        rows = loading.operation_rows(batch.connection, batch.database, customer, first)
    private = None
    if rows[0].kind in customers.VERBS:
        operation = rows[0].id
        private = customers.private_text(batch.connection, batch.database, customer, operation)
    return receipt_from(customer, rows, batch.units, private=private)
