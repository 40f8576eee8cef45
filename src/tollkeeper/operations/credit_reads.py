"""The room of credits, where it looks: balances now and at any moment, histories, grants."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.ledger import reading
from tollkeeper.operations import looking
from tollkeeper.operations.calls import Room, credits_key, customer_id
from tollkeeper.values.amounts import ZERO_OR_MORE, Amount, to_scaled
from tollkeeper.values.books import Balance, Page
from tollkeeper.values.grants import Grant
from tollkeeper.values.units import MONEY_PREFIX


class CreditReads(Room):
    """What the books say of a customer's credits."""

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
