"""What a batch needs: found out, locked in order, loaded after the lock. Decides nothing."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import Needs, Request
from tollkeeper.decisions.tallies import Tally, TallyKey
from tollkeeper.ledger import customers
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.codec import fact_from, hold_from, recorded_from
from tollkeeper.store import accounts, grants, holds, journal, reads
from tollkeeper.store.database import Database
from tollkeeper.store.journal import OperationRow
from tollkeeper.values.units import currency_unit

Pair = tuple[str, str]

#: What most requests need besides accounts and tallies.
NOTHING_ELSE = Needs()[1:-1]


@dataclass(slots=True)
class Plan:
    """Which accounts each request of a batch touches, and what else is to be loaded."""

    #: The accounts of each request, in the requests' order.
    accounts: list[tuple[AccountKey, ...]] = field(default_factory=list)
    #: Which tallies each request needs, by its number, where it needs any.
    tallies_of: dict[int, tuple[TallyKey, ...]] = field(default_factory=dict)
    holds: set[Pair] = field(default_factory=set)
    grants: set[Pair] = field(default_factory=set)
    facts_of: set[AccountKey] = field(default_factory=set)
    #: Accounts of which the open holds are needed.
    holds_of: set[AccountKey] = field(default_factory=set)
    #: Accounts of which the facts of all grants are needed.
    every_fact_of: set[AccountKey] = field(default_factory=set)
    #: Rows of operations to be corrected.
    corrected: dict[Pair, list[OperationRow]] = field(default_factory=dict)
    #: Customers whose own rows are needed.
    customers: set[str] = field(default_factory=set)
    #: Requests, by number, whose customers are locked elsewhere, or do not exist yet.
    busy: set[int] = field(default_factory=set)
    absent: set[int] = field(default_factory=set)
    charge_holds: set[Pair] = field(default_factory=set)
    #: Those of them that exist, read once the tallies that guard them were locked.
    charge_holds_there: dict[Pair, ChargeHold] = field(default_factory=dict)
    #: Tallies that are ours now, those that do not exist yet, and the requests that need any.
    tallies: dict[TallyKey, Tally] = field(default_factory=dict)
    new_tallies: set[TallyKey] = field(default_factory=set)
    by_tally: dict[int, tuple[TallyKey, ...]] = field(default_factory=dict)
    #: Accounts that pay if they are there, by the number of the request that can do without them.
    may: dict[int, set[AccountKey]] = field(default_factory=dict)
    #: Those of them that every request of the batch can do without: they are not opened.
    optional: set[AccountKey] = field(default_factory=set)

    @property
    def keys(self) -> list[AccountKey]:
        """Every account of the batch, in the order of locking."""
        return sorted({key for keys in self.accounts for key in keys})


@dataclass(slots=True)
class Locked:
    """What the locks gave: accounts that are ours now, busy elsewhere, or not there yet."""

    found: dict[AccountKey, accounts.AccountRow]
    busy: set[AccountKey]
    absent: set[AccountKey]


def plan(
    connection: Connection, database: Database, requests: Sequence[Request], *, skip_locked: bool
) -> Plan:
    """Find out which accounts the requests touch; what only a row can tell is read, unlocked.

    A hold's account and an operation's entries never change, so reading them early is safe. Where a
    customer's every account matters, the customer is locked first, so that no account is opened.
    What follows from tallies is added by `tallying.plan`, which locks them.
    """
    made = Plan()
    needs = [request.needs() for request in requests]
    made.tallies_of = {number: need.tallies for number, need in enumerate(needs) if need.tallies}
    if all(need[1:-1] == NOTHING_ELSE for need in needs):
        made.accounts = [need.accounts for need in needs]
        return made
    for need in needs:
        made.holds.update(need.holds)
        made.grants.update(need.grants)
        made.facts_of.update(need.facts_of)
        made.holds_of.update(need.holds_of)
        made.charge_holds.update(need.charge_holds)
    named = _plan_customers(connection, database, made, needs, skip_locked=skip_locked)
    units_of_holds = _units_of_holds(connection, database, made.holds)
    _plan_corrections(connection, database, made, needs)
    for need in needs:
        keys = set(need.accounts)
        keys.update(units_of_holds[name] for name in need.holds if name in units_of_holds)
        for name in need.operations:
            keys.update(_entry_accounts(made.corrected.get(name, [])))
        for customer in need.every_account:
            rows = accounts.accounts_of(connection, database, customer)
            keys.update((row[0], row[1]) for row in rows)
        keys.update((name, currency_unit(c).key) for name in need.wallets if (c := named.get(name)))
        made.accounts.append(tuple(sorted(keys)) if len(keys) > 1 else tuple(keys))
    _plan_merges(connection, database, made, needs)
    return made


def lock(
    connection: Connection, database: Database, keys: list[AccountKey], *, skip_locked: bool
) -> Locked:
    """Lock the accounts in sorted order, and tell the busy from the absent."""
    rows = accounts.lock_accounts(connection, database, keys, skip_locked=skip_locked)
    found = {(row[0], row[1]): row for row in rows}
    if len(found) == len(keys):
        return Locked(found, set(), set())
    missing = [key for key in keys if key not in found]
    present: set[AccountKey] = set()
    if skip_locked and database.is_postgres:
        present = accounts.existing(connection, database, missing)
    return Locked(found, present, set(missing) - present)


def load(
    connection: Connection, database: Database, made: Plan, locked: Locked, book: WorkingBook
) -> None:
    """Fill the book in statements after the lock, and bring every account to now."""
    for key, row in locked.found.items():
        book.put(key, book.memo.read(row))
    _load_holds(connection, database, made, book)
    _load_facts(connection, database, made, book)
    if made.customers:
        book.customers.update(customers.load(connection, database, made.customers))
    for name, rows in made.corrected.items():
        book.operations[name] = recorded_from(rows)


def _load_holds(connection: Connection, database: Database, made: Plan, book: WorkingBook) -> None:
    """Load the holds that are asked for, and bring every account to now by those that lapsed."""
    if made.holds:
        for row in holds.holds_by_ids(connection, database, sorted(made.holds)):
            hold = hold_from(row)
            book.holds[(hold.customer, hold.id)] = hold
    due = [k for k, a in book.states.items() if a.due_at is not None and a.due_at <= book.now]
    book.bring_to_now(_open_holds(connection, database, due))
    held = [key for key, account in book.states.items() if key in made.holds_of and account.held]
    for found in _open_holds(connection, database, held).values():
        for hold in found:
            # One that has lapsed by now is known better already.
            book.holds.setdefault((hold.customer, hold.id), hold)
    book.charge_holds.update(made.charge_holds_there)


def _open_holds(
    connection: Connection, database: Database, keys: list[AccountKey]
) -> dict[AccountKey, list[Hold]]:
    found: dict[AccountKey, list[Hold]] = {}
    for row in holds.open_holds(connection, database, keys):
        hold = hold_from(row)
        found.setdefault((hold.customer, hold.unit), []).append(hold)
    return found


def _load_facts(connection: Connection, database: Database, made: Plan, book: WorkingBook) -> None:
    wanted = set(made.grants)
    for key in made.facts_of & book.states.keys():
        wanted.update((key[0], grant.id) for grant in book.states[key].grants)
    for corrected in made.corrected.values():
        wanted.update(_grants_named(corrected))
    rows = list(grants.facts_by_ids(connection, database, sorted(wanted)))
    for key in sorted(made.every_fact_of):
        rows += reads.facts_of(connection, database, *key)
    for row in rows:
        fact = fact_from(row)
        book.grants[(fact.customer, fact.id)] = fact


def _grants_named(rows: Iterable[OperationRow]) -> set[Pair]:
    recorded = recorded_from(list(rows))
    return {(e.customer, line[0]) for e in recorded.entries for line in e.lines if line[0]}


def _units_of_holds(
    connection: Connection, database: Database, names: set[Pair]
) -> dict[Pair, AccountKey]:
    rows = holds.holds_by_ids(connection, database, sorted(names))
    return {(hold.customer, hold.id): (hold.customer, hold.unit) for hold in map(hold_from, rows)}


def _plan_corrections(
    connection: Connection, database: Database, made: Plan, needs: Sequence[Needs]
) -> None:
    for need in needs:
        for customer, operation in need.operations:
            rows = operation_rows(connection, database, customer, operation)
            if rows:
                made.corrected[(customer, operation)] = rows
        for name in need.reissues:
            made.every_fact_of.update(_entry_accounts(made.corrected.get(name, [])))


def _plan_customers(
    connection: Connection,
    database: Database,
    made: Plan,
    needs: Sequence[Needs],
    *,
    skip_locked: bool,
) -> dict[str, str | None]:
    """Lock the customers whose own rows are needed; give the currencies of their wallets."""
    made.customers = {name for need in needs for name in need.customers}
    if not made.customers:
        return {}
    named = customers.lock_named(connection, database, made.customers, skip_locked=skip_locked)
    for number, need in enumerate(needs):
        if not named.busy.isdisjoint(need.customers):
            made.busy.add(number)
        elif not named.absent.isdisjoint(need.customers):
            made.absent.add(number)
    return named.currencies


def _plan_merges(
    connection: Connection, database: Database, made: Plan, needs: Sequence[Needs]
) -> None:
    """Add the accounts that merges touch: the givers', and the takers' in the same units.

    What the batch itself may bring to a giver counts as well: an account that it opens, or another
    merge. A chain of merges is as long as there are merges.
    """
    merges = [(number, pair) for number, need in enumerate(needs) for pair in need.merges]
    touched = {key for keys in made.accounts for key in keys} if merges else set()
    for _, (giver, _) in merges:
        rows = accounts.accounts_of(connection, database, giver)
        touched.update((row[0], row[1]) for row in rows)
    for _ in merges:
        for _, (giver, taker) in merges:
            touched |= {(taker, unit) for customer, unit in touched if customer == giver}
    for number, pair in merges:
        made.accounts[number] = tuple(sorted(key for key in touched if key[0] in pair))
        made.facts_of.update(key for key in touched if key[0] == pair[0])


def operation_rows(
    connection: Connection, database: Database, customer: str, operation: str
) -> list[OperationRow]:
    """Read all rows of an operation, those under a second customer included."""
    rows = list(journal.by_ids(connection, database, [(customer, operation)]))
    other = _other_customer(rows)
    if other and other != customer:
        rows += journal.by_ids(connection, database, [(other, operation)])
    return sorted(rows, key=lambda row: row.part)


def _other_customer(rows: Sequence[OperationRow]) -> str | None:
    head = next((row for row in rows if row.part == 0), None)
    if head is None or not head.result:
        return None
    other = json.loads(head.result).get("to")
    return str(other) if other else None


def _entry_accounts(rows: Iterable[OperationRow]) -> set[AccountKey]:
    return {(row.customer_id, row.unit or "") for row in rows if row.version is not None}
