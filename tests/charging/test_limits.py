"""C4: limits. A counter belongs to its window and its subject, and every limit that counts holds.

Under threads and processes exactly as many are accepted as the limit says; a refused charge writes
nothing at all.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.charging.scene import START, Scene, micro, paid, refused
from tests.doors.scenes import at_once, count
from tests.doors.workers import Worker
from tollkeeper import Money
from tollkeeper.errors import LimitReached
from tollkeeper.values.charges import ChargeReceipt

DAY = "post:quantity:customer:day"
HOUR = "post:quantity:member:hour"
KEY = "post:quantity:api_key:rolling-18000"


@pytest.fixture
def rich(scene: Scene, customer: str) -> str:
    """Somebody whom only limits can stop."""
    scene.billing.credits.grant(customer, "credits", 10_000)
    return customer


def test_64_threads_against_one_limit(scene: Scene, rich: str) -> None:
    """20 a day: of 64 at once, 20 are accepted, and the counter says so."""
    results = at_once(lambda _: scene.billing.charge(rich, "post", 1), 64)
    assert (count(results, ChargeReceipt), count(results, LimitReached)) == (20, 44)
    assert scene.counters(rich)[DAY] == 20
    assert scene.billing.credits.balance(rich, "credits").available == 10_000 - 20
    scene.audited(rich)


def test_a_limit_in_money_under_threads(scene: Scene, customer: str) -> None:
    """20 dollars a period, from the wallet and on the later bill together."""
    scene.put_on(customer, "pro")
    scene.billing.wallet.deposit(customer, Money("7.00", "usd"))
    results = at_once(lambda _: scene.billing.charge(customer, "scan", 1), 30)
    assert (count(results, ChargeReceipt), count(results, LimitReached)) == (20, 10)
    assert scene.counters(customer)["scan:money:usd:customer:period"] == 20 * 10**9
    assert scene.money(customer) == 0
    scene.audited(customer)


def test_processes_against_one_limit(scene: Scene, rich: str, crew: list[Worker]) -> None:
    """Several processes with three threads each, 60 attempts: 20 are accepted."""
    for worker in crew:
        worker.tell("attempt", customer=rich, feature="post", attempts=30)
    assert sum(worker.hear() for worker in crew) == 20
    scene.audited(rich)


def test_members_keys_and_tags_count_by_themselves(scene: Scene, rich: str) -> None:
    """Each has his own counter, the organisation's counts them all; the most restrictive wins."""
    charge = scene.billing.charge
    charge(rich, "post", 7, member="ann")
    error = refused("limit_reached", charge, rich, "post", 1, member="ann")
    assert (error.limit, error.left) == (HOUR, "0")
    charge(rich, "post", 5, member="bob", api_key="key_1")
    error = refused("limit_reached", charge, rich, "post", 1, member="cid", api_key="key_1")
    assert error.limit == KEY
    charge(rich, "post", 6, tags=["night", "test"])
    error = refused("limit_reached", charge, rich, "post", 2, tags=["night"])
    assert error.limit == "post:quantity:tag=night:minute"
    # 18 of 20 are used by all of them together.
    error = refused("limit_reached", charge, rich, "post", 3, member="bob", api_key="key_2")
    assert (error.limit in (HOUR, DAY), error.left) == (True, "2")
    error = refused("limit_reached", charge, rich, "post", 3)
    assert (error.limit, error.left) == (DAY, "2")
    charge(rich, "post", 2, member="bob")
    assert scene.counters(rich, "member:bob") == {HOUR: 7}
    assert scene.counters(rich, "api_key:key_1") == {KEY: 5}
    # Only what a limit counts by itself has a tally.
    subjects = {row["subject"] for row in scene.rows("tally", rich)}
    assert {"", "member:ann", "member:bob", "api_key:key_1", "tag:night"} <= subjects
    scene.audited(rich)


