"""The room of the wallet: a customer's balance in money. Deposit, spend, hold, correct, look.

It is the room of credits said in `Money`: the same requests and reads, over accounts in a currency.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Unpack

from tollkeeper.decisions.accounts import UNLIMITED
from tollkeeper.decisions.holding import ANY_CURRENCY
from tollkeeper.operations import correcting, looking, making
from tollkeeper.operations.calls import (
    Desk,
    MoneyLimit,
    Options,
    customer_id,
    money_limit,
    part_of_hold,
)
from tollkeeper.values.amounts import ANY_SIGN, ZERO_OR_MORE
from tollkeeper.values.attempts import Attempt
from tollkeeper.values.books import Balance, Page
from tollkeeper.values.grants import Grant
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import HoldReceipt, Receipt
from tollkeeper.values.units import is_money


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
        source: str | None = None,
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

        The first deposit fixes the wallet's currency. The source is "deposit" unless you say so;
        see `credits.grant` for the options.

        >>> from tollkeeper import Billing, Money
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     billing.wallet.deposit("user_1", Money("12.50", "usd")).balance.formatted
        '$12.50'
        """
        unit, scaled = self._desk.money_amount(money)
        request = making.grant(
            customer,
            unit,
            scaled,
            source=source,
            usual_source="deposit",
            source_id=source_id,
            priority=priority,
            paid=paid,
            effective_at=effective_at,
            expires_at=expires_at,
            cost_basis=cost_basis,
            features=features,
            options=options,
            policies=self._desk.policies,
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
        unit, scaled = self._desk.money_amount(money)
        limit = money_limit(overdraft, unit, customer)
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
        unit, scaled = self._desk.money_amount(money)
        limit = money_limit(overdraft, unit, customer)
        request = making.consume(customer, unit, scaled, feature, limit, options)
        return self._desk.door.change(request, looking.attempt)

    def hold(
        self,
        customer: str,
        money: Money,
        *,
        lifetime: timedelta | None = None,
        feature: str | None = None,
        overdraft: MoneyLimit = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Set money aside before the cost is known; it lapses by itself after `lifetime`.

        That is 15 minutes unless you say so, and 24 hours at most, or what the catalog's policy
        `hold_lifetime` says. Settle, extend or release it by its `id`. Raises InsufficientBalance
        (B7).
        """
        unit, scaled = self._desk.money_amount(money)
        limit = money_limit(overdraft, unit, customer)
        request = making.hold(
            customer, unit, scaled, lifetime, feature, limit, options, self._desk.policies
        )
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
        amount, currency = part_of_hold(money)
        request = making.extend(
            customer, hold, amount, lifetime, options, self._desk.policies, currency
        )
        return self._desk.door.change(request)

    def settle(
        self,
        customer: str,
        hold: str | HoldReceipt,
        money: Money | None = None,
        *,
        excess: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Spend what a hold turned out to cost (None: all of it) and give the rest back.

        More than was held follows `excess`, as in `credits.settle` (B2, B3).
        """
        amount, currency = part_of_hold(money)
        request = making.settle(
            customer, hold, amount, excess, options, self._desk.policies, currency
        )
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
        unit, scaled = self._desk.money_amount(money, at_least=ANY_SIGN)
        request = correcting.adjust(customer, unit, scaled, options)
        return self._desk.door.change(request)

    def transfer(
        self, customer: str, money: Money, *, to: str, **options: Unpack[Options]
    ) -> Receipt:
        """Move money to another customer's wallet, where the catalog allows it (A7).

        To keep money for others and hand it on may need a licence, so `policies.wallet_transfers`
        has to say so; else it raises TransferNotAllowed. Two entries under one operation; cost
        basis and expiry go with the money, and it pays the taker's debt first. Only what is
        available can be moved, never an overdraft, and never into a wallet of another currency:
        that raises CurrencyMismatch.
        """
        unit, scaled = self._desk.money_amount(money)
        request = correcting.transfer(customer, unit, scaled, to, options, self._desk.policies)
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
            unit, scaled = self._desk.money_amount(limit, at_least=ZERO_OR_MORE)
            key = unit.key
        request = correcting.set_overdraft(customer, key, scaled, options)
        return self._desk.door.change(request)

    def reverse(
        self,
        customer: str,
        operation_id: str | Receipt,
        *,
        expired: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Undo one operation: unwind its very entries, to the very deposits (A6).

        See `credits.reverse` for `expired`. Reversing again gives the first receipt.
        """
        request = correcting.reverse(customer, operation_id, expired, options, self._desk.prices)
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
        query = looking.wallet_balance(self._desk, name, currency, feature, at, known_at)
        return self._desk.door.read(query)

    def has(self, customer: str, money: Money, *, feature: str | None = None) -> bool:
        """Tell whether this much could be spent now without any overdraft."""
        name = customer_id(customer)
        unit, scaled = self._desk.money_amount(money, at_least=ZERO_OR_MORE)
        query = looking.wallet_has(self._desk, name, unit, scaled, feature)
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
