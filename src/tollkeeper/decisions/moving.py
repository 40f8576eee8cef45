"""Moving credits between customers: two entries under one operation (A7). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.accounts import Account, Entry, Line, find, post
from tollkeeper.decisions.advancing import suffix, watch
from tollkeeper.decisions.burning import burn, with_grant
from tollkeeper.decisions.costs import cost_between
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request
from tollkeeper.decisions.spending import insufficient
from tollkeeper.errors import TransferNotAllowed
from tollkeeper.values.units import MONEY_PREFIX, is_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Request):
    """Move an amount to another customer; expiry and cost basis go with it."""

    verb: ClassVar[str] = "transfer"

    to: str
    unit: str
    amount: int
    #: Whether promotional value pays the taker's debt, as the catalog says (A4).
    pays_debt: bool = False
    #: Whether money may move at all, as the catalog says (A7).
    moves_money: bool = False

    def needs(self) -> Needs:
        """Ask for both accounts, and for the facts and the holds of the grants that may move."""
        giver = (self.customer, self.unit)
        return Needs(accounts=(giver, (self.to, self.unit)), facts_of=(giver,), holds_of=(giver,))

    def presumes(self) -> tuple[str, ...]:
        """Take both for known: what went to a name that was mistyped would be lost."""
        return self.customer, self.to

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take it from the giver's grants in burn order; never from an overdraft.

        Raises InsufficientBalance; of money, TransferNotAllowed unless the catalog lets it move.
        """
        if is_money(self.unit) and not self.moves_money:
            raise TransferNotAllowed(currency=self.unit.removeprefix(MONEY_PREFIX))
        giver = book.account(self.customer, self.unit)
        burnt = burn(giver, self.amount, None, 0)
        if burnt.unpaid:
            raise insufficient(giver, self.amount, None, book.units[self.unit])
        _, out = post(giver, "transfer_out", burnt.lines, burnt.grants)
        taker = book.account(self.to, self.unit)
        facts = moved_facts(book, giver, burnt.lines, self.to, suffix(self.id))
        taker, entry = receive(taker, facts, now, repays=self.pays_debt)
        taker, entries = repaid(taker, entry, facts)
        return Outcome((out, *entries), facts, result={"to": self.to})


def receive(
    account: Account,
    facts: Sequence[GrantFact],
    now: datetime,
    kind: str = "transfer_in",
    *,
    debt: int = 0,
    repays: bool = False,
) -> tuple[Account, Entry]:
    """Book several grants, and a debt, as one arrival."""
    grants = account.grants
    for fact in facts:
        grants = with_grant(grants, fact.opened(fact.amount, now, repays=repays and not fact.paid))
    lines = tuple(Line(fact.id, fact.amount) for fact in facts)
    return post(account, kind, lines, grants, debt=debt)


def repaid(
    account: Account, arrival: Entry, facts: Sequence[GrantFact]
) -> tuple[Account, list[Entry]]:
    """Let paid value that arrived pay the taker's debt first (A4)."""
    entries = [arrival]
    for fact in facts:
        account, more = repay(account, fact.id)
        entries += more
    return watch(account, entries)


def moved_facts(
    book: Book, giver: Account, lines: Sequence[Line], to: str, name: str
) -> tuple[GrantFact, ...]:
    """Make the taker's grants: one for each of the giver's grants, with its share of the cost."""
    return tuple(
        _moved(book, giver, line, to, f"grt_{name}_{number}") for number, line in enumerate(lines)
    )


def _moved(book: Book, giver: Account, line: Line, to: str, name: str) -> GrantFact:
    fact = book.grants[(giver.customer, line.grant)]
    grant = find(giver.grants, fact.id)
    before = (grant.remaining if grant else 0) + _held_of(book, giver, fact)
    return replace(
        fact,
        id=name,
        customer=to,
        amount=-line.remaining,
        source="transfer",
        source_id=None,
        cost=cost_between(fact, before, before + line.remaining),
        origin=f"{fact.customer}/{fact.id}",
    )


def _held_of(book: Book, giver: Account, fact: GrantFact) -> int:
    """Tell how much of a grant is held: it may come back, and its cost with it."""
    if not giver.held:
        return 0
    holds = [hold for hold in book.holds.values() if (hold.customer, hold.unit) == giver.key]
    drawn = [part for hold in holds if hold.is_open for part in hold.drawn]
    return sum(part.amount for part in drawn if part.id == fact.id)
