"""A small history in which everything happens that the audit knows of, by the front door."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.values.receipts import Receipt

START = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
#: Everybody in the history; each has one account.
CUSTOMERS = ("ann", "bob", "cyd", "dan", "eve", "fay", "gil", "hal", "ian")
UNIT = "api_calls"


def write(billing: Billing, clock: FixedClock) -> None:
    """Write the books of a few customers, each for the sake of some laws."""
    for tell in (_ann_and_bob, _cyd, _dan, _eve, _fay, _gil, _hal_and_ian):
        tell(billing, clock)
        clock.advance(minutes=1)


def _ann_and_bob(billing: Billing, clock: FixedClock) -> None:
    """Ann has grants of every kind and an open hold, and gives some to Bob."""
    room = billing.credits
    for amount, source, expires, features in (
        (100, "purchase", None, ()),
        (50, "promotion", JULY, ()),
        (20, "promotion", None, ("chat",)),
    ):
        room.grant("ann", UNIT, amount, source=source, expires_at=expires, features=features)
        clock.advance(minutes=1)
    room.grant("ann", UNIT, 10, effective_at=JULY)
    clock.advance(minutes=1)
    room.consume("ann", UNIT, 30, idempotency_key="k1")
    clock.advance(minutes=1)
    hold = room.hold("ann", UNIT, 40)
    room.settle("ann", hold, 25, idempotency_key="s1", reason="tokens", actor="worker")
    clock.advance(minutes=1)
    room.hold("ann", UNIT, 10, lifetime=timedelta(hours=20))
    room.transfer("ann", UNIT, 5, to="bob", idempotency_key="t1")
    clock.advance(minutes=1)
    room.consume("bob", UNIT, 2)


def _cyd(billing: Billing, clock: FixedClock) -> None:
    """Cyd owes: by a call's own limit, by an adjustment, by an extended hold."""
    room = billing.credits
    room.grant("cyd", UNIT, 10)
    room.consume("cyd", UNIT, 15, overdraft=10)
    room.adjust("cyd", UNIT, -5, reason="a mistake", actor="operator")
    room.set_overdraft("cyd", UNIT, 20)
    hold = room.hold("cyd", UNIT, 3)
    room.extend("cyd", hold, 4)
    room.release("cyd", hold)
    hold = room.hold("cyd", UNIT, 3)
    room.extend("cyd", hold, 4)
    room.settle("cyd", hold)
    room.set_balance("cyd", UNIT, Decimal(-17), idempotency_key="nothing to do")


def _dan(billing: Billing, clock: FixedClock) -> None:
    """Dan has grants that time touched, and a hold that lapsed and was settled late."""
    room, now = billing.credits, clock.now()
    room.grant("dan", UNIT, 10, expires_at=now + timedelta(hours=1))
    room.grant("dan", UNIT, 20, effective_at=now + timedelta(hours=1))
    room.grant("dan", UNIT, 30)
    hold = room.hold("dan", UNIT, 15)
    clock.advance(hours=2)
    billing.jobs.run_due()
    room.settle("dan", hold, 12)


def _eve(billing: Billing, clock: FixedClock) -> None:
    """Eve has spent everything."""
    billing.credits.grant("eve", UNIT, 5)
    clock.advance(minutes=1)
    billing.credits.consume("eve", UNIT, 5)


def _fay(billing: Billing, clock: FixedClock) -> None:
    """Fay's hold draws from two grants and is given back."""
    room = billing.credits
    room.grant("fay", UNIT, 10, source="promotion")
    room.grant("fay", UNIT, 10, source="purchase")
    hold = room.hold("fay", UNIT, 12)
    room.release("fay", hold)
    room.consume("fay", UNIT, 12)


def _gil(billing: Billing, clock: FixedClock) -> None:
    """Gil's payment is undone after he has owed again: debt passes his limit, marked."""
    room = billing.credits
    room.set_overdraft("gil", UNIT, 5)
    room.consume("gil", UNIT, 5)
    paid: Receipt = room.grant("gil", UNIT, 5, source="purchase")
    room.consume("gil", UNIT, 5)
    room.reverse("gil", paid)


def _hal_and_ian(billing: Billing, clock: FixedClock) -> None:
    """Hal, who owes, becomes one with Ian, whose limit is lower: debt passes it, marked."""
    room = billing.credits
    room.consume("hal", UNIT, 5, overdraft=5)
    room.grant("hal", UNIT, 3, features=["chat"])
    room.set_overdraft("ian", UNIT, 2)
    billing.customers.merge("hal", into="ian")
