"""A book over which one decision has begun to book: accounts as its own entries left them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tollkeeper.decisions.accounts import Account, AccountKey, Entry
from tollkeeper.decisions.asking import Answer, Question
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import Book, GrantFact, Kept, Recorded
from tollkeeper.decisions.tallies import Tally
from tollkeeper.values.customers import Known
from tollkeeper.values.units import Unit


@dataclass(slots=True)
class Overlay:
    """The book, with the accounts that the decision has changed so far on top."""

    book: Book
    states: dict[AccountKey, Account] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def add(self, *entries: Entry) -> None:
        """Book entries: who looks at their accounts from now on sees what they left."""
        for entry in entries:
            self.states[entry.after.key] = entry.after
            self.entries.append(entry)

    @property
    def units(self) -> Mapping[str, Unit]:
        """Give the units by key."""
        return self.book.units

    @property
    def holds(self) -> Mapping[tuple[str, str], Hold]:
        """Give the holds that were asked for."""
        return self.book.holds

    @property
    def grants(self) -> Mapping[tuple[str, str], GrantFact]:
        """Give the facts of grants that were asked for."""
        return self.book.grants

    @property
    def operations(self) -> Mapping[tuple[str, str], Recorded]:
        """Give the operations that were asked for."""
        return self.book.operations

    @property
    def customers(self) -> Mapping[str, Known]:
        """Give the customers that were asked for."""
        return self.book.customers

    @property
    def charge_holds(self) -> Mapping[tuple[str, str], ChargeHold]:
        """Give the charge holds that were asked for."""
        return self.book.charge_holds

    def account(self, customer: str, unit: str) -> Account:
        """Give an account as it is by now."""
        return self.states.get((customer, unit)) or self.book.account(customer, unit)

    def accounts_of(self, customer: str) -> list[Account]:
        """Give every account of a customer as it is by now."""
        return [self.account(*a.key) for a in self.book.accounts_of(customer)]

    def tally(self, customer: str, subject: str) -> Tally:
        """Give a tally."""
        return self.book.tally(customer, subject)

    @property
    def recorded(self) -> Mapping[tuple[str, str], Kept]:
        """Give usage events that are there already."""
        return self.book.recorded

    def told(self, question: Question) -> Answer:
        """Give what the books say to a question."""
        return self.book.told(question)

    def done_by_time(self, customer: str, unit: str) -> Mapping[str, int]:
        """Count what time alone did and nobody has booked yet."""
        return self.book.done_by_time(customer, unit)
