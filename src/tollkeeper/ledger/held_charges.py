"""Looks charges up that were set aside: one, or a customer's, newest first. Changes nothing."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.ledger import charge_holds, reading
from tollkeeper.ledger.change import Ledger
from tollkeeper.store import charge_holds as statements


class Chosen(NamedTuple):
    """Which of a customer's holds a list shows."""

    customer: str
    feature: str | None
    #: `open`, `lapsed`, `settled`, `released`, or None for all.
    status: str | None
    limit: int
    #: The id of the last hold of the page before; None for the first page.
    before: str | None


def find(ledger: Ledger, connection: Connection, customer: str, name: str) -> ChargeHold | None:
    """Read one hold, and learn the units that its shares are in."""
    reading.units_of(ledger, connection, customer)
    found = charge_holds.read(connection, ledger.database, [(customer, name)])
    return found[0] if found else None


def page(
    ledger: Ledger, connection: Connection, chosen: Chosen, now: datetime
) -> tuple[list[ChargeHold], str | None]:
    """Read a page of holds, newest first; the cursor, a hold's id, says where to go on."""
    reading.units_of(ledger, connection, chosen.customer)
    rows = statements.page(
        connection,
        ledger.database,
        chosen.customer,
        feature=chosen.feature,
        status=chosen.status,
        now=now,
        before=chosen.before,
        most=chosen.limit + 1,
    )
    found = [charge_holds.charge_hold_from(row) for row in rows[: chosen.limit]]
    return found, found[-1].id if len(rows) > chosen.limit else None
