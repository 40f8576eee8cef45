"""What open holds take of limits, whichever stood when they were made, and of merges (C4).

The law: whatever limits come and go, and for whom, what a limit tells as held is what the charges
that are set aside and count by it have set aside; and once all have ended it is nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charges.shop import SHOP, shop
from tests.charges.test_laws import LAW, new_customer
from tests.charging.scene import START, Scene, refused
from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.catalog import Catalog
from tollkeeper.decisions.headroom import MOST_OPEN
from tollkeeper.errors import HoldsOpen, TollkeeperError, TooManyHolds
from tollkeeper.notices import LimitApproaching, LimitCleared

HAND: dict[str, Any] = {"reason": "a test", "actor": "test"}
WHOSE: tuple[dict[str, Any], ...] = (
    {},
    {"member": "ann"},
    {"member": "bob", "tags": ["x"]},
    {"api_key": "k", "tags": ["x", "y"]},
)
ONLY: tuple[dict[str, Any], ...] = ({}, {"member": "ann"}, {"api_key": "k"}, {"tag": "x"})
MEASURES: tuple[dict[str, Any], ...] = (
    {"feature": "call", "at_most": 1000},
    {"feature": "scan", "at_most": 1000},
    {"unit": "credits", "at_most": 1000},
    {"spend": Money("1000", "usd")},
)


class Held(NamedTuple):
    """A charge that the test has set aside."""

    id: str
    feature: str
    quantity: int
    whose: dict[str, Any]


def counts(limit: dict[str, Any], only: dict[str, Any], held: Held, hold: Any) -> Decimal:
    """Tell what a limit should count of a hold, by how it stands for its customer."""
    [(kind, name)] = only.items() or [("", "")]
    named = held.whose.get("tags", []) if kind == "tag" else [held.whose.get(kind)]
    if kind and name not in named:
        return Decimal(0)
    if limit.get("feature", held.feature) != held.feature:
        return Decimal(0)
    if "feature" in limit:
        return Decimal(held.quantity)
    unit = limit.get("unit", "usd")
    return sum((share.amount for share in hold.shares if share.unit == unit), Decimal(0))


@given(
    made=st.lists(
        st.tuples(st.sampled_from(("call", "scan")), st.integers(1, 6), st.sampled_from(WHOSE)),
        min_size=1,
        max_size=5,
    ),
    limits=st.lists(st.tuples(st.sampled_from(MEASURES), st.sampled_from(ONLY)), max_size=3),
    before=st.integers(0, 5),
    grown=st.integers(0, 2),
)
@LAW
def test_a_limit_counts_every_open_hold(
    scene: Scene,
    made: list[tuple[str, int, dict[str, Any]]],
    limits: list[tuple[dict[str, Any], dict[str, Any]]],
    before: int,
    grown: int,
) -> None:
    customer = new_customer(scene, (12, 60))
    charges, standing = scene.billing.charges, list[Held]()
    for number, (feature, quantity, whose) in enumerate(made):
        if number == min(before, len(made) - 1):
            for limit, only in limits:
                scene.billing.limits.set(customer, every="day", **limit, **only, **HAND)
        with suppress(TollkeeperError):  # not so much was there
            hold = charges.hold(customer, feature, quantity, **whose)
            standing.append(Held(hold.id, feature, quantity, whose))
    with suppress(TollkeeperError, IndexError):
        charges.extend(customer, standing[0].id, grown)
        standing[0] = standing[0]._replace(quantity=standing[0].quantity + grown)
    _compare(scene, customer, limits, standing)
    while standing:
        ended = standing.pop()
        if ended.quantity % 2:
            charges.release(customer, ended.id)
        else:
            charges.settle(customer, ended.id, ended.quantity // 2)
        _compare(scene, customer, limits, standing)
    scene.audited(customer)


def _compare(
    scene: Scene,
    customer: str,
    limits: list[tuple[dict[str, Any], dict[str, Any]]],
    standing: list[Held],
) -> None:
    there = [(each, scene.billing.charges.get(customer, each.id)) for each in standing]
    for limit, only in limits:
        named = {f"{kind}s" if kind == "tag" else kind: name for kind, name in only.items()}
        asked = {**named, "tags": [named["tags"]]} if "tags" in named else named
        subject = "".join(f"{kind}:{name}" for kind, name in only.items())
        word = limit.get("feature") or limit.get("unit") or "usd"
        found = [
            each
            for each in scene.billing.limits.list(customer, **asked)
            if each.is_own and each.subject == subject and each.counts == word
        ]
        expected = sum((counts(limit, only, *pair) for pair in there), Decimal(0))
        assert [each.held for each in found] == [expected]


def test_a_limit_that_is_set_while_a_charge_is_set_aside_counts_it(
    scene: Scene, customer: str
) -> None:
    """What is held cannot be promised again by a limit that came later."""
    billing = scene.billing
    billing.credits.grant(customer, "credits", 100)
    hold = billing.charges.hold(customer, "call", 4)
    limit = billing.limits.set(customer, feature="call", at_most=5, every="day", **HAND)
    assert [limit.held, limit.left] == [4, 1]
    assert refused("limit_reached", billing.charge, customer, "call", 2).details["held"] == "4"
    billing.charge(customer, "call", 1)
    billing.charges.settle(customer, hold, 4)
    [after] = [each for each in billing.limits.list(customer) if each.is_own]
    assert [after.used, after.held, after.left] == [5, 0, 0]
    refused("limit_reached", billing.charge, customer, "call", 1)
    scene.audited(customer)


@cache
def _stricter() -> Catalog:
    """The same shop a day later, when it limits calls."""
    limit = 'feature = "call"\nat_most = 5\nevery = "day"'
    return Catalog.from_toml(f"{SHOP}\n[[limits]]\n{limit}\n")


def test_c4_a_limit_that_comes_with_a_catalog_counts_what_was_held_before_it(
    scene: Scene, customer: str
) -> None:
    """While it is set aside, and when it is settled, though other terms were pinned."""
    billing = scene.billing
    billing.credits.grant(customer, "credits", 100)
    hold = billing.charges.hold(customer, "call", 3)
    with Billing(scene.url, catalog=_stricter(), clock=scene.clock) as later:
        later.charge(customer, "call", 1)
        refused("limit_reached", later.charge, customer, "call", 2)
        later.charges.settle(customer, hold, 2)
        assert later.check(customer, "call").left == 2
        refused("limit_reached", later.charge, customer, "call", 3)
        later.charge(customer, "call", 2)
    scene.audited(customer)


def test_c6_a_release_tells_that_a_limit_is_cleared(scene: Scene, customer: str) -> None:
    """Nine of ten held is approaching it; given back, it is not any more."""
    billing = scene.billing
    billing.credits.grant(customer, "credits", 100)
    billing.limits.set(customer, feature="call", at_most=10, every="day", **HAND)
    hold = billing.charges.hold(customer, "call", 9)
    lapsing = billing.charges.hold(customer, "scan", 1, lifetime=timedelta(minutes=1))
    billing.charges.release(customer, hold)
    kinds = [row["kind"] for row in scene.rows("notice", customer)]
    assert kinds.count(LimitApproaching.kind) == 1
    assert kinds.count(LimitCleared.kind) == 1
    scene.clock.set(START + timedelta(minutes=2))
    billing.charges.release(customer, lapsing)
    assert [row["kind"] for row in scene.rows("notice", customer)].count(LimitCleared.kind) == 1


@pytest.mark.parametrize("end", ["settle", "release", "lapse"])
def test_a_merge_waits_for_every_charge_that_is_set_aside(
    scene: Scene, new_customer: Callable[[], str], end: str
) -> None:
    """Though nothing be held for it, as where a rate yields nothing (B1, B3)."""
    giver, taker = new_customer(), new_customer()
    billing = scene.billing
    billing.credits.grant(giver, "credits", 1)
    billing.customers.create(taker)
    hold = billing.charges.hold(giver, "word", 1, lifetime=timedelta(minutes=1), member="ann")
    assert billing.credits.balance(giver, "credits").held == 0
    with scene.nothing_is_written(giver, taker):
        error = refused("holds_open", billing.customers.merge, giver, into=taker)
    assert isinstance(error, HoldsOpen)
    assert [error.details["open"], error.details["features"]] == [1, ["word"]]
    if end == "settle":
        billing.charges.settle(giver, hold, 1)
    elif end == "release":
        billing.charges.release(giver, hold)
    else:
        scene.clock.advance(minutes=1)
    billing.customers.merge(giver, into=taker)
    summary = billing.usage.summary(giver, "word")
    assert summary.quantity == (1 if end == "settle" else 0)
    assert len(billing.usage.history(giver).events) == summary.events
    assert isinstance(billing.limits.list(giver), tuple)
    refused("customer_merged", billing.usage.record, giver, "word")
    scene.audited(giver, taker)


def test_a_customer_has_a_thousand_charges_set_aside_at_most(scene: Scene, customer: str) -> None:
    """Each later call of his reads them all; one that ends, or lapses, makes room."""
    scene.billing.credits.grant(customer, "credits", 10_000)
    lifetime = timedelta(minutes=5)

    async def run() -> list[Any]:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            await billing.check(customer, "call")
            holds = [
                billing.charges.hold(customer, "call", 1, lifetime=lifetime)
                for _ in range(MOST_OPEN + 3)
            ]
            return await asyncio.gather(*holds, return_exceptions=True)

    answers = asyncio.run(run())
    held = [answer for answer in answers if not isinstance(answer, BaseException)]
    lost = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(held) == MOST_OPEN
    assert all(isinstance(error, TooManyHolds) for error in lost)
    charges = scene.billing.charges
    error = refused("too_many_holds", charges.hold, customer, "call")
    assert [error.details["open"], error.details["at_most"]] == [MOST_OPEN, MOST_OPEN]
    charges.extend(customer, held[0], 1)
    charges.release(customer, held[0])
    charges.hold(customer, "call", lifetime=lifetime)
    refused("too_many_holds", charges.hold, customer, "call")
    scene.clock.set(START + lifetime)
    charges.hold(customer, "call")
    scene.audited(customer)
