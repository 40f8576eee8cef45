"""Granting, and how paid value pays debt back first (A4). Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.advancing import expire_dead, watch
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request

#: What an operation tells of a promotional grant that pays debt back.
REPAYS: Final = "repays"


class Defaults(NamedTuple):
    """What a source of grants implies unless the call says otherwise (A1, A4)."""

    priority: int
    paid: bool


SOURCES = {
    "allowance": Defaults(20, paid=True),
    "promotion": Defaults(40, paid=False),
    "purchase": Defaults(60, paid=True),
    "deposit": Defaults(60, paid=True),
    "adjustment": Defaults(60, paid=True),
}


def defaults_of(source: str) -> Defaults:
    """Give a source's defaults; a source of the app's own is treated as promotional."""
    return SOURCES.get(source, SOURCES["promotion"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Request):
    """Give an amount, as a grant of its own."""

    verb: ClassVar[str] = "grant"

    fact: GrantFact
    #: When it becomes effective; None means now.
    effective_at: datetime | None = None
    #: Whether it pays debt back even if it is promotional, as the catalog says.
    pays_debt: bool = False

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.fact.unit),))

    def presumes(self) -> tuple[str, ...]:
        """Take nobody for known: who is given something is introduced by it."""
        return ()

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Add the grant; let paid value pay debt; expire the grant if it is over already."""
        fact = self.fact if self.effective_at else replace(self.fact, effective_at=now)
        account, repays = book.account(self.customer, fact.unit), self.pays_debt and not fact.paid
        account, entries = add_grant(account, fact, fact.amount, "grant", now, repays=repays)
        result: dict[str, Any] = {"grant": fact.id}
        if repays:
            result[REPAYS] = True
        return Outcome(tuple(entries), (fact,), result=result)


def add_grant(
    account: Account,
    fact: GrantFact,
    amount: int,
    kind: str,
    now: datetime,
    *,
    repays: bool = False,
) -> tuple[Account, list[Entry]]:
    """Book a grant's arrival, then what follows from it: debt paid back, or its expiry."""
    grants = with_grant(account.grants, fact.opened(amount, now, repays=repays))
    account, entry = post(account, kind, (Line(fact.id, amount),), grants)
    entries = [entry]
    account, repaid = repay(account, fact.id)
    entries += repaid
    account, dead = expire_dead(account, [fact.id], now)
    return watch(account, entries + dead)
