"""Idempotency (law 5): the same key gives the first answer, byte for byte, or a conflict."""

import asyncio
import decimal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.ledger.shown import kinds, numbers
from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.catalog.terms import PolicyTerms
from tollkeeper.catalog.unwritten import Unwritten
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.requests import Request
from tollkeeper.errors import (
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    NotReversible,
)
from tollkeeper.operations import correcting, making
from tollkeeper.operations.calls import Options, fingerprint_of
from tollkeeper.operations.credits import Credits
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.units import credits_unit

Verb = Callable[[Credits, str, str], Receipt]

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTE: dict[str, Any] = {"reason": "a mistake of ours", "actor": "ann"}


def _grant(room: Credits, name: str, key: str) -> Receipt:
    return room.grant(
        name,
        "calls",
        "12.5",
        source="purchase",
        source_id="order 7",
        expires_at=JUNE,
        cost_basis=Money("9.00", "usd"),
        features=["chat", "image"],
        metadata={"order": 7},
        idempotency_key=key,
    )


def _extend(room: Credits, name: str, key: str) -> Receipt:
    held = room.hold(name, "calls", 10, idempotency_key="made before")
    return room.extend(name, held, 5, idempotency_key=key)


def _settle(room: Credits, name: str, key: str) -> Receipt:
    held = room.hold(name, "calls", 10, idempotency_key="made before")
    return room.settle(name, held, "12.25", idempotency_key=key)


def _settle_short(room: Credits, name: str, key: str) -> Receipt:
    held = room.hold(name, "calls", 10, idempotency_key="made before")
    return room.settle(name, held, 2000, idempotency_key=key)


def _release(room: Credits, name: str, key: str) -> Receipt:
    held = room.hold(name, "calls", 10, idempotency_key="made before")
    return room.release(name, held, idempotency_key=key)


def _reverse(room: Credits, name: str, key: str) -> Receipt:
    spent = room.consume(name, "calls", 10, idempotency_key="made before")
    return room.reverse(name, spent, idempotency_key=key)


def _undo_transfer(room: Credits, name: str, key: str) -> Receipt:
    moved = room.transfer(name, "calls", 10, to=f"{name}_b", idempotency_key="made before")
    return room.reverse(name, moved, idempotency_key=key)


def _revoke_one(room: Credits, name: str, key: str) -> Receipt:
    given = room.grant(name, "calls", 10, idempotency_key="made before")
    return room.revoke(name, "calls", grant=given.grant_id, idempotency_key=key)


VERBS: dict[str, Verb] = {
    "grant": _grant,
    "consume": lambda room, name, key: room.consume(name, "calls", 3, idempotency_key=key),
    "consume on overdraft": lambda room, name, key: room.consume(
        name, "calls", 1010, feature="chat", overdraft="unlimited", idempotency_key=key
    ),
    "hold": lambda room, name, key: room.hold(name, "calls", "0.000001", idempotency_key=key),
    "extend": _extend,
    "settle": _settle,
    "settle short": _settle_short,
    "release": _release,
    "revoke": lambda room, name, key: room.revoke(name, "calls", 7, idempotency_key=key),
    "revoke all": lambda room, name, key: room.revoke(name, "calls", idempotency_key=key),
    "revoke one": _revoke_one,
    "revoke everything": lambda room, name, key: room.revoke(name, idempotency_key=key),
    "revoke nothing": lambda room, name, key: room.revoke(f"{name}_c", idempotency_key=key),
    "adjust": lambda room, name, key: room.adjust(
        name, "calls", "-0.5", idempotency_key=key, **NOTE
    ),
    "adjust up": lambda room, name, key: room.adjust(name, "calls", 5, idempotency_key=key, **NOTE),
    "set_balance": lambda room, name, key: room.set_balance(name, "calls", -5, idempotency_key=key),
    "set_balance to the same": lambda room, name, key: room.set_balance(
        name, "calls", 1000, idempotency_key=key, **NOTE
    ),
    "set_overdraft": lambda room, name, key: room.set_overdraft(
        name, "calls", "unlimited", idempotency_key=key
    ),
    "transfer": lambda room, name, key: room.transfer(
        name, "calls", 10, to=f"{name}_b", idempotency_key=key
    ),
    "reverse": _reverse,
    "reverse a transfer": _undo_transfer,
}


