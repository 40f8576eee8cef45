"""Warning of a grant's end, once, while something is left of it (H2). Pure; changes no balance."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from tollkeeper.decisions.accounts import find
from tollkeeper.decisions.advancing import suffix
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.notices import GrantExpiring
from tollkeeper.values.amounts import from_scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn(Request):
    """Tell the app that a grant will expire, if anything is left of it."""

    verb: ClassVar[str] = "warn"

    unit: str
    grant: str
    #: How long before its end it is warned of; a grant that lives shorter is not.
    before: timedelta

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Tell what is left; a notice of this grant has one id for ever, and is written once.

        Nobody is warned of an allowance that is renewed the moment it ends.
        """
        account, unit = book.account(self.customer, self.unit), book.units[self.unit]
        grant = find(account.grants, self.grant)
        if grant is None or not grant.remaining or grant.expires_at is None:
            return Outcome()
        if grant.expires_at - grant.effective_at < self.before:
            return Outcome()
        if any(known.renews(grant.id, grant.expires_at) for known in account.allowances):
            return Outcome()
        warning = GrantExpiring(
            id=f"ntc_{suffix(grant.id)}",
            customer=self.customer,
            unit=unit.currency or unit.key,
            currency=unit.currency,
            balance=from_scaled(account.available, unit.scale),
            grant_id=grant.id,
            remaining=from_scaled(grant.remaining, unit.scale),
            expires_at=grant.expires_at,
        )
        return Outcome(result={"warned": 1}, notices=(warning,))
