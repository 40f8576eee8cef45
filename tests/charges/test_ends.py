"""Charges that end together: whatever shares a transaction, each hold ends as it would alone.

The laws: many ends at once leave what the same ends leave one after another; no end needs a
connection beside the writer's; and who counts a use by a member, a key or a tag waits for nobody
who waits for him.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event

from tests.charges.shop import shop
from tests.charges.test_laws import (
    LAW,
    comparable,
    funds,
    new_customer,
    side_by_side,
    state,
)
from tests.charging.scene import Scene, refused
from tollkeeper import AsyncBilling, Money
from tollkeeper.errors import (
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InvalidAmount,
    TollkeeperError,
)
from tollkeeper.notices import HoldLapsed

#: How a hold ends, or grows, and by how much.
ENDS = st.tuples(st.sampled_from(("settle", "release", "extend")), st.integers(0, 4))
Call = Callable[[AsyncBilling], Awaitable[Any]]


def together(scene: Scene, calls: Sequence[Call]) -> list[Any]:
    """Run calls as tasks of one front door, at once; give each answer, or its error."""

    async def run() -> list[Any]:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            # Whoever comes first looks which catalog is in force; the others would overtake him.
            await billing.check("customer_nobody", "call")
            return await asyncio.gather(*[call(billing) for call in calls], return_exceptions=True)

    return asyncio.run(run())


def end_of(customer: str, hold: str, verb: str, quantity: int) -> Call:
    """Make the call that ends a hold, or lets it grow by one at least."""

    async def call(billing: AsyncBilling) -> Any:
        if verb == "settle":
            return await billing.charges.settle(customer, hold, quantity)
        if verb == "release":
            return await billing.charges.release(customer, hold)
        return await billing.charges.extend(customer, hold, quantity + 1)

    return call


@given(
    money=funds,
    feature=st.sampled_from(("call", "word", "scan", "note")),
    ends=st.lists(ENDS, min_size=1, max_size=6),
)
@LAW
def test_ends_that_share_a_transaction_leave_what_each_leaves_alone(
    scene: Scene, money: tuple[int, int], feature: str, ends: list[tuple[str, int]]
) -> None:
    one, other = new_customer(scene, money), new_customer(scene, money)
    charges = scene.billing.charges
    try:
        held = [[charges.hold(name, feature, 4).id for name in (one, other)] for _ in ends]
    except TollkeeperError:  # there is not so much; other examples have it
        return
    at_once = [end_of(one, pair[0], *end) for pair, end in zip(held, ends, strict=True)]
    answers = together(scene, at_once)
    alone = [one_by_one(scene, other, pair[1], *end) for pair, end in zip(held, ends, strict=True)]
    assert [type(answer) for answer in answers] == [type(answer) for answer in alone]
    assert comparable(without_names(state(scene, one))) == comparable(
        without_names(state(scene, other))
    )
    scene.audited(one, other)


def one_by_one(scene: Scene, customer: str, hold: str, verb: str, quantity: int) -> Any:
    """End a hold in a transaction of its own; give the answer, or its error."""
    charges = scene.billing.charges
    try:
        if verb == "settle":
            return charges.settle(customer, hold, quantity)
        if verb == "release":
            return charges.release(customer, hold)
        return charges.extend(customer, hold, quantity + 1)
    except TollkeeperError as error:
        return error


def without_names(seen: dict[str, Any]) -> dict[str, Any]:
    """Leave out the names of holds in what limits lend."""
    return {**seen, "held": sorted(repr(held[1:]) for held in seen["held"])}


def test_no_end_needs_a_connection_beside_the_writers(scene: Scene, customer: str) -> None:
    """Four threads read for the tasks of a front door: hundreds of ends may not wait for them."""
    scene.billing.credits.grant(customer, "credits", 1000)
    holds = [scene.billing.charges.hold(customer, "call", 5).id for _ in range(31)]
    engine = create_engine(scene.url)
    taken: list[object] = []

    async def run() -> None:
        async with AsyncBilling(engine, catalog=shop(), clock=scene.clock) as billing:
            # The first call looks which catalog is in force, and the writer takes its connection.
            await billing.charges.settle(customer, holds[0], 1)
            event.listen(engine, "checkout", lambda *_: taken.append(1))
            calls = [
                end_of(customer, hold, verb, 2)(billing)
                for verb, some in (("extend", holds[1:]), ("settle", holds[1:16]))
                for hold in some
            ]
            await asyncio.gather(*calls)
            await asyncio.gather(*[billing.charges.release(customer, h) for h in holds[16:]])

    asyncio.run(run())
    engine.dispose()
    assert taken == []
    assert scene.billing.credits.balance(customer, "credits").available == 1000 - 1 - 15 * 2
    scene.audited(customer)


def test_b2_of_many_settles_of_one_hold_one_wins_in_one_batch(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 50).id
    calls = [end_of(customer, hold, "settle", quantity) for quantity in (20, 21, 20, 22, 20)]
    calls.append(end_of(customer, hold, "release", 0))
    calls.append(end_of(customer, hold, "extend", 1))
    answers = together(scene, calls)
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    lost = [answer for answer in answers if isinstance(answer, BaseException)]
    extended = [answer for answer in won if answer.kind == "extend_charge"]
    ended = {answer.operation_id for answer in won} - {a.operation_id for a in extended}
    assert len(ended) == 1
    assert all(isinstance(error, IdempotencyConflict | HoldClosed) for error in lost)
    assert len(scene.rows("usage_event", customer)) <= 1
    scene.audited(customer)


def test_a_bad_end_leaves_its_neighbours_alone(scene: Scene, customer: str) -> None:
    """Unknown, another customer's, no quantity, too much: each has its own error in one batch."""
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    good, other = charges.hold(customer, "call", 5).id, charges.hold(customer, "call", 5).id
    calls: list[Call] = [
        end_of(customer, "hld_none", "settle", 1),
        end_of("customer_else", good, "settle", 1),
        end_of("customer_else", good, "release", 1),
        lambda billing: billing.charges.settle(customer, good, Decimal("0.5")),
        lambda billing: billing.charges.extend(customer, good, -1),
        lambda billing: billing.charges.settle(customer, good, 10**30),
        end_of(customer, other, "settle", 2),
    ]
    answers = together(scene, calls)
    assert [type(answer).__name__ for answer in answers] == [
        *["HoldNotFound"] * 3,
        *["InvalidAmount"] * 3,
        "ChargeReceipt",
    ]
    assert charges.settle(customer, good, 5).quantity == 5
    assert scene.billing.credits.balance(customer, "credits").available == 93
    assert not scene.rows("tally", "customer_else")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("invalid_amount", lambda c, who, hold: c.settle(who, hold, "0.5")),
        ("invalid_amount", lambda c, who, hold: c.settle(who, hold, -1)),
        ("invalid_amount", lambda c, who, hold: c.settle(who, hold, 0.5)),
        ("invalid_amount", lambda c, who, hold: c.settle(who, hold, quantity=True)),
        ("invalid_amount", lambda c, who, hold: c.settle(who, hold, "much")),
        ("invalid_amount", lambda c, who, hold: c.extend(who, hold, "-0.1")),
        ("invalid_request", lambda c, who, hold: c.extend(who, hold)),
        ("invalid_request", lambda c, who, hold: c.extend(who, hold, "0.0")),
        ("invalid_request", lambda c, who, hold: c.settle(who, hold, 1, excess="keep")),
        ("hold_not_found", lambda c, who, hold: c.settle(f"{who}_other", hold, 1)),
        ("hold_not_found", lambda c, who, hold: c.extend(who, f"{hold}x", 1)),
    ],
)
def test_bad_ends_write_nothing(
    scene: Scene, customer: str, code: str, change: Callable[[Any, str, str], Any]
) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 10).id
    with scene.nothing_is_written(customer):
        refused(code, change, scene.billing.charges, customer, hold)


