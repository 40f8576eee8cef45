"""How a charge hold ends: settled at what was used, or released (B1-B3, B5). Pure.

What was held pays first, at the pinned terms, source by source. An excess goes through the
waterfall as it is now, within what the limits leave then and beyond them as overage; what nobody
can pay is recorded as unpaid: the full usage always is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NamedTuple

from tollkeeper.catalog.terms import Step, Terms
from tollkeeper.decisions import limiting
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.charging import told
from tollkeeper.decisions.counting import (
    Counting,
    changed_tallies,
    included_of,
    parts_of,
    priced_before,
)
from tollkeeper.decisions.ended_calls import EndedCall
from tollkeeper.decisions.headroom import without_hold
from tollkeeper.decisions.held_parts import open_parts, use
from tollkeeper.decisions.overlay import Overlay
from tollkeeper.decisions.paying import Paid, divided_as_far, entries_of
from tollkeeper.decisions.requests import Book, Hour, Outcome
from tollkeeper.decisions.setting_aside import OnChargeHold, closed_already
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.decisions.warning import Change, Scene, warnings
from tollkeeper.decisions.waterfall import Divided, Rated, Share, amounts_by_unit, summed
from tollkeeper.decisions.windows import window_of
from tollkeeper.errors import BeyondHold, IdempotencyConflict, InvalidRequest, Refusal
from tollkeeper.notices import Notice
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.moments import to_microseconds


class _Headroom(NamedTuple):
    """What counts the use of a hold that ends."""

    #: The customer's own tally while the hold was open.
    own: Tally
    #: The tallies, and the limits by them, once the hold takes nothing any more.
    tallies: Mapping[str, Tally]
    meters: Sequence[limiting.Meter]
    #: Those of them that the terms of the hold know, and with them who pays beyond them.
    agreed: Sequence[limiting.Meter]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleCharge(OnChargeHold):
    """Charge what was really used, and give the rest of the hold back."""

    verb: ClassVar[str] = "settle_charge"

    #: What becomes of more than was held: `charge`, `cap` or `refuse`.
    excess: str = "charge"
    #: The metered call that ends with it.
    call: EndedCall | None = None

    def asked_of(self, hold: ChargeHold) -> int:
        """Settle all that is held, or again what was settled, where nothing else is said."""
        if self.scaled is self.said is None:
            return hold.quantity if hold.settled is None else hold.settled
        return OnChargeHold.asked_of(self, hold)

    def decided(self, hold: ChargeHold, book: Book, now: datetime) -> Outcome:
        """Settle at the pinned terms (B2); after the lapse it is a new charge, marked late (B3)."""
        if hold.status == "settled" and hold.settled == self.quantity:
            return Outcome(replays=hold.closed_by)
        if hold.status == "settled":
            raise IdempotencyConflict(
                f"The hold {hold.id} is settled already, with another quantity.",
                hold=hold.id,
                status=hold.status,
            )
        if hold.status == "released":
            raise closed_already(hold, now)
        self._refuse_excess(hold)
        return self._settled(book, hold, now)

    def _refuse_excess(self, hold: ChargeHold) -> None:
        if self.excess != "refuse" or self.quantity <= hold.quantity:
            return
        scale = hold.terms.scale
        used, held = from_scaled(self.quantity, scale), from_scaled(hold.quantity, scale)
        raise BeyondHold(
            f"{used:f} {self.feature} used, {held:f} held; the excess is refused.",
            held=held,
            required=used,
            feature=self.feature,
            hold=hold.id,
            customer=self.customer,
        )

    def _settled(self, book: Book, hold: ChargeHold, now: datetime) -> Outcome:
        overlay, moment = Overlay(book), to_microseconds(now)
        room = _headroom(self, book, hold, now)
        before = priced_before(room.own, hold.terms, moment)
        parts = open_parts(book, hold)
        covered = min(self.quantity, hold.quantity) if hold.is_open_at(now) else 0
        used = use(overlay, hold, parts, covered, before, self.id, now)
        paid = self._excess(overlay, hold, room.agreed, used.found, covered, before)
        included = used.included + _further(overlay, book, paid, used.found)
        taken = limiting.demands(room.meters, self.quantity, amounts_by_unit(paid.shares))
        counting = Counting(self, hold.terms, paid, parts_of(paid, included), taken)
        # What used nothing is no use: an event of quantity 0 would take one back.
        changed: tuple[Tally, ...] = (room.tallies[OWN],)
        over: tuple[Hour, ...] = ()
        if self.quantity:
            changed, over = changed_tallies(counting, room.tallies, moment)
        return Outcome(
            tuple(overlay.entries),
            made=used.made,
            holds=tuple([part.closed("settled", now, self.id) for part in parts.values()]),
            result=self._told(hold, paid, now),
            notices=_warned(self, book, hold, room, taken, moment),
            tallies=changed,
            uses=(counting.use(now),) if self.quantity else (),
            hours=over,
            charge_holds=(hold.closed("settled", now, self.id, self.quantity),),
        )

    def _told(self, hold: ChargeHold, paid: Paid, now: datetime) -> dict[str, object]:
        result = told(self, hold.terms, _by_step(paid)) | {"hold": hold.id}
        if paid.unpaid:
            result["unpaid"] = paid.unpaid
        if not hold.is_open_at(now):
            result["late"] = True
        return result

    def _excess(
        self,
        overlay: Overlay,
        hold: ChargeHold,
        meters: Sequence[limiting.Meter],
        found: Divided,
        covered: int,
        before: Rated,
    ) -> Paid:
        """Let the waterfall pay what the hold does not cover, as far as the policy says.

        To cap drops what is above the quantity that was held, though the hold may have lapsed
        meanwhile. What the hold paid has taken its room of the limits first (C5).
        """
        allowed = self.quantity
        if self.excess == "cap" and hold.quantity:
            allowed = min(allowed, hold.quantity)
        dropped, done = self.quantity - allowed, covered - found.unpaid
        excess = allowed - done
        if not excess:
            return Paid(found.shares, found.rated, frozenset(), found.steps, dropped)
        within = max(0, limiting.within(meters, allowed) - done)
        earlier = summed(before, found.rated)
        more = divided_as_far(overlay, self, hold.terms, excess, within, earlier)
        overlay.add(*entries_of(overlay, self, more))
        return Paid(
            (*found.shares, *more.shares),
            summed(found.rated, more.rated),
            more.overdrawn,
            (*found.steps, *more.steps),
            more.unpaid + dropped,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCharge(OnChargeHold):
    """Give a charge hold back untouched: nothing was used."""

    verb: ClassVar[str] = "release_charge"

    #: The metered call that ends with it.
    call: EndedCall | None = None

    def decided(self, hold: ChargeHold, book: Book, now: datetime) -> Outcome:
        """Return everything to where it came from."""
        if hold.status == "released":
            return Outcome(replays=hold.closed_by)
        if hold.status == "settled":
            raise closed_already(hold, now)
        overlay, parts = Overlay(book), open_parts(book, hold)
        room = _headroom(self, book, hold, now)
        used = use(overlay, hold, parts, 0, {}, self.id, now)
        return Outcome(
            tuple(overlay.entries),
            made=used.made,
            holds=tuple([part.closed("released", now, self.id) for part in parts.values()]),
            result={"hold": hold.id, "status": "released"},
            notices=_warned(self, book, hold, room, (), to_microseconds(now)),
            tallies=(room.tallies[OWN],),
            charge_holds=(hold.closed("released", now, self.id),),
        )


def _headroom(request: OnChargeHold, book: Book, hold: ChargeHold, now: datetime) -> _Headroom:
    """Read the limits that count a hold's use, as they are once it takes nothing any more.

    They are those of its terms, and those that came with a plan or a catalog since (C4).
    """
    own, moment = book.tally(request.customer, OWN), to_microseconds(now)
    tallies = request.tallies(book, without_hold(own, hold.id, now))
    agreed = {(limit.name, limit.only) for limit in limiting.limits_of(hold.terms, own, moment)}
    limits = [
        *limiting.limits_of(_terms_now(request, hold, own, now), own, moment),
        *limiting.limits_of(hold.terms, own, moment),
    ]
    meters: Sequence[limiting.Meter] = ()
    if limits:
        once = {(limit.name, limit.only): limit for limit in reversed(limits)}
        meters = limiting.meters(once.values(), tallies, moment, window_of, book)
    known = [meter for meter in meters if (meter.limit.name, meter.limit.only) in agreed]
    return _Headroom(own, tallies, meters, known)


def _terms_now(request: OnChargeHold, hold: ChargeHold, own: Tally, now: datetime) -> Terms:
    """Give the terms of a charge made now; those of the hold where there are none any more."""
    try:
        return replace(request, pinned=None).terms(own, now)
    except (Refusal, InvalidRequest):
        return hold.terms


def _warned(
    request: OnChargeHold,
    book: Book,
    hold: ChargeHold,
    room: _Headroom,
    taken: Sequence[limiting.Taken],
    now: int,
) -> tuple[Notice, ...]:
    """Tell of the thresholds that were crossed: what was held counted as used before (C6)."""
    amounts = {(c.meter.subject, c.meter.limit.name): c.amount for c in taken}
    changes = [
        Change(
            meter,
            meter.counter.used + limiting.held_of(room.own, meter.limit, meter.subject, now),
            meter.counter.used + meter.held + amounts.get((meter.subject, meter.limit.name), 0),
        )
        for meter in room.meters
    ]
    scene = Scene(request.customer, request.feature, hold.terms.scale, book.units)
    return warnings(changes, scene)


def _by_step(paid: Paid) -> tuple[Share, ...]:
    """Give each source one share for what it pays at one rate: what was held, and of the excess."""
    joined: dict[Step, Share] = {}
    for share, step in zip(paid.shares, paid.steps, strict=True):
        quantity, amount = share.quantity, share.amount
        if (before := joined.get(step)) is not None:
            quantity, amount = quantity + before.quantity, amount + before.amount
        joined[step] = share._replace(quantity=quantity, amount=amount)
    return tuple(joined.values())


def _further(overlay: Overlay, book: Book, paid: Paid, found: Divided) -> int:
    """Tell how much of the excess allowances paid."""
    shares = paid.shares[len(found.shares) :]
    if not shares:
        return 0
    consumed = [entry for entry in overlay.entries if entry.kind == "consume"]
    return included_of(book, consumed[0].after.customer, shares, consumed) if consumed else 0
