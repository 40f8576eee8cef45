"""Answers that change nothing: balances now and at any moment, histories, grants.

Every balance goes through `advance`, so what has expired or lapsed is never shown as spendable,
whether or not a job has run (A8).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import Advanced, advance
from tollkeeper.decisions.burning import spendable
from tollkeeper.decisions.granting import REPAYS
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.rebuilding import Past, rebuild
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.errors import InvalidRequest, StoreBusy
from tollkeeper.ledger import subscriptions
from tollkeeper.ledger.answers import entry_from
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.codec import account_from, fact_from, hold_from, lines_from
from tollkeeper.ledger.cursors import read_cursor, write_cursor
from tollkeeper.store import accounts, holds, reads
from tollkeeper.store import units as unit_statements
from tollkeeper.store.types import read_moment
from tollkeeper.values.books import Amounts, Balance, Entry, Page
from tollkeeper.values.grants import Grant
from tollkeeper.values.money import Money

#: How often an account is read again that changes while it is read.
MAXIMUM_TRIES = 20
#: The most entries one page may have.
MAXIMUM_PAGE = 1000


def account_now(
    ledger: Ledger, connection: Connection, customer: str, unit: str, now: datetime
) -> Account | None:
    """Give an account as it is at a moment that is now or later; None where there is none."""
    row = accounts.read_account(connection, ledger.database, customer, unit)
    return None if row is None else _brought(ledger, connection, account_from(row), now)


def read_into(
    book: WorkingBook,
    ledger: Ledger,
    connection: Connection,
    keys: Sequence[AccountKey],
    now: datetime,
) -> None:
    """Read accounts into a book in one statement, as they are at a moment that is now or later."""
    for row in accounts.read_accounts(connection, ledger.database, keys):
        account = _brought(ledger, connection, ledger.memo.read(row), now)
        book.states[account.key] = account


def accounts_now(
    ledger: Ledger, connection: Connection, customer: str, now: datetime
) -> list[Account]:
    """Give every account of a customer as it is now."""
    rows = accounts.accounts_of(connection, ledger.database, customer)
    return [_brought(ledger, connection, account_from(row), now) for row in rows]


def balance_of(ledger: Ledger, account: Account | None, unit: str, feature: str | None) -> Balance:
    """Give an account's balance; for a feature, with what only it may spend as available."""
    if account is None:
        return Balance(ledger.units[unit], Amounts(), None)
    amounts = Amounts(account.available, account.restricted, account.held, account.debt)
    if feature is not None:
        amounts = amounts._replace(available=spendable(account, feature))
    return Balance(ledger.units[unit], amounts, account.overdraft)


def account_at(
    ledger: Ledger,
    connection: Connection,
    key: AccountKey,
    at: datetime,
    known_at: datetime,
) -> Account:
    """Tell an account at a moment, as it was known at another; reads its entries up to then."""
    account, open_holds = told_at(ledger, connection, key, at, known_at)
    return advance(account, open_holds, at).account


def told_at(
    ledger: Ledger,
    connection: Connection,
    key: AccountKey,
    at: datetime,
    known_at: datetime,
) -> tuple[Account, list[Hold]]:
    """Tell an account and its open holds by the entries up to a moment, not brought to it yet."""
    rows = reads.entries_in_order(connection, ledger.database, *key, until=known_at)
    facts = {fact.id: fact for fact in _facts(ledger, connection, *key)}
    told = (past_from(row) for row in rows if _happened(row) <= at)
    filled = subscriptions.filling(connection, ledger.database, *key, at=at, known_at=known_at)
    return rebuild(*key, told, facts, filled, at)


def past_from(row: Any) -> Past:
    """Read an entry as rebuilding an account needs it."""
    result = _result_of(row)
    hold, expires = _hold_of(row, result)
    return Past(
        kind=row.kind,
        version=row.version,
        available=row.available_change or 0,
        restricted=row.restricted_change or 0,
        held=row.held_change or 0,
        debt=row.debt_change or 0,
        lines=lines_from(row.lines),
        created_at=read_moment(row.created_at) or _happened(row),
        hold=hold,
        expires_at=expires,
        overdraft=result.get("overdraft"),
        repays=REPAYS in result,
    )


