"""What a customer has of each feature, and gauges whose ceilings hold (C4, C6)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.limits.shop import seen
from tollkeeper import Billing
from tollkeeper.errors import InvalidRequest, LimitReached, NotEntitled, UnknownFeature


def test_every_feature_of_a_customer(billing: Billing) -> None:
    """Had or not, a value, how many, and what check says."""
    found = billing.entitlements.of("u")
    assert sorted(found) == ["chat", "export", "image", "model", "projects", "seats"]
    assert not found["export"]
    assert seen(found["model"].value, found["model"].plan) == ("small", "free")
    assert seen(found["seats"].ceiling, found["seats"].in_use, found["seats"].left) == (3, 0, 3)
    assert not found["projects"].is_allowed
    image = found["image"].metered
    assert image is not None
    assert seen(image.is_allowed, image.left) == (True, 10)
    assert billing.entitlements.get("u", "image") == found["image"]


def test_several_plans_add_up(billing: Billing) -> None:
    """One plan is enough for a boolean, the main one says the value, and gauges add up."""
    billing.subscriptions.allocate("u", "team")
    found = billing.entitlements.of("u")
    assert seen(found["export"].is_allowed, found["model"].value) == (True, "small")
    assert seen(found["seats"].ceiling, found["projects"].ceiling) == (8, None)
    assert found["projects"].left is None


def test_whoever_has_no_plan(billing: Billing) -> None:
    """Metered features may be used by whoever can pay; the others only with a plan."""
    found = billing.entitlements.of("nobody")
    assert [key for key, each in found.items() if each] == []
    assert found["chat"].metered is not None


def test_a_gauge_goes_up_and_down(billing: Billing) -> None:
    """It is compared with its ceiling on the way up, and never below zero."""
    assert billing.entitlements.move_gauge("u", "seats", 2).left == 1
    with pytest.raises(LimitReached) as refusal:
        billing.entitlements.move_gauge("u", "seats", 2)
    assert seen(refusal.value.used, refusal.value.at_most, refusal.value.left) == ("2", "3", "1")
    assert billing.entitlements.move_gauge("u", "seats", -1).in_use == 1
    with pytest.raises(InvalidRequest):
        billing.entitlements.move_gauge("u", "seats", -2)
    assert billing.entitlements.set_gauge("u", "seats", 3).left == 0
    with pytest.raises(LimitReached):
        billing.entitlements.set_gauge("u", "seats", 4)
    assert billing.entitlements.get("u", "seats").in_use == 3


def test_a_gauge_that_no_plan_has_names_the_plans(billing: Billing) -> None:
    """The refusal says which plans were looked at, as that of a charge does."""
    with pytest.raises(NotEntitled) as refusal:
        billing.entitlements.move_gauge("u", "projects", 1)
    assert refusal.value.details["plans"] == ["free"]


def test_after_a_downgrade_there_may_be_more(billing: Billing) -> None:
    """Fewer can always be said; none can be added until there are few enough."""
    team = billing.subscriptions.allocate("u", "team")
    billing.entitlements.set_gauge("u", "seats", 8)
    billing.subscriptions.cancel("u", team, at="now")
    found = billing.entitlements.get("u", "seats")
    assert seen(found.ceiling, found.in_use, found.left) == (3, 8, 0)
    with pytest.raises(LimitReached):
        billing.entitlements.move_gauge("u", "seats")
    assert billing.entitlements.move_gauge("u", "seats", -4).in_use == 4


def test_keys_replay(billing: Billing) -> None:
    """Repeating a call with its key counts once."""
    for _ in range(3):
        gauge = billing.entitlements.move_gauge("u", "seats", idempotency_key="seat:ann")
        assert gauge.in_use == 1
    assert billing.entitlements.get("u", "seats").in_use == 1


def test_a_ceiling_holds_under_concurrency(billing: Billing) -> None:
    """Thirty callers for three seats: three get one."""

    def take(number: int) -> bool:
        try:
            billing.entitlements.move_gauge("u", "seats")
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(15) as pool:
        assert sum(pool.map(take, range(30))) == 3
    assert billing.entitlements.get("u", "seats").in_use == 3


def test_bad_input(billing: Billing, database_url: str) -> None:
    """Each mistake has its own error."""
    with pytest.raises(NotEntitled):
        billing.entitlements.move_gauge("u", "projects")
    with pytest.raises(InvalidRequest, match="no gauge"):
        billing.entitlements.move_gauge("u", "image")
    with pytest.raises(UnknownFeature):
        billing.entitlements.move_gauge("u", "seat")
    with pytest.raises(UnknownFeature):
        billing.entitlements.get("u", "seat")
    for wrong in (True, 1.5, "1", None, 10**30):
        with pytest.raises(InvalidRequest):
            billing.entitlements.set_gauge("u", "seats", wrong)  # type: ignore[arg-type]  # what is refused
    with Billing(database_url) as bare, pytest.raises(InvalidRequest, match="catalog"):
        bare.entitlements.of("nobody")
