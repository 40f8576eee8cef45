"""The room of the wallet: a customer's balance in money. Deposit, spend, hold, correct, look.

It is the room of credits said in `Money`: the same requests and reads, over accounts in a currency.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Unpack

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import UNLIMITED
from tollkeeper.decisions.correcting import SetOverdraft
from tollkeeper.decisions.customers import other_currency
from tollkeeper.decisions.holding import ANY_CURRENCY
from tollkeeper.errors import InvalidAmount
from tollkeeper.ledger import customers, reading
from tollkeeper.operations import looking, making
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    Desk,
    MoneyLimit,
    Options,
    Overdraft,
    common,
    customer_id,
)
from tollkeeper.values.amounts import ANY_SIGN, POSITIVE, ZERO_OR_MORE, Amount, to_scaled
from tollkeeper.values.books import Balance, Grant, Page
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import Attempt, HoldReceipt, Receipt
from tollkeeper.values.units import Unit, currency_unit, is_money


class Wallet:
    """What can be done with a customer's money.

    A customer's wallet has one currency: the one that `customers.create` names, else that of the
    first deposit. Every verb in another one raises CurrencyMismatch. Every verb that changes
    something takes an `idempotency_key`, as in the room of credits.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def deposit(
        self,
        customer: str,
        money: Money,
        *,
        source: str = "deposit",
        source_id: str | None = None,
        priority: int | None = None,
        paid: bool | None = None,
        effective_at: datetime | None = None,
        expires_at: datetime | None = None,
        cost_basis: Money | None = None,
        features: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> Receipt:
        """Put money into the wallet; it pays debt back first, unless it is promotional (A4).

        The first deposit fixes the wallet's currency. See `credits.grant` for the options.

        >>> from tollkeeper import Billing, Money
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     billing.wallet.deposit("user_1", Money("12.50", "usd")).balance.formatted
        '$12.50'
        """
        unit, scaled = self._amount(money)
        request = making.grant(
            customer,
            unit,
            scaled,
            source=source,
            source_id=source_id,
            priority=priority,
            paid=paid,
            effective_at=effective_at,
            expires_at=expires_at,
            cost_basis=cost_basis,
            features=features,
            options=options,
        )
        return self._desk.door.change(request)

    def spend(
        self,
        customer: str,
        money: Money,
        *,
        feature: str | None = None,
        overdraft: MoneyLimit = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Spend money at once, in burn order, then from the overdraft.

        `overdraft` is this call's own limit: Money, or "unlimited". Raises InsufficientBalance with
        `available` and `required`, and writes nothing, where the wallet holds too little (A3).

        >>> from tollkeeper import Billing, Money
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.wallet.deposit("user_1", Money("12.50", "usd"))
        ...     billing.wallet.spend("user_1", Money("0.0025", "usd")).balance.formatted
        '$12.4975'
        """
        unit, scaled = self._amount(money)
        limit = _limit(overdraft, unit, customer)
        request = making.consume(customer, unit, scaled, feature, limit, options)
        return self._desk.door.change(request)

    def try_spend(
        self,
        customer: str,
        money: Money,
        *,
        feature: str | None = None,
        overdraft: MoneyLimit = None,
        **options: Unpack[Options],
    ) -> Attempt:
        """Spend money like `spend`, but answer a short balance with a result, not an error."""
        unit, scaled = self._amount(money)
        limit = _limit(overdraft, unit, customer)
        request = making.consume(customer, unit, scaled, feature, limit, options)
        return self._desk.door.change(request, looking.attempt)

    def hold(
        self,
        customer: str,
        money: Money,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
        feature: str | None = None,
        overdraft: MoneyLimit = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Set money aside before the cost is known; it lapses by itself after `lifetime`.

        Settle, extend or release it by its `id`. Raises InsufficientBalance (B7).
        """
        unit, scaled = self._amount(money)
        limit = _limit(overdraft, unit, customer)
        request = making.hold(customer, unit, scaled, lifetime, feature, limit, options)
        return self._desk.door.change(request)

    def extend(
        self,
        customer: str,
        hold: str | HoldReceipt,
        money: Money | None = None,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Add money to an open hold, or let it live on for `lifetime` from now (B4)."""
        amount, currency = _part(money)
        request = making.extend(customer, hold, amount, lifetime, options, currency)
        return self._desk.door.change(request)

    def settle(
        self,
        customer: str,
        hold: str | HoldReceipt,
        money: Money | None = None,
        *,
        excess: str = "charge",
        **options: Unpack[Options],
    ) -> Receipt:
        """Spend what a hold turned out to cost (None: all of it) and give the rest back.

        More than was held follows `excess`, as in `credits.settle` (B2, B3).
        """
        amount, currency = _part(money)
        request = making.settle(customer, hold, amount, excess, options, currency)
        return self._desk.door.change(request)

    def release(
        self, customer: str, hold: str | HoldReceipt, **options: Unpack[Options]
    ) -> Receipt:
        """Give a hold back, untouched, to the deposits it came from."""
        request = making.release(customer, hold, options, ANY_CURRENCY)
        return self._desk.door.change(request)

    def adjust(self, customer: str, money: Money, **options: Unpack[Options]) -> Receipt:
        """Correct the wallet by hand, up or down (negative Money), with a reason and an author.

        Upwards it pays debt back first; downwards it may go into debt beyond any limit, marked.
        """
        unit, scaled = self._amount(money, ANY_SIGN)
        request = making.adjust(customer, unit, scaled, options)
        return self._desk.door.change(request)

    def set_overdraft(
        self, customer: str, limit: MoneyLimit, **options: Unpack[Options]
    ) -> Receipt:
        """Set how far below zero this wallet may go: Money, "unlimited", or None (the unit's).

        Money names the currency of a wallet that is new; the other two need one that is chosen.
        """
        if limit is None or limit == "unlimited":
            key, scaled = None, None if limit is None else UNLIMITED
        else:
            unit, scaled = self._amount(limit, ZERO_OR_MORE)
            key = unit.key
        request = common(customer, options, ("set_overdraft", key, scaled))
        return self._desk.door.change(SetOverdraft(**request, unit=key, limit=scaled))

    def reverse(
        self,
        customer: str,
        operation_id: str | Receipt,
        *,
        expired: str = "expire",
        **options: Unpack[Options],
    ) -> Receipt:
        """Undo one operation: unwind its very entries, to the very deposits (A6).

        See `credits.reverse` for `expired`. Reversing again gives the first receipt.
        """
        request = making.reverse(customer, operation_id, expired, options)
        return self._desk.door.change(request)

    def balance(
        self,
        customer: str,
        currency: str | None = None,
        *,
        feature: str | None = None,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Balance | None:
        """Give the balance now, at any moment (`at`), or as it was known at one (`known_at`) (A8).

        None where nothing was ever deposited; zero where all is spent. Without a currency it is the
        customer's only wallet.
        """
        name = customer_id(customer)
        key = None if currency is None else currency_unit(currency).key
        state = looking.account(self._desk, at, known_at)

        def query(connection: Connection) -> Balance | None:
            found = reading.units_of(self._desk.ledger, connection, name)
            wallet = next((unit for unit in found if is_money(unit) and key in (None, unit)), None)
            account = state(connection, name, wallet) if wallet else None
            if wallet is None or account is None or not account.version:
                return None
            return reading.balance_of(self._desk.ledger, account, wallet, feature)

        return self._desk.door.read(query)

    def has(self, customer: str, money: Money, *, feature: str | None = None) -> bool:
        """Tell whether this much could be spent now without any overdraft."""
        name = customer_id(customer)
        unit, scaled = self._amount(money, ZERO_OR_MORE)
        enough = looking.has(self._desk, name, unit, scaled, feature)

        def query(connection: Connection) -> bool:
            if enough(connection):
                return True
            known = customers.load(connection, self._desk.ledger.database, [name]).get(name)
            if known and known.customer.currency not in (None, money.currency):
                raise other_currency(name, known.customer.currency or "", money.currency)
            return False

        return self._desk.door.read(query)

    def history(
        self,
        customer: str,
        *,
        kinds: str | Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Give the wallet's entries, newest first, by pages; see `credits.history`."""
        name = customer_id(customer)
        query = looking.history(self._desk, name, is_money, kinds, since, until, limit, cursor)
        return self._desk.door.read(query)

    def grants(self, customer: str) -> list[Grant]:
        """Give the wallet's deposits, oldest first, with what remains of each now."""
        return self._desk.door.read(looking.grants(self._desk, customer_id(customer), is_money))

    def _amount(self, money: Money, at_least: int = POSITIVE) -> tuple[Unit, int]:
        """Give the unit of a currency as the books hold it, and the amount at its scale."""
        unit = self._desk.money_unit(_checked(money).currency)
        return unit, to_scaled(money.amount, unit.scale, at_least=at_least)


def _checked(money: object) -> Money:
    if not isinstance(money, Money):
        raise InvalidAmount(
            f"{type(money).__name__} is not money; pass Money('12.50', 'usd'), an amount with its "
            "currency."
        )
    return money


def _part(money: Money | None) -> tuple[Amount | None, str]:
    """Give the amount and currency of a part of a hold; none is all of it, in its own currency."""
    if money is None:
        return None, ANY_CURRENCY
    return _checked(money).amount, money.currency


def _limit(limit: MoneyLimit, unit: Unit, customer: str) -> Overdraft:
    """Give a call's overdraft limit as an amount of the unit."""
    if limit is None or limit == "unlimited":
        return limit
    if _checked(limit).currency != unit.currency:
        raise other_currency(customer, unit.currency or "", limit.currency)
    return limit.amount
