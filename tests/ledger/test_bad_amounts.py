"""What is no amount, for every verb that takes one: refused by name, and nothing written."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.ledger.scene import NOTE, Scene, refused
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.values.units import credits_unit

NO_AMOUNTS: list[Any] = [
    1.5,
    float("nan"),
    True,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
    "NaN",
    "inf",
    "",
    "ten",
    "1_000",
    " 1",
    "1,5",
    "\uff11",
    "0x1",
    "1\x00",
    "\ud800",
    "9" * 101,
    [],
    b"1",
    object(),
    1 + 0j,
    Money("1.00", "usd"),
]
TOO_LONG = ["0.0000001", Decimal("1.0000001"), "1e-7"]
TOO_LARGE = [10**30, 2**63, "9223372036854.775808", "1e300", Decimal("1e999999"), 10**5000]
NEGATIVE = [-1, "-0.000001", Decimal(-5)]

#: Every verb that takes an amount, and which of the amounts below it refuses.
AMOUNTS: dict[str, tuple[Callable[[Any, Scene, Any], Any], list[Any]]] = {
    "grant": (lambda r, s, x: r.grant(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "consume": (lambda r, s, x: r.consume(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "try_consume": (lambda r, s, x: r.try_consume(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "overdraft": (lambda r, s, x: r.consume(s.customer, "calls", 1, overdraft=x), NEGATIVE),
    "hold": (lambda r, s, x: r.hold(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "extend": (lambda r, s, x: r.extend(s.customer, s.hold, x), [*NEGATIVE, 0]),
    "settle": (lambda r, s, x: r.settle(s.customer, s.hold, x), NEGATIVE),
    "revoke": (lambda r, s, x: r.revoke(s.customer, "calls", x), [*NEGATIVE, 0]),
    "revoke one": (
        lambda r, s, x: r.revoke(s.customer, "calls", x, grant=s.grant),
        [*NEGATIVE, 0],
    ),
    "adjust": (lambda r, s, x: r.adjust(s.customer, "calls", x, **NOTE), [None]),
    "set_balance": (lambda r, s, x: r.set_balance(s.customer, "calls", x), [None]),
    "set_overdraft": (lambda r, s, x: r.set_overdraft(s.customer, "calls", x), NEGATIVE),
    "transfer": (
        lambda r, s, x: r.transfer(s.customer, "calls", x, to=f"{s.customer}_b"),
        [*NEGATIVE, 0, None],
    ),
    "has": (lambda r, s, x: r.has(s.customer, "calls", x), [*NEGATIVE, None]),
}


@pytest.mark.parametrize("verb", AMOUNTS)
def test_s015_a5_every_verb_refuses_what_is_no_amount(scene: Scene, verb: str) -> None:
    """By name: `invalid_amount`, whatever was wrong with it; through `using` as well."""
    call, more = AMOUNTS[verb]
    with scene.nothing_is_written():
        for amount in [*NO_AMOUNTS, *TOO_LONG, *TOO_LARGE, *more]:
            refused("invalid_amount", call, scene.room, scene, amount)
        with scene.engine.begin() as connection:
            room = scene.billing.using(connection).credits
            refused("invalid_amount", call, room, scene, 1.5)


@pytest.mark.parametrize("amount", ["0.000001", "1e-6", Decimal("1E+1"), "+5", ".5", "5.", 12])
def test_s015_fractions_are_taken_to_the_units_scale(scene: Scene, amount: Any) -> None:
    """Every way to write an exact amount gives exactly that amount."""
    receipt = scene.room.consume(scene.customer, "calls", amount)
    assert receipt.amount == Decimal(amount)
    assert scene.room.reverse(scene.customer, receipt).balance.available == 90


def test_a_units_scale_is_fixed_for_life(
    billing: Billing, books_url: str, clock: FixedClock, customer: str
) -> None:
    """Whoever declares another is told so before anything is scaled by it."""
    unit = f"unit_{uuid4().hex}"
    billing.credits.grant(customer, unit, "0.000001")
    with Billing(books_url, clock=clock, units=[credits_unit(unit, 2)]) as other:
        refused("unit_mismatch", other.credits.grant, customer, unit, 1)
        refused("unit_mismatch", other.credits.balance, customer, unit)
    assert billing.credits.balance(customer, unit).available == Decimal("0.000001")


@pytest.mark.parametrize("scale", [0, 2, 12])
def test_amounts_keep_the_scale_of_their_unit(
    books_url: str, clock: FixedClock, customer: str, scale: int
) -> None:
    """The smallest and the largest amount of each scale go in and come out."""
    unit = credits_unit(f"unit_{uuid4().hex}", scale)
    smallest = Decimal(1).scaleb(-scale)
    largest = Decimal(2**63 - 1).scaleb(-scale)
    with Billing(books_url, clock=clock, units=[unit]) as billing:
        room = billing.credits
        refused("invalid_amount", room.grant, customer, unit.key, smallest / 10)
        refused("invalid_amount", room.grant, customer, unit.key, largest + smallest)
        room.grant(customer, unit.key, largest)
        room.consume(customer, unit.key, smallest)
        assert room.balance(customer, unit.key).available == largest - smallest
