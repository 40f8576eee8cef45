"""The tallies of a batch: locked before any account, because which accounts pay follows from them.

The order is always customers, tallies, accounts, each sorted, so that no two batches wait for each
other. Decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from tollkeeper.catalog.terms import PriceList
from tollkeeper.clock import Clock
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.limiting import subjects
from tollkeeper.decisions.requests import Request
from tollkeeper.decisions.tallies import OWN, Tally, TallyKey
from tollkeeper.errors import TollkeeperError
from tollkeeper.ledger import catalogs, charge_holds
from tollkeeper.ledger.catalogs import Looked
from tollkeeper.ledger.customers import load
from tollkeeper.ledger.loading import Plan
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.ledger.tallies import TallyMemo
from tollkeeper.ledger.units import Units
from tollkeeper.ledger.uses import use_row_from
from tollkeeper.store import accounts, customers, tallies, usage_reads
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds


class Books(Protocol):
    """What planning needs of the ledger."""

    @property
    def database(self) -> Database:
        """Give the database."""
        ...

    @property
    def prices(self) -> PriceList:
        """Give the price list."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Give what the app wants to be told."""
        ...

    @property
    def looked(self) -> Looked:
        """Tell when the books were last asked which catalog is in force."""
        ...

    @property
    def clock(self) -> Clock:
        """Give the clock."""
        ...

    @property
    def units(self) -> Units:
        """Give the units."""
        ...

    @property
    def tally_memo(self) -> TallyMemo:
        """Give what is remembered of tallies."""
        ...


def make(
    connection: Connection, database: Database, requests: Sequence[Request], now: datetime
) -> None:
    """Make the tallies that are needed and do not exist yet, and their customers."""
    known = charge_holds.known(connection, database, requests)
    keys = {key for some in _wanted(known).values() for key in some}
    if keys:
        customers.make_customers(connection, database, {name for name, _ in keys}, now)
        tallies.make_tallies(connection, database, sorted(keys))


def plan(
    connection: Connection,
    ledger: Books,
    made: Plan,
    requests: Sequence[Request],
    *,
    skip_locked: bool,
    again: bool = False,
) -> None:
    """Lock the tallies that a batch needs, and name the accounts that follow from them.

    When it runs `again`, something was not named the first time: a clock that stepped back may have
    hidden the moment of deciding, which is never before what is booked.
    """
    wanted = made.tallies_of
    if made.corrected:
        wanted |= _of_usage(connection, ledger.database, made, requests)
    if not wanted:
        return
    made.by_tally = wanted
    _lock(connection, ledger, made, wanted, skip_locked=skip_locked)
    if made.charge_holds:
        requests = _with_charge_holds(connection, ledger, made, requests, skip_locked=skip_locked)
    catalogs.prepare(ledger, connection, made.tallies.values())
    names = {requests[number].customer for number in wanted} if again else set()
    booked = {name: _booked_until(connection, ledger.database, name) for name in names}
    _name_accounts(made, wanted, requests, ledger.units, ledger.clock.now(), booked)


def _wanted(requests: Sequence[Request]) -> dict[int, tuple[TallyKey, ...]]:
    """Give the tallies that each request needs, by its number; most batches need none."""
    found = ((number, request.needs().tallies) for number, request in enumerate(requests))
    return {number: keys for number, keys in found if keys}


def _of_usage(
    connection: Connection, database: Database, made: Plan, requests: Sequence[Request]
) -> dict[int, tuple[TallyKey, ...]]:
    """Give the tallies that counted the usage of operations which are to be corrected."""
    rows = usage_reads.events_by_ids(connection, database, sorted(made.corrected))
    used = {(row[0], row[1]): use_row_from(row) for row in rows}
    found: dict[int, tuple[TallyKey, ...]] = {}
    for number, request in enumerate(requests):
        for name in request.needs().operations:
            if name in used:
                use = used[name]
                names = (OWN, *subjects(use.member, use.api_key, use.tags))
                found[number] = tuple([(name[0], subject) for subject in names])
    return found


