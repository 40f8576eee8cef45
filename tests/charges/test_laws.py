"""The laws of charges that are set aside (B1-B7), over any waterfall, on each database."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.charging.scene import START, Scene, paid, refused
from tollkeeper import Money
from tollkeeper.errors import (
    HoldClosed,
    IdempotencyConflict,
    InsufficientBalance,
    LimitReached,
    Refusal,
    TollkeeperError,
)

ROOT = Path(__file__).parents[2]
SECONDS = 30

#: Features that several sources may pay, exactly and with rounding, under limits and without.
FEATURES = ("call", "word", "film", "scan", "bulk", "step", "tier", "post", "note")
LAW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
funds = st.tuples(st.integers(0, 30), st.integers(0, 20))
features = st.sampled_from(FEATURES)


def new_customer(scene: Scene, credits_and_dollars: tuple[int, int]) -> str:
    """Make a customer with credits and a wallet."""
    customer = f"customer_{uuid4().hex}"
    amount, dollars = credits_and_dollars
    scene.billing.customers.create(customer)
    if amount:
        scene.billing.credits.grant(customer, "credits", amount)
    if dollars:
        scene.billing.wallet.deposit(customer, Money(dollars, "usd"))
    return customer


def state(scene: Scene, customer: str) -> dict[str, Any]:
    """Read all that a charge changes: balances, grants, counters, and the sums of use."""
    names = ("unit", "available", "restricted", "held", "debt", "grants")
    accounts = [
        {name: row[name] for name in names if name in row}
        for row in scene.rows("account", customer)
    ]
    return {
        # An account that was opened in vain holds nothing.
        "accounts": sorted(
            str(row) for row in accounts if any(row.get(name) for name in names[1:])
        ),
        "counters": {n: u for n, u in scene.counters(customer).items() if u},
        "held": scene.state(customer).get("h", []),
        "totals": scene.totals(customer),
    }


def tried(call: Callable[[], Any]) -> Any:
    """Give the answer, or the code of the refusal."""
    try:
        return call()
    except Refusal as refusal:
        return refusal.code


@given(
    money=funds,
    feature=features.filter(lambda name: name != "bulk"),
    held=st.integers(1, 25),
    part=st.integers(0, 25),
)
@LAW
def test_a_hold_settled_is_a_charge(
    scene: Scene, money: tuple[int, int], feature: str, held: int, part: int
) -> None:
    """Law 6: a hold of any size, settled at x within it, leaves what a charge of x leaves.

    Not so where less may cost more, as with volume rates: see the test of those.
    """
    used = min(part, held)
    one, other = new_customer(scene, money), new_customer(scene, money)
    charges = scene.billing.charges
    hold = tried(lambda: charges.hold(one, feature, held))
    if isinstance(hold, str):
        assert hold == tried(lambda: scene.billing.charge(other, feature, held))
        return
    receipt = charges.settle(one, hold, used)
    assert receipt.quantity == used
    assert receipt.uncollected == 0
    if used:
        charged = scene.billing.charge(other, feature, used)
        assert paid(receipt) == paid(charged)
    assert comparable(state(scene, one)) == comparable(state(scene, other))
    scene.audited(one, other)


def comparable(seen: dict[str, Any]) -> dict[str, Any]:
    """Leave out the names that differ between two customers."""
    accounts = [_without_ids(account) for account in seen["accounts"]]
    return {**seen, "accounts": accounts}


def _without_ids(account: str) -> str:
    return re.sub(r"grt_\w+", "grant", account)


@given(money=funds, feature=features, held=st.integers(1, 25), more=st.integers(0, 10))
@LAW
def test_a_hold_released_never_was(
    scene: Scene, money: tuple[int, int], feature: str, held: int, more: int
) -> None:
    customer = new_customer(scene, money)
    before = state(scene, customer)
    charges = scene.billing.charges
    hold = tried(lambda: charges.hold(customer, feature, held))
    if not isinstance(hold, str):
        if more:
            tried(lambda: charges.extend(customer, hold, more))
        charges.release(customer, hold)
    assert state(scene, customer) == before
    scene.audited(customer)


@given(money=funds, feature=features, held=st.integers(1, 9))
@LAW
def test_a_hold_that_lapses_never_was(
    scene: Scene, money: tuple[int, int], feature: str, held: int
) -> None:
    """By the clock alone: no job has to run, and what runs later changes nothing (A8)."""
    customer = new_customer(scene, money)
    before = seen(scene, customer, feature)
    hold = tried(
        lambda: scene.billing.charges.hold(customer, feature, held, lifetime=timedelta(minutes=5))
    )
    if isinstance(hold, str):
        assert seen(scene, customer, feature) == before
        return
    try:
        scene.clock.set(START + timedelta(minutes=5))
        assert seen(scene, customer, feature) == before
        refused("hold_closed", scene.billing.charges.extend, customer, hold, 1)
        scene.billing.jobs.run_due()
        assert seen(scene, customer, feature) == before
        scene.audited(customer)
    finally:
        scene.clock.set(START)


def seen(scene: Scene, customer: str, feature: str) -> list[Any]:
    """Look at what a customer has, and may do, through the rooms."""
    wallet = scene.billing.wallet.balance(customer)
    units = scene.billing.credits.balances(customer).values()
    balances = [[b.available, b.scaled.held] for b in (*units, wallet) if b is not None]
    return [*(each for each in balances if any(each)), scene.billing.check(customer, feature).left]


@given(
    money=funds,
    feature=features,
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4),
)
@LAW
def test_a_hold_that_grows_is_a_hold_of_all(
    scene: Scene, money: tuple[int, int], feature: str, sizes: list[int]
) -> None:
    """However it came about, what is held pays; nothing is lost between the slices (B4)."""
    customer = new_customer(scene, money)
    charges = scene.billing.charges
    hold = tried(lambda: charges.hold(customer, feature, sizes[0]))
    if isinstance(hold, str):
        return
    total = sizes[0]
    for size in sizes[1:]:
        grown = tried(partial(charges.extend, customer, hold, size))
        total += 0 if isinstance(grown, str) else size
    receipt = charges.settle(customer, hold)
    assert receipt.quantity == total
    assert receipt.uncollected == 0
    assert sum(share.quantity for share in receipt.shares) == total
    scene.audited(customer)


@given(money=funds, feature=st.sampled_from(("call", "word", "film")), used=st.integers(1, 60))
@LAW
def test_the_full_usage_is_recorded_whoever_pays(
    scene: Scene, money: tuple[int, int], feature: str, used: int
) -> None:
    """B2: what exceeds the hold goes through the waterfall; what nobody pays is told, not lost."""
    customer = new_customer(scene, money)
    hold = tried(lambda: scene.billing.charges.hold(customer, feature, 1))
    if isinstance(hold, str):
        return
    receipt = scene.billing.charges.settle(customer, hold, used)
    assert receipt.quantity == used
    assert sum(share.quantity for share in receipt.shares) + receipt.uncollected == used
    assert [event["quantity"] for event in scene.rows("usage_event", customer)] == [used]
    scene.audited(customer)


def test_b7_twenty_holds_of_75_on_500_grant_six(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 500)
    answers = side_by_side(
        [lambda: scene.billing.charges.hold(customer, "call", 75) for _ in range(20)]
    )
    held = [each for each in answers if not isinstance(each, BaseException)]
    assert len(held) == 6
    assert all(isinstance(e, InsufficientBalance) for e in answers if isinstance(e, BaseException))
    balance = scene.billing.credits.balance(customer, "credits")
    assert balance.available == 50
    side_by_side([partial(scene.billing.charges.settle, customer, each, 50) for each in held])
    assert scene.billing.credits.balance(customer, "credits").available == 200
    scene.audited(customer)


def test_holds_take_headroom_from_limits(scene: Scene, customer: str) -> None:
    """C4: twenty a day; what is held cannot be promised twice, what is released can."""
    scene.billing.credits.grant(customer, "credits", 1000)
    answers = side_by_side(
        [lambda: scene.billing.charges.hold(customer, "post", 3) for _ in range(10)]
    )
    held = [each for each in answers if not isinstance(each, BaseException)]
    assert len(held) == 6
    assert all(isinstance(e, LimitReached) for e in answers if isinstance(e, BaseException))
    assert scene.billing.check(customer, "post", 2).is_allowed
    assert not scene.billing.check(customer, "post", 3).is_allowed
    scene.billing.charges.release(customer, held[0])
    assert scene.billing.check(customer, "post", 5).is_allowed
    for hold in held[1:]:
        scene.billing.charges.settle(customer, hold, 1)
    assert scene.counters(customer)
    assert scene.billing.check(customer, "post", 15).is_allowed
    assert not scene.billing.check(customer, "post", 16).is_allowed


def test_b2_a_settle_repeated_is_the_first_and_another_is_a_conflict(
    scene: Scene, customer: str
) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    hold = charges.hold(customer, "call", 50)
    first = charges.settle(customer, hold, 20)
    again = charges.settle(customer, hold, 20)
    assert again.replayed
    assert again.to_json() == first.to_json()
    assert charges.settle(customer, hold).to_json() == first.to_json()
    with pytest.raises(IdempotencyConflict):
        charges.settle(customer, hold, 21)
    with pytest.raises(HoldClosed):
        charges.release(customer, hold)
    assert scene.billing.credits.balance(customer, "credits").available == 80


def test_threads_that_settle_one_hold_at_once_settle_it_once(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 50)
    answers = side_by_side(
        [lambda: scene.billing.charges.settle(customer, hold, 20) for _ in range(12)]
    )
    assert {answer.operation_id for answer in answers} == {answers[0].operation_id}
    assert scene.billing.credits.balance(customer, "credits").available == 80
    assert len(scene.rows("usage_event", customer)) == 1
    scene.audited(customer)


def test_settle_and_release_at_once_have_one_winner(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 50)
    charges = scene.billing.charges
    answers = side_by_side(
        [
            *[lambda: charges.settle(customer, hold, 20)] * 4,
            *[lambda: charges.release(customer, hold)] * 4,
        ]
    )
    lost = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(lost) == 4
    assert all(isinstance(error, HoldClosed) for error in lost)
    assert scene.billing.credits.balance(customer, "credits").available in (80, 100)
    scene.audited(customer)


def test_b1_a_hold_pays_though_its_grant_expired_meanwhile(scene: Scene, customer: str) -> None:
    soon = scene.clock.now() + timedelta(minutes=3)
    scene.billing.credits.grant(customer, "credits", 100, expires_at=soon)
    hold = scene.billing.charges.hold(customer, "call", 60)
    scene.clock.advance(minutes=4)
    receipt = scene.billing.charges.settle(customer, hold, 40)
    assert paid(receipt) == [("credits", 40, 40)]
    assert not receipt.late
    assert scene.billing.credits.balance(customer, "credits").available == 0
    scene.audited(customer)


def test_b3_a_settle_after_the_lapse_is_a_charge_marked_late(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 60)
    scene.clock.advance(minutes=20)
    scene.billing.charge(customer, "call", 90)
    receipt = scene.billing.charges.settle(customer, hold, 40)
    assert [receipt.late, receipt.quantity, receipt.uncollected] == [True, 40, 30]
    assert scene.billing.charges.settle(customer, hold, 40).operation_id == receipt.operation_id
    scene.audited(customer)


def test_b4_a_hold_lives_a_day_at_most(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 60, lifetime=timedelta(hours=20))
    scene.clock.advance(hours=10)
    longer = scene.billing.charges.extend(customer, hold, lifetime=timedelta(hours=14))
    assert longer.expires_at == hold.created_at + timedelta(hours=24)
    refused(
        "invalid_request",
        scene.billing.charges.extend,
        customer,
        hold,
        lifetime=timedelta(hours=15),
    )
    assert scene.billing.charges.settle(customer, hold, 1).late is False


def test_b6_the_price_of_the_hold_is_the_price_of_its_settle(scene: Scene, customer: str) -> None:
    """Dollars at a third of a cent each: hold and charge round by the same code."""
    scene.billing.wallet.deposit(customer, Money("1", "usd"))
    hold = scene.billing.charges.hold(customer, "word", 2)
    receipt = scene.billing.charges.settle(customer, hold, 1)
    assert str(receipt.shares[0].money) == "0.333333333 usd"


def test_less_may_cost_more_than_was_held(scene: Scene, customer: str) -> None:
    """Ten cost 5 dollars by volume, six of them 6: the waterfall pays what was not held."""
    scene.billing.wallet.deposit(customer, Money("6", "usd"))
    hold = scene.billing.charges.hold(customer, "bulk", 10)
    receipt = scene.billing.charges.settle(customer, hold, 6)
    assert [sum(share.amount for share in receipt.shares), receipt.uncollected] == [6, 0]
    scene.audited(customer)


def test_slices_too_small_to_cost_anything_cost_together_what_one_does(
    scene: Scene, customer: str
) -> None:
    """One third of a credit each: four are one credit, and the fifth would need another."""
    scene.billing.credits.grant(customer, "credits", 1)
    hold = scene.billing.charges.hold(customer, "word", 1)
    for _ in range(3):
        scene.billing.charges.extend(customer, hold, 1)
    refused("insufficient_balance", scene.billing.charges.extend, customer, hold, 1)
    receipt = scene.billing.charges.settle(customer, hold)
    assert [receipt.quantity, receipt.uncollected] == [4, 0]
    assert scene.billing.credits.balance(customer, "credits").available == 0
    scene.audited(customer)


def test_excess_may_be_refused_or_capped(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    hold = charges.hold(customer, "call", 10)
    with scene.nothing_is_written(customer):
        error = refused("beyond_hold", charges.settle, customer, hold, 20, excess="refuse")
    assert (error.details["held"], error.details["required"]) == (10, 20)
    assert error.details["feature"] == "call"
    receipt = charges.settle(customer, hold, 20, excess="cap")
    assert [receipt.quantity, receipt.uncollected] == [20, 10]
    assert scene.billing.credits.balance(customer, "credits").available == 90


def test_a_key_holds_once(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    charges = scene.billing.charges
    first = charges.hold(customer, "call", 10, idempotency_key="k")
    again = charges.hold(customer, "call", 10, idempotency_key="k")
    assert [again.id, again.replayed] == [first.id, True]
    refused("idempotency_conflict", charges.hold, customer, "call", 11, idempotency_key="k")
    assert scene.billing.credits.balance(customer, "credits").available == 90


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("hold_not_found", lambda c, customer: c.settle(customer, "hld_none", 1)),
        ("hold_not_found", lambda c, customer: c.release(customer, "hld_none")),
        ("invalid_amount", lambda c, customer: c.hold(customer, "call", 0)),
        ("invalid_amount", lambda c, customer: c.hold(customer, "call", -1)),
        ("invalid_amount", lambda c, customer: c.hold(customer, "call", "0.5")),
        ("unknown_feature", lambda c, customer: c.hold(customer, "cal", 1)),
        ("invalid_request", lambda c, customer: c.hold(customer, "call", lifetime=timedelta(2))),
    ],
)
def test_bad_calls_write_nothing(
    scene: Scene, customer: str, code: str, change: Callable[[Any, str], Any]
) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    with scene.nothing_is_written(customer):
        refused(code, change, scene.billing.charges, customer)


DYING = """
import sys, time
from tests.charges.shop import shop
from tollkeeper import Billing
billing = Billing(sys.argv[1], catalog=shop())
hold = billing.charges.hold(sys.argv[2], "call", 60)
sys.stdout.write(hold.id + "\\n")
sys.stdout.flush()
time.sleep(60)
"""


def test_a_process_killed_between_hold_and_settle_leaves_a_hold_that_anybody_settles(
    scene: Scene, customer: str
) -> None:
    scene.clock.set(datetime.now(UTC))
    scene.billing.credits.grant(customer, "credits", 100)
    command = [sys.executable, "-c", DYING, scene.url, customer]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        assert process.stdout is not None
        hold = process.stdout.readline().strip()
        process.kill()
        watch.cancel()
    scene.clock.set(datetime.now(UTC))
    assert scene.billing.credits.balance(customer, "credits").available == 40
    assert scene.billing.charges.settle(customer, hold, 25).quantity == 25
    assert scene.billing.credits.balance(customer, "credits").available == 75
    scene.audited(customer)


def side_by_side(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run calls on threads of their own, at once; give each answer, or its error."""
    answers: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(number: int) -> None:
        start.wait(SECONDS)
        try:
            answers[number] = calls[number]()
        except TollkeeperError as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    return answers
