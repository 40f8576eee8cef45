"""The verbs of an open hold: hold and extend (B1, B4, B7). Pure; its end is in `settling`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from tollkeeper.catalog.terms import PolicyTerms
from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.advancing import (
    sooner,
    suffix,
)
from tollkeeper.decisions.burning import Burn, burn
from tollkeeper.decisions.charge_holds import is_part
from tollkeeper.decisions.customers import other_currency
from tollkeeper.decisions.holds import Drawn, Hold
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.spending import insufficient, overdraft_limit, passes
from tollkeeper.errors import (
    HoldClosed,
    HoldNotFound,
    InvalidRequest,
    UnitMismatch,
)
from tollkeeper.values.amounts import to_scaled
from tollkeeper.values.units import MONEY_PREFIX, is_money

#: For a hold's `currency`: whichever it holds.
ANY_CURRENCY = "any"

#: How long a hold may live at most, extensions included, unless the catalog says otherwise (B4).
MAXIMUM_LIFETIME = PolicyTerms().hold_lifetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Request):
    """Set an amount aside before the cost is known."""

    verb: ClassVar[str] = "hold"

    unit: str
    amount: int
    lifetime: timedelta
    feature: str | None = None
    overdraft: int | None = None

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Draw the amount from the grants in burn order; refuse what is not there (B7)."""
        account = book.account(self.customer, self.unit)
        limit = overdraft_limit(account, book.units[self.unit], self.overdraft)
        entry, drawn = set_aside(account, "hold", self.amount, limit, self.feature, book)
        hold = Hold(
            id=f"hld_{suffix(self.id)}",
            customer=self.customer,
            unit=self.unit,
            status="open",
            drawn=drawn,
            created_at=now,
            expires_at=now + self.lifetime,
            feature=self.feature,
        )
        return Outcome((_due(entry, hold),), holds=(hold,), result=told(hold))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnHold(Request):
    """What the verbs on a hold that exists have in common."""

    hold: str
    #: The currency that the caller speaks of, or ANY_CURRENCY; None for credits.
    currency: str | None = None

    def needs(self) -> Needs:
        """Ask for the hold; its account follows from it."""
        return Needs(holds=((self.customer, self.hold),))

    def found(self, book: Book) -> Hold:
        """Find the hold, or say that there is none, or not of what the caller speaks of."""
        hold = book.holds.get((self.customer, self.hold))
        if hold is None or is_part(hold.id):
            # What a charge has set aside ends with its usage and its limits, never without (B1).
            raise HoldNotFound(
                f"{self.customer!r} has no hold {self.hold!r} of credits or money; one of a charge "
                "is extended, settled and released by billing.charges.",
                hold=self.hold,
            )
        held = hold.unit.removeprefix(MONEY_PREFIX)
        if is_money(hold.unit) != (self.currency is not None):
            room = "credits" if self.currency else "the wallet"
            raise UnitMismatch(f"The hold {hold.id} is of {held}; use {room}.", unit=held)
        if self.currency not in (None, ANY_CURRENCY, held):
            raise other_currency(self.customer, held, self.currency or "")
        return hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(OnHold):
    """Add amount or time to an open hold."""

    verb: ClassVar[str] = "extend"

    amount: Decimal | int | str | None = None
    lifetime: timedelta | None = None
    #: How long it may live at most, since it was made.
    at_most: timedelta = MAXIMUM_LIFETIME

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Draw more, move the lapse; never beyond the maximum lifetime (B4)."""
        hold = self.found(book)
        if not hold.is_open:
            raise closed(hold)
        account = book.account(hold.customer, hold.unit)
        unit = book.units[hold.unit]
        amount = to_scaled(self.amount, unit.scale) if self.amount is not None else 0
        limit = overdraft_limit(account, unit, None)
        entry, drawn = set_aside(account, "extend", amount, limit, hold.feature, book)
        hold = replace(hold, drawn=joined(hold.drawn, drawn), expires_at=self._until(hold, now))
        return Outcome((_due(entry, hold),), holds=(hold,), result=told(hold))

    def _until(self, hold: Hold, now: datetime) -> datetime | None:
        if self.lifetime is None or hold.expires_at is None:
            return hold.expires_at
        return extended(hold.created_at, hold.expires_at, now + self.lifetime, self.at_most)


def extended(created: datetime, before: datetime, until: datetime, at_most: timedelta) -> datetime:
    """Give when a hold lapses that is to live until a moment; refuse beyond its maximum (B4)."""
    latest = created + at_most
    if until > max(before, latest):
        raise InvalidRequest(
            f"A hold lives {at_most} at most; this one can be extended until {latest.isoformat()}.",
            latest=latest,
        )
    return max(before, until)


def set_aside(
    account: Account, kind: str, amount: int, limit: int, feature: str | None, book: Book
) -> tuple[Entry, tuple[Drawn, ...]]:
    """Move an amount from the grants, then from the overdraft, into `held`."""
    burnt = burn(account, amount, feature, -limit)
    if passes(burnt, account, limit):
        raise insufficient(account, amount, feature, book.units[account.unit])
    lines = tuple(Line(line.grant, line.remaining, -line.remaining) for line in burnt.lines)
    if burnt.unpaid:
        lines = (*lines, Line("", 0, burnt.unpaid))
    _, entry = post(account, kind, lines, burnt.grants, debt=burnt.unpaid)
    return entry, _drawn(account, burnt)


def told(hold: Hold) -> dict[str, Any]:
    """Say how the hold stands, for the answer of a verb; one that is over lapses no more."""
    told = {"hold": hold.id, "status": hold.status, "held": hold.amount}
    if not hold.is_open:
        return told
    return told | {"expires_at": hold.expires_at.isoformat() if hold.expires_at else None}


def closed(hold: Hold) -> HoldClosed:
    """Make the error for a hold that is over."""
    return HoldClosed(
        f"The hold {hold.id} is {hold.status} already.", hold=hold.id, status=hold.status
    )


def _drawn(account: Account, burnt: Burn) -> tuple[Drawn, ...]:
    grants = {grant.id: grant for grant in account.grants}
    drawn = tuple(Drawn(grants[line.grant], -line.remaining) for line in burnt.lines)
    return (*drawn, Drawn(None, burnt.unpaid)) if burnt.unpaid else drawn


def joined(first: tuple[Drawn, ...], second: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
    """Join two draws; the overdraft's share stays last, to be the first that goes back."""
    parts: dict[str, Drawn] = {}
    for part in (*first, *second):
        before = parts.get(part.id)
        parts[part.id] = Drawn(part.grant, part.amount + (before.amount if before else 0))
    owed = parts.pop("", None)
    return (*parts.values(), *([owed] if owed else []))


def _due(entry: Entry, hold: Hold) -> Entry:
    """Note in the account when the hold lapses."""
    due = sooner(entry.after.due_at, hold.expires_at)
    return entry._replace(after=entry.after._replace(due_at=due))
