"""Calls that make no sense (I2, I3): refused with a code to rely on, nothing written."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.ledger.scene import NOTE, Scene, refused
from tests.ledger.side_by_side import START
from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import InsufficientBalance, InvalidRequest, TollkeeperError

HOUR = timedelta(hours=1)
NO_MOMENTS: list[Any] = [datetime(2026, 6, 1), "2026-06-01", 1780272000, START.date()]  # noqa: DTZ001  # what is refused
CALLS: dict[str, tuple[str, Callable[[Any, Scene], Any]]] = {
    "a key of ours": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, idempotency_key="tollkeeper:1"),
    ),
    "an expiry before the beginning": (
        "invalid_request",
        lambda r, s: r.grant(
            s.customer, "calls", 1, effective_at=START + HOUR, expires_at=START + HOUR
        ),
    ),
    "a cost that is no money": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, cost_basis="9.00 usd"),
    ),
    "a cost below zero": (
        "invalid_amount",
        lambda r, s: r.grant(s.customer, "calls", 1, cost_basis=Money("-1", "usd")),
    ),
    "features in one text": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features="chat"),
    ),
    "features that are a number": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features=5),
    ),
    "too many features": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features=[str(n) for n in range(101)]),
    ),
    "a priority below zero": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=-1),
    ),
    "a priority that is a truth": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=True),
    ),
    "a huge priority": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=2**31),
    ),
    "a truth in words": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, paid="no"),
    ),
    "a lifetime of zero": (
        "invalid_request",
        lambda r, s: r.hold(s.customer, "calls", 1, lifetime=timedelta(0)),
    ),
    "a lifetime in seconds": (
        "invalid_request",
        lambda r, s: r.hold(s.customer, "calls", 1, lifetime=60),
    ),
    "a lifetime of a year": (
        "invalid_request",
        lambda r, s: r.extend(s.customer, s.hold, lifetime=timedelta(days=365)),
    ),
    "an extension by nothing": ("invalid_request", lambda r, s: r.extend(s.customer, s.hold)),
    "a policy nobody knows": (
        "invalid_request",
        lambda r, s: r.settle(s.customer, s.hold, 1, excess="forgive"),
    ),
    "another policy nobody knows": (
        "invalid_request",
        lambda r, s: r.reverse(s.customer, "op_1", expired="keep"),
    ),
    "an adjustment without a reason": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 1, actor="ann"),
    ),
    "an adjustment without an actor": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 1, reason="why not"),
    ),
    "an adjustment by nothing": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 0, **NOTE),
    ),
    "a transfer to oneself": (
        "invalid_request",
        lambda r, s: r.transfer(s.customer, "calls", 1, to=s.customer),
    ),
    "an amount of every unit": ("invalid_request", lambda r, s: r.revoke(s.customer, amount=1)),
    "a grant of every unit": (
        "invalid_request",
        lambda r, s: r.revoke(s.customer, grant=s.grant),
    ),
    "a hold nobody has": ("hold_not_found", lambda r, s: r.settle(s.customer, "hld_nothing")),
    "a grant nobody has": (
        "grant_not_found",
        lambda r, s: r.revoke(s.customer, "calls", grant="grt_nothing"),
    ),
    "a grant of another unit": (
        "grant_not_found",
        lambda r, s: r.revoke(s.customer, "tokens", grant=s.grant),
    ),
    "an operation nobody made": (
        "operation_not_found",
        lambda r, s: r.reverse(s.customer, "op_nothing"),
    ),
    "money among credits": (
        "unit_mismatch",
        lambda r, s: r.grant(s.customer, "money:usd", 1),
    ),
    "money asked of credits": ("unit_mismatch", lambda r, s: r.balance(s.customer, "money:usd")),
    "a unit with a space": ("invalid_text", lambda r, s: r.grant(s.customer, "api calls", 1)),
    "a reason without end": (
        "invalid_text",
        lambda r, s: r.consume(s.customer, "calls", 1, reason="x" * 2001),
    ),
    "half a page": ("invalid_request", lambda r, s: r.history(s.customer, limit=1.5)),
    "a page by name": ("invalid_request", lambda r, s: r.history(s.customer, limit="all")),
    "kinds that are a number": ("invalid_request", lambda r, s: r.history(s.customer, kinds=5)),
    "no page at all": ("invalid_request", lambda r, s: r.history(s.customer, limit=0)),
    "a page of everything": ("invalid_request", lambda r, s: r.history(s.customer, limit=1001)),
    "a cursor nobody gave": (
        "invalid_request",
        lambda r, s: r.history(s.customer, cursor="nonsense"),
    ),
    "a cursor beyond 64 bits": (
        "invalid_request",
        lambda r, s: r.history(s.customer, cursor="eyJjYWxscyI6IDk5OTk5OTk5OTk5OTk5OTk5OTk5OX0"),
    ),
    "knowledge about no moment": (
        "invalid_request",
        lambda r, s: r.balance(s.customer, "calls", known_at=START),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_makes_no_sense_is_refused_by_name(scene: Scene, call: str) -> None:
    """With a code that programs can rely on; I2: who and why; I3: pages and features have ends."""
    code, made = CALLS[call]
    with scene.nothing_is_written():
        refused(code, made, scene.room, scene)


MOMENTS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "effective_at": lambda r, x, s: r.grant(s.customer, "calls", 1, effective_at=x),
    "expires_at": lambda r, x, s: r.grant(s.customer, "calls", 1, expires_at=x),
    "at": lambda r, x, s: r.balance(s.customer, "calls", at=x),
    "known_at": lambda r, x, s: r.balance(s.customer, "calls", at=START, known_at=x),
    "since": lambda r, x, s: r.history(s.customer, since=x),
    "until": lambda r, x, s: r.history(s.customer, until=x),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment_without_a_zone_is_refused(scene: Scene, name: str) -> None:
    """Nobody guesses in which zone it was meant."""
    with scene.nothing_is_written():
        for moment in NO_MOMENTS:
            error = refused("invalid_request", MOMENTS[name], scene.room, moment, scene)
            assert name in error.message


@pytest.mark.parametrize("verb", ["grant", "consume", "hold", "set_balance", "set_overdraft"])
def test_a_misspelt_keyword_is_an_error(scene: Scene, verb: str) -> None:
    """A key that was meant and not taken would be spent twice."""
    with scene.nothing_is_written():
        for wrong in ({"idempotancy_key": "k"}, {"idempotency_key": "k", "reasn": "why"}):
            with pytest.raises(TypeError, match=r"idempotancy_key|reasn"):
                getattr(scene.room, verb)(scene.customer, "calls", 1, **wrong)


def test_a_refused_call_makes_no_customer(scene: Scene) -> None:
    """Nor an account, nor a unit, where there was none."""
    unit = f"unit_{uuid4().hex}"
    with scene.nothing_is_written():
        room, name = scene.room, f"{scene.customer}_new"
        refused("insufficient_balance", room.consume, name, unit, 1)
        refused("insufficient_balance", room.hold, name, "calls", 1)
        with pytest.raises(InsufficientBalance):
            room.transfer(name, "calls", 1, to=scene.customer)
        assert not room.has(name, unit, 1)
        assert room.balance(name, unit).available == 0


def test_what_changes_nothing_leaves_no_note(scene: Scene) -> None:
    """A balance set to what it is writes no row, not even its reason."""
    with scene.nothing_is_written():
        receipt = scene.room.set_balance(scene.customer, "calls", 90, **NOTE)
        assert receipt.entries == ()


def test_money_stays_out_of_credits_once_it_is_known(billing: Billing, customer: str) -> None:
    """The wallet has made the unit; the room of credits refuses it all the same."""
    billing.wallet.deposit(customer, Money("25.00", "usd"))
    room = billing.credits
    refused("unit_mismatch", room.consume, customer, "money:usd", 1)
    refused("unit_mismatch", room.revoke, customer, "money:usd")
    refused("unit_mismatch", room.history, customer, "money:usd")
    assert room.balances(customer) == {}
    room.revoke(customer)
    balance = billing.wallet.balance(customer)
    assert balance is not None
    assert balance.available == 25


def test_tasks_are_refused_the_same(scene: Scene, books_url: str, clock: FixedClock) -> None:
    """A sample: the checks are the same code."""

    async def calls() -> None:
        async with AsyncBilling(books_url, clock=clock) as other:
            room: Any = other.credits
            for code, call, given in (
                ("invalid_amount", room.consume, (scene.customer, "calls", 1.5)),
                ("invalid_text", room.grant, ("\ud800", "calls", 1)),
                ("insufficient_balance", room.consume, (scene.customer, "calls", 1000)),
                ("unit_mismatch", room.grant, (scene.customer, "money:usd", 1)),
            ):
                with pytest.raises(TollkeeperError) as refusal:
                    await call(*given)
                assert refusal.value.code == code

    with scene.nothing_is_written():
        asyncio.run(calls())


def test_a_kind_that_does_not_exist_is_no_empty_history(billing: Billing, customer: str) -> None:
    """A typo is told, with the nearest that there is; what exists may be asked for twice."""
    billing.credits.grant(customer, "calls", 1)
    for kinds in ("consum", ["grant", "consum"]):
        with pytest.raises(InvalidRequest, match="did you mean 'consume'"):
            billing.credits.history(customer, kinds=kinds)
    with pytest.raises(InvalidRequest, match="repay"):
        billing.credits.history(customer, kinds="xyz")
    assert len(billing.credits.history(customer, kinds=["grant"] * 300_000).entries) == 1


def test_has_nothing_is_true_of_anybody(billing: Billing, customer: str) -> None:
    """Whoever has no account has zero of it, as whoever spent all."""
    assert billing.credits.has(customer, "calls", 0)
    assert not billing.credits.has(customer, "calls", 1)
    billing.credits.grant(customer, "calls", 1)
    billing.credits.consume(customer, "calls", 1)
    assert billing.credits.has(customer, "calls", 0)


def test_a_refused_attempt_is_false(billing: Billing, customer: str) -> None:
    """`if try_consume(...)` reads as it sounds."""
    billing.credits.grant(customer, "calls", 1)
    assert billing.credits.try_consume(customer, "calls", 1)
    assert not billing.credits.try_consume(customer, "calls", 1)


def test_an_overdraft_without_a_limit_is_told_in_words(billing: Billing, customer: str) -> None:
    """Nobody should have to know what the largest integer is."""
    room = billing.credits
    told = room.set_overdraft(customer, "calls", "unlimited").to_dict()["result"]
    assert told["overdraft"] == "unlimited"
    assert room.set_overdraft(customer, "calls", 5).to_dict()["result"]["overdraft"] == "5"
