"""How a hold ends by a call: settle or release (B1-B3). Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from tollkeeper.decisions.accounts import Account, Entry, post
from tollkeeper.decisions.advancing import expire_dead, returned_facts, suffix, watch
from tollkeeper.decisions.burning import burn
from tollkeeper.decisions.holding import OnHold, closed, told
from tollkeeper.decisions.holds import GivenBack, Hold, give_back, split
from tollkeeper.decisions.requests import Book, Outcome
from tollkeeper.decisions.spending import overdraft_limit, spend
from tollkeeper.errors import BeyondHold, IdempotencyConflict, InsufficientBalance
from tollkeeper.values.amounts import ZERO_OR_MORE, from_scaled, to_scaled

#: What a settle beyond the hold does with the excess (B2).
EXCESS = ("charge", "cap", "refuse")


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
            unit = book.units[hold.unit]
            shown = unit.currency or unit.key
            used, held = from_scaled(amount, unit.scale), from_scaled(hold.amount, unit.scale)
            raise BeyondHold(
                f"{used:f} used, {held:f} {shown} held; the excess is refused.",
                held=held,
                required=used,
                unit=shown,
                hold=hold.id,
                customer=hold.customer,
            )

    def _settled(self, book: Book, hold: Hold, amount: int, now: datetime) -> Outcome:
        account = book.account(hold.customer, hold.unit)
        excess = max(0, amount - hold.amount)
        used, rest = split(hold.drawn, amount)
        back = give_back(account, rest, used, name=suffix(self.id), now=now)
        account, entries = returned(account, "settle", back, now)
        charged, uncollected = min(amount, hold.amount), 0
        if excess and self.excess == "charge":
            account, more, uncollected = collect(account, excess, hold.feature, book, None)
            entries += more
            charged += excess - uncollected
        hold = hold.closed("settled", now, self.id, amount)
        result = told(hold) | _settled(amount, charged, uncollected)
        return Outcome(tuple(entries), returned_facts(hold, back.made), (hold,), result)

    def _late(self, book: Book, hold: Hold, amount: int, now: datetime) -> Outcome:
        account = book.account(hold.customer, hold.unit)
        asked = min(amount, hold.amount) if self.excess == "cap" else amount
        account, entries, uncollected = collect(account, asked, hold.feature, book, "late")
        hold = hold.closed("settled", now, self.id, amount)
        result = told(hold) | _settled(amount, asked - uncollected, uncollected) | {"late": True}
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
        _, entries = returned(account, "release", back, now)
        hold = hold.closed("released", now, self.id)
        return Outcome(tuple(entries), returned_facts(hold, back.made), (hold,), told(hold))


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


def _settled_already(hold: Hold) -> IdempotencyConflict:
    """Make the error for another amount: a hold's id is the key of its settle (B2, B3)."""
    return IdempotencyConflict(
        f"The hold {hold.id} is settled already, with another amount.",
        hold=hold.id,
        status=hold.status,
    )


def returned(
    account: Account, kind: str, back: GivenBack, now: datetime
) -> tuple[Account, list[Entry]]:
    """Book what comes back of a hold; what returns to a dead grant dies at once, visibly (B1)."""
    account, entry = post(account, kind, back.lines, back.grants, debt=back.debt)
    returned = [line.grant for line in back.lines if line.remaining > 0]
    account, dead = expire_dead(account, returned, now)
    return watch(account, [entry, *dead])


def _settled(amount: int, charged: int, uncollected: int) -> dict[str, Any]:
    """Tell the full usage, what of it was charged, and what nobody could pay (B2)."""
    told = {"settled": amount, "charged": charged}
    return told | ({"uncollected": uncollected} if uncollected else {})
