"""One metered call from its hold to its booking, whoever drives it: the steps that need the books.

It is written once; `call` drives it for threads and tasks. What it knows of the usage is
`progress`, what it writes `recording`.
"""

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tollkeeper.decisions.advancing import suffix
from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.errors import (
    CallExhausted,
    CallIsOver,
    Closed,
    IdempotencyConflict,
    InvalidRequest,
    Refusal,
    StillRunning,
    StoreError,
)
from tollkeeper.ids import new_id
from tollkeeper.ledger.ended_calls import ended_call
from tollkeeper.ledger.metered_calls import Known, NewCall, StoredCall
from tollkeeper.metering import pinning
from tollkeeper.metering.calls import sizing
from tollkeeper.metering.calls.counting import Pricing
from tollkeeper.metering.calls.meters import Meters
from tollkeeper.metering.calls.progress import Progress
from tollkeeper.metering.calls.recording import CALL, look_at, said_of
from tollkeeper.metering.calls.sizing import Size
from tollkeeper.metering.calls.terms import CallTerms
from tollkeeper.operations import set_aside
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import PlainDoor
from tollkeeper.store import metered_calls as store
from tollkeeper.values.amounts import format_amount, from_scaled
from tollkeeper.values.charges import ChargeReceipt
from tollkeeper.values.model_calls import CallOutcome
from tollkeeper.values.receipts import Receipt

logger = logging.getLogger("tollkeeper")

#: How often what is known of a stream is saved, at most.
SAVE_SECONDS: Final = 2.0
#: Where an extension is refused, smaller ones are tried: these parts of it.
PARTS: Final = (1, 2, 4, 8, 16)


