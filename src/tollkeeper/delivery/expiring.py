"""The job that warns of grants which expire within days: once each, in the order of their ends.

A grant that lives shorter than the warning's days is not warned of: whoever gets it knows.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.decisions.expiring import Warn
from tollkeeper.delivery.walking import Place, Step, Walk
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.notices import GrantExpiring
from tollkeeper.store.expiring import grants_expiring
from tollkeeper.store.units import all_units

#: How long before its end a grant is warned of.
WARNING: Final = timedelta(days=7)
#: Sorts after every customer, byte by byte.
AFTER_ALL: Final = "\U0010ffff"


def expiring(ledger: Ledger) -> Walk:
    """Make the job."""

    def read(connection: Connection, place: Place | None, now: datetime, most: int) -> Step:
        before = place or (now, "", "")
        rows = grants_expiring(connection, ledger.database, before, now + WARNING, most)
        if not all(ledger.units.is_confirmed(row.unit) for row in rows):
            ledger.units.confirm(all_units(connection, ledger.database))
        return Step(rows, _after(rows, before, now, most), len(rows) < most)

    return Walk(
        ledger=ledger,
        name="expiring",
        kind=GrantExpiring.kind,
        counted="warned",
        read=read,
        request=_warning,
    )


def _warning(row: Any) -> Warn:
    return Warn(
        id=new_id(OPERATION),
        customer=row.customer_id,
        unit=row.unit,
        grant=row.id,
        before=WARNING,
    )


def _after(rows: Sequence[Any], before: Place, now: datetime, most: int) -> Place:
    """Say where to go on: after the last grant, or after all that is near."""
    if len(rows) < most:
        return max(before, (now + WARNING, AFTER_ALL, ""))
    last = rows[-1]
    return last.expires_at, last.customer_id, last.id