def _with_charge_holds(
    connection: Connection,
    ledger: Books,
    made: Plan,
    requests: Sequence[Request],
    *,
    skip_locked: bool,
) -> Sequence[Request]:
    """Read the charge holds of a batch, and lock the other tallies that count what they are of.

    Whoever changes one has its customer's own tally, as this batch has now. That is why a second
    round of locks keeps the order: who has any other tally of a customer has his own as well.
    """
    found = charge_holds.read(connection, ledger.database, sorted(made.charge_holds))
    made.charge_holds_there = {(hold.customer, hold.id): hold for hold in found}
    made.holds.update(charge_holds.parts(found))
    known = charge_holds.with_terms(requests, made.charge_holds_there)
    further = {n: keys for n, keys in _wanted(known).items() if len(keys) > 1}
    made.by_tally.update(further)
    _lock(connection, ledger, made, further, skip_locked=skip_locked)
    return known


def _lock(
    connection: Connection,
    ledger: Books,
    made: Plan,
    wanted: dict[int, tuple[TallyKey, ...]],
    *,
    skip_locked: bool,
) -> None:
    """Lock tallies, and note who has to wait, and which do not exist."""
    database = ledger.database
    keys = sorted({key for some in wanted.values() for key in some} - made.tallies.keys())
    rows = tallies.lock_tallies(connection, database, keys, skip_locked=skip_locked)
    made.tallies.update({(row[0], row[1]): ledger.tally_memo.read(row) for row in rows})
    if len(rows) == len(keys):
        return
    missing = [key for key in keys if key not in made.tallies]
    busy: set[TallyKey] = set()
    if skip_locked and database.is_postgres:
        busy = tallies.existing(connection, database, missing)
    for number, some in wanted.items():
        if not busy.isdisjoint(some):
            made.busy.add(number)
    absent = set(missing) - busy
    made.new_tallies |= absent
    made.tallies.update(first(connection, database, sorted(absent)))


def first(
    connection: Connection, database: Database, keys: Iterable[TallyKey]
) -> dict[TallyKey, Tally]:
    """Give the empty tallies of customers who were charged for nothing so far.

    They know the customers' zones and currencies, as those that are there do.
    """
    names = {customer for customer, subject in keys if subject == OWN}
    if not names:
        return {}
    found = load(connection, database, names)
    made: dict[TallyKey, Tally] = {(name, OWN): Tally(name) for name in names}
    for name, known in found.items():
        told = known.customer
        made[(name, OWN)] = Tally(name, OWN, 0, told.zone, told.currency, told.merged_into)
    return made


def _name_accounts(
    made: Plan,
    wanted: dict[int, tuple[TallyKey, ...]],
    requests: Sequence[Request],
    units: Units,
    now: datetime,
    booked: Mapping[str, datetime],
) -> None:
    """Name the accounts that follow from the tallies; who cannot say is refused when it decides."""
    for number, keys in wanted.items():
        request = requests[number]
        own = made.tallies.get(keys[0]) or Tally(request.customer, OWN)
        moment = max(now, from_microseconds(own.updated))
        sure, perhaps = set(made.accounts[number]), set[AccountKey]()
        for at in {moment, max(moment, booked.get(request.customer, moment))}:
            try:
                must, may = request.accounts(own, units, at)
            except TollkeeperError:
                continue
            sure.update(must)
            perhaps.update(may)
        made.accounts[number] = tuple(sorted(sure | perhaps))
        made.may[number] = perhaps - sure
    made.optional = _optional(made)


def _optional(made: Plan) -> set[AccountKey]:
    """Give the accounts that no request of the batch needs, whatever others may do without."""
    some = set[AccountKey]().union(*made.may.values())
    nobodys: set[AccountKey] = set()
    for number, keys in enumerate(made.accounts):
        some.difference_update(set(keys) - made.may.get(number, nobodys))
    return some


def _booked_until(connection: Connection, database: Database, customer: str) -> datetime:
    """Tell when a customer's accounts were last booked."""
    rows = accounts.accounts_of(connection, database, customer)
    moments = [read_moment(row[accounts.UPDATED_AT]) for row in rows]
    return max([moment for moment in moments if moment], default=from_microseconds(0))
