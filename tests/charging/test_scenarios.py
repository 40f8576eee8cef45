"""The scenarios of charging, each through the door, on each database."""

from decimal import Decimal
from fractions import Fraction
from functools import partial

import pytest

from tests.charging.scene import Scene, paid, refused
from tollkeeper import Money
from tollkeeper.errors import LimitReached

USD = Decimal("0.000000001")


def test_s5_an_overdraft_lets_the_balance_go_below_zero(scene: Scene, customer: str) -> None:
    """Gems may be overdrawn by 5: what is there is taken first, the rest is debt."""
    scene.billing.credits.grant(customer, "gems", 1)
    receipt = scene.billing.charge(customer, "bundle", 9)
    assert paid(receipt) == [("gems", 9, 3)]
    assert receipt.balances["gems"].available == -2
    scene.audited(customer)


def test_s6_too_little_everywhere_is_refused_with_what_is_there(
    scene: Scene, customer: str
) -> None:
    """The refusal names what is available and required, source by source; nothing is written."""
    scene.billing.credits.grant(customer, "credits", 5)
    scene.billing.wallet.deposit(customer, Money("1.00", "usd"))
    with scene.nothing_is_written(customer):
        error = refused("insufficient_balance", scene.billing.charge, customer, "call", 20)
    assert [(source["source"], source["available"]) for source in error.sources] == [
        ("credits", "5"),
        ("wallet", "1"),
    ]
    attempt = scene.billing.try_charge(customer, "call", 20)
    assert not attempt.success
    assert attempt.refusal is not None
    assert attempt.refusal.code == "insufficient_balance"


def test_s12_exactly_what_is_there_is_enough(scene: Scene, customer: str) -> None:
    """`check` is true at equality and false one above."""
    scene.billing.credits.grant(customer, "credits", 30)
    assert scene.billing.check(customer, "image", 3)
    assert not scene.billing.check(customer, "image", 4)
    assert paid(scene.billing.charge(customer, "image", 3)) == [("credits", 3, 30)]


def test_s19_s20_s21_keys(scene: Scene, customer: str) -> None:
    """The same key: the first result; another request: a conflict; another customer: his own."""
    other = f"{customer}_other"
    for each in (customer, other):
        scene.billing.credits.grant(each, "credits", 10)
    first = scene.billing.charge(customer, "call", 2, idempotency_key="k")
    again = scene.billing.charge(customer, "call", 2, idempotency_key="k")
    assert again.replayed
    assert again.to_json() == first.to_json()
    refused("idempotency_conflict", scene.billing.charge, customer, "call", 3, idempotency_key="k")
    apart = scene.billing.charge(other, "call", 3, idempotency_key="k")
    assert apart.operation_id != first.operation_id
    left = [scene.billing.credits.balance(each, "credits") for each in (customer, other)]
    assert [balance.available for balance in left] == [8, 7]


def test_s100_a_repeated_charge_is_one_usage_event(scene: Scene, customer: str) -> None:
    """One event and one charge; with another payload a conflict."""
    scene.put_on(customer, "pro")
    small, large = {"name": "small"}, {"name": "large"}
    ask = partial(scene.billing.charge, customer, "model", 2, idempotency_key="e")
    first = ask(dimensions=small)
    assert ask(dimensions=small).to_json() == first.to_json()
    refused("idempotency_conflict", ask, dimensions=large)
    events = scene.rows("usage_event", customer)
    assert [(event["id"], event["quantity"]) for event in events] == [(first.operation_id, 2)]
    scene.audited(customer)


def test_s114_limits_in_quantity_and_money_alone_and_together(scene: Scene, customer: str) -> None:
    """30 scans for life, 20 dollars a period: the nearer one refuses, and says what is left."""
    scene.billing.credits.grant(customer, "credits", 5)
    scene.billing.wallet.deposit(customer, Money("100.00", "usd"))
    assert paid(scene.billing.charge(customer, "scan", 24)) == [
        ("credits", 5, 5),
        ("wallet", 19, 19),
    ]
    with scene.nothing_is_written(customer):
        error = refused("limit_reached", scene.billing.charge, customer, "scan", 2)
    assert isinstance(error, LimitReached)
    assert (error.limit, error.left, error.required) == ("scan:money:usd:customer:period", "1", "2")
    assert error.resets_at.isoformat() == "2026-04-01T00:00:00+00:00"
    scene.billing.credits.grant(customer, "credits", 50)
    assert paid(scene.billing.charge(customer, "scan", 6)) == [("credits", 6, 6)]
    error = refused("limit_reached", scene.billing.charge, customer, "scan", 1)
    assert (error.limit, error.left, error.resets_at) == (
        "scan:quantity:customer:lifetime",
        "0",
        None,
    )
    scene.audited(customer)


def test_s114_only_the_running_window_counts(scene: Scene, customer: str) -> None:
    """20 posts a day: a new day is a new counter."""
    scene.billing.credits.grant(customer, "credits", 100)
    scene.billing.charge(customer, "post", 20)
    refused("limit_reached", scene.billing.charge, customer, "post", 1)
    scene.clock.advance(hours=12)
    assert scene.billing.charge(customer, "post", 20).quantity == 20
    refused("limit_reached", scene.billing.charge, customer, "post", 1)


