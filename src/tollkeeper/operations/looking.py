"""Makes the queries that the rooms read: a balance now or at a moment, a history, grants."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import Account
from tollkeeper.decisions.burning import spendable
from tollkeeper.decisions.customers import other_currency
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger import customers, reading
from tollkeeper.ledger.auditing.kinds import KINDS
from tollkeeper.operations.calls import Desk
from tollkeeper.values.attempts import Attempt
from tollkeeper.values.books import Balance
from tollkeeper.values.grants import Grant
from tollkeeper.values.moments import utc
from tollkeeper.values.texts import check_text, echo
from tollkeeper.values.units import MONEY_PREFIX, Unit, currency_unit, is_money

Query = Callable[[Connection], Any]


def balance(
    desk: Desk,
    customer: str,
    unit: Unit,
    feature: str | None,
    at: datetime | None,
    known_at: datetime | None,
) -> Query:
    """Ask for a balance now, at a moment, or as it was known at a moment; none is zero."""
    state, wanted = account(desk, at, known_at), _feature(feature)

    def query(connection: Connection) -> Balance:
        found = state(connection, customer, unit.key)
        return reading.balance_of(desk.ledger, found, unit.key, wanted)

    return query


def wallet_balance(
    desk: Desk,
    customer: str,
    currency: str | None,
    feature: str | None,
    at: datetime | None,
    known_at: datetime | None,
) -> Query:
    """Ask for the balance of a customer's wallet; None where nothing was ever deposited."""
    key = None if currency is None else currency_unit(currency).key
    state, wanted = account(desk, at, known_at), _feature(feature)

    def query(connection: Connection) -> Balance | None:
        found = reading.units_of(desk.ledger, connection, customer)
        wallet = next((unit for unit in found if is_money(unit) and key in (None, unit)), None)
        known = state(connection, customer, wallet) if wallet else None
        if wallet is None or known is None or not known.version:
            return None
        return reading.balance_of(desk.ledger, known, wallet, wanted)

    return query


def balances(desk: Desk, customer: str) -> Query:
    """Ask for the balances of all of a customer's credits, by unit."""

    def query(connection: Connection) -> dict[str, Balance]:
        reading.units_of(desk.ledger, connection, customer)
        found = reading.accounts_now(desk.ledger, connection, customer, desk.clock.now())
        return {
            account.unit: reading.balance_of(desk.ledger, account, account.unit, None)
            for account in found
            if is_credits(account.unit)
        }

    return query


def account(
    desk: Desk, at: datetime | None, known_at: datetime | None
) -> Callable[[Connection, str, str], Account | None]:
    """Ask for accounts as they are now, at a moment, or as they were known at a moment."""
    moment = None if at is None else utc(at, "at")
    known = None if known_at is None else utc(known_at, "known_at")
    if known is not None and moment is None:
        raise InvalidRequest("known_at goes with at: the moment that the balance is about.")

    def query(connection: Connection, customer: str, unit: str) -> Account | None:
        now = desk.clock.now()
        if moment is None or (moment >= now and known is None):
            return reading.account_now(desk.ledger, connection, customer, unit, moment or now)
        key = (customer, unit)
        return reading.account_at(desk.ledger, connection, key, moment, known or now)

    return query


def has(desk: Desk, customer: str, unit: Unit, scaled: int, feature: str | None) -> Query:
    """Ask whether an amount could be consumed now without any overdraft."""
    wanted = _feature(feature)

    def query(connection: Connection) -> bool:
        now = desk.clock.now()
        found = reading.account_now(desk.ledger, connection, customer, unit.key, now)
        return (spendable(found, wanted) if found is not None else 0) >= scaled

    return query


def wallet_has(desk: Desk, customer: str, unit: Unit, scaled: int, feature: str | None) -> Query:
    """Ask whether money could be spent now; the wallet must be in its currency, or new (E8)."""
    enough, asked = has(desk, customer, unit, scaled, feature), unit.currency or ""

    def query(connection: Connection) -> bool:
        if enough(connection):
            return True
        known = customers.load(connection, desk.ledger.database, [customer]).get(customer)
        if known and known.customer.currency not in (None, asked):
            raise other_currency(customer, known.customer.currency or "", asked)
        return False

    return query


def history(
    desk: Desk,
    customer: str,
    chosen: Callable[[str], bool],
    kinds: str | Sequence[str],
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str | None,
) -> Query:
    """Ask for the entries of a customer's chosen accounts, newest first."""
    wanted, most = _kinds(kinds), _limit(limit)
    first = None if since is None else utc(since, "since")
    last = None if until is None else utc(until, "until")

    def query(connection: Connection) -> Any:
        found = reading.units_of(desk.ledger, connection, customer)
        return reading.history(
            desk.ledger,
            connection,
            customer,
            [unit for unit in found if chosen(unit)],
            kinds=wanted,
            since=first,
            until=last,
            limit=most,
            cursor=cursor,
        )

    return query


def grants(
    desk: Desk, customer: str, chosen: Callable[[str], bool], only: str | None = None
) -> Query:
    """Ask for the grants in a customer's chosen accounts, oldest first."""

    def query(connection: Connection) -> list[Grant]:
        reading.units_of(desk.ledger, connection, customer)
        found = reading.grants(desk.ledger, connection, customer, only, desk.clock.now())
        return [grant for grant in found if chosen(grant.unit.key)]

    return query


def is_credits(key: str) -> bool:
    """Tell whether a unit counts credits, and not money."""
    return not key.startswith(MONEY_PREFIX)


def attempt(result: Any) -> Attempt:
    """Say a refusal for want of balance as a result; raise every other error."""
    if isinstance(result, BaseException):
        shown = getattr(result, "balance", None)
        if shown is None:
            raise result
        required = getattr(result, "required", None)
        return Attempt(success=False, balance=shown, required=required)
    return Attempt(success=True, balance=result.balance, receipt=result)


def _feature(feature: str | None) -> str | None:
    return None if feature is None else check_text(feature, "feature")


def _kinds(kinds: object) -> list[str]:
    if not isinstance(kinds, Collection):
        raise InvalidRequest("kinds is the kind of an entry, or a list of them.")
    wanted = {check_text(kind, "kinds") for kind in ([kinds] if isinstance(kinds, str) else kinds)}
    for kind in sorted(wanted - KINDS.keys()):
        near = get_close_matches(kind, KINDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f": {', '.join(KINDS)}."
        raise InvalidRequest(f"{echo(kind)} is no kind of entry{hint}", kinds=list(KINDS))
    return sorted(wanted)


def _limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= reading.MAXIMUM_PAGE:
        raise InvalidRequest(f"limit must be a whole number from 1 to {reading.MAXIMUM_PAGE}.")
    return limit
