"""Where 64 bits end: a refusal found in the decision, never a database's error; nothing written."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.ledger.scene import NOTE, Scene, refused
from tests.ledger.shown import numbers
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.values.units import credits_unit

#: The largest amount of a unit of scale 6.
MOST = Decimal(2**63 - 1).scaleb(-6)
LEAST = Decimal("0.000001")


def test_a_balance_that_is_full_takes_no_more(scene: Scene) -> None:
    """Whatever would add to it: held and restricted value count, too."""
    room, name = scene.room, f"{scene.customer}_full"
    room.grant(name, "calls", MOST - 2)
    room.hold(name, "calls", 10)
    room.grant(name, "calls", 1, features=["chat"])
    room.grant(name, "calls", 1)
    with scene.nothing_is_written():
        for more in ({}, {"features": ["chat"]}, {"source": "purchase"}):
            refused("balance_overflow", _given(room.grant, **more), name, "calls", LEAST)
        refused("balance_overflow", _given(room.adjust, **NOTE), name, "calls", 1)
        refused("balance_overflow", _given(room.transfer, to=name), scene.customer, "calls", LEAST)
    assert room.consume(name, "calls", 5).balance.available == MOST - 16


def test_debt_ends_where_64_bits_end(scene: Scene) -> None:
    """Even an unlimited overdraft: the refusal says so, and not that the balance is too low."""
    room, name = scene.room, f"{scene.customer}_owing"
    room.set_overdraft(name, "calls", "unlimited")
    room.consume(name, "calls", MOST - 1)
    held = room.hold(name, "calls", 1)
    with scene.nothing_is_written():
        refused("balance_overflow", room.consume, name, "calls", LEAST)
        refused("balance_overflow", room.hold, name, "calls", LEAST)
        refused("balance_overflow", room.extend, name, held, LEAST)
        refused("balance_overflow", room.settle, name, held, 1 + LEAST)
        refused("balance_overflow", _given(room.adjust, **NOTE), name, "calls", -LEAST)
    assert numbers(scene.billing, name) == (-MOST, 0, 1, MOST)


@pytest.mark.parametrize("sign", [1, -1])
def test_no_single_change_is_larger_than_64_bits(scene: Scene, sign: int) -> None:
    """From one end to the other is twice too far, though both ends are there."""
    room, name = scene.room, f"{scene.customer}_far"
    room.set_balance(name, "calls", sign * MOST)
    with scene.nothing_is_written():
        refused("balance_overflow", room.set_balance, name, "calls", -sign * MOST)
        refused("balance_overflow", room.set_balance, name, "calls", -sign * LEAST)
    room.set_balance(name, "calls", 0)
    room.set_balance(name, "calls", -sign * MOST)
    assert numbers(scene.billing, name)[0] == -sign * MOST


def test_a_reversal_does_not_overflow_either(scene: Scene) -> None:
    """What was spent made room that is taken now."""
    room, name = scene.room, f"{scene.customer}_back"
    room.grant(name, "calls", MOST)
    spent = room.consume(name, "calls", 100)
    room.grant(name, "calls", 1)
    with scene.nothing_is_written():
        refused("balance_overflow", room.reverse, name, spent)


def test_a_unit_without_decimals_reaches_further(
    books_url: str, clock: FixedClock, customer: str
) -> None:
    """The range is that of the integer, at every scale."""
    unit = credits_unit(f"unit_{uuid4().hex}", 0)
    with Billing(books_url, clock=clock, units=[unit]) as billing:
        billing.credits.grant(customer, unit.key, 2**63 - 1)
        refused("balance_overflow", billing.credits.grant, customer, unit.key, 1)
        refused("invalid_amount", billing.credits.grant, customer, unit.key, 2**63)
        assert billing.credits.consume(customer, unit.key, 2**63 - 1).amount == 2**63 - 1


def _given(verb: Any, **options: Any) -> Any:
    return lambda *given: verb(*given, **options)
