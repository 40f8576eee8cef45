"""Customers' own rows within a change: locked before accounts, loaded, revised. Decides no balance.

Two rules are about accounts that do not exist yet, and so are kept under their customer's lock: a
merged customer opens none, and all wallets of one customer have one currency (E8), which
whoever opens the first one fixes. Accounts that exist obey both already, and cost nothing here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.customers import Create, Erase, Update, merged, other_currency
from tollkeeper.decisions.requests import Request
from tollkeeper.errors import Refusal
from tollkeeper.store import customers, outbox_lists, reads
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.customers import Customer, Known
from tollkeeper.values.texts import canonical_json
from tollkeeper.values.units import MONEY_PREFIX, is_money

#: Verbs whose answers tell personal text.
VERBS = frozenset({Create.verb, Update.verb, Erase.verb})


@dataclass(slots=True)
class Named:
    """Customers whose own rows a batch needs: locked, busy elsewhere, or not there yet."""

    currencies: dict[str, str | None] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Shut:
    """Accounts that do not exist and are not to be opened: refused, or left for later."""

    refused: dict[AccountKey, Refusal] = field(default_factory=dict)
    #: Their customers are locked elsewhere.
    busy: set[AccountKey] = field(default_factory=set)


def make_named(
    connection: Connection, database: Database, requests: Sequence[Request], now: datetime
) -> None:
    """Make the customers whose own rows are needed, and who do not exist yet."""
    names = {name for request in requests for name in request.needs().customers}
    customers.make_customers(connection, database, names, now)


def lock_named(
    connection: Connection, database: Database, names: set[str], *, skip_locked: bool
) -> Named:
    """Lock customers, so that nobody opens an account of theirs or changes them meanwhile."""
    found = customers.standings(connection, database, names, lock=True, skip_locked=skip_locked)
    missing = names - found.keys()
    busy = set(customers.standings(connection, database, missing)) if skip_locked else set()
    return Named({name: row.currency for name, row in found.items()}, busy, missing - busy)


def load(connection: Connection, database: Database, names: Iterable[str]) -> dict[str, Known]:
    """Read customers with their personal text, as far as they exist."""
    rows = customers.read_customers(connection, database, names)
    return {row.customer_id: _known(row) for row in rows}


def shut_now(connection: Connection, database: Database, keys: Iterable[AccountKey]) -> Shut:
    """Tell which of some accounts that do not exist could not be opened, as it stands now."""
    wanted = list(keys)
    found = customers.standings(connection, database, {customer for customer, _ in wanted})
    shut = Shut()
    for key in wanted:
        if key[0] in found:
            _may_open(shut, key, *found[key[0]])
    return shut


def open_customers(
    connection: Connection,
    database: Database,
    accounts: Sequence[tuple[AccountKey, ...]],
    now: datetime,
    *,
    skip_locked: bool,
) -> Shut:
    """Make customers, lock them until the end, and tell which accounts must not be opened.

    `accounts` are those of each request in the order of arrival: of two first wallets in different
    currencies the earlier wins, and gives the customer its currency. The locked rows are written,
    so that a host who sees an older state of the books cannot merge a customer by it.
    """
    keys = [key for wanted in accounts for key in wanted]
    owners = {customer for customer, _ in keys}
    customers.make_customers(connection, database, owners, now)
    found = customers.standings(connection, database, owners, lock=True, skip_locked=skip_locked)
    currencies = {name: standing.currency for name, standing in found.items()}
    shut = Shut()
    for key in keys:
        if key[0] not in found:
            shut.busy.add(key)
        elif _may_open(shut, key, found[key[0]].merged_into, currencies[key[0]]):
            currencies[key[0]] = currencies[key[0]] or _currency(key)
    customers.write_currencies(connection, database, currencies)
    return shut


def write(
    connection: Connection, database: Database, revised: Mapping[str, Known], erased: Iterable[str]
) -> None:
    """Write customers as they are now; erase first what is to be forgotten."""
    for name in sorted(erased):
        customers.erase_text(connection, database, name)
        outbox_lists.erase_errors(connection, database, name)
    for name, known in sorted(revised.items()):
        customer = known.customer
        customers.write_customer(connection, database, name, _fields(customer))
        text = customer.personal()
        if text or customer.erased_at is None:
            metadata = canonical_json(text["metadata"]) if customer.metadata else None
            values = {"email": customer.email, "name": customer.name, "metadata": metadata}
            customers.write_profile(connection, database, name, values)


def private_text(
    connection: Connection, database: Database, customer: str, operation: str
) -> dict[str, Any]:
    """Read the personal text that the answer of an operation told, if it was not erased."""
    rows = reads.results_of(connection, database, customer, [operation])
    told: dict[str, Any] = json.loads(rows[0].metadata) if rows and rows[0].metadata else {}
    return told


def _may_open(shut: Shut, key: AccountKey, into: str | None, wallet: str | None) -> bool:
    """Tell whether an account may be opened; note the refusal where it may not."""
    customer, currency = key[0], _currency(key)
    if into is not None:
        shut.refused[key] = merged(customer, into)
    elif currency and wallet and currency != wallet:
        shut.refused[key] = other_currency(customer, wallet, currency)
    return key not in shut.refused


def _currency(key: AccountKey) -> str | None:
    return key[1].removeprefix(MONEY_PREFIX) if is_money(key[1]) else None


def _known(row: Any) -> Known:
    customer = Customer(
        id=row.customer_id,
        zone=row.zone,
        currency=row.currency,
        organisation=row.organisation,
        email=row.email,
        name=row.name,
        metadata=json.loads(row.metadata) if row.metadata else {},
        merged_into=row.merged_into,
        created_at=_moment(row.created_at),
        updated_at=_moment(row.updated_at),
        erased_at=row.erased_at,
    )
    introduced = bool(row.has_profile) or row.erased_at is not None
    return Known(customer, introduced, bool(row.has_wallet))


def _fields(customer: Customer) -> dict[str, Any]:
    names = ("zone", "currency", "organisation", "merged_into", "updated_at", "erased_at")
    return {name: getattr(customer, name) for name in names}


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
