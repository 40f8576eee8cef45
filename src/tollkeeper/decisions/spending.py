"""Consuming from a balance, with overdraft (A1, A3, A5). Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.accounts import UNLIMITED, Account, Entry, post
from tollkeeper.decisions.burning import Burn, burn, spendable
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.errors import InsufficientBalance
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.books import Amounts, Balance
from tollkeeper.values.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Consume(Request):
    """Spend an amount at once."""

    verb: ClassVar[str] = "consume"

    unit: str
    amount: int
    feature: str | None = None
    #: The call's own overdraft limit; None leaves it to the account, then to the unit.
    overdraft: int | None = None

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Burn the amount down; refuse what the limit does not allow."""
        account = book.account(self.customer, self.unit)
        limit = overdraft_limit(account, book.units[self.unit], self.overdraft)
        _, entry = spend(account, "consume", self.amount, limit, self.feature, book)
        return Outcome((entry,))


def spend(
    account: Account,
    kind: str,
    amount: int,
    limit: int,
    feature: str | None,
    book: Book,
    mark: str | None = None,
) -> tuple[Account, Entry]:
    """Take an amount from the grants in burn order, then from the overdraft up to its limit.

    Raises InsufficientBalance with nothing changed where even that is too little (A3).
    """
    burnt = burn(account, amount, feature, -limit)
    if passes(burnt, account, limit):
        raise insufficient(account, amount, feature, book.units[account.unit])
    return post(account, kind, burnt.lines, burnt.grants, debt=burnt.unpaid, mark=mark)


def passes(burnt: Burn, account: Account, limit: int) -> bool:
    """Tell whether what the grants could not pay would pass the overdraft limit.

    Nothing passes an unlimited one; there `post` says where 64 bits end.
    """
    if not burnt.unpaid or limit >= UNLIMITED:
        return False
    return account.available - burnt.general - burnt.unpaid < -limit


def overdraft_limit(account: Account, unit: Unit, asked: int | None) -> int:
    """Choose the limit that holds: the call's, else the account's, else the unit's (A3)."""
    if asked is not None:
        return asked
    if account.overdraft is not None:
        return account.overdraft
    return UNLIMITED if unit.overdraft is None else unit.overdraft


def insufficient(
    account: Account, required: int, feature: str | None, unit: Unit, message: str | None = None
) -> InsufficientBalance:
    """Make the refusal, with what is available, what was required and the unit."""
    available = from_scaled(spendable(account, feature), unit.scale)
    needed = from_scaled(required, unit.scale)
    shown = unit.currency or unit.key
    return InsufficientBalance(
        message or f"{needed:f} {shown} required, {available:f} available.",
        available=available,
        required=needed,
        unit=shown,
        customer=account.customer,
        balance=Balance(
            unit, Amounts(account.available, account.restricted, account.held, account.debt)
        ),
    )
