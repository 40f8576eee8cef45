"""The rows of operations, as `store.journal` writes them. Pure: no SQL, no clock, no decision."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tollkeeper.decisions.accounts import AccountKey, Entry
from tollkeeper.decisions.requests import Hour, Note, Outcome, Request, Use
from tollkeeper.decisions.tallies import Running, added
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.codec import lines_text
from tollkeeper.values.moments import from_microseconds
from tollkeeper.values.texts import canonical_json

Row = tuple[Any, ...]


def rows_of(
    request: Request,
    outcome: Outcome,
    moment: datetime,
    book: WorkingBook,
    keys: tuple[AccountKey, ...],
) -> list[Row]:
    """Write an operation's rows: one an entry, the first with key, fingerprint and result."""
    entries = outcome.entries
    if not entries:
        return [bare_row(request, outcome, moment, book, keys)]
    result = result_text(request, outcome, entries[0].kind)
    head = entry_row(
        request.id, 0, entries[0], moment, request.idempotency_key, request.fingerprint, result
    )
    return [head, *(entry_row(request.id, n, e, moment) for n, e in enumerate(entries[1:], 1))]


def entry_row(
    operation: str,
    part: int,
    entry: Entry,
    moment: datetime,
    key: str | None = None,
    fingerprint: str | None = None,
    result: str | None = None,
) -> Row:
    """Write one entry's row (see store.journal.COLUMNS); zero travels as NULL."""
    after = entry.after
    return (
        after.customer,
        operation,
        part,
        entry.kind,
        key,
        fingerprint,
        moment,
        entry.event_at,
        after.unit,
        after.version,
        entry.available or None,
        entry.restricted or None,
        entry.held or None,
        entry.debt or None,
        after.available or None,
        after.restricted or None,
        after.held or None,
        after.debt or None,
        lines_text(entry) if entry.lines else None,
        entry.mark,
        result,
    )


def row_beside(request: Request, rows: list[Row], customer: str) -> Row:
    """Write an operation's row under another customer of whom no account changed."""
    moment = rows[0][6]
    return (customer, request.id, len(rows), request.verb, None, None, moment, *(None,) * 14)


def use_row(use: Use, created_at: datetime) -> Row:
    """Write a usage event's row (see store.usage.EVENT)."""
    return (*use, created_at)


def hours_rows(hours: Iterable[Hour]) -> list[Row]:
    """Write the rows of hours, a feature and currency each (see store.usage.TOTAL)."""
    summed: dict[tuple[str, int, str, str], Running] = {}
    for customer, start, uses in hours:
        for use in uses:
            key = (customer, start, use.feature, use.currency)
            before = summed.get(key)
            summed[key] = use if before is None else added(before, use)
    return [
        (
            customer,
            feature,
            from_microseconds(start),
            currency,
            *use[1:5],
            _moment(use.last_at),
            *use[6:12],
        )
        for (customer, start, feature, currency), use in sorted(summed.items())
    ]


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


def result_text(request: Request, outcome: Outcome, kind: str) -> str | None:
    """Write what the answer tells beyond the entries; the verb where it is not the entry's kind."""
    if not outcome.result and request.verb == kind:
        return None
    result = dict(outcome.result)
    if request.verb != kind:
        result["verb"] = request.verb
    return canonical_json(result) if result else None


def note_row(request: Request, note: Note) -> Row:
    """Write the personal text beside an operation."""
    metadata = canonical_json(dict(note.metadata)) if note.metadata else None
    return (request.customer, request.id, note.reason, note.actor, metadata)


def bare_row(
    request: Request,
    outcome: Outcome,
    moment: datetime,
    book: WorkingBook,
    keys: tuple[AccountKey, ...],
) -> Row:
    """Write an operation that changed no balance; its key must be remembered all the same."""
    account = book.states.get(keys[0]) if len(keys) == 1 else None
    balances: tuple[int | None, ...] = (None,) * 4
    if account is not None:
        balances = (account.available, account.restricted, account.held, account.debt)
    return (
        request.customer,
        request.id,
        0,
        request.verb,
        request.idempotency_key,
        request.fingerprint,
        moment,
        None,
        account.unit if account else None,
        *(None,) * 5,
        *balances,
        None,
        None,
        result_text(request, outcome, request.verb),
    )