@pytest.mark.parametrize(("plan", "price"), [("free", 1), ("team", 3)])
def test_s115_the_crossing_call_is_charged_for_its_excess(
    scene: Scene, customer: str, plan: str, price: int
) -> None:
    """8 films a month; beyond, the overage price is paid in money, for the excess alone."""
    scene.put_on(customer, plan)
    scene.billing.credits.grant(customer, "credits", 50)
    scene.billing.wallet.deposit(customer, Money("50.00", "usd"))
    source = "usage" if plan == "team" else "wallet"
    first = "usage" if plan == "team" else "credits"
    assert [share[:2] for share in paid(scene.billing.charge(customer, "film", 6))] == [(first, 6)]
    crossing = paid(scene.billing.charge(customer, "film", 5))
    assert [share[:2] for share in crossing] == [(first, 2), (source, 3)]
    assert crossing[1][2] == 3 * price
    assert paid(scene.billing.charge(customer, "film", 1)) == [(source, 1, price)]
    scene.audited(customer)


def test_s115_beyond_the_limit_with_nobody_to_pay(scene: Scene, customer: str) -> None:
    """Where the call allows no source of overage, the limit itself is the refusal."""
    scene.billing.credits.grant(customer, "credits", 50)
    scene.billing.wallet.deposit(customer, Money("50.00", "usd"))
    charge = scene.billing.charge
    assert paid(charge(customer, "film", 8, pay_from="credits")) == [("credits", 8, 8)]
    with scene.nothing_is_written(customer):
        error = refused("limit_reached", charge, customer, "film", 1, pay_from="credits")
    assert error.left == "0"
    assert scene.billing.check(customer, "film", 1, pay_from="credits").reason == "limit_reached"


def test_s115_a_limit_that_only_counts(scene: Scene, customer: str) -> None:
    """`allow`: beyond the limit everything goes on, and is counted."""
    scene.billing.credits.grant(customer, "credits", 50)
    scene.billing.charge(customer, "note", 2)
    assert paid(scene.billing.charge(customer, "note", 5)) == [("credits", 5, 5)]
    assert scene.counters(customer)["note:quantity:customer:year"] == 7
    assert scene.billing.check(customer, "note", 40)


def test_s119_what_an_http_answer_needs(scene: Scene, customer: str) -> None:
    """A refusal by a limit tells what is left, when it starts anew, and in how many seconds."""
    scene.billing.credits.grant(customer, "credits", 50)
    scene.billing.charge(customer, "post", 18)
    told = scene.billing.check(customer, "post", 5)
    assert (told.is_allowed, told.reason) == (False, "limit_reached")
    assert told.left == 2
    assert told.refusal is not None
    assert told.refusal.retry_after_seconds == 12 * 3600
    assert told.to_dict()["resets_at"] == "2026-03-11T00:00:00+00:00"


def test_c2_a_wallet_that_covers_a_fraction_loses_nothing(scene: Scene, customer: str) -> None:
    """A third of a dollar a word: the wallet pays what it can, the bill the rest, to the digit."""
    scene.put_on(customer, "pro")
    scene.billing.credits.grant(customer, "credits", 1)
    scene.billing.wallet.deposit(customer, Money("1.50", "usd"))
    receipt = scene.billing.charge(customer, "word", 10)
    # One credit is worth up to four words: 4/3 rounds to 1.
    assert [share[:2] for share in paid(receipt)] == [("credits", 4), ("wallet", 4), ("usage", 2)]
    third = Fraction(1, 3)
    for share, exact in zip(receipt.shares[1:], (4 * third, 2 * third), strict=True):
        assert abs(Fraction(share.amount) - exact) <= Fraction(USD) / 2
    scene.audited(customer)


def test_c3_one_pool_serves_features_at_their_own_cost(scene: Scene, customer: str) -> None:
    """A call costs one credit, an image ten."""
    scene.billing.credits.grant(customer, "credits", 12)
    assert paid(scene.billing.charge(customer, "image")) == [("credits", 1, 10)]
    assert paid(scene.billing.charge(customer, "call", 2)) == [("credits", 2, 2)]


def test_c7_unknown_names_and_prices(scene: Scene, customer: str) -> None:
    """Unknown features and models name the fix; nothing is ever free in silence."""
    with scene.nothing_is_written(customer):
        error = refused("unknown_feature", scene.billing.charge, customer, "imgae", 1)
        assert "image" in error.message
        refused("not_priced", scene.billing.charge, customer, "model", 1)
        error = refused(
            "not_priced", scene.billing.charge, customer, "model", 1, dimensions={"name": "smal"}
        )
        assert "small" in error.message
        refused("insufficient_balance", scene.billing.charge, customer, "call", 1)


def test_a5_a_free_use_is_recorded(scene: Scene, customer: str) -> None:
    """What a rate makes free leaves an operation and a usage event, and needs no balance."""
    receipt = scene.billing.charge(customer, "gift", 3, idempotency_key="gift")
    assert paid(receipt) == [("credits", 3, 0)]
    assert [event["quantity"] for event in scene.rows("usage_event", customer)] == [3]
    assert len(scene.rows("operation", customer)) == 1
    assert scene.billing.charge(customer, "gift", 3, idempotency_key="gift").replayed
    scene.billing.credits.grant(customer, "credits", 1)
    assert scene.billing.charge(customer, "gift", 1).entries[0].change.available == 0
    scene.audited(customer)