def history(
    ledger: Ledger,
    connection: Connection,
    customer: str,
    units: Sequence[str],
    *,
    kinds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Read entries, newest first, over one or several units; the cursor says where to go on."""
    if not 1 <= limit <= MAXIMUM_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {MAXIMUM_PAGE}, not {limit}.")
    before = read_cursor(cursor)
    rows: list[Any] = []
    for unit in units:
        rows += reads.entries_page(
            connection,
            ledger.database,
            customer,
            unit,
            before=before.get(unit),
            kinds=kinds,
            since=since,
            until=until,
            most=limit + 1,
        )
    rows.sort(key=lambda row: (_booked(row), row.unit, row.version), reverse=True)
    page = [entry_from(row, ledger.units) for row in rows[:limit]]
    for row in rows[:limit]:
        before[row.unit] = row.version
    next_cursor = write_cursor(before) if len(rows) > limit else None
    return Page(tuple(_with_notes(ledger, connection, customer, page)), next_cursor)


def grants(
    ledger: Ledger, connection: Connection, customer: str, unit: str | None, now: datetime
) -> list[Grant]:
    """Read a customer's grants, with what remains of each now."""
    # In this order: a grant that is made in between is left out, and not shown as used up.
    rows = reads.facts_of(connection, ledger.database, customer, unit)
    accounts_then = accounts.accounts_of(connection, ledger.database, customer)
    found = [_advanced(ledger, connection, account_from(row), now) for row in accounts_then]
    remaining = {grant.id: grant.remaining for each in found for grant in each.account.grants}
    known = [_grant(ledger, fact_from(row), _booked(row), remaining) for row in rows]
    there = {grant.id for grant in known}
    return known + [
        _grant(ledger, fact, fact.effective_at, remaining)
        for each in found
        for due in each.due
        for fact in due.made
        if fact.unit == (unit or fact.unit) and fact.id not in there
    ]


def _brought(ledger: Ledger, connection: Connection, account: Account, now: datetime) -> Account:
    return _advanced(ledger, connection, account, now).account


def _advanced(ledger: Ledger, connection: Connection, account: Account, now: datetime) -> Advanced:
    """Advance an account, with its holds as they are beside this very state of it.

    They come in another statement, before which somebody may have booked what came due.
    """
    for _ in range(MAXIMUM_TRIES):
        if account.due_at is None or account.due_at > now:
            return Advanced(account)
        rows = holds.open_holds(connection, ledger.database, [account.key])
        row = accounts.read_account(connection, ledger.database, *account.key)
        before, account = account, account if row is None else account_from(row)
        if account == before:
            return advance(account, [hold_from(row) for row in rows], now)
    raise StoreBusy


def _facts(ledger: Ledger, connection: Connection, customer: str, unit: str) -> Iterator[GrantFact]:
    for row in reads.facts_of(connection, ledger.database, customer, unit):
        yield fact_from(row)


def _grant(ledger: Ledger, fact: GrantFact, booked: datetime, remaining: dict[str, int]) -> Grant:
    return Grant(
        fact.id,
        fact.customer,
        ledger.units[fact.unit],
        fact.amount,
        remaining.get(fact.id, 0),
        fact.source,
        fact.source_id,
        fact.priority,
        fact.paid,
        fact.effective_at,
        fact.expires_at,
        Money.from_scaled(fact.cost, fact.cost_currency) if fact.cost_currency else None,
        fact.features,
        fact.origin,
        booked,
    )


def _with_notes(
    ledger: Ledger, connection: Connection, customer: str, page: Sequence[Entry]
) -> Iterable[Entry]:
    ids = sorted({entry.operation_id for entry in page})
    rows = reads.results_of(connection, ledger.database, customer, ids) if ids else []
    notes = {row.operation_id: _note(row) for row in rows}
    for entry in page:
        note = notes.get(entry.operation_id)
        yield replace(entry, note=note) if note else entry


def _note(row: Any) -> dict[str, Any]:
    metadata = json.loads(row.metadata) if row.metadata else None
    told = {"reason": row.reason, "actor": row.actor, "metadata": metadata}
    return {name: value for name, value in told.items() if value is not None}


def _booked(row: Any) -> datetime:
    moment = read_moment(row.created_at)
    if moment is None:
        raise ValueError("created_at is missing")
    return moment


def _happened(row: Any) -> datetime:
    return read_moment(row.event_at) or _booked(row)


def _result_of(row: Any) -> dict[str, Any]:
    if not row.result or row.part:
        return {}
    result: dict[str, Any] = json.loads(row.result)
    return result


def _hold_of(row: Any, result: dict[str, Any]) -> tuple[str | None, datetime | None]:
    if row.kind == "lapse":
        return f"hld_{row.id.partition('_')[2]}", None
    expires = result.get("expires_at")
    return result.get("hold"), datetime.fromisoformat(expires) if expires else None


def units_of(ledger: Ledger, connection: Connection, customer: str) -> list[str]:
    """Name the units in which a customer has an account; learn those that are new to us."""
    found = [row[1] for row in accounts.accounts_of(connection, ledger.database, customer)]
    if not all(ledger.units.is_confirmed(unit) for unit in found):
        ledger.units.confirm(unit_statements.all_units(connection, ledger.database))
    return found
