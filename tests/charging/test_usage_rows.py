"""Each accepted charge is one usage event, and the hours that are kept are their sums."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.charging.scene import START, Scene, moment, refused
from tollkeeper import Money
from tollkeeper.values.charges import ChargeReceipt

#: Spans between two charges, some of them back in time, in seconds.
SPANS = (0, 0, 1, 900, 1799, 1800, 3600, 7201, 86_400, -1, -1800, -7200, -100_000)
FEATURES = ("call", "word", "tier", "gift", "film", "movie", "token")

steps = st.tuples(st.sampled_from(SPANS), st.sampled_from(FEATURES), st.integers(1, 9))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=st.lists(steps, min_size=2, max_size=25), plan=st.sampled_from(["free", "pro", "team"]))
def test_hours_are_the_sums_of_events(
    scene: Scene, walk: list[tuple[int, str, int]], plan: str
) -> None:
    """Over hours that end, and a clock that steps back: nothing is lost, nothing counts twice."""
    customer = f"customer_{uuid4().hex}"
    scene.clock.set(START + timedelta(minutes=30))
    scene.put_on(customer, plan)
    scene.billing.credits.grant(customer, "credits", 20, source="allowance")
    scene.billing.credits.grant(customer, "credits", 20)
    scene.billing.wallet.deposit(customer, Money("5.00", "usd"))
    receipts: list[ChargeReceipt] = []
    for span, feature, quantity in walk:
        scene.clock.set(scene.clock.now() + timedelta(seconds=span))
        attempt = scene.billing.try_charge(customer, feature, quantity)
        if attempt.receipt is not None:
            receipts.append(attempt.receipt)
        assert scene.totals(customer) == scene.by_events(customer)
    events = {event["id"]: event for event in scene.rows("usage_event", customer)}
    assert sorted(events) == sorted(receipt.operation_id for receipt in receipts)
    for receipt in receipts:
        says_the_same(receipt, events[receipt.operation_id])
    # What is booked later counts later, whatever the clock says.
    counted = [moment(events[receipt.operation_id]["counted_at"]) for receipt in receipts]
    assert counted == sorted(counted)
    scene.audited(customer)


def says_the_same(receipt: ChargeReceipt, event: dict[str, Any]) -> None:
    """Compare a receipt with its usage event."""
    scale = receipt.result["scale"]
    assert event["feature"] == receipt.feature
    assert event["quantity"] == receipt.quantity.scaleb(scale)
    kinds = ("unit", "wallet", "usage")
    by = {kind: [s for s in receipt.shares if s.kind == kind] for kind in kinds}
    units = (event["included"] or 0) + (event["credits"] or 0)
    assert units == sum(share.quantity for share in by["unit"]) * 10**scale
    assert (event["wallet"] or 0) == sum(share.quantity for share in by["wallet"]) * 10**scale
    assert (event["spent"] or 0) == sum(share.amount for share in by["wallet"]) * 10**9
    assert (event["owed"] or 0) == sum(share.amount for share in by["usage"]) * 10**9


def test_what_allowances_paid_is_included(scene: Scene, customer: str) -> None:
    """Included is what the plan's own grant paid; other credits are not."""
    scene.billing.credits.grant(customer, "credits", 4, source="allowance")
    scene.billing.credits.grant(customer, "credits", 10)
    scene.billing.charge(customer, "call", 6)
    (event,) = scene.rows("usage_event", customer)
    assert (event["included"], event["credits"], event["wallet"]) == (4, 2, None)


def test_what_is_told_of_a_use_is_kept(scene: Scene, customer: str) -> None:
    """Member, key, tags and dimensions stand in the event."""
    scene.billing.credits.grant(customer, "credits", 4)
    scene.billing.charge(
        customer,
        "post",
        1,
        member="ann",
        api_key="key_1",
        tags=["b", "a", "b"],
        dimensions={"region": "eu", "model": "x"},
    )
    (event,) = scene.rows("usage_event", customer)
    assert (event["member"], event["api_key"], event["tags"]) == ("ann", "key_1", '["a","b"]')
    assert event["dimensions"] == '{"model":"x","region":"eu"}'


def test_an_hour_that_no_column_could_keep(scene: Scene, customer: str) -> None:
    """Sums beyond 64 bits are refused by the charge that would make them; the next hour is fine."""
    scene.put_on(customer, "team")
    most = (2**63 - 1) // 10**6
    for _ in range(2):
        scene.billing.charge(customer, "token", most // 2)
    with scene.nothing_is_written(customer):
        error = refused("balance_overflow", scene.billing.charge, customer, "token", most // 2)
    assert "hour" in error.message
    assert not scene.billing.check(customer, "token", most // 2)
    scene.clock.advance(hours=1)
    scene.billing.charge(customer, "token", 1)
    assert scene.totals(customer) == scene.by_events(customer)
