"""The room of the wallet, where it looks: its balance, its history, its deposits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.decisions.customers import other_currency
from tollkeeper.errors import InvalidAmount
from tollkeeper.ledger import customers, reading
from tollkeeper.operations import looking
from tollkeeper.operations.calls import Room, customer_id
from tollkeeper.values.amounts import POSITIVE, ZERO_OR_MORE, to_scaled
from tollkeeper.values.books import Balance, Page
from tollkeeper.values.grants import Grant
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit, currency_unit, is_money


class WalletReads(Room):
    """What the books say of a customer's money."""

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
        unit = self._desk.money_unit(checked(money).currency)
        return unit, to_scaled(money.amount, unit.scale, at_least=at_least)


def checked(money: object) -> Money:
    """Check that money is money."""
    if not isinstance(money, Money):
        raise InvalidAmount(
            f"{type(money).__name__} is not money; pass Money('12.50', 'usd'), an amount with its "
            "currency."
        )
    return money
