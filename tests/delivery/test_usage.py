"""Notices of use: charged, recorded, amended; and of what nobody could pay."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.notices import CreditsConsumed, HoldLapsed, Notice, UsageRecorded, UsageUncollected

TOKENS = "tokens"


@pytest.fixture
def heard(billing: Billing) -> list[Any]:
    """What a function hears that asks for single uses; run what is due to fill it."""
    notices: list[Any] = []
    billing.on(UsageRecorded, UsageUncollected)(notices.append)
    billing.credits.grant("ann", TOKENS, 1000)
    return notices


def test_a_charge_tells_its_use(billing: Billing, heard: list[Any]) -> None:
    """With the feature, the quantity, who used it and what else is known."""
    billing.charge("ann", TOKENS, 3, member="bea", dimensions={"model": "large"})
    billing.jobs.run_due()
    [notice] = heard
    assert (notice.customer, notice.feature, notice.quantity) == ("ann", TOKENS, Decimal(3))
    assert (notice.member, notice.dimensions) == ("bea", {"model": "large"})
    assert notice.operation_id == notice.event_id


def test_recorded_use_is_told_once_and_its_amendment_too(
    billing: Billing, heard: list[Any], clock: FixedClock
) -> None:
    """The same id again is no new event; an amendment names the event whose place it takes."""
    used_at = clock.now() - timedelta(hours=2)
    for _ in range(2):
        billing.usage.record("ann", TOKENS, "2.5", event_at=used_at, idempotency_key="call-1")
    billing.usage.amend("ann", "call-1", quantity=2)
    billing.jobs.run_due()
    assert [(each.event_id == "call-1", each.quantity, each.amends) for each in heard] == [
        (True, Decimal("2.5"), None),
        (False, Decimal(2), "call-1"),
    ]
    assert heard[0].event_at == used_at


def test_what_a_settle_could_not_collect_is_told(billing: Billing, heard: list[Any]) -> None:
    """B2: the use is recorded whole, and what nobody paid is told beside it."""
    hold = billing.charges.hold("ann", TOKENS, 800)
    billing.charges.settle("ann", hold, 1500)
    billing.jobs.run_due()
    [used, unpaid] = heard
    assert (used.quantity, unpaid.quantity) == (Decimal(1500), Decimal(500))
    assert isinstance(unpaid, UsageUncollected)
    assert (unpaid.hold_id, unpaid.event_id) == (hold.id, used.event_id)


def test_nobody_asks_and_no_use_is_told_but_what_was_not_paid_is(billing: Billing) -> None:
    """H1: one notice a call is off; a settle that fell short is none of them."""
    notices: list[Notice] = []
    billing.on(Notice)(notices.append)
    billing.credits.grant("ann", TOKENS, 1000)
    billing.charge("ann", TOKENS, 900)
    billing.usage.record("ann", TOKENS)
    billing.charges.settle("ann", billing.charges.hold("ann", TOKENS, 50), 200)
    billing.jobs.run_due()
    kinds = [notice.kind for notice in notices]
    assert kinds == ["credits_granted", "usage_uncollected"]


def test_a_charge_that_pays_from_credits_tells_what_it_spent(billing: Billing) -> None:
    """As a consume does, where somebody asks."""
    spent: list[CreditsConsumed] = []
    billing.on(CreditsConsumed)(spent.append)
    billing.credits.grant("ann", TOKENS, 1000)
    billing.charge("ann", TOKENS, 30)
    billing.charges.settle("ann", billing.charges.hold("ann", TOKENS, 50), 20)
    billing.jobs.run_due()
    assert [(each.amount, each.balance) for each in spent] == [
        (Decimal(30), Decimal(970)),
        (Decimal(20), Decimal(950)),
    ]


def test_a_hold_of_a_charge_that_lapses_is_told(billing: Billing, clock: FixedClock) -> None:
    """With what it held of the balance."""
    lapsed: list[HoldLapsed] = []
    billing.on(HoldLapsed)(lapsed.append)
    billing.credits.grant("ann", TOKENS, 1000)
    billing.charges.hold("ann", TOKENS, 50)
    clock.advance(hours=1)
    billing.jobs.run_due()
    assert [(each.amount, each.balance) for each in lapsed] == [(Decimal(50), Decimal(1000))]
