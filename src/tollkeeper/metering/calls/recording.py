"""The steps of a metered call over a plain door: claim, hold, extend, save, book. Owns their order.

A step that fails leaves the call's row as it was before, and the row always tells enough for
somebody else to go on: a call is written down before anything is held for it, and what it used
before that is booked. Every step may be repeated.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Connection

from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.decisions.ended_calls import EndedCall
from tollkeeper.decisions.setting_aside import HoldCharge
from tollkeeper.errors import (
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    Refusal,
)
from tollkeeper.ledger import charge_holds, metered_calls
from tollkeeper.ledger.catalogs import knowing
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.metered_calls import Key, Known, NewCall, StoredCall, stored_from
from tollkeeper.operations import set_aside
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import Door, PlainDoor, plain
from tollkeeper.operations.metering import scale_of
from tollkeeper.store import metered_calls as store
from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt
from tollkeeper.values.model_calls import CallOutcome

logger = logging.getLogger("tollkeeper")

#: What the ids of metered calls begin with.
CALL: Final = "cal"
#: How long whoever ends a call has to book it, before a job does.
BOOKING: Final = timedelta(seconds=30)


def look_at(begun: datetime, lifetime: timedelta) -> datetime:
    """Say when a job looks after a call: before its hold lapses, so that the hold still pays."""
    return begun + lifetime - lifetime / 10


@dataclass(frozen=True, slots=True)
class Recorder:
    """Does the steps of calls for one ledger."""

    ledger: Ledger

    def desk(self, door: PlainDoor) -> Desk:
        """Give what requests are made with: a step is on a thread that may read what it needs."""
        return Desk(cast("Door", door), self.ledger)

    def claim(self, door: PlainDoor, new: NewCall) -> StoredCall | None:
        """Write a call down; give the call that has its key already, if there is one."""
        database = self.ledger.database

        def work(connection: Connection) -> StoredCall | None:
            if metered_calls.begin(connection, database, new):
                return None
            assert new.idempotency_key is not None
            row = store.by_key(connection, database, new.key[0], new.idempotency_key)
            return None if row is None else self._stored(connection, row)

        return door.transact(work)

    def hold(self, door: PlainDoor, key: Key, request: HoldCharge) -> ChargeHoldReceipt:
        """Hold for a call that was written down; where it is refused nothing is left of it."""
        try:
            receipt: ChargeHoldReceipt = plain(door.change_all([request])[0])
        except (Refusal, InvalidRequest, NotFound):
            self.forget(door, key)
            raise
        return receipt

    def forget(self, door: PlainDoor, key: Key) -> None:
        """Delete a call for which nothing is held."""
        door.transact(lambda connection: store.forget(connection, self.ledger.database, key))

    def extend(
        self, door: PlainDoor, key: Key, hold: str, quantity: int, lifetime: timedelta | None
    ) -> ChargeHoldReceipt:
        """Let a call's hold grow, or live on."""
        desk = self.desk(door)
        request = set_aside.extend(desk, key[0], hold, 0, lifetime, {}, scaled=quantity)
        receipt: ChargeHoldReceipt = plain(door.change_all([request])[0])
        return receipt

    def save(self, door: PlainDoor, key: Key, known: Known, due: datetime) -> None:
        """Keep what is known of a call that goes on."""
        database = self.ledger.database
        door.transact(lambda c: metered_calls.save(c, database, key, known, due))

    def ending(
        self, desk: Desk, hold: tuple[str, str], call: EndedCall, quantity: int, excess: str
    ) -> SettleCharge | ReleaseCharge:
        """Make the request that ends a call's hold and closes its row in one transaction."""
        customer, name = hold
        if call.outcome == "failed_before_delivery":
            return replace(set_aside.release(desk, customer, name, {}), call=call)
        made = set_aside.settle(desk, customer, name, None, excess, {}, scaled=quantity)
        return replace(made, call=call)

    def end(
        self, door: PlainDoor, key: Key, known: Known, outcome: CallOutcome, answer: str | None
    ) -> ChargeReceipt | None:
        """Write down how a call ended, then book it; give the receipt of what was charged.

        These are the steps of a call that `ending` could not end at once.
        """
        database, now = self.ledger.database, self.ledger.clock.now()

        def work(connection: Connection) -> bool:
            is_mine = metered_calls.end(connection, database, key, known, outcome, now + BOOKING)
            if is_mine and answer is not None:
                store.put_result(connection, database, key, answer, now)
            return is_mine

        if not door.transact(work):
            self._tell_too_late(door, key, known)
        return self.book(door, key)

    def _tell_too_late(self, door: PlainDoor, key: Key, known: Known) -> None:
        """Say that a call was taken for dead while it ran: its own numbers are not booked."""
        stored = self.read(door, key)
        if stored is not None and "abandoned" in stored.call.marks:
            logger.warning(
                "The call %s took longer than its lifetime and was booked before it ended; it used "
                "%s, at its feature's scale. Give such calls a longer lifetime.",
                key[1],
                known.quantity,
            )

    def book(self, door: PlainDoor, key: Key) -> ChargeReceipt | None:
        """Settle or release a call that has ended, by its row alone; once, whoever does it."""
        stored = self.read(door, key)
        if stored is None or stored.call.status == "open":
            return None
        if stored.call.status in ("settled", "released"):
            return self._replayed(door, stored)
        if stored.call.outcome == "failed_before_delivery":
            self._release(door, stored)
            return None
        return self._settle(door, stored)

    def read(self, door: PlainDoor, key: Key) -> StoredCall | None:
        """Read a call."""
        database = self.ledger.database

        def query(connection: Connection) -> StoredCall | None:
            row = store.by_id(connection, database, key)
            return None if row is None else self._stored(connection, row)

        return door.read(query)

    def has_hold(self, door: PlainDoor, stored: StoredCall) -> bool:
        """Tell whether anything was ever held for a call."""
        name = [(stored.call.customer, stored.call.hold_id)]
        database = self.ledger.database
        return bool(door.read(lambda connection: charge_holds.read(connection, database, name)))

    def _settle(self, door: PlainDoor, stored: StoredCall) -> ChargeReceipt | None:
        call = stored.call
        key, quantity = (call.customer, call.id), stored.saved
        scaled = stored.estimate if quantity is None else quantity
        try:
            receipt = self._settled(door, stored, scaled)
        except IdempotencyConflict:  # somebody settled the hold by hand; that stands
            receipt = self._settled(door, stored, None)
        except (HoldClosed, HoldNotFound) as error:
            logger.warning("The call %s is not charged: %s", call.id, error.message)
            self._note_release(door, key, None)
            return None
        marks = metered_calls.marks_with(call.marks, receipt)
        database, now = self.ledger.database, self.ledger.clock.now()
        prices = self.ledger.prices
        door.transact(lambda c: metered_calls.settle(c, database, key, receipt, marks, prices, now))
        return receipt

    def _settled(self, door: PlainDoor, stored: StoredCall, scaled: int | None) -> ChargeReceipt:
        call, excess = stored.call, stored.said.get("excess", "charge")
        request = set_aside.settle(
            self.desk(door), call.customer, call.hold_id, None, excess, {}, scaled=scaled
        )
        receipt: ChargeReceipt = plain(door.change_all([request])[0])
        return receipt

    def _replayed(self, door: PlainDoor, stored: StoredCall) -> ChargeReceipt | None:
        """Give the receipt of a call that was booked already."""
        return self._settled(door, stored, None) if stored.call.status == "settled" else None

    def _release(self, door: PlainDoor, stored: StoredCall) -> None:
        call = stored.call
        operation: str | None = None
        try:
            request = set_aside.release(self.desk(door), call.customer, call.hold_id, {})
            operation = plain(door.change_all([request])[0]).operation_id
        except (HoldClosed, HoldNotFound) as error:
            logger.debug("Nothing is released for the call %s: %s", call.id, error.message)
        self._note_release(door, (call.customer, call.id), operation)

    def _note_release(self, door: PlainDoor, key: Key, operation: str | None) -> None:
        database, now = self.ledger.database, self.ledger.clock.now()
        door.transact(lambda c: metered_calls.release(c, database, key, operation, now))

    def _stored(self, connection: Connection, row: Any) -> StoredCall:
        prices = knowing(self.ledger, connection, [row.feature])
        return stored_from(row, scale_of(prices, row.feature))


def said_of(
    tags: tuple[str, ...], dimensions: Mapping[str, str], excess: str, abandoned: str
) -> dict[str, Any]:
    """Say what a call's row keeps of what its caller said, without what is usual."""
    told = {
        "tags": list(tags),
        "dimensions": dict(dimensions),
        "excess": excess if excess != "charge" else None,
        "abandoned": abandoned if abandoned != "estimate" else None,
    }
    return {name: value for name, value in told.items() if value}
