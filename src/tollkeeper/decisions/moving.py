"""Moving credits between customers: two entries under one operation (RULES.md A7). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.advancing import suffix, watch
from tollkeeper.decisions.burning import burn, with_grant
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request
from tollkeeper.decisions.spending import insufficient


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Request):
    """Move an amount to another customer; expiry and cost basis go with it."""

    verb: ClassVar[str] = "transfer"

    to: str
    unit: str
    amount: int

    def needs(self) -> Needs:
        """Ask for both accounts, and for the facts of the grants that may move."""
        giver = (self.customer, self.unit)
        return Needs(accounts=(giver, (self.to, self.unit)), facts_of=(giver,))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take it from the giver's grants in burn order; never from an overdraft."""
        giver = book.account(self.customer, self.unit)
        burnt = burn(giver, self.amount, None, 0)
        if burnt.unpaid:
            raise insufficient(giver, self.amount, None, book.units[self.unit])
        _, out = post(giver, "transfer_out", burnt.lines, burnt.grants)
        taker = book.account(self.to, self.unit)
        facts = moved_facts(book, giver, burnt.lines, self.to, suffix(self.id))
        taker, entries = receive(taker, facts, now)
        return Outcome((out, *entries), facts, result={"to": self.to})


def receive(
    account: Account, facts: Sequence[GrantFact], now: datetime
) -> tuple[Account, list[Entry]]:
    """Book several grants as one arrival; paid value pays the taker's debt first (A4)."""
    grants = account.grants
    for fact in facts:
        grants = with_grant(grants, fact.opened(fact.amount, now))
    lines = tuple(Line(fact.id, fact.amount) for fact in facts)
    account, entry = post(account, "transfer_in", lines, grants)
    entries = [entry]
    for fact in facts:
        account, repaid = repay(account, fact.id)
        entries += repaid
    return watch(account, entries)


def moved_facts(
    book: Book, giver: Account, lines: Sequence[Line], to: str, name: str
) -> tuple[GrantFact, ...]:
    """Make the taker's grants: one for each of the giver's grants, with its share of the cost."""
    return tuple(
        _moved(book.grants[(giver.customer, line.grant)], -line.remaining, to, f"grt_{name}_{n}")
        for n, line in enumerate(lines)
    )


def _moved(fact: GrantFact, amount: int, to: str, name: str) -> GrantFact:
    return replace(
        fact,
        id=name,
        customer=to,
        amount=amount,
        source="transfer",
        source_id=None,
        cost=fact.cost * amount // fact.amount,
        origin=f"{fact.customer}/{fact.id}",
    )