def test_a_key_ends_a_hold_once_however_the_quantity_is_written(
    scene: Scene, customer: str
) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    hold = charges.hold(customer, "call", 10).id
    grown = charges.extend(customer, hold, 5, idempotency_key="grow")
    again = charges.extend(customer, hold, Decimal("5.0"), idempotency_key="grow")
    assert [again.operation_id, again.replayed] == [grown.operation_id, True]
    refused("idempotency_conflict", charges.extend, customer, hold, 6, idempotency_key="grow")
    first = charges.settle(customer, hold, 4, idempotency_key="end")
    repeated = charges.settle(customer, hold, "4.00", idempotency_key="end")
    assert repeated.to_json() == first.to_json()
    refused("idempotency_conflict", charges.settle, customer, hold, 5, idempotency_key="end")
    refused("idempotency_conflict", charges.release, customer, hold, idempotency_key="end")
    assert scene.billing.credits.balance(customer, "credits").available == 96


def test_members_keys_and_tags_that_are_counted_stand_in_nobodys_way(
    scene: Scene, new_customer: Callable[[], str]
) -> None:
    """C4: holds, charges and ends of two customers' members race; none waits in a circle."""
    names, members = [new_customer(), new_customer()], ["m1", "m2", "m3"]
    billing = scene.billing
    for name in names:
        billing.credits.grant(name, "credits", 10_000)
        for member in members:
            own: dict[str, Any] = {"member": member, "reason": "a test", "actor": "test"}
            billing.limits.set(name, feature="call", at_most=30, every="day", **own)
    before = [
        (name, member, billing.charges.hold(name, "call", 4, member=member, tags=["a", "b"]).id)
        for name in names
        for member in members
        for _ in range(4)
    ]
    calls: list[Callable[[], Any]] = []
    for number, (name, member, hold) in enumerate(before):
        calls.append(partial(billing.charges.settle, name, hold, 1 + number % 3))
        calls.append(partial(billing.charge, name, "call", 1, member=member, api_key="k"))
    answers = side_by_side(calls)
    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    for name in names:
        counted = [1 + n % 3 for n, held in enumerate(before) if held[0] == name]
        spent = sum(counted) + len(counted)
        assert billing.credits.balance(name, "credits").available == 10_000 - spent
        used = [scene.counters(name, f"member:{member}").values() for member in members]
        assert sum(sum(counts) for counts in used) == spent
        assert scene.state(name).get("h", []) == []
    scene.audited(*names)


