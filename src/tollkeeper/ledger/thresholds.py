"""Below what a customer's balance is low: his plans may say it (H3). It reads, and writes nothing.

The plans' numbers are those of the catalog in force, whenever a plan was sold. Most units have one
threshold for everybody; whose plan says otherwise is looked up only when some threshold was passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.errors import UnknownPlan
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.ledger.tallies import TallyMemo
from tollkeeper.store import tallies
from tollkeeper.store.database import Database


class Books(Protocol):
    """What a threshold needs of the ledger."""

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
    def tally_memo(self) -> TallyMemo:
        """Give what is remembered of tallies."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds of one batch's customers."""

    books: Books
    connection: Connection
    book: WorkingBook

    def least_of(self, account: AccountKey, changed: Sequence[Tally] = ()) -> int | None:
        """Give the balance below which an account is low, in the ledger's integers.

        `changed` are tallies as the operation leaves them: a plan that was just taken counts.
        """
        customer, unit = account
        outbox = self.books.outbox
        if unit not in outbox.by_plan:
            return outbox.low_balances.get(unit)
        plans = self._own(customer, changed).plans_at(self.book.now_microseconds)
        sold = tuple([plan for plan in plans if self._is_sold(plan, unit)])
        return self.books.prices.low_balance(unit, sold)

    def _is_sold(self, plan: str, unit: str) -> bool:
        """Tell whether a plan is in the catalog in force; one that is not says nothing now."""
        try:
            self.books.prices.low_balance(unit, (plan,))
        except UnknownPlan:
            return False
        return True

    def _own(self, customer: str, changed: Sequence[Tally]) -> Tally:
        key = (customer, OWN)
        found = next((tally for tally in changed if tally.key == key), None)
        found = found or self.book.tallies.get(key)
        if found is not None:
            return found
        rows = tallies.read_tallies(self.connection, self.books.database, [key])
        return self.books.tally_memo.read(rows[0]) if rows else Tally(customer)