def test_a_refused_charge_writes_nothing(scene: Scene, rich: str) -> None:
    """Whatever it would have made, counted or begun: every table is as it was."""
    scene.billing.charge(rich, "post", 19)
    for how in ({}, {"member": "new"}, {"api_key": "new"}, {"tags": ["night", "new"]}):
        options: dict[str, Any] = how
        with scene.nothing_is_written(rich):
            refused("limit_reached", scene.billing.charge, rich, "post", 2, **options)
            assert not scene.billing.try_charge(rich, "post", 2, idempotency_key="k", **options)
            assert not scene.billing.check(rich, "post", 2, **options)
    assert scene.billing.charge(rich, "post", 1, idempotency_key="k").quantity == 1


def test_a_refused_stranger_is_not_made(scene: Scene, customer: str) -> None:
    """No customer, no tally, no account, no unit comes of a refusal."""
    with scene.nothing_is_written(customer):
        refused("insufficient_balance", scene.billing.charge, customer, "image", 1)
        refused("insufficient_balance", scene.billing.charge, customer, "post", 1, member="ann")
        refused("insufficient_balance", scene.billing.charge, customer, "tier", 1)
    assert not scene.rows("customer", customer)
    assert not scene.rows("tally", customer)


def test_windows_of_each_kind(scene: Scene, rich: str) -> None:
    """A counter starts anew with its window, and not a moment earlier."""
    charge, clock = scene.billing.charge, scene.clock
    charge(rich, "post", 5, api_key="k")
    clock.set(START + timedelta(hours=5) - timedelta(microseconds=1))
    refused("limit_reached", charge, rich, "post", 1, api_key="k")
    clock.set(START + timedelta(hours=5))
    charge(rich, "post", 1, api_key="k")
    clock.set(START + timedelta(hours=6))
    assert scene.billing.check(rich, "post", 9, api_key="k").left == 4
    told = scene.billing.check(rich, "post", 1, api_key="k").limits
    ends = {limit.name: limit.resets_at for limit in told}
    assert ends[KEY] == START + timedelta(hours=10)
    assert ends[DAY] == datetime(2026, 3, 11, tzinfo=UTC)


def test_a_change_of_plan_does_not_refill(scene: Scene, rich: str) -> None:
    """Free, pro, team and back: the counter belongs to the window, not to the plan."""
    for plan in ("free", "pro", "team"):
        scene.put_on(rich, plan)
        scene.billing.charge(rich, "scan", 10 if plan != "team" else 5, pay_from=None)
    left = scene.billing.check(rich, "scan", 1, pay_from="credits").left
    assert left == 30 - 25
    scene.put_on(rich)
    assert scene.billing.check(rich, "scan", 1).left == 5
    scene.audited(rich)


def test_a_limit_that_comes_later_counts_from_the_start_of_its_window(
    scene: Scene, rich: str
) -> None:
    """What was used before the plan had the limit is used: 40 a quarter, of which 10 are gone."""
    scene.put_on(rich, "pro")
    scene.billing.charge(rich, "vip", 5)
    scene.clock.set(datetime(2026, 4, 2, 9, tzinfo=UTC))
    scene.billing.charge(rich, "vip", 10)
    scene.put_on(rich, "team")
    assert scene.billing.check(rich, "vip").left == 30
    refused("limit_reached", scene.billing.charge, rich, "vip", 31)
    assert scene.billing.charge(rich, "vip", 30).quantity == 30
    assert scene.counters(rich)["vip:quantity:customer:quarter"] == 40
    refused("limit_reached", scene.billing.charge, rich, "vip", 1)
    scene.audited(rich)


def test_a_new_zone_holds_from_the_next_window(scene: Scene, rich: str) -> None:
    """Berlin's day that was begun keeps its end; the next one is Tokyo's."""
    scene.billing.customers.update(rich, zone="Europe/Berlin")
    scene.billing.charge(rich, "post", 20)
    ends = {state.name: state.resets_at for state in scene.billing.check(rich, "post").limits}
    assert ends[DAY] == datetime(2026, 3, 10, 23, tzinfo=UTC)
    scene.billing.customers.update(rich, zone="Asia/Tokyo")
    error = refused("limit_reached", scene.billing.charge, rich, "post", 1)
    assert error.resets_at == datetime(2026, 3, 10, 23, tzinfo=UTC)
    scene.clock.set(datetime(2026, 3, 10, 23, tzinfo=UTC))
    scene.billing.charge(rich, "post", 20)
    error = refused("limit_reached", scene.billing.charge, rich, "post", 1)
    # It is the 11th already in Tokyo, until 15:00 UTC.
    assert error.resets_at == datetime(2026, 3, 11, 15, tzinfo=UTC)


