"""What the app hears of a renewal: what came and went, and a low balance only where one is (H3)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
PRICES = """
[units.credits]
low_balance = 10

[features.image]
scale = 0
cost = { credits = 1 }

[plans.free]
allowances.credits = "50 / month"

[plans.little]
allowances.credits = "5 / month"
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that the module's tests share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('renewing') / 'books.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that each test sets."""
    return FixedClock(START)


@pytest.fixture
def billing(url: str, clock: FixedClock) -> Iterator[Billing]:
    """Books whose credits have a threshold."""
    with Billing(url, clock=clock, catalog=Catalog.from_toml(PRICES)) as billing:
        billing.migrate()
        yield billing


def kinds(billing: Billing, customer: str, since: datetime) -> list[str]:
    """The kinds of notices of a customer that were written since a moment, oldest first."""
    page = billing.notices.list(customer=customer, limit=1000)
    notices = [state.notice for state in page.notices][::-1]
    return [each.kind for each in notices if each.created_at >= since]


def renewed(billing: Billing, clock: FixedClock, plan: str, used: int, months: int) -> list[str]:
    """What is told of renewals after some use of the first month."""
    customer = f"customer_{uuid4().hex}"
    billing.subscriptions.assign_free(customer, plan)
    if used:
        billing.charge(customer, "image", used)
    clock.set(datetime(2026, 6 + months, 1, 12, 0, 1, tzinfo=UTC))
    billing.jobs.run_due()
    return kinds(billing, customer, clock.now())


def test_h3_a_renewal_of_a_balance_that_is_not_low_tells_nothing_of_low_balances(
    billing: Billing, clock: FixedClock
) -> None:
    """What expires comes again at the same moment."""
    assert renewed(billing, clock, "free", 0, 1) == ["grant_expired", "credits_granted"]


def test_h3_renewals_that_were_missed_tell_no_low_balance_either(
    billing: Billing, clock: FixedClock
) -> None:
    """Each of them is a moment of its own."""
    assert not {"credits_low", "credits_restored"} & {*renewed(billing, clock, "free", 0, 3)}


def test_h3_a_renewal_that_lifts_a_low_balance_restores_it_once(
    billing: Billing, clock: FixedClock
) -> None:
    """The balance was low before, and is not any more."""
    found = renewed(billing, clock, "free", 45, 1)
    assert found == ["grant_expired", "credits_granted", "credits_restored"]


def test_h3_a_renewal_that_is_below_the_threshold_stays_low(
    billing: Billing, clock: FixedClock
) -> None:
    """It was low, and still is."""
    assert renewed(billing, clock, "little", 1, 1) == ["grant_expired", "credits_granted"]