class RunningCall:
    """A metered call under way. Its methods are steps: each takes a plain door."""

    def __init__(self, meters: Meters, terms: CallTerms) -> None:
        self._meters = meters
        self.terms = terms
        self._progress: Progress | None = None
        self.id = new_id(CALL)
        self.hold_id = ""
        #: What is held, and by how much it grows at least, at the feature's scale.
        self.held = 0
        self.slice = 1
        self.estimate = 1
        self.expires_at: datetime | None = None
        self.begun_at: datetime | None = None
        #: What the vendor answered to an earlier call under the key, as it was kept.
        self.replayed_body: str | None = None
        self.is_replayed = False
        self.outcome: CallOutcome | None = None
        self.receipt: ChargeReceipt | None = None
        #: What is to be kept of the answer for replays.
        self.answer: str | None = None
        self.is_cancelled = False
        self.is_booked = False
        self._saved_at: float | None = None
        self._is_refused = False

    @property
    def progress(self) -> Progress:
        """What is known of the call; only what was entered knows anything."""
        if self._progress is None:
            raise InvalidRequest("Enter the call first: with billing.metered(…) as call: …")
        return self._progress

    @property
    def pricing(self) -> Pricing:
        """How its usage is counted."""
        return self.progress.pricing

    @property
    def key(self) -> tuple[str, str]:
        """Name the call."""
        return self.terms.customer, self.id

    def open(self, door: PlainDoor) -> None:
        """Write the call down and hold for it; a call that was made already is not made again.

        Raises:
            StillRunning, CallIsOver, IdempotencyConflict: of the call that has the key.
            Refusal: nothing could be held; nothing is written then.
            InvalidRequest: it was entered before; what that counts goes on as it is.
        """
        if self._progress is not None:
            raise InvalidRequest("A metered call is entered once; make one for each call.")
        terms = self.terms
        self._progress = Progress(terms, self._meters.pricing(door, terms))
        asked = sizing.held_of(terms, self.pricing)
        size = self._size(door) if asked is None else None
        amount = size.p95 if size is not None else asked or 1
        self.estimate = size.p50 if size is not None else amount
        self.slice = sizing.slice_of(terms, self.pricing, amount)
        request = set_aside.hold(
            self._meters.recorder.desk(door),
            terms.customer,
            terms.feature,
            from_scaled(amount, self.pricing.scale),
            terms.lifetime,
            {
                "pay_from": terms.pay_from,
                "member": terms.member,
                "api_key": terms.api_key,
                "tags": terms.tags,
                "dimensions": self._dimensions(),
            },
        )
        self.hold_id = f"hld_{suffix(request.id)}"
        earlier = self._meters.recorder.claim(door, self._new())
        if earlier is not None:
            self._replay(door, earlier)
            return
        receipt = self._meters.recorder.hold(door, self.key, request)
        self.held, self.expires_at = amount, receipt.expires_at

    def go_on(self, door: PlainDoor) -> None:
        """Hold more where what was used comes near to what is held, and save what is known (B4).

        Raises:
            CallExhausted: no more can be held; the next slice must not be spent.
        """
        used = self.progress.counted().quantity or 0
        try:
            if self._needs(used):
                self._extend(door, used)
            self._save(door)
        except StoreError as error:
            if used >= self.held:
                raise
            logger.warning("The call %s could not be saved, it goes on: %s", self.id, error)

    def is_due(self) -> bool:
        """Tell whether `go_on` has anything to do."""
        if self.is_replayed:
            return False
        used = self.progress.counted().quantity or 0
        return self._needs(used) or self._is_unsaved()

    def end(self, door: PlainDoor, error: BaseException | None) -> None:
        """Book how the call ended; what the database cannot do now is done by a later run."""
        request = self.ending(self._meters.recorder.desk(door), error)
        if request is not None and not self.is_over(door.change_all([request])[0]):
            self.end_in_steps(door)

    def ending(
        self, desk: Desk, error: BaseException | None
    ) -> SettleCharge | ReleaseCharge | None:
        """Give the request that books how the call ended; None where nothing is to be booked."""
        if self.is_booked or self.is_replayed or not self.hold_id:
            return None
        if self.outcome is None:
            self.outcome = self._outcome(error)
        known, terms = self._known(self.outcome), self.terms
        told = replace(known, vendor=known.vendor or terms.vendor, model=known.model or terms.model)
        call = ended_call(self.id, told, self.outcome, self.answer)
        hold = (terms.customer, self.hold_id)
        return self._meters.recorder.ending(desk, hold, call, known.quantity or 0, self._excess())

    def is_over(self, answer: Receipt | BaseException) -> bool:
        """Take what the books answered; tell whether the call is over with it.

        It is not where its hold had ended before, or cannot end so: `end_in_steps` knows why.

        Raises:
            StoreError, Closed: the books could not be reached.
        """
        if isinstance(answer, StoreError | Closed):
            raise answer
        if isinstance(answer, BaseException) or answer.replayed:
            return False
        self.receipt = answer if isinstance(answer, ChargeReceipt) else None
        self.is_booked = True
        return True

    def end_in_steps(self, door: PlainDoor) -> None:
        """Write down how the call ended, then book it by its row."""
        outcome = self.outcome or "aborted"
        known = self._known(outcome)
        self.receipt = self._meters.recorder.end(door, self.key, known, outcome, self.answer)
        self.is_booked = True

    def _known(self, outcome: CallOutcome) -> Known:
        fallback = self.estimate if outcome != "failed_before_delivery" else 0
        return self.progress.known(fallback)

    def used(self) -> int:
        """Tell what was used by now, at the feature's scale."""
        return self.progress.counted().quantity or 0

    def _outcome(self, error: BaseException | None) -> CallOutcome:
        if self.is_cancelled:
            return "failed_before_delivery"
        outcome = self.progress.outcome(error)
        if outcome == "delivered" and not self.progress.has_begun:
            logger.warning(
                "The call %s ended and told no usage; the estimate is charged. Hand what the "
                "vendor answered to call.add or call.result, or say call.cancel().",
                self.id,
            )
        return outcome

    def _size(self, door: PlainDoor) -> Size:
        return self._meters.size(door, self.terms, self.pricing)

    def _dimensions(self) -> dict[str, str]:
        own = {"vendor": self.terms.vendor, "model": self.terms.model}
        return {n: v for n, v in own.items() if v is not None} | dict(self.terms.dimensions)

    def _new(self) -> NewCall:
        terms, now = self.terms, self._meters.ledger.clock.now()
        pinned = self.pricing.pinned
        self.begun_at = now
        return NewCall(
            key=self.key,
            idempotency_key=terms.idempotency_key,
            fingerprint=terms.fingerprint,
            feature=terms.feature,
            vendor=terms.vendor,
            model=terms.model,
            member=terms.member,
            hold_id=self.hold_id,
            said=said_of(terms.tags, terms.dimensions, self._excess(), terms.abandoned),
            rates=None if pinned is None else pinning.to_dict(pinned),
            estimate=self.estimate,
            created_at=now,
            look_at=look_at(now, terms.lifetime),
        )

    def _excess(self) -> str:
        """Say what becomes of more than was held; the vendor has delivered it by then (B2)."""
        usual = self._meters.ledger.prices.policy_terms.settle_beyond
        return self.terms.excess or ("cap" if usual == "cap" else "charge")

    def _replay(self, door: PlainDoor, earlier: StoredCall) -> None:
        """Answer from the call that has the key; the vendor is not asked again."""
        call = earlier.call
        self.hold_id = ""
        if earlier.fingerprint != self.terms.fingerprint:
            raise IdempotencyConflict(
                "The key belongs to another metered call; use another key.", call=call.id
            )
        if call.status == "open":
            self._progress = None  # whoever waits for that call enters this one again
            raise StillRunning(f"The call {call.id} under this key still runs.", call=call.id)
        database = self._meters.ledger.database
        body = door.read(lambda c: store.result_of(c, database, (call.customer, call.id)))
        if body is None:
            raise CallIsOver(
                f"The call {call.id} under this key is over, and its answer was not kept: give "
                "replay=True from the first time on, or another key.",
                call=call.id,
            )
        self.id, self.is_replayed, self.replayed_body = call.id, True, body
        self.outcome = "aborted" if call.outcome == "aborted" else "delivered"
        self.receipt = self._meters.recorder.book(door, (call.customer, call.id))

    def _needs(self, used: int) -> bool:
        if self._is_refused and used < self.held:
            return False
        return used + self.slice // 2 >= self.held or self._lives_short() is not None

    def _lives_short(self) -> timedelta | None:
        """Say how long the hold is to live on, where half of its time is over."""
        now, expires, begun = self._meters.ledger.clock.now(), self.expires_at, self.begun_at
        if expires is None or begun is None or now + self.terms.lifetime / 2 < expires:
            return None
        left = begun + self._meters.ledger.prices.policy_terms.hold_lifetime - now
        longer = min(self.terms.lifetime, left)
        return longer if now + longer > expires else None

    def _extend(self, door: PlainDoor, used: int) -> None:
        longer, wanted = self._lives_short(), 0
        if used + self.slice // 2 >= self.held:
            wanted = max(self.slice, used + self.slice - self.held)
        least = max(used - self.held, 1) if wanted else 0
        refusal: Refusal | None = None
        for part in PARTS if wanted else (1,):
            amount = max(wanted // part, least)
            try:
                receipt = self._meters.recorder.extend(door, self.key, self.hold_id, amount, longer)
            except Refusal as error:
                refusal = error
            else:
                self.held, self.expires_at = self.held + amount, receipt.expires_at
                self._is_refused, self._saved_at = False, None
                return
            if amount == least:
                break
        self._is_refused = True
        raise self._exhausted(used, refusal)

    def _exhausted(self, used: int, refusal: Refusal | None) -> CallExhausted:
        scale = self.pricing.scale
        left = format_amount(max(self.held - used, 0), scale)
        why = "" if refusal is None else f" {refusal.message}"
        return CallExhausted(
            f"No more could be held for this call; {left} {self.terms.feature} of it may still be "
            f"used.{why}",
            left=left,
            used=format_amount(used, scale),
            held=format_amount(self.held, scale),
            feature=self.terms.feature,
            customer=self.terms.customer,
            reason=None if refusal is None else refusal.code,
        )

    def _is_unsaved(self) -> bool:
        return self._saved_at is None or time.monotonic() >= self._saved_at + SAVE_SECONDS

    def _save(self, door: PlainDoor) -> None:
        if self.expires_at is None or not self._is_unsaved():
            return
        due = self.expires_at - self.terms.lifetime / 10
        self._meters.recorder.save(door, self.key, self.progress.known(), due)
        self._saved_at = time.monotonic()
