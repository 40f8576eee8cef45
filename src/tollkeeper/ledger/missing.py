"""What a batch names and the books lack: units, customers and accounts are made, or refused.

It makes empty rows alone; no balance changes here.
"""

from collections.abc import Sequence
from copy import copy
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.errors import UnitMismatch
from tollkeeper.ledger import customers
from tollkeeper.ledger.customers import Shut
from tollkeeper.ledger.loading import Plan
from tollkeeper.ledger.units import Units
from tollkeeper.store import accounts
from tollkeeper.store import units as unit_statements
from tollkeeper.store.database import Database


def make_missing(
    connection: Connection,
    database: Database,
    units: Units,
    plan: Plan,
    now: datetime,
    *,
    skip_locked: bool,
) -> Shut:
    """Make units, customers and accounts that do not exist; tell which accounts must not be.

    Accounts that pay only if they are there are not opened; their units are made all the same.
    """
    keys = plan.keys
    new = {unit for _, unit in keys if not units.is_confirmed(unit)}
    proposed = [units.proposed(unit) for unit in sorted(new)]
    unit_statements.register_units(connection, database, proposed, now)
    wanted = [tuple(key for key in some if key not in plan.optional) for some in plan.accounts]
    shut = customers.open_customers(connection, database, wanted, now, skip_locked=skip_locked)
    chosen = sorted({key for some in wanted for key in some})
    open_keys = [key for key in chosen if key not in shut.refused and key not in shut.busy]
    accounts.make_accounts(connection, database, open_keys)
    return shut


def refuse_shut(keys: tuple[AccountKey, ...], shut: Shut) -> None:
    """Raise the error of the first of these accounts that must not be opened."""
    for key in keys:
        if key in shut.refused:
            raise copy(shut.refused[key])


def check_proposed_units(
    connection: Connection,
    database: Database,
    units: Units,
    keys: Sequence[AccountKey],
    *,
    learn: bool = False,
) -> None:
    """Compare the units of these accounts, where we only propose them so far, with the books.

    Amounts were scaled by the proposal; another scale in the books must never go unnoticed. Where
    this transaction has made no units, what is found may be remembered (`learn`).

    Raises:
        UnitMismatch: a unit has another scale there.
    """
    unknown = {unit for _, unit in keys if not units.is_confirmed(unit)}
    if not unknown:
        return
    found = [u for u in unit_statements.all_units(connection, database) if u.key in unknown]
    for stored in found:
        if units.checked(stored).scale != units.proposed(stored.key).scale:
            raise UnitMismatch(
                f"{stored.key!r} was just defined with scale {stored.scale}; repeat the call.",
                unit=stored.key,
            )
    if learn:
        units.confirm(found)
