"""Law 5: one operation a key. Each row by itself, then keys and parts over the whole book."""

from sqlalchemy import Connection

from tollkeeper.ledger.auditing.laws import KEYS, Findings, Place
from tollkeeper.ledger.auditing.rows import EntryRow, read_result
from tollkeeper.store import audits
from tollkeeper.store.database import Database


def check_row(row: EntryRow, findings: Findings) -> None:
    """Check what a row tells of its operation: key, fingerprint, and the result to be replayed."""
    if row.has_key or row.has_fingerprint or row.result is not None:
        _check_head(row, findings)


def check_bare(row: EntryRow, findings: Findings) -> None:
    """Check a row without an entry: it changed no balance."""
    check_row(row, findings)
    changes = (row.available_change, row.restricted_change, row.held_change, row.debt_change)
    if any(changes) or row.lines is not None or row.version is not None:
        says = "A row without a unit or a version, so of no account, tells of a change."
        found = f"{changes}, {row.lines}, version {row.version}"
        _add(findings, says, row, "no changes, no lines, no version", found)


def check_book(
    connection: Connection, database: Database, customer: str | None, findings: Findings
) -> None:
    """Find keys with several operations, and operations with parts missing or repeated."""
    for owner, key, count, first in audits.repeated_keys(connection, database, customer):
        findings.add(
            KEYS,
            f"The idempotency key {key!r} has several operations.",
            Place(owner, operation=first),
            expected="1 operation",
            found=f"{count} operations",
        )
    for name, owner, first, last, count in audits.broken_operations(connection, database, customer):
        findings.add(
            KEYS,
            "An operation's parts are not numbered 0, 1, 2 without a gap.",
            Place(owner, operation=name),
            expected=f"parts 0 to {max(last, count - 1)}",
            found=f"{count} parts from {first} to {last}",
        )


def _check_head(row: EntryRow, findings: Findings) -> None:
    if bool(row.has_key) != bool(row.has_fingerprint):
        says = "A key and its fingerprint do not stand together."
        _add(
            findings, says, row, "both or neither", "the key" if row.has_key else "the fingerprint"
        )
    elif row.part:
        says = "A part that is not the head of its operation has a key or a result."
        _add(findings, says, row, "them on part 0", f"them on part {row.part}")
    elif row.result is not None and read_result(row.result) is None:
        says = "The result of an operation cannot be read, and so not be given again."
        _add(findings, says, row, "a JSON object", row.result)


def _add(findings: Findings, says: str, row: EntryRow, expected: str, found: str) -> None:
    place = Place(row.customer, row.unit, row.operation, row.version)
    findings.add(KEYS, says, place, expected=expected, found=found)
