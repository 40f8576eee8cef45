"""The verbs of holds: hold, extend, settle, release (B1-B4, B7). Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.advancing import (
    expire_dead,
    returned_facts,
    sooner,
    suffix,
    watch,
)
from tollkeeper.decisions.burning import Burn, burn
from tollkeeper.decisions.customers import other_currency
from tollkeeper.decisions.holds import Drawn, GivenBack, Hold, give_back, split
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.spending import insufficient, overdraft_limit, passes, spend
from tollkeeper.errors import (
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    UnitMismatch,
)
from tollkeeper.values.amounts import ZERO_OR_MORE, to_scaled
from tollkeeper.values.units import MONEY_PREFIX, is_money

#: For a hold's `currency`: whichever it holds.
ANY_CURRENCY = "any"

#: How long a hold may live at most, extensions included (B4).
MAXIMUM_LIFETIME = timedelta(hours=24)

#: What a settle beyond the hold does with the excess (B2).
EXCESS = ("charge", "cap", "refuse")


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
        if hold is None:
            raise HoldNotFound(f"{self.customer!r} has no hold {self.hold!r}.", hold=self.hold)
        if is_money(hold.unit) != (self.currency is not None):
            room = "credits" if self.currency else "the wallet"
            raise UnitMismatch(f"The hold {hold.id} is of {hold.unit}; use {room}.", unit=hold.unit)
        held = hold.unit.removeprefix(MONEY_PREFIX)
        if self.currency not in (None, ANY_CURRENCY, held):
            raise other_currency(self.customer, held, self.currency or "")
        return hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(OnHold):
    """Add amount or time to an open hold."""

    verb: ClassVar[str] = "extend"

    amount: Decimal | int | str | None = None
    lifetime: timedelta | None = None

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
        hold = replace(hold, drawn=_joined(hold.drawn, drawn), expires_at=self._until(hold, now))
        return Outcome((_due(entry, hold),), holds=(hold,), result=told(hold))

    def _until(self, hold: Hold, now: datetime) -> datetime | None:
        if self.lifetime is None or hold.expires_at is None:
            return hold.expires_at
        latest = hold.created_at + MAXIMUM_LIFETIME
        until = max(hold.expires_at, now + self.lifetime)
        if until > latest:
            raise InvalidRequest(
                f"A hold lives {MAXIMUM_LIFETIME} at most; this one can be extended until "
                f"{latest.isoformat()}.",
                latest=latest,
            )
        return until


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(OnHold):
    """Turn a hold, whole or in part, into consumption; the rest is released."""

    verb: ClassVar[str] = "settle"

    #: None settles the whole hold.
    amount: Decimal | int | str | None = None
    excess: str = "charge"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Consume what was held, return the rest, charge an excess by policy (B2, B3)."""
        hold = self.found(book)
        amount = self._amount(hold, book)
        if hold.status == "settled" and hold.settled == amount:
            return Outcome(replays=hold.closed_by)
        if hold.status == "settled":
            raise _settled_already(hold)
        if hold.status == "released":
            raise closed(hold)
        self._refuse_excess(book, hold, amount)
        if hold.status == "lapsed":
            return self._late(book, hold, amount, now)
        return self._settled(book, hold, amount, now)

    def _amount(self, hold: Hold, book: Book) -> int:
        if self.amount is not None:
            return to_scaled(self.amount, book.units[hold.unit].scale, at_least=ZERO_OR_MORE)
        return hold.amount if hold.settled is None else hold.settled

    def _refuse_excess(self, book: Book, hold: Hold, amount: int) -> None:
        if self.excess == "refuse" and amount > hold.amount:
            account = book.account(hold.customer, hold.unit)
            raise insufficient(account, amount, hold.feature, book.units[hold.unit])

    def _settled(self, book: Book, hold: Hold, amount: int, now: datetime) -> Outcome:
        account = book.account(hold.customer, hold.unit)
        excess = max(0, amount - hold.amount)
        used, rest = split(hold.drawn, amount)
        back = give_back(account, rest, used, name=suffix(self.id), now=now)
        account, entries = _returned(account, "settle", back, now)
        uncollected = 0
        if excess and self.excess == "charge":
            account, more, uncollected = collect(account, excess, hold.feature, book, None)
            entries += more
        hold = hold.closed("settled", now, self.id, amount)
        result = told(hold) | _asked(amount, uncollected)
        return Outcome(tuple(entries), returned_facts(hold, back.made), (hold,), result)

    def _late(self, book: Book, hold: Hold, amount: int, now: datetime) -> Outcome:
        account = book.account(hold.customer, hold.unit)
        charged = min(amount, hold.amount) if self.excess == "cap" else amount
        account, entries, uncollected = collect(account, charged, hold.feature, book, "late")
        hold = hold.closed("settled", now, self.id, amount)
        result = told(hold) | _asked(amount, uncollected) | {"late": True}
        return Outcome(tuple(entries), (), (hold,), result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(OnHold):
    """Give a hold back untouched."""

    verb: ClassVar[str] = "release"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Return everything to the grants it came from."""
        hold = self.found(book)
        if hold.status == "released":
            return Outcome(replays=hold.closed_by)
        if hold.status == "settled":
            raise closed(hold)
        if hold.status == "lapsed":
            return Outcome(result=told(hold))
        account = book.account(hold.customer, hold.unit)
        back = give_back(account, hold.drawn, name=suffix(self.id), now=now)
        _, entries = _returned(account, "release", back, now)
        hold = hold.closed("released", now, self.id)
        return Outcome(tuple(entries), returned_facts(hold, back.made), (hold,), told(hold))


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


def collect(
    account: Account, amount: int, feature: str | None, book: Book, mark: str | None
) -> tuple[Account, list[Entry], int]:
    """Charge what a hold does not cover; what nobody can pay is uncollected, and recorded (B2)."""
    limit = overdraft_limit(account, book.units[account.unit], None)
    try:
        account, entry = spend(account, "consume", amount, limit, feature, book, mark)
    except InsufficientBalance:
        floor = min(-limit, account.available)
        burnt = burn(account, amount, feature, floor)
        owed = max(0, min(burnt.unpaid, account.available - burnt.general - floor))
        account, entry = post(
            account, "consume", burnt.lines, burnt.grants, debt=owed, mark=mark or "uncollected"
        )
        return account, [entry], burnt.unpaid - owed
    return account, [entry], 0


def told(hold: Hold) -> dict[str, Any]:
    """Say how the hold stands, for the answer of a verb."""
    return {
        "hold": hold.id,
        "status": hold.status,
        "amount": hold.amount,
        "expires_at": hold.expires_at.isoformat() if hold.expires_at else None,
    }


def closed(hold: Hold) -> HoldClosed:
    """Make the error for a hold that is over."""
    return HoldClosed(
        f"The hold {hold.id} is {hold.status} already.", hold=hold.id, status=hold.status
    )


def _settled_already(hold: Hold) -> IdempotencyConflict:
    """Make the error for another amount: a hold's id is the key of its settle (B2, B3)."""
    return IdempotencyConflict(
        f"The hold {hold.id} is settled already, with another amount.",
        hold=hold.id,
        status=hold.status,
    )


def _returned(
    account: Account, kind: str, back: GivenBack, now: datetime
) -> tuple[Account, list[Entry]]:
    account, entry = post(account, kind, back.lines, back.grants, debt=back.debt)
    returned = [line.grant for line in back.lines if line.remaining > 0]
    account, dead = expire_dead(account, returned, now)
    return watch(account, [entry, *dead])


def _asked(amount: int, uncollected: int) -> dict[str, Any]:
    return {"settled": amount} | ({"uncollected": uncollected} if uncollected else {})


def _drawn(account: Account, burnt: Burn) -> tuple[Drawn, ...]:
    grants = {grant.id: grant for grant in account.grants}
    drawn = tuple(Drawn(grants[line.grant], -line.remaining) for line in burnt.lines)
    return (*drawn, Drawn(None, burnt.unpaid)) if burnt.unpaid else drawn


def _joined(first: tuple[Drawn, ...], second: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
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
