"""Queues that cannot begin yet never hide the others (H1)."""

from datetime import timedelta

import pytest

from tests.delivery.conftest import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.delivery import queues
from tollkeeper.delivery.queues import QUEUES
from tollkeeper.notices import CreditsGranted

UNIT = "api_calls"


def told(billing: Billing) -> list[tuple[str, int]]:
    """Register a function that fails for whoever is called bad."""
    heard: list[tuple[str, int]] = []

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if notice.customer.startswith("bad"):
            raise RuntimeError("the mail server is away")
        heard.append((notice.customer, int(notice.amount)))

    return heard


@pytest.mark.parametrize("each", [1, 40])
def test_customers_who_fail_hide_nobody(billing: Billing, clock: FixedClock, each: int) -> None:
    """However many queues wait for another try, and whatever is written behind them."""
    heard = told(billing)
    bad = [f"bad_{number:02}" for number in range(QUEUES + 5)]
    for customer in bad:
        billing.credits.grant(customer, UNIT, 1)
    assert billing.jobs.run_due().failed == len(bad)
    for customer in bad:
        for amount in range(each):
            billing.credits.grant(customer, UNIT, amount + 2)
    clock.advance(seconds=1)
    billing.credits.grant("good", UNIT, 1)
    assert billing.jobs.run_due().delivered == 1
    assert heard == [("good", 1)]
    for customer in bad:
        states = billing.notices.list(customer=customer, status="waiting").notices
        assert sum(state.attempts for state in states) == 1, "none of them was tried again"


def test_what_waited_behind_comes_in_order_once_its_first_is_told(
    billing: Billing, clock: FixedClock
) -> None:
    """It is put off as long as the first, and not longer."""
    heard: list[int] = []
    failures = [1]

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if failures:
            failures.pop()
            raise RuntimeError("the mail server is away")
        heard.append(int(notice.amount))

    billing.credits.grant("ann", UNIT, 1)
    assert billing.jobs.run_due().failed == 1
    billing.credits.grant("ann", UNIT, 2)
    billing.credits.grant("ann", UNIT, 3)
    assert billing.jobs.run_due().delivered == 0
    clock.advance(seconds=7)
    assert billing.jobs.run_due().delivered == 3
    assert heard == [1, 2, 3]


def test_queues_that_another_worker_has_hide_nobody(
    billing: Billing, database_url: str, clock: FixedClock
) -> None:
    """A worker that is busy with as many queues as it may lease leaves the rest to others."""
    heard = told(billing)
    for amount in (1, 2):
        for number in range(QUEUES):
            billing.credits.grant(f"busy_{number:02}", UNIT, amount)
    clock.advance(seconds=1)
    billing.credits.grant("free", UNIT, 1)
    with Billing(database_url, clock=clock) as other:
        inside: list[tuple[str, int]] = []

        @other.on(CreditsGranted)
        def listen(notice: CreditsGranted) -> None:
            if not inside:
                inside.append((notice.customer, 0))
                assert billing.jobs.run_due().delivered == 1
                inside.extend(heard)

        other.jobs.run_due()
    assert ("free", 1) in inside
    assert clock.now() < START + queues.LEASE + timedelta(seconds=1)
