"""What a settle charges beyond its hold or after the lapse, and what limits say of it (B2, B3).

The law: a hold, in any slices, settled at any time costs what one charge of the same quantity at
the settle would, up to what was held at its terms; and who caps pays for what was held, lapsed or
not.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.charges.test_laws import FEATURES, LAW, comparable, funds, new_customer, state, tried
from tests.charging.scene import START, Scene, paid, refused
from tollkeeper import Money

#: Features whose slices cost what the whole does, to the last digit.
EXACT = ("call", "film", "note", "post", "scan")
slices = st.lists(st.integers(1, 9), min_size=1, max_size=3)
EXCESSES = ("charge", "cap")


def by_source(receipt: Any) -> dict[str, tuple[Any, Any]]:
    """Sum up who paid which quantity, with which amount."""
    summed: dict[str, tuple[Any, Any]] = {}
    for source, quantity, amount in paid(receipt):
        before = summed.get(source, (0, 0))
        summed[source] = before[0] + quantity, before[1] + amount
    return summed


def held_in(scene: Scene, customer: str, feature: str, sizes: Sequence[int]) -> str:
    """Hold a quantity in slices; an example that some source or limit refuses is none."""
    charges = scene.billing.charges
    hold = tried(partial(charges.hold, customer, feature, sizes[0]))
    assume(not isinstance(hold, str))
    for size in sizes[1:]:
        assume(not isinstance(tried(partial(charges.extend, customer, hold, size)), str))
    return str(hold.id)


@given(
    money=funds,
    feature=st.sampled_from(EXACT),
    used_before=st.integers(0, 9),
    sizes=slices,
    used=st.integers(1, 30),
)
@LAW
def test_slices_and_an_excess_cost_what_one_charge_does(
    scene: Scene,
    money: tuple[int, int],
    feature: str,
    used_before: int,
    sizes: list[int],
    used: int,
) -> None:
    one, other = new_customer(scene, money), new_customer(scene, money)
    for name in (one, other):
        if used_before:
            tried(partial(scene.billing.charge, name, feature, used_before))
    hold = held_in(scene, one, feature, sizes)
    charged = tried(partial(scene.billing.charge, other, feature, used))
    assume(not isinstance(charged, str))
    receipt = scene.billing.charges.settle(one, hold, used)
    assert receipt.uncollected == 0
    assert by_source(receipt) == by_source(charged)
    assert comparable(state(scene, one)) == comparable(state(scene, other))
    scene.audited(one, other)


@given(
    money=funds,
    feature=st.sampled_from(FEATURES),
    sizes=slices,
    used=st.integers(1, 30),
    excess=st.sampled_from(EXCESSES),
)
@LAW
def test_b3_a_late_settle_costs_what_a_charge_does(
    scene: Scene, money: tuple[int, int], feature: str, sizes: list[int], used: int, excess: str
) -> None:
    """To cap leaves out what is above the quantity that was held, and nothing else."""
    one, other = new_customer(scene, money), new_customer(scene, money)
    hold = held_in(scene, one, feature, sizes)
    allowed = min(used, sum(sizes)) if excess == "cap" else used
    try:
        scene.clock.advance(minutes=20)
        charged = tried(partial(scene.billing.charge, other, feature, allowed))
        assume(not isinstance(charged, str))
        receipt = scene.billing.charges.settle(one, hold, used, excess=excess)
        assert [receipt.late, receipt.quantity, receipt.uncollected] == [True, used, used - allowed]
        assert by_source(receipt) == by_source(charged)
        scene.audited(one, other)
    finally:
        scene.clock.set(START)


@given(
    feature=st.sampled_from(FEATURES),
    sizes=slices,
    used=st.integers(0, 30),
    minutes=st.sampled_from((0, 20)),
)
@LAW
def test_b2_a_cap_charges_what_was_held_and_no_more(
    scene: Scene, feature: str, sizes: list[int], used: int, minutes: int
) -> None:
    customer = new_customer(scene, (100, 100))
    hold = held_in(scene, customer, feature, sizes)
    try:
        scene.clock.advance(minutes=minutes)
        receipt = scene.billing.charges.settle(customer, hold, used, excess="cap")
        assert sum(share.quantity for share in receipt.shares) == min(used, sum(sizes))
        assert [receipt.quantity, receipt.uncollected] == [used, max(0, used - sum(sizes))]
        scene.audited(customer)
    finally:
        scene.clock.set(START)


@pytest.mark.parametrize(
    ("held", "minutes"),
    [(1, 0), (8, 0), (25, 0), (30, 0), (30, 60)],
)
def test_c5_what_passes_a_limit_is_overage_however_it_was_held(
    scene: Scene, customer: str, held: int, minutes: int
) -> None:
    """Eight films a month are the pool's; money pays for the excess, and only for the excess."""
    scene.billing.credits.grant(customer, "credits", 100)
    scene.billing.wallet.deposit(customer, Money("100", "usd"))
    hold = scene.billing.charges.hold(customer, "film", held)
    scene.clock.advance(minutes=minutes)
    receipt = scene.billing.charges.settle(customer, hold, 30)
    assert by_source(receipt) == {"credits": (8, 8), "wallet": (22, 22)}
    assert scene.billing.credits.balance(customer, "credits").available == 92
    scene.audited(customer)


def test_overage_that_nobody_pays_is_told_and_not_refused(scene: Scene, customer: str) -> None:
    """B2: what was delivered is recorded; credits are not asked for what passes the limit."""
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "film", 5)
    receipt = scene.billing.charges.settle(customer, hold, 20)
    assert by_source(receipt) == {"credits": (8, 8)}
    assert [receipt.quantity, receipt.uncollected] == [20, 12]
    refused("insufficient_balance", scene.billing.charge, customer, "film", 1)
    scene.audited(customer)


def test_b3_a_settle_that_caps_after_the_lapse_is_not_free(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "credits", 100)
    hold = scene.billing.charges.hold(customer, "call", 8, lifetime=timedelta(minutes=1))
    scene.clock.advance(minutes=5)
    receipt = scene.billing.charges.settle(customer, hold, 11, excess="cap")
    assert [receipt.late, receipt.quantity, receipt.uncollected] == [True, 11, 3]
    assert paid(receipt) == [("credits", 8, 8)]
    assert scene.billing.credits.balance(customer, "credits").available == 92
