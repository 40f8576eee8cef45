"""Walks the whole book once, by keys: accounts, entries, grants and holds side by side.

Never holds more than one customer's grants and open holds, and one entry.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from sqlalchemy import Connection

from tollkeeper.decisions.holds import Hold
from tollkeeper.ledger.auditing.comparing import compare_account, read_hold
from tollkeeper.ledger.auditing.grants import Told
from tollkeeper.ledger.auditing.laws import ORPHANS, Findings, Place
from tollkeeper.ledger.auditing.rows import AccountRow, EntryRow, FactRow
from tollkeeper.ledger.auditing.telling import AccountTeller
from tollkeeper.ledger.auditing.totals import Totals
from tollkeeper.store import audits
from tollkeeper.store.audits import Cells
from tollkeeper.store.database import Database


class Stream:
    """Rows in the order of their keys, of which only the next is known."""

    def __init__(self, rows: Iterator[Cells]) -> None:
        self._rows = rows
        self.count = 0
        self.head: Cells | None = next(rows, None)

    def customer(self) -> str | None:
        """Tell whose row comes next; None at the end."""
        return None if self.head is None else self.head[0]

    def unit_of(self, customer: str) -> str | None:
        """Tell in which unit the customer's next row is; None where the customer has no more."""
        return self.head[1] if self.head is not None and self.head[0] == customer else None

    def of_customer(self, customer: str) -> Iterator[Cells]:
        """Give a customer's rows."""
        while self.head is not None and self.head[0] == customer:
            yield self._step(self.head)

    def of_account(self, customer: str, unit: str) -> Iterator[Cells]:
        """Give an account's rows."""
        while (row := self.head) is not None and row[1] == unit and row[0] == customer:
            yield self._step(row)

    def _step(self, row: Cells) -> Cells:
        self.head = next(self._rows, None)
        self.count += 1
        return row


class Walk:
    """The four streams, and what is counted on the way."""

    def __init__(
        self, connection: Connection, database: Database, customer: str | None, findings: Findings
    ) -> None:
        self.accounts = Stream(audits.accounts(connection, database, customer))
        self.entries = Stream(audits.entries(connection, database, customer))
        self.facts = Stream(audits.facts(connection, database, customer))
        self.holds = Stream(audits.open_holds(connection, database, customer))
        self.customers = 0
        self.totals = Totals(findings)
        self._findings = findings

    def run(self, told: Callable[[], None]) -> None:
        """Check every customer in turn; `told` is called after each entry."""
        while (customer := self._next_customer()) is not None:
            self.customers += 1
            self._customer(customer, told)

    def _next_customer(self) -> str | None:
        streams = (self.accounts, self.entries, self.facts, self.holds)
        waiting = [name for stream in streams if (name := stream.customer()) is not None]
        return min(waiting, default=None)

    def _customer(self, customer: str, told: Callable[[], None]) -> None:
        grants: dict[str, dict[str, Told]] = {}
        for row in self.facts.of_customer(customer):
            fact = FactRow(*row)
            grants.setdefault(fact.unit, {})[fact.id] = Told(fact)
        holds: dict[str, list[Hold]] = {}
        for row in self.holds.of_customer(customer):
            hold = read_hold(row, self._findings)
            if hold is not None:
                holds.setdefault(hold.unit, []).append(hold)
        while (unit := self._next_unit(customer)) is not None:
            self._account(customer, unit, grants.pop(unit, {}), holds.pop(unit, []), told)
        self._left_over(customer, grants, holds)

    def _next_unit(self, customer: str) -> str | None:
        waiting = (self.accounts.unit_of(customer), self.entries.unit_of(customer))
        return min((unit for unit in waiting if unit is not None), default=None)

    def _account(
        self,
        customer: str,
        unit: str,
        grants: dict[str, Told],
        holds: list[Hold],
        told: Callable[[], None],
    ) -> None:
        teller = AccountTeller(grants, self.totals, self._findings)
        for row in self.entries.of_account(customer, unit):
            teller.tell(EntryRow(*row))
            told()
        teller.lines.finish()
        found = [AccountRow(*row) for row in self.accounts.of_account(customer, unit)]
        for row in found:
            self.totals.stand(row)
            compare_account(row, holds, teller, self._findings)
        if not found:
            says = "Entries stand without their account."
            self._orphan(says, Place(customer, unit, version=teller.version))

    def _left_over(
        self, customer: str, grants: dict[str, dict[str, Told]], holds: dict[str, list[Hold]]
    ) -> None:
        for told in chain.from_iterable(of_unit.values() for of_unit in grants.values()):
            says = "A grant stands without its account."
            self._orphan(says, Place(customer, told.fact.unit, grant=told.fact.id))
        for hold in chain.from_iterable(holds.values()):
            says = "An open hold stands without its account."
            self._orphan(says, Place(customer, hold.unit, hold=hold.id))

    def _orphan(self, says: str, place: Place) -> None:
        self._findings.add(ORPHANS, says, place, expected="an account", found="none")
