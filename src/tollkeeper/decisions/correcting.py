"""Corrections by people: revoke, adjust, set a balance or an overdraft limit (I2). Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.accounts import UNLIMITED, Account, Entry, Line, find, post
from tollkeeper.decisions.advancing import suffix
from tollkeeper.decisions.burning import burn, with_grant
from tollkeeper.decisions.customers import wallet_unit
from tollkeeper.decisions.granting import add_grant
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request
from tollkeeper.decisions.spending import spend
from tollkeeper.errors import GrantNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke(Request):
    """Take back what is left: an amount, everything, one grant, or every unit."""

    verb: ClassVar[str] = "revoke"

    #: None revokes every unit of the customer.
    unit: str | None = None
    #: None revokes all that is left.
    amount: int | None = None
    grant: str | None = None

    def needs(self) -> Needs:
        """Ask for the account, or for every one; the named grant's fact tells that it exists."""
        if self.unit is None:
            return Needs(every_account=(self.customer,))
        grants = ((self.customer, self.grant),) if self.grant else ()
        return Needs(accounts=((self.customer, self.unit),), grants=grants)

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Revoke up to what is left, and never below zero."""
        if self.unit is None:
            found = book.accounts_of(self.customer)
            entries = [e for a in found if is_credits(a) for e in revoke_from(a, None)]
        elif self.grant is not None:
            entries = self._one_grant(book)
        else:
            entries = revoke_from(book.account(self.customer, self.unit), self.amount)
        return Outcome(tuple(entries))

    def _one_grant(self, book: Book) -> list[Entry]:
        fact = book.grants.get((self.customer, self.grant or ""))
        if fact is None or fact.unit != self.unit:
            raise GrantNotFound(
                f"{self.customer!r} has no grant {self.grant!r} in {self.unit}.", grant=self.grant
            )
        account = book.account(self.customer, fact.unit)
        grant = find(account.grants, fact.id)
        if grant is None:
            return []
        at_most = grant.remaining if self.amount is None else min(self.amount, grant.remaining)
        if grant.is_general:
            at_most = min(at_most, max(account.available, 0))
        if not at_most:
            return []
        grants = with_grant(account.grants, grant.left_with(grant.remaining - at_most))
        return [post(account, "revoke", (Line(grant.id, -at_most),), grants)[1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Request):
    """A human's correction, up or down, with a reason and an author."""

    verb: ClassVar[str] = "adjust"

    unit: str
    #: Signed: the one amount that carries its direction.
    amount: int

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Move the balance by the amount; downwards it may go into debt, marked (law 4)."""
        account = book.account(self.customer, self.unit)
        return adjusted(self, account, self.amount, book, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBalance(Request):
    """Make `available` a given amount, whatever it was."""

    verb: ClassVar[str] = "set_balance"

    unit: str
    amount: int

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Book the difference; where there is none, no entry."""
        account = book.account(self.customer, self.unit)
        difference = self.amount - account.available
        if not difference:
            return Outcome()
        return adjusted(self, account, difference, book, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOverdraft(Request):
    """Set how far below zero an account may go."""

    verb: ClassVar[str] = "set_overdraft"

    #: None is the customer's wallet, whatever its currency.
    unit: str | None
    #: None takes the unit's limit again.
    limit: int | None

    def needs(self) -> Needs:
        """Ask for the one account."""
        if self.unit is None:
            return Needs(customers=(self.customer,), wallets=(self.customer,))
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Change the limit, with an entry of zero that tells when."""
        unit = self.unit or wallet_unit(book, self.customer)
        account = book.account(self.customer, unit)._replace(overdraft=self.limit)
        _, entry = post(account, "set_overdraft", (), account.grants)
        return Outcome((entry,), result={"overdraft": self.limit})


def adjusted(
    request: Adjust | SetBalance, account: Account, amount: int, book: Book, now: datetime
) -> Outcome:
    """Book a correction: up as a grant that pays debt first, down by the burn order."""
    if amount < 0:
        _, entry = spend(account, request.verb, -amount, UNLIMITED, None, book, "beyond_limit")
        return Outcome((entry if entry.debt else entry._replace(mark=None),))
    fact = GrantFact(
        id=f"grt_{suffix(request.id)}",
        customer=account.customer,
        unit=account.unit,
        amount=amount,
        source="adjustment",
        priority=60,
        paid=True,
        effective_at=now,
    )
    _, entries = add_grant(account, fact, amount, request.verb, now)
    return Outcome(tuple(entries), (fact,))


def revoke_from(account: Account, amount: int | None) -> list[Entry]:
    """Revoke in burn order, at most what is available; restricted grants only with everything."""
    general = max(account.available, 0)
    wanted = general if amount is None else min(amount, general)
    burnt = burn(account, wanted, None, 0)
    lines, grants = burnt.lines, burnt.grants
    if amount is None:
        lines += tuple(Line(g.id, -g.remaining) for g in grants if not g.is_general)
        grants = tuple(g for g in grants if g.is_general)
    return [post(account, "revoke", lines, grants)[1]] if lines else []


def is_credits(account: Account) -> bool:
    """Tell whether an account holds credits, and not money."""
    return not account.unit.startswith("money:")
