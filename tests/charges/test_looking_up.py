"""Charges that are set aside can be looked up: one, or a customer's, by pages, on each database.

The laws: what is told of a hold is what its receipts told; every hold of a customer is in exactly
one of the four lists; the pages of a list are the list, whatever their size; to look writes
nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charges.shop import shop
from tests.charges.test_laws import LAW, features, funds, new_customer, tried
from tests.charging.scene import START, Scene, refused
from tests.charging.test_joined import isolated
from tollkeeper import AsyncBilling, Billing, ChargeHoldReceipt, HeldCharge, Money, PaidShare

STATUSES = ("open", "lapsed", "settled", "released")
#: What becomes of a hold, and the list that it is in afterwards.
FATES: dict[str, tuple[str, Callable[[Any, str, ChargeHoldReceipt], Any]]] = {
    "nothing": ("open", lambda *_: None),
    "extended": ("open", lambda room, who, hold: room.extend(who, hold, 1)),
    "settled": ("settled", lambda room, who, hold: room.settle(who, hold, 1)),
    "settled at nothing": ("settled", lambda room, who, hold: room.settle(who, hold, 0)),
    "released": ("released", lambda room, who, hold: room.release(who, hold)),
}


def told_by(receipt: ChargeHoldReceipt) -> dict[str, Any]:
    """What a receipt tells of a hold."""
    return {
        "id": receipt.id,
        "feature": receipt.feature,
        "quantity": receipt.held,
        "expires_at": receipt.expires_at,
        "member": receipt.member,
    }


def told_of(held: HeldCharge) -> dict[str, Any]:
    """The same, of a hold that was looked up."""
    names = ("id", "feature", "quantity", "expires_at", "member")
    return {name: getattr(held, name) for name in names}


def by_source(shares: Sequence[PaidShare]) -> tuple[PaidShare, ...]:
    """Sum shares up by who pays: what is beyond a limit, or came later, is a share of its own."""
    summed: dict[str, PaidShare] = {}
    for share in shares:
        known = summed.get(share.source)
        summed[share.source] = (
            share
            if known is None
            else replace(
                known, quantity=known.quantity + share.quantity, amount=known.amount + share.amount
            )
        )
    return tuple(summed.values())


def listed(room: Any, customer: str, **options: Any) -> list[HeldCharge]:
    """Give a whole list, page by page."""
    found: list[HeldCharge] = []
    cursor = None
    for _ in range(100):
        page = room.list(customer, cursor=cursor, **options)
        found += page.holds
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.holds) == options["limit"]
    raise AssertionError("the pages have no end")


@given(
    money=funds,
    feature=features,
    held=st.integers(1, 25),
    more=st.integers(0, 9),
    minutes=st.integers(1, 90),
)
@LAW
def test_what_is_told_of_a_hold_is_what_its_receipts_told(
    scene: Scene, money: tuple[int, int], feature: str, held: int, more: int, minutes: int
) -> None:
    """After it was made and after it grew; the shares of both add up, source by source."""
    customer, room = new_customer(scene, money), scene.billing.charges
    lifetime = timedelta(minutes=minutes)
    made = tried(lambda: room.hold(customer, feature, held, lifetime=lifetime, member="ann"))
    if isinstance(made, str):
        assert not room.list(customer, status=None).holds
        return
    before = scene.everything(customer)
    found = room.get(customer, made)
    assert told_of(found) == told_by(made)
    assert found.shares == by_source(made.shares)
    assert found.status == "open"
    assert (found.created_at, found.settled, found.closed_at) == (START, None, None)
    assert scene.everything(customer) == before
    grown = tried(lambda: room.extend(customer, found, more, lifetime=lifetime))
    if isinstance(grown, str):
        assert room.get(customer, made) == found
        return
    found = room.get(customer, made.id)
    assert told_of(found) == {**told_by(grown), "member": "ann"}
    assert sum(share.quantity for share in found.shares) == held + more
    assert found.shares == by_source((*made.shares, *grown.shares))
    assert room.list(customer).holds == (found,)


@given(
    fates=st.lists(st.tuples(st.sampled_from(sorted(FATES)), st.booleans()), max_size=9),
    limit=st.integers(1, 4),
)
@LAW
def test_every_hold_is_in_one_list_and_pages_are_the_list(
    scene: Scene, fates: list[tuple[str, bool]], limit: int
) -> None:
    """Newest first; those whose time is over have lapsed, whether or not anybody looked."""
    customer, room = new_customer(scene, (30, 0)), scene.billing.charges
    expected: dict[str, list[str]] = {status: [] for status in STATUSES}
    for fate, is_short in fates:
        lifetime = timedelta(minutes=5 if is_short else 50)
        feature = "call" if is_short else "note"
        hold = room.hold(customer, feature, 1, lifetime=lifetime)
        status, change = FATES[fate]
        change(room, customer, hold)
        expected["lapsed" if status == "open" and is_short else status].insert(0, hold.id)
    scene.clock.advance(minutes=5)
    try:
        every = listed(room, customer, status=None, limit=limit)
        known = [name for names in expected.values() for name in names]
        assert [hold.id for hold in every] == sorted(known, reverse=True)
        assert tuple(every) == room.list(customer, status=None, limit=1000).holds
        for status, ids in expected.items():
            found = listed(room, customer, status=status, limit=limit)
            assert [hold.id for hold in found] == ids
            assert all(hold.status == status for hold in found)
            assert all(hold.is_open == (status == "open") for hold in found)
            calls = listed(room, customer, feature="call", status=status, limit=limit)
            assert calls == [hold for hold in found if hold.feature == "call"]
        assert all(room.get(customer, hold) == hold for hold in every)
    finally:
        scene.clock.set(START)


def test_what_became_of_a_hold_is_told(scene: Scene, customer: str) -> None:
    room = scene.billing.charges
    scene.billing.credits.grant(customer, "credits", 50)
    scene.billing.wallet.deposit(customer, Money("5", "usd"))
    said: Any = {"tags": ("night",), "api_key": "k", "dimensions": {"model": "small"}}
    hold = room.hold(customer, "film", 6, pay_from=["credits"], **said)
    scene.clock.advance(minutes=1)
    receipt = room.settle(customer, hold, 4)
    found = room.get(customer, hold)
    assert found.status == "settled"
    assert (found.quantity, found.settled) == (Decimal(6), Decimal(4))
    assert (found.closed_by, found.closed_at) == (receipt.operation_id, scene.clock.now())
    assert (found.tags, found.api_key, found.dimensions) == (("night",), "k", {"model": "small"})
    assert found.pay_from == ("credits",)
    told = found.to_dict()
    assert told["shares"] == [
        {"source": "credits", "kind": "unit", "quantity": "6", "amount": "6", "unit": "credits"}
    ]
    assert (told["settled"], told["closed_at"]) == ("4", "2026-03-10T12:01:00+00:00")
    assert room.list(customer, status=None).to_dict() == {"holds": [told], "next_cursor": None}


def test_another_customers_hold_is_not_found(scene: Scene, new_customer: Callable[[], str]) -> None:
    owner, other = new_customer(), new_customer()
    scene.billing.credits.grant(owner, "credits", 5)
    plain = scene.billing.credits.hold(owner, "credits", 1)
    hold = scene.billing.charges.hold(owner, "call", 1)
    room = scene.billing.charges
    for customer, name in ((other, hold), (other, hold.id), (owner, "hld_x"), (owner, plain)):
        error = refused("hold_not_found", room.get, customer, name)
        assert "no charge hold" in error.message
    assert not room.list(other).holds
    assert [held.id for held in room.list(owner).holds] == [hold.id]


@pytest.mark.parametrize(
    "options",
    [
        {"status": "closed"},
        {"status": 1},
        {"limit": 0},
        {"limit": 1001},
        {"limit": True},
        {"limit": "5"},
        {"cursor": "page 2"},
        {"cursor": 7},
        {"feature": ""},
        {"feature": 3},
    ],
    ids=str,
)
def test_a_list_that_makes_no_sense(scene: Scene, customer: str, options: Any) -> None:
    with pytest.raises(Exception, match=r"\w") as wrong:
        scene.billing.charges.list(customer, **options)
    assert getattr(wrong.value, "code", "") in ("invalid_request", "invalid_text")


def test_inside_a_transaction_and_for_tasks(scene: Scene, customer: str) -> None:
    """A host sees what it holds itself; tasks await the same."""
    scene.billing.credits.grant(customer, "credits", 5)
    with isolated(scene) as host:
        rooms = scene.billing.using(host)
        hold = rooms.charges.hold(customer, "call", 3)
        assert rooms.charges.get(customer, hold).quantity == 3
        assert len(rooms.charges.list(customer).holds) == 1
        host.rollback()
    assert not scene.billing.charges.list(customer).holds
    hold = scene.billing.charges.hold(customer, "call", 2)

    async def main() -> tuple[HeldCharge, tuple[HeldCharge, ...]]:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            page = await billing.charges.list(customer)
            return await billing.charges.get(customer, hold.id), page.holds

    found, holds = asyncio.run(main())
    assert holds == (found,)
    assert found == scene.billing.charges.get(customer, hold)


def test_who_knows_no_catalog_reads_amounts_at_their_scale(scene: Scene, customer: str) -> None:
    """Units are read from the books by whoever never met them."""
    scene.billing.credits.grant(customer, "credits", 5)
    hold = scene.billing.charges.hold(customer, "call", 2)
    with Billing(scene.url, clock=scene.clock) as stranger:
        [held] = stranger.charges.list(customer).holds
        assert held.shares == hold.shares
