"""The room of credits: grant, consume, hold, correct, and what the books say of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Unpack

from sqlalchemy import Connection

from tollkeeper.decisions.correcting import Revoke, SetBalance, SetOverdraft
from tollkeeper.decisions.moving import Transfer
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger import reading
from tollkeeper.operations import looking, making
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    Desk,
    Options,
    Overdraft,
    common,
    credits_key,
    customer_id,
    overdraft_scaled,
)
from tollkeeper.values.amounts import ANY_SIGN, ZERO_OR_MORE, Amount, to_scaled
from tollkeeper.values.books import Balance, Grant, Page
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import Attempt, HoldReceipt, Receipt
from tollkeeper.values.texts import check_text
from tollkeeper.values.units import MONEY_PREFIX


class Credits:
    """What can be done with a customer's credits.

    Amounts are `int`, `Decimal` or decimal strings; times are aware datetimes. Every verb that
    changes something takes an `idempotency_key`: the same key with the same request gives the first
    receipt again, with another request it raises IdempotencyConflict.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def grant(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        source: str = "promotion",
        source_id: str | None = None,
        priority: int | None = None,
        paid: bool | None = None,
        effective_at: datetime | None = None,
        expires_at: datetime | None = None,
        cost_basis: Money | None = None,
        features: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> Receipt:
        """Give credits, as a grant with its own priority, times, cost and features.

        `source` sets the defaults of `priority` and `paid`: allowance 20, promotion 40, purchase
        and adjustment 60 (A1); paid value pays debt back first (A4). It can be spent from
        `effective_at` (now) until just before `expires_at` (never).

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     billing.credits.grant("user_1", "api_calls", 100).balance.available
        Decimal('100')
        """
        found = self._desk.credits_unit(unit)
        request = making.grant(
            customer,
            found,
            to_scaled(amount, found.scale),
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

    def consume(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Spend credits at once, from the grants in burn order, then from the overdraft.

        `overdraft` is this call's own limit: an amount, or "unlimited". Raises InsufficientBalance
        with `available` and `required`, and writes nothing, where the balance is too low (A3).
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.consume(customer, found, scaled, feature, overdraft, options)
        return self._desk.door.change(request)

    def try_consume(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> Attempt:
        """Spend credits like `consume`, but answer a short balance with a result, not an error."""
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.consume(customer, found, scaled, feature, overdraft, options)
        return self._desk.door.change(request, looking.attempt)

    def hold(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        lifetime: timedelta = DEFAULT_LIFETIME,
        feature: str | None = None,
        overdraft: Overdraft = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Set an amount aside before the cost is known; it lapses by itself after `lifetime`.

        Settle, extend or release it by its `id`. Raises InsufficientBalance (B7).
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        request = making.hold(customer, found, scaled, lifetime, feature, overdraft, options)
        return self._desk.door.change(request)

    def extend(
        self,
        customer: str,
        hold: str | HoldReceipt,
        amount: Amount | None = None,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[Options],
    ) -> HoldReceipt:
        """Add an amount to an open hold, or let it live on for `lifetime` from now (B4)."""
        request = making.extend(customer, hold, amount, lifetime, options)
        return self._desk.door.change(request)

    def settle(
        self,
        customer: str,
        hold: str | HoldReceipt,
        amount: Amount | None = None,
        *,
        excess: str = "charge",
        **options: Unpack[Options],
    ) -> Receipt:
        """Consume what a hold turned out to cost (None: all of it) and give the rest back.

        More than was held follows `excess`: "charge" it like a consume, and record as `uncollected`
        what nobody can pay; "cap" it; or "refuse" (B2). A lapsed hold is charged anew, marked late
        (B3). Settling again with the same amount gives the first receipt.
        """
        request = making.settle(customer, hold, amount, excess, options)
        return self._desk.door.change(request)

    def release(
        self,
        customer: str,
        hold: str | HoldReceipt,
        **options: Unpack[Options],
    ) -> Receipt:
        """Give a hold back, untouched, to the grants it came from."""
        request = making.release(customer, hold, options)
        return self._desk.door.change(request)

    def revoke(
        self,
        customer: str,
        unit: str | None = None,
        amount: Amount | None = None,
        *,
        grant: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Take back what is left: an amount, all (None), one grant's rest, or every unit (None).

        It never brings a balance below zero; the receipt tells what was taken. What is held is not
        revoked.
        """
        found = None if unit is None else self._desk.credits_unit(unit)
        if found is None and (amount is not None or grant is not None):
            raise InvalidRequest("Name the unit whose amount or grant is to be revoked.")
        scaled = None if found is None or amount is None else to_scaled(amount, found.scale)
        name = None if grant is None else check_text(grant, "grant")
        key = found.key if found else None
        asked = ("revoke", key, scaled, name)
        request = common(customer, options, asked)
        revoke = Revoke(**request, unit=key, amount=scaled, grant=name)
        return self._desk.door.change(revoke)

    def adjust(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        **options: Unpack[Options],
    ) -> Receipt:
        """Correct a balance by hand, up or down (a negative amount), with a reason and an author.

        Upwards it pays debt back first; downwards it may go into debt beyond any limit, marked.
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale, at_least=ANY_SIGN)
        request = making.adjust(customer, found, scaled, options)
        return self._desk.door.change(request)

    def set_balance(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        **options: Unpack[Options],
    ) -> Receipt:
        """Make `available` this amount (negative: debt), whatever it was; no entry where it is."""
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale, at_least=ANY_SIGN)
        asked = ("set_balance", found.key, scaled)
        request = common(customer, options, asked)
        return self._desk.door.change(SetBalance(**request, unit=found.key, amount=scaled))

    def set_overdraft(
        self,
        customer: str,
        unit: str,
        limit: Overdraft,
        **options: Unpack[Options],
    ) -> Receipt:
        """Set how far below zero this customer may go: an amount, "unlimited", or None (unit's)."""
        found = self._desk.credits_unit(unit)
        scaled = overdraft_scaled(limit, found)
        asked = ("set_overdraft", found.key, scaled)
        request = common(customer, options, asked)
        return self._desk.door.change(SetOverdraft(**request, unit=found.key, limit=scaled))

    def transfer(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        to: str,
        **options: Unpack[Options],
    ) -> Receipt:
        """Move credits to another customer: two entries under one operation (A7).

        Expiry and cost basis go with them. Only what is available can be moved, never an overdraft.
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        taker = check_text(to, "to")
        if taker == customer:
            raise InvalidRequest("A customer cannot transfer credits to itself.")
        asked = ("transfer", found.key, scaled, taker)
        request = common(customer, options, asked)
        transfer = Transfer(**request, unit=found.key, amount=scaled, to=taker)
        return self._desk.door.change(transfer)

    def reverse(
        self,
        customer: str,
        operation_id: str | Receipt,
        *,
        expired: str = "expire",
        **options: Unpack[Options],
    ) -> Receipt:
        """Undo one operation: unwind its very entries, to the very grants (A6).

        Value that returns to an expired grant expires at once, visibly; with `expired="reissue"` it
        becomes a new grant. Reversing again gives the first receipt. Raises NotReversible.
        """
        request = making.reverse(customer, operation_id, expired, options)
        return self._desk.door.change(request)

    def balance(
        self,
        customer: str,
        unit: str,
        *,
        feature: str | None = None,
        at: datetime | None = None,
        known_at: datetime | None = None,
    ) -> Balance:
        """Give the balance now, at any moment (`at`), or as it was known at one (`known_at`) (A8).

        With a `feature`, `available` includes what only that feature may spend. A past moment reads
        the account's entries up to then.
        """
        found = self._desk.credits_unit(unit)
        query = looking.balance(self._desk, customer_id(customer), found, feature, at, known_at)
        return self._desk.door.read(query)

    def balances(self, customer: str) -> dict[str, Balance]:
        """Give the balances of all of a customer's credits, by unit; money is in the wallet."""
        name, ledger = customer_id(customer), self._desk.ledger

        def query(connection: Connection) -> dict[str, Balance]:
            reading.units_of(ledger, connection, name)
            found = reading.accounts_now(ledger, connection, name, self._desk.clock.now())
            return {
                account.unit: reading.balance_of(ledger, account, account.unit, None)
                for account in found
                if is_credits_unit(account.unit)
            }

        return self._desk.door.read(query)

    def has(self, customer: str, unit: str, amount: Amount, *, feature: str | None = None) -> bool:
        """Tell whether this much could be consumed now without any overdraft."""
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale, at_least=ZERO_OR_MORE)
        query = looking.has(self._desk, customer_id(customer), found, scaled, feature)
        return self._desk.door.read(query)

    def history(
        self,
        customer: str,
        unit: str | None = None,
        *,
        kinds: str | Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Give entries, newest first, by pages: `next_cursor` of one is `cursor` of the next.

        Filters: unit, kinds of entries, booked from `since` until just before `until`.
        """
        only = None if unit is None else credits_key(unit)

        def chosen(key: str) -> bool:
            return key == only if only else is_credits_unit(key)

        name = customer_id(customer)
        query = looking.history(self._desk, name, chosen, kinds, since, until, limit, cursor)
        return self._desk.door.read(query)

    def grants(self, customer: str, unit: str | None = None) -> list[Grant]:
        """Give a customer's grants, oldest first, with what remains of each now."""
        name, only = customer_id(customer), None if unit is None else credits_key(unit)
        return self._desk.door.read(looking.grants(self._desk, name, is_credits_unit, only))


def is_credits_unit(key: str) -> bool:
    """Tell whether a unit counts credits, and not money."""
    return not key.startswith(MONEY_PREFIX)