def test_a_member_whom_nothing_counted_yet_is_counted_from_the_end_of_his_hold(
    scene: Scene, customer: str
) -> None:
    """His tally is not there when the hold is made, nor needed; the end makes it."""
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    holds = [charges.hold(customer, "call", 5, member="new", tags=["x"]).id for _ in range(2)]
    charges.release(customer, holds[0])
    assert charges.settle(customer, holds[1], 3).member == "new"
    assert scene.billing.credits.balance(customer, "credits").available == 97
    scene.audited(customer)


def test_b1_what_a_charge_holds_ends_with_the_charge_alone(scene: Scene, customer: str) -> None:
    """By its own name or that of a part, no verb of credits or wallet takes it from under him."""
    billing, money = scene.billing, Money("0.50", "usd")
    billing.credits.grant(customer, "credits", 4)
    billing.wallet.deposit(customer, Money("5", "usd"))
    hold = billing.charges.hold(customer, "call", 10).id
    parts = {row["id"] for row in scene.rows("hold", customer)}
    assert len(parts) == 2
    with scene.nothing_is_written(customer):
        for name in (hold, *parts):
            for room, amount in ((billing.credits, 1), (billing.wallet, money)):
                refused("hold_not_found", room.extend, customer, name, amount)
                refused("hold_not_found", room.settle, customer, name, amount)
                refused("hold_not_found", room.release, customer, name)
    receipt = billing.charges.settle(customer, hold, 10)
    assert [receipt.quantity, receipt.uncollected] == [10, 0]
    scene.audited(customer)


@pytest.mark.parametrize("feature", ["call", "word"])
def test_b4_a_stream_of_many_slices_keeps_a_short_row(
    scene: Scene, customer: str, feature: str
) -> None:
    """Slices go on from one another, those too small to cost anything among them."""
    scene.billing.credits.grant(customer, "credits", 10)
    scene.billing.wallet.deposit(customer, Money("20", "usd"))
    charges = scene.billing.charges
    hold = charges.hold(customer, feature, 1).id
    for _ in range(40):
        charges.extend(customer, hold, 1)
    [row] = scene.rows("charge_hold", customer)
    assert len(json.loads(row["parts"])) <= 2
    receipt = charges.settle(customer, hold)
    assert [receipt.quantity, receipt.uncollected] == [41, 0]
    assert [share.source for share in receipt.shares] == ["credits", "wallet"]
    scene.audited(customer)


def test_the_ends_of_a_hosts_transaction_are_the_hosts(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 10, member="m", tags=["a"]).id
    with joined(scene, commits=False) as charges:
        assert charges.settle(customer, hold, 4).quantity == 4
        with pytest.raises(HoldClosed):
            charges.release(customer, hold)
    with joined(scene, commits=True) as charges:
        charges.extend(customer, hold, 5, lifetime=timedelta(minutes=30))
        with pytest.raises(HoldNotFound):
            charges.settle(customer, "hld_none")
        with pytest.raises(InvalidAmount):
            charges.settle(customer, hold, "0.1")
        assert charges.settle(customer, hold).quantity == 15
    assert scene.billing.credits.balance(customer, "credits").available == 85
    scene.audited(customer)


@contextmanager
def joined(scene: Scene, *, commits: bool) -> Iterator[Any]:
    """Lend a host's transaction to the room of charges, then commit it or roll it back."""
    with scene.engine.connect() as connection:
        host = connection.begin()
        yield scene.billing.using(connection).charges
        (host.commit if commits else host.rollback)()


def test_a_charge_that_lapses_is_told_by_its_own_name(scene: Scene, customer: str) -> None:
    """Each source that held for it gives a notice, and all of them name the charge's hold."""
    scene.billing.credits.grant(customer, "credits", 4)
    scene.billing.wallet.deposit(customer, Money("5", "usd"))
    hold = scene.billing.charges.hold(customer, "call", 10, lifetime=timedelta(minutes=5)).id
    scene.clock.advance(minutes=5)
    scene.billing.jobs.run_due()
    told = [
        json.loads(row["payload"])
        for row in scene.rows("notice", customer)
        if row["kind"] == HoldLapsed.kind
    ]
    assert sorted(each["unit"] for each in told) == ["credits", "usd"]
    assert {each["hold_id"] for each in told} == {hold}
