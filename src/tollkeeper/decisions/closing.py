"""How a charge hold ends: settled at what was used, or released (B1-B3, B5). Pure.

What was held pays first, at the pinned terms, source by source; an excess goes through the
waterfall as it is now, and what nobody can pay is recorded as unpaid: the full usage always is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from tollkeeper.decisions import limiting
from tollkeeper.decisions.advancing import returned_facts, suffix
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.charging import told
from tollkeeper.decisions.counting import (
    Counting,
    changed_tallies,
    included_by,
    included_of,
    parts_of,
    priced_before,
)
from tollkeeper.decisions.ended_calls import EndedCall
from tollkeeper.decisions.holds import Drawn, Hold, give_back, split
from tollkeeper.decisions.overlay import Overlay
from tollkeeper.decisions.paying import Paid, divided_as_far, entries_of
from tollkeeper.decisions.requests import Book, GrantFact, Hour, Outcome
from tollkeeper.decisions.setting_aside import OnChargeHold, closed_already, open_parts, reheld
from tollkeeper.decisions.settling import returned
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.decisions.warning import Change, Scene, warnings
from tollkeeper.decisions.waterfall import (
    Divided,
    Rated,
    Source,
    amounts_by_unit,
    divide,
    summed,
)
from tollkeeper.decisions.windows import window_of
from tollkeeper.errors import IdempotencyConflict, InsufficientBalance
from tollkeeper.notices import Notice
from tollkeeper.values.amounts import format_amount
from tollkeeper.values.moments import to_microseconds


class _Used(NamedTuple):
    """What of a hold was used, and how much of it allowances had given, by unit."""

    found: Divided
    included: int


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
        used, held = format_amount(self.quantity, scale), format_amount(hold.quantity, scale)
        raise InsufficientBalance(
            f"{used} {self.feature} used, {held} held; the excess is refused.",
            available=held,
            required=used,
            unit=self.feature,
            customer=self.customer,
        )

    def _settled(self, book: Book, hold: ChargeHold, now: datetime) -> Outcome:
        overlay, moment = Overlay(book), to_microseconds(now)
        own = book.tally(self.customer, OWN)
        tallies = self._tallies_without(book, own, hold, now)
        before = priced_before(own, hold.terms, moment)
        parts = open_parts(book, hold)
        covered = min(self.quantity, hold.quantity) if hold.is_open_at(now) else 0
        used, made = _use(self, overlay, hold, parts, covered, before, now)
        paid = self._excess(overlay, hold, used.found, covered, before)
        included = used.included + _further(overlay, book, paid, used.found)
        meters = self._meters(book, tallies, hold, moment)
        taken = limiting.demands(meters, self.quantity, amounts_by_unit(paid.shares))
        counting = Counting(self, hold.terms, paid, parts_of(paid, included), taken)
        # What used nothing is no use: an event of quantity 0 would take one back.
        changed, over = tuple(tallies.values()), tuple[Hour, ...]()
        if self.quantity:
            changed, over = changed_tallies(counting, tallies, moment)
        result = told(self, hold.terms, paid.shares) | {"hold": hold.id}
        if paid.unpaid:
            result["unpaid"] = paid.unpaid
        if not hold.is_open_at(now):
            result["late"] = True
        closed = hold.closed("settled", now, self.id, self.quantity)
        return Outcome(
            tuple(overlay.entries),
            made=made,
            holds=tuple([part.closed("settled", now, self.id) for part in parts.values()]),
            result=result,
            notices=self._warned(book, hold, meters, taken, moment),
            tallies=changed,
            uses=(counting.use(now),) if self.quantity else (),
            hours=over,
            charge_holds=(closed,),
        )

    def _warned(
        self,
        book: Book,
        hold: ChargeHold,
        meters: Sequence[limiting.Meter],
        taken: Sequence[limiting.Taken],
        now: int,
    ) -> tuple[Notice, ...]:
        """Tell of the thresholds that were crossed: what was held counted as used before (C6)."""
        amounts = {(c.meter.subject, c.meter.limit.name): c.amount for c in taken}
        before = self.tallies(book, book.tally(self.customer, OWN))
        changes = [
            Change(
                meter,
                meter.counter.used + before[meter.subject].held_of(meter.limit.name, now),
                meter.counter.used + meter.held + amounts.get((meter.subject, meter.limit.name), 0),
            )
            for meter in meters
        ]
        scene = Scene(self.customer, self.feature, hold.terms.scale, book.units)
        return warnings(changes, scene)

    def _excess(
        self,
        overlay: Overlay,
        hold: ChargeHold,
        found: Divided,
        covered: int,
        before: Rated,
    ) -> Paid:
        """Let the waterfall pay what the hold does not cover, as far as the policy says."""
        excess = self.quantity - covered + found.unpaid
        if not excess or (self.excess == "cap" and hold.quantity):
            return Paid(found.shares, found.rated, frozenset(), found.steps, excess)
        earlier = summed(before, found.rated)
        more = divided_as_far(overlay, self, hold.terms, excess, excess, earlier)
        overlay.add(*entries_of(overlay, self, more))
        return Paid(
            (*found.shares, *more.shares),
            summed(found.rated, more.rated),
            more.overdrawn,
            (*found.steps, *more.steps),
            more.unpaid,
        )

    def _tallies_without(
        self, book: Book, own: Tally, hold: ChargeHold, now: datetime
    ) -> dict[str, Tally]:
        """Give the tallies as they are once the hold takes no more headroom."""
        found = self.tallies(book, own)
        return {subject: reheld(tally, hold.id, None, now) for subject, tally in found.items()}

    def _meters(
        self, book: Book, tallies: Mapping[str, Tally], hold: ChargeHold, now: int
    ) -> Sequence[limiting.Meter]:
        limits = limiting.limits_of(hold.terms, tallies[OWN], now)
        return limiting.meters(limits, tallies, now, window_of, book)


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
        _, made = _use(self, overlay, hold, parts, 0, {}, now)
        tallies = self.tallies(book, book.tally(self.customer, OWN))
        return Outcome(
            tuple(overlay.entries),
            made=made,
            holds=tuple([part.closed("released", now, self.id) for part in parts.values()]),
            result={"hold": hold.id, "status": "released"},
            tallies=tuple([reheld(tally, hold.id, None, now) for tally in tallies.values()]),
            charge_holds=(hold.closed("released", now, self.id),),
        )


def _use(
    request: OnChargeHold,
    overlay: Overlay,
    hold: ChargeHold,
    parts: Mapping[tuple[str, str], Hold],
    covered: int,
    before: Rated,
    now: datetime,
) -> tuple[_Used, tuple[GrantFact, ...]]:
    """Use what was held up to a quantity, and return the rest, account by account."""
    found = _divided(hold, parts, covered, before)
    amounts = amounts_by_unit([share for share in found.shares if share.kind != "usage"])
    drawn: dict[str, int] = {}
    made: list[GrantFact] = []
    kind = "settle" if covered else "release"
    for number, ((_, unit), part) in enumerate(parts.items()):
        used, rest = split(part.drawn, amounts.get(unit, 0))
        account = overlay.account(hold.customer, unit)
        name = f"{suffix(request.id)}_{number}" if number else suffix(request.id)
        back = give_back(account, rest, used, name=name, now=now)
        overlay.add(*returned(account, kind, back, now)[1])
        made += returned_facts(part, back.made)
        if given := _by_allowance(used):
            drawn[unit] = given
    return _Used(found, included_by(found.shares, drawn)), tuple(made)


def _divided(
    hold: ChargeHold,
    parts: Mapping[tuple[str, str], Hold],
    covered: int,
    before: Rated,
) -> Divided:
    """Divide a quantity among the parts of a hold; one whose ledger's hold is gone pays nothing."""
    there = {part.id for part in parts.values()}
    sources = [
        Source(part.step, None if part.step.kind == "usage" else part.amount)
        for part in hold.parts
        if part.hold in there or part.step.kind == "usage" or not part.amount
    ]
    return divide(covered, sources, before=before)


def _by_allowance(used: Sequence[Drawn]) -> int:
    return sum(part.amount for part in used if part.grant is not None and part.grant.included)


def _further(overlay: Overlay, book: Book, paid: Paid, found: Divided) -> int:
    """Tell how much of the excess allowances paid."""
    shares = paid.shares[len(found.shares) :]
    if not shares:
        return 0
    consumed = [entry for entry in overlay.entries if entry.kind == "consume"]
    return included_of(book, consumed[0].after.customer, shares, consumed) if consumed else 0