def through(
    url: str, engine: Engine, clock: FixedClock, call: Callable[[Credits], Receipt]
) -> list[Receipt]:
    """Make a call as another process would, and inside a host's transaction."""
    with Billing(url, clock=clock) as other:
        receipts = [call(other.credits)]
        with engine.begin() as connection:
            receipts.append(call(other.using(connection).credits))
    return receipts


@pytest.mark.parametrize("verb", VERBS)
def test_s019_s023_a_replay_is_equal_byte_for_byte(
    billing: Billing,
    books_url: str,
    engine: Engine,
    clock: FixedClock,
    customer: str,
    verb: str,
) -> None:
    """For every verb, through every door, though the balance, the clock and the hold moved on."""
    billing.credits.grant(customer, "calls", 1000)
    first = VERBS[verb](billing.credits, customer, "key")
    assert not first.replayed
    text = first.to_json()
    clock.advance(days=3)
    billing.credits.set_overdraft(customer, "calls", None)
    billing.credits.set_balance(customer, "calls", 0)
    written = kinds(billing, customer)
    again = VERBS[verb](billing.credits, customer, "key")
    others = through(books_url, engine, clock, lambda room: VERBS[verb](room, customer, "key"))
    for receipt in (again, *others):
        assert receipt.replayed
        assert receipt.to_json() == text
        assert receipt == first
    assert kinds(billing, customer) == written


def test_a_task_gets_the_same_answer(
    billing: Billing, books_url: str, clock: FixedClock, customer: str
) -> None:
    """What a thread was answered, a task is answered again."""
    first = billing.credits.grant(customer, "calls", 10, idempotency_key="key")

    async def replay() -> Receipt:
        async with AsyncBilling(books_url, clock=clock) as other:
            again = await other.credits.grant(customer, "calls", 10, idempotency_key="key")
            with pytest.raises(IdempotencyConflict):
                await other.credits.consume(customer, "calls", 10, idempotency_key="key")
            return again

    assert asyncio.run(replay()).to_json() == first.to_json()


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"revoke nothing"}))
def test_s020_the_same_key_with_another_request_is_a_conflict(
    billing: Billing, customer: str, verb: str
) -> None:
    """Whether that other request would be accepted, refused, or answered without a change."""
    room = billing.credits
    room.grant(customer, "calls", 1000)
    VERBS[verb](room, customer, "key")
    room.set_balance(customer, "calls", 0)
    held = room.hold(customer, "calls", 5, overdraft=5)
    settled = room.hold(customer, "calls", 5, overdraft=20)
    room.settle(customer, settled)
    written = kinds(billing, customer)
    others: list[Callable[[], Any]] = [
        lambda: room.grant(customer, "calls", 77, idempotency_key="key"),
        lambda: room.consume(customer, "calls", 777, idempotency_key="key"),
        lambda: room.try_consume(customer, "calls", 777, idempotency_key="key"),
        lambda: room.settle(customer, held, 4, idempotency_key="key"),
        lambda: room.settle(customer, settled, 5, idempotency_key="key"),
        lambda: room.release(customer, settled, idempotency_key="key"),
        lambda: room.set_balance(customer, "calls", -10, idempotency_key="key"),
    ]
    for call in others:
        with pytest.raises(IdempotencyConflict) as conflict:
            call()
        assert conflict.value.code == "idempotency_conflict"
        assert conflict.value.idempotency_key == "key"
    assert kinds(billing, customer) == written


