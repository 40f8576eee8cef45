"""Finds the accounts in which something came due: where a sweep has work to do. Changes nothing.

The changes go through the writer, as requests like any other (`decisions/sweeping.py`).
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from tollkeeper.ledger.change import Ledger
from tollkeeper.store import accounts
from tollkeeper.store.units import all_units


class DueAccount(NamedTuple):
    """An account in which something is due, and since when; it is the place in the queue, too."""

    due_at: datetime
    customer: str
    unit: str


def due(
    ledger: Ledger, connection: Connection, now: datetime, most: int, after: DueAccount | None
) -> list[DueAccount]:
    """Give the next accounts of the queue, longest due first; learn units that are new to us."""
    found = accounts.due_accounts(connection, ledger.database, now, most, after)
    if not all(ledger.units.is_confirmed(row.unit) for row in found):
        ledger.units.confirm(all_units(connection, ledger.database))
    return [DueAccount._make(row) for row in found]
