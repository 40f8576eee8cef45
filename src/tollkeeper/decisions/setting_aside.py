"""Setting a charge aside over the whole waterfall, and letting it grow (B1, B4, B7). Pure.

Each source that pays holds its part, limits lend their headroom, and the terms are pinned; how it
ends is in `closing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self

from tollkeeper.catalog.terms import Terms
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.advancing import sooner, suffix
from tollkeeper.decisions.charge_holds import ChargeHold, Part, part_name
from tollkeeper.decisions.charging import Charging, Weighed, told
from tollkeeper.decisions.counting import priced_before
from tollkeeper.decisions.headroom import refuse_too_many, with_hold
from tollkeeper.decisions.held_parts import open_parts
from tollkeeper.decisions.holding import MAXIMUM_LIFETIME, extended, joined, set_aside
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.overlay import Overlay
from tollkeeper.decisions.requests import Book, Needs, Outcome
from tollkeeper.decisions.spending import overdraft_limit
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.decisions.waterfall import (
    Rated,
    RatedAs,
    Share,
    amounts_by_unit,
    rated_as,
    summed,
)
from tollkeeper.errors import HoldClosed, HoldNotFound
from tollkeeper.values.amounts import ZERO_OR_MORE, to_scaled
from tollkeeper.values.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCharge(Charging):
    """Set a quantity aside before it is known how much will be used."""

    verb: ClassVar[str] = "hold_charge"

    lifetime: timedelta

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Draw from every source that would pay, and from the limits; refuse as a charge does.

        Raises TooManyHolds as well.
        """
        own = book.tally(self.customer, OWN)
        refuse_too_many(own, now)
        weighed, overlay = self.weigh(book, now), Overlay(book)
        name, until = f"hld_{suffix(self.id)}", now + self.lifetime
        made = _held(self, overlay, weighed, name, {}, until, now)
        hold = ChargeHold(
            id=name,
            customer=self.customer,
            feature=self.feature,
            status="open",
            terms=weighed.terms,
            parts=_parts(weighed, made),
            created_at=now,
            expires_at=until,
            member=self.member,
            api_key=self.api_key,
            tags=self.tags,
            dimensions=self.dimensions,
            pay_from=self.pay_from,
        )
        return Outcome(
            tuple(overlay.entries),
            holds=tuple(made.values()),
            result=told_hold(hold, told(self, weighed.terms, weighed.paid.shares)),
            notices=self.warned(book, weighed),
            tallies=(with_hold(own, hold, now),),
            charge_holds=(hold,),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChargeHold(Charging):
    """What the verbs on a charge hold that exists have in common.

    Who made such a request knows the hold by its name alone: what it is of, who used it and at
    which terms is read with the hold, under the lock of the customer's own tally.
    """

    hold: str
    #: How much, as the caller said it; None where he left it to the hold.
    said: Decimal | int | str | None = None
    #: How much at the hold's own scale, where who asks has it so; it goes before `said`.
    scaled: int | None = None
    #: Told by the hold, like all that `of` fills in.
    feature: str = ""
    quantity: int = 0

    def needs(self) -> Needs:
        """Ask for the charge hold and the tally that guards it; the rest follows (see `of`)."""
        needed = ((self.customer, self.hold),)
        return Needs(charge_holds=needed, tallies=Charging.needs(self).tallies)

    def accounts(
        self, tally: Tally, units: Mapping[str, Unit], now: datetime
    ) -> tuple[tuple[AccountKey, ...], tuple[AccountKey, ...]]:
        """Name the accounts of the pinned terms; a hold that nobody knows has none."""
        return Charging.accounts(self, tally, units, now) if self.pinned else ((), ())

    def of(self, hold: ChargeHold) -> Self:
        """Give this request with all that its hold tells: who used what, at which terms (B6).

        Raises InvalidAmount where what was said is no quantity of the feature.
        """
        return replace(
            self,
            feature=hold.feature,
            quantity=self.asked_of(hold),
            pay_from=hold.pay_from,
            member=hold.member,
            api_key=hold.api_key,
            tags=hold.tags,
            dimensions=hold.dimensions,
            pinned=hold.terms,
        )

    def asked_of(self, hold: ChargeHold) -> int:
        """Tell how much is asked of a hold, at its scale."""
        if self.scaled is not None:
            return self.scaled
        if self.said is None:
            return 0
        return to_scaled(self.said, hold.terms.scale, at_least=ZERO_OR_MORE)

    def found(self, book: Book) -> ChargeHold:
        """Give the charge hold; raises HoldNotFound."""
        hold = book.charge_holds.get((self.customer, self.hold))
        if hold is None:
            raise HoldNotFound(
                f"Customer {self.customer!r} has no charge hold {self.hold!r}.", hold=self.hold
            )
        return hold

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Decide with all that the hold tells."""
        hold = self.found(book)
        return self.of(hold).decided(hold, book, now)

    def decided(self, hold: ChargeHold, book: Book, now: datetime) -> Outcome:
        """Decide about the hold; the request has its quantity and its terms."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendCharge(OnChargeHold):
    """Let a charge hold grow, or live longer; `quantity` 0 adds nothing."""

    verb: ClassVar[str] = "extend_charge"

    lifetime: timedelta | None = None
    #: How long it may live at most, since it was made.
    at_most: timedelta = MAXIMUM_LIFETIME

    def decided(self, hold: ChargeHold, book: Book, now: datetime) -> Outcome:
        """Draw more, as a charge would; refuse beyond the maximum lifetime (B4)."""
        if not hold.is_open_at(now):
            raise closed_already(hold, now)
        until = self._until(hold, now)
        overlay, made, parts = Overlay(book), dict[AccountKey, Hold](), hold.parts
        weighed = self.weigh(book, now) if self.quantity else None
        if weighed is not None:
            made = _held(self, overlay, weighed, hold.id, open_parts(book, hold), until, now)
            parts = _grown(parts, _parts(weighed, made))
        kept = {**open_parts(book, hold), **made}
        longer = tuple([replace(part, expires_at=until) for part in kept.values()])
        grown = replace(hold, parts=parts, expires_at=until)
        shares = weighed.paid.shares if weighed else ()
        return Outcome(
            tuple(overlay.entries),
            holds=longer,
            result=told_hold(grown, told(self, hold.terms, shares)),
            notices=self.warned(book, weighed) if weighed else (),
            tallies=(with_hold(book.tally(self.customer, OWN), grown, now),),
            charge_holds=(grown,),
        )

    def rated_before(self, book: Book, own: Tally, terms: Terms, now: int) -> Rated:
        """Go on from what is held already: many small slices cost together what one would."""
        held: dict[RatedAs, int] = {}
        for part in self.found(book).parts:
            key = rated_as(part.step)
            held[key] = held.get(key, 0) + part.quantity
        return summed(priced_before(own, terms, now), held)

    def _until(self, hold: ChargeHold, now: datetime) -> datetime:
        if self.lifetime is None:
            return hold.expires_at
        return extended(hold.created_at, hold.expires_at, now + self.lifetime, self.at_most)


def told_hold(hold: ChargeHold, said: dict[str, Any]) -> dict[str, Any]:
    """Say how a charge hold stands, for the answer of a verb."""
    return said | {
        "hold": hold.id,
        "status": hold.status,
        "holding": hold.quantity,
        "until": hold.expires_at.isoformat(),
    }


def closed_already(hold: ChargeHold, now: datetime) -> HoldClosed:
    """Make the error for a charge hold that is over."""
    status = "lapsed" if hold.lapsed(now) else hold.status
    return HoldClosed(f"The hold {hold.id} is {status} already.", hold=hold.id, status=status)


def _held(
    charge: Charging,
    overlay: Overlay,
    weighed: Weighed,
    name: str,
    there: Mapping[AccountKey, Hold],
    until: datetime,
    now: datetime,
) -> dict[AccountKey, Hold]:
    """Set each account's part aside, into the hold that is there already or a new one."""
    made: dict[AccountKey, Hold] = {}
    paying = [share for share in weighed.paid.shares if share.kind != "usage"]
    for unit, amount in amounts_by_unit(paying).items():
        account = overlay.account(charge.customer, unit)
        # Nothing is nobody's to hold: whoever looks for open holds would pass over it.
        if not amount:
            continue
        limit = 0
        if unit in weighed.paid.overdrawn:
            limit = overdraft_limit(account, overlay.units[unit], None)
        entry, drawn = set_aside(account, "hold", amount, limit, charge.feature, overlay)
        due = sooner(entry.after.due_at, until)
        overlay.add(entry._replace(after=entry.after._replace(due_at=due)))
        before = there.get(account.key)
        if before is not None:
            made[account.key] = replace(before, drawn=joined(before.drawn, drawn))
            continue
        made[account.key] = Hold(
            id=_free_name(name, account.customer, overlay, made),
            customer=charge.customer,
            unit=unit,
            status="open",
            drawn=drawn,
            created_at=now,
            expires_at=until,
            feature=charge.feature,
        )
    return made


def _free_name(name: str, customer: str, book: Book, made: Mapping[AccountKey, Hold]) -> str:
    """Name a new part; one that ended by itself keeps its name, and may not be opened again."""
    names, number = {hold.id for hold in made.values()}, 0
    while part_name(name, number) in names or (customer, part_name(name, number)) in book.holds:
        number += 1
    return part_name(name, number)


def _parts(weighed: Weighed, made: Mapping[AccountKey, Hold]) -> tuple[Part, ...]:
    by_unit = {unit: hold.id for (_, unit), hold in made.items()}
    paid = weighed.paid
    return tuple(
        [
            Part(_name_of(share, by_unit), step, share.quantity, share.amount)
            for share, step in zip(paid.shares, paid.steps, strict=True)
        ]
    )


def _grown(parts: Sequence[Part], more: Sequence[Part]) -> tuple[Part, ...]:
    """Add slices to the parts they go on from: a stream of a thousand slices is no longer row."""
    grown = list(parts)
    for part in more:
        last = grown[-1] if grown else None
        if last is not None and last.step == part.step and _is_of(last, part):
            quantity, amount = last.quantity + part.quantity, last.amount + part.amount
            grown[-1] = Part(last.hold or part.hold, part.step, quantity, amount)
        else:
            grown.append(part)
    return tuple(grown)


def _is_of(last: Part, part: Part) -> bool:
    """Tell whether a slice is in the same hold of the ledger; one that cost nothing is in any."""
    return last.hold == part.hold or not last.hold or not part.hold


def _name_of(share: Share, by_unit: Mapping[str, str]) -> str:
    """Name the ledger's hold of a share; the later bill has none."""
    return "" if share.kind == "usage" else by_unit.get(share.unit, "")