def test_s020_a_key_that_was_only_answered_again_is_used_too(
    billing: Billing, customer: str
) -> None:
    """A settle, release or reverse that had happened before: its new key means nothing else now."""
    room = billing.credits
    room.grant(customer, "calls", 1000)
    held, freed = room.hold(customer, "calls", 5), room.hold(customer, "calls", 5)
    spent = room.consume(customer, "calls", 7)
    repeated: dict[str, Callable[[str], Receipt]] = {
        "settle": lambda key: room.settle(customer, held, 4, idempotency_key=key),
        "release": lambda key: room.release(customer, freed, idempotency_key=key),
        "reverse": lambda key: room.reverse(customer, spent, idempotency_key=key),
        "transfer": lambda key: room.transfer(
            customer, "calls", 1, to=f"{customer}_b", idempotency_key=key
        ),
    }
    moved = repeated.pop("transfer")("moved")
    repeated["reverse a transfer"] = lambda key: room.reverse(customer, moved, idempotency_key=key)
    for name, again in repeated.items():
        first = again(f"{name} 1")
        for key in (f"{name} 1", f"{name} 2", f"{name} 2", f"{name} 3"):
            answer = again(key)
            assert answer.replayed
            assert answer.to_json() == first.to_json()
        for key in (f"{name} 1", f"{name} 2", f"{name} 3"):
            with pytest.raises(IdempotencyConflict):
                room.consume(customer, "calls", 1, idempotency_key=key)
    assert room.balance(customer, "calls").available == 996
    assert billing.books.audit().findings == ()


def test_s021_a_key_belongs_to_its_customer(billing: Billing, customer: str) -> None:
    """Another customer may use the same key for anything."""
    first = billing.credits.grant(customer, "calls", 10, idempotency_key="key")
    second = billing.credits.grant(f"{customer}_b", "calls", 20, idempotency_key="key")
    assert not second.replayed
    assert first.operation_id != second.operation_id


def test_one_request_may_be_written_in_many_ways(billing: Billing, customer: str) -> None:
    """Equal amounts and moments are the same request; what is not about money is no part of it."""
    room = billing.credits
    ways: list[dict[str, Any]] = [
        {"amount": 12, "expires_at": JUNE},
        {"amount": "12.0", "expires_at": JUNE.astimezone(timezone(timedelta(hours=5)))},
        {"amount": Decimal("1.2e1"), "expires_at": JUNE, "reason": "why", "metadata": {"a": 1}},
    ]
    receipts = [
        room.grant(customer, "calls", way.pop("amount"), idempotency_key="key", **way)
        for way in ways
    ]
    assert [receipt.replayed for receipt in receipts] == [False, True, True]
    held = room.hold(customer, "calls", 10)
    settles = [
        room.settle(customer, held, amount, idempotency_key="settled")
        for amount in (2, "2.00", Decimal("0.2e1"))
    ]
    assert [receipt.replayed for receipt in settles] == [False, True, True]
    assert numbers(billing, customer) == (10, 0, 0, 0)


def test_a_hosts_decimal_context_makes_no_two_requests_equal(
    billing: Billing, customer: str
) -> None:
    """A context of two digits would make 123 and 124 the same number."""
    room = billing.credits
    room.grant(customer, "calls", 1000)
    held = room.hold(customer, "calls", 500)
    with decimal.localcontext(prec=2):
        room.settle(customer, held, 123, idempotency_key="key")
        assert room.settle(customer, held, "123.0", idempotency_key="key").replayed
        with pytest.raises(IdempotencyConflict):
            room.settle(customer, held, 124, idempotency_key="key")
    assert numbers(billing, customer) == (877, 0, 0, 0)


def test_a_refusal_is_not_remembered(billing: Billing, customer: str) -> None:
    """After a top-up the same request under the same key succeeds."""
    room = billing.credits
    spent = room.grant(customer, "calls", 5)
    room.consume(customer, "calls", 1)
    with pytest.raises(InsufficientBalance):
        room.consume(customer, "calls", 6, idempotency_key="spend")
    with pytest.raises(NotReversible):
        room.reverse(customer, spent, idempotency_key="undo")
    attempt = room.try_consume(customer, "calls", 6, idempotency_key="spend")
    assert not attempt.success
    room.grant(customer, "calls", 100)
    attempt = room.try_consume(customer, "calls", 6, idempotency_key="spend")
    assert attempt.success
    assert attempt.receipt is not None
    replay = room.consume(customer, "calls", 6, idempotency_key="spend")
    assert replay.to_json() == attempt.receipt.to_json()