def test_a_first_charge_counts_in_the_customers_zone(scene: Scene, customer: str) -> None:
    """His very first window is one of his own zone."""
    scene.billing.customers.create(customer, zone="Pacific/Auckland")
    scene.billing.credits.grant(customer, "credits", 100)
    assert scene.billing.check(customer, "post").limits[0].resets_at == datetime(
        2026, 3, 11, 11, tzinfo=UTC
    )
    scene.billing.charge(customer, "post", 20)
    error = refused("limit_reached", scene.billing.charge, customer, "post", 1)
    assert error.resets_at == datetime(2026, 3, 11, 11, tzinfo=UTC)


def test_a_clock_that_steps_back_refills_nothing(scene: Scene, rich: str) -> None:
    """The day before yesterday comes again: what was counted stays counted."""
    scene.billing.charge(rich, "post", 20)
    scene.clock.set(START - timedelta(days=2))
    refused("limit_reached", scene.billing.charge, rich, "post", 1)
    assert not scene.billing.check(rich, "post")
    receipt = scene.billing.charge(rich, "call", 1)
    assert receipt.created_at == START
    scene.audited(rich)


def test_a_plan_that_ended_pays_no_more_though_the_clock_steps_back(
    scene: Scene, rich: str
) -> None:
    """A decision is never made before what is booked: the plan is over for good."""
    ends = micro(START + timedelta(hours=1))
    scene.put_on(rich, ("team", micro(START.replace(day=1, hour=0)), ends))
    assert paid(scene.billing.charge(rich, "call", 1)) == [("usage", 1, scene_price())]
    scene.clock.set(START + timedelta(hours=1))
    assert paid(scene.billing.charge(rich, "call", 1)) == [("credits", 1, 1)]
    scene.clock.set(START)
    assert scene.billing.check(rich, "image", 1).shares[0].source == "credits"
    assert paid(scene.billing.charge(rich, "image", 1)) == [("credits", 1, 10)]
    scene.audited(rich)


def test_a_plan_that_ended_while_only_accounts_were_booked(scene: Scene, customer: str) -> None:
    """The wallet pays only once the plan is over; what was consumed since says that it is."""
    scene.billing.credits.grant(customer, "credits", 3)
    scene.billing.wallet.deposit(customer, Money("5.00", "usd"))
    ends = micro(START + timedelta(hours=1))
    scene.put_on(customer, ("team", micro(START.replace(day=1, hour=0)), ends))
    scene.clock.set(START + timedelta(hours=2))
    scene.billing.credits.consume(customer, "credits", 1)
    scene.clock.set(START)
    expected = [("credits", 2, 2), ("wallet", 2, 2)]
    assert paid(scene.billing.check(customer, "film", 4)) == expected
    assert paid(scene.billing.charge(customer, "film", 4)) == expected
    scene.audited(customer)


def scene_price() -> Any:
    """What a call costs in dollars."""
    return Money("0.25", "usd").amount


def test_many_members_at_once(scene: Scene, rich: str) -> None:
    """Members meet one organisation's limit: 20 of 48, and no member above 7."""
    with ThreadPoolExecutor(16) as threads:
        attempts = list(
            threads.map(
                lambda n: scene.billing.try_charge(rich, "post", 1, member=f"m{n % 4}"), range(48)
            )
        )
    assert sum(attempt.success for attempt in attempts) == 20
    counts = [scene.counters(rich, f"member:m{n}").get(HOUR, 0) for n in range(4)]
    assert sum(counts) == 20
    assert max(counts) <= 7
    scene.audited(rich)
