"""Rows that point nowhere, units that cannot be, and guards that are gone (law 8)."""

from sqlalchemy import Connection

from tollkeeper.errors import TollkeeperError
from tollkeeper.ledger.auditing.laws import APPEND_ONLY, ORPHANS, UNITS, Findings, Place
from tollkeeper.store import audits, guards
from tollkeeper.store.audits import Cells
from tollkeeper.store.database import Database
from tollkeeper.values.units import Unit


def check_units(connection: Connection, database: Database, findings: Findings) -> int:
    """Check every unit, and learn the scales to write amounts with; tell how many there are."""
    count = 0
    for count, row in enumerate(audits.units(connection, database), 1):  # noqa: B007  # it is the answer
        _check_unit(row, findings)
    return count


def check_guards(connection: Connection, database: Database, findings: Findings) -> None:
    """Check that nothing but an insert can reach the facts (law 8)."""
    for guard in guards.missing_guards(connection, database):
        says = "A table of facts has lost the guard that refuses changes."
        findings.add(APPEND_ONLY, says, Place(), expected=guard, found="none, or switched off")


def check_orphans(
    connection: Connection, database: Database, customer: str | None, findings: Findings
) -> None:
    """Find accounts, holds and notes that point at nothing."""
    for owner, unit in audits.accounts_of_nobody(connection, database, customer):
        says = "An account stands without its customer."
        findings.add(ORPHANS, says, Place(owner, unit), expected="a customer", found="none")
    for owner, unit in audits.accounts_without_unit(connection, database, customer):
        says = "An account counts a unit that is not registered."
        findings.add(UNITS, says, Place(owner, unit), expected="a unit", found="none")
    for owner, hold, status, ended in audits.holds_closed_by_nothing(
        connection, database, customer
    ):
        says = "A hold is over, but no operation ended it."
        found = f"{status} by {ended or 'none'}"
        findings.add(ORPHANS, says, Place(owner, hold=hold), expected="an operation", found=found)
    for owner, name in audits.notes_beside_nothing(connection, database, customer):
        says = "A note stands without its operation."
        place = Place(owner, operation=name)
        findings.add(ORPHANS, says, place, expected="an operation", found="none")


def _check_unit(row: Cells, findings: Findings) -> None:
    key, kind, scale, overdraft = row
    findings.scales[key] = scale
    try:
        Unit(key=key, kind=kind, scale=scale, overdraft=overdraft)
    except TollkeeperError as error:
        findings.scales.pop(key)
        findings.add(
            UNITS,
            "A unit cannot be what it is said to be.",
            Place(unit=key),
            expected=error.message,
            found=f"kind {kind}, scale {scale}, overdraft {overdraft}",
        )