def test_a_key_that_a_host_rolled_back_is_free(
    billing: Billing, engine: Engine, customer: str
) -> None:
    """It may then be used for another request."""
    with engine.connect() as connection:
        billing.using(connection).credits.grant(customer, "calls", 5, idempotency_key="key")
        connection.rollback()
    assert not billing.credits.grant(customer, "calls", 6, idempotency_key="key").replayed
    assert numbers(billing, customer) == (6, 0, 0, 0)


def test_of_sixty_four_callers_with_one_key_one_is_first(billing: Billing, customer: str) -> None:
    """All get the same answer, from one batch or from several; one operation is written."""
    room = billing.credits
    room.grant(customer, "calls", 10)

    def spend(_: int) -> Receipt:
        return room.consume(customer, "calls", 10, idempotency_key="key")

    with ThreadPoolExecutor(64) as threads:
        receipts = list(threads.map(spend, range(64)))
    assert len({receipt.to_json() for receipt in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert kinds(billing, customer) == ["grant", "consume"]


def test_a_fingerprint_tells_what_the_caller_said() -> None:
    """Never what we filled in: a version with other defaults must not make a repeat a conflict."""
    calls, key = credits_unit("calls"), Options(idempotency_key="key")
    policies = PolicyTerms(settle_beyond="cap", hold_lifetime=2 * HOUR)
    names = ("source_id", "priority", "paid", "effective_at", "expires_at", "cost_basis")
    facts: dict[str, Any] = dict.fromkeys(names) | {
        "features": (),
        "options": key,
        "policies": policies,
    }
    said: dict[tuple[object, ...], Request] = {
        ("hold", "calls", 5, None, None, None): making.hold(
            "a", calls, 5, None, None, None, key, policies
        ),
        ("hold", "calls", 5, None, None, HOUR): making.hold(
            "a", calls, 5, HOUR, None, None, key, policies
        ),
        ("settle", "hld_1", None, None, None): making.settle(
            "a", "hld_1", None, None, key, policies
        ),
        ("settle", "hld_1", None, None, "charge"): making.settle(
            "a", "hld_1", None, "charge", key, policies
        ),
        ("reverse", "op_1", None): correcting.reverse("a", "op_1", None, key, Unwritten()),
        ("reverse", "op_1", "expire"): correcting.reverse("a", "op_1", "expire", key, Unwritten()),
    }
    for named in (None, "deposit"):
        asked = ("grant", "calls", 5, named, None, None, None, None, None, ())
        made = [
            making.grant("a", calls, 5, source=named, usual_source=usual_source, **facts)
            for usual_source in ("promotion", "deposit")
        ]
        assert {request.fingerprint for request in made} == {fingerprint_of(asked)}
    for parts, request in said.items():
        assert request.fingerprint == fingerprint_of(parts)


def test_what_is_not_named_has_a_default(billing: Billing, customer: str) -> None:
    """15 minutes, charge, expire, and the source that the room gives."""
    room, now = billing.credits, billing.credits.grant(customer, "calls", 100).created_at
    billing.wallet.deposit(customer, Money(5, "usd"))
    assert room.hold(customer, "calls", 5, lifetime=None).expires_at == now + timedelta(minutes=15)
    held = room.hold(customer, "calls", 5)
    assert room.settle(customer, held, 7, excess=None).charged == 7
    assert [grant.source for grant in room.grants(customer)] == ["promotion"]
    assert [grant.source for grant in billing.wallet.grants(customer)] == ["deposit"]
    with pytest.raises(InvalidRequest):
        room.hold(customer, "calls", 5, lifetime=timedelta(0))
