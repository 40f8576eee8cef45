"""Limits count what is recorded, amended, filled in and taken back; they refuse none of it (C4)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.databases import PostgresServer
from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

PRICES = """
currency = "usd"
default_plan = "pro"

[features.calls]
scale = 0

[plans.pro]
waterfall = ["own", "usage"]
limits = [
  { feature = "calls", at_most = 10, every = "day" },
  { feature = "calls", at_most = 6, every = "day", per = "member" },
  { feature = "calls", at_most = 6, every = "day", per = "api_key" },
  { feature = "calls", at_most = 6, every = "day", per = "tag" },
]

[plans.pro.usage]
calls = "0.5 usd"
"""

ROLLING = PRICES.replace(
    '{ feature = "calls", at_most = 10, every = "day" },',
    '{ feature = "calls", at_most = 10, within = "5 hours" },',
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that the module's tests share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('counted') / 'books.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that each test sets."""
    return FixedClock(START)


@pytest.fixture
def limited(url: str, clock: FixedClock) -> Iterator[Billing]:
    """Books whose plan has limits of every subject."""
    with Billing(url, clock=clock, catalog=Catalog.from_toml(PRICES)) as billing:
        billing.migrate()
        yield billing


def left(billing: Billing, customer: str, **named: Any) -> Any:
    """Tell how much could be charged now."""
    return billing.check(customer, "calls", **named).left


def test_c4_recorded_usage_takes_headroom_and_is_refused_by_none(
    limited: Billing, customer: str
) -> None:
    """A charge after it finds less left; what is taken back is left again."""
    limited.charge(customer, "calls", 1, member="ann")
    first = limited.usage.record(customer, "calls", 4, member="ann")
    assert (left(limited, customer), left(limited, customer, member="ann")) == (5, 1)
    over = limited.usage.record(customer, "calls", 100)
    assert not limited.try_charge(customer, "calls", 1).success
    limited.usage.amend(customer, over.id, quantity=1)
    assert left(limited, customer) == 4
    limited.usage.amend(customer, first.id, quantity=0)
    assert (left(limited, customer), left(limited, customer, member="ann")) == (8, 5)


def test_c4_what_is_recorded_before_any_charge_counts(limited: Billing, customer: str) -> None:
    """The counter begins with what the books say."""
    limited.usage.record(customer, "calls", 4, member="ann")
    assert (left(limited, customer), left(limited, customer, member="ann")) == (6, 2)
    assert not limited.try_charge(customer, "calls", 3, member="ann").success
    assert limited.try_charge(customer, "calls", 2, member="ann").success
    assert (left(limited, customer), left(limited, customer, member="ann")) == (4, 0)


def test_c4_a_window_that_begins_with_a_record_counts_it(
    limited: Billing, clock: FixedClock, customer: str
) -> None:
    """The day before had a counter; the new day's begins with what was recorded in it."""
    limited.charge(customer, "calls", 9)
    clock.set(START + timedelta(days=1))
    limited.usage.record(customer, "calls", 3)
    assert left(limited, customer) == 7
    limited.usage.record(customer, "calls", 5, event_at=START)
    assert left(limited, customer) == 7


def test_c4_a_reversed_charge_gives_every_limit_its_headroom_back(
    limited: Billing, customer: str
) -> None:
    """The customer's, the member's, the key's and the tag's."""
    who: dict[str, Any] = {"member": "ann", "api_key": "k1", "tags": ["t1"]}
    receipt = limited.charge(customer, "calls", 5, **who)
    assert left(limited, customer, **who) == 1
    limited.credits.reverse(customer, receipt.operation_id)
    assert left(limited, customer, **who) == 6
    assert left(limited, customer) == 10


def test_c4_a_backfill_takes_headroom_once_it_is_closed(limited: Billing, customer: str) -> None:
    """And gives it back when it is undone."""
    limited.charge(customer, "calls", 1)
    limited.usage.backfill(customer, [{"customer": customer, "feature": "calls", "quantity": 6}])
    assert left(limited, customer) == 9
    limited.usage.close_backfill(customer)
    assert left(limited, customer) == 3
    limited.usage.undo_backfill(customer)
    assert left(limited, customer) == 9


def test_c4_a_new_rolling_limit_begins_with_the_first_use_it_can_see(
    limited: Billing, url: str, clock: FixedClock, customer: str
) -> None:
    """Its window began with the first use that is no older than it is long."""
    for hours in (0, 3, 4):
        clock.set(START + timedelta(hours=hours))
        limited.usage.record(customer, "calls", 3)
    clock.set(START + timedelta(hours=6))
    with Billing(url, clock=clock, catalog=Catalog.from_toml(ROLLING)) as rolling:
        found = next(
            limit
            for limit in rolling.check(customer, "calls").limits
            if limit.subject == "" and limit.at_most == 10
        )
        assert found.used == 6
        assert found.resets_at == START + timedelta(hours=8)
        assert rolling.try_charge(customer, "calls", 4).success
        assert not rolling.try_charge(customer, "calls", 1).success
        clock.set(START + timedelta(hours=8))
        assert rolling.try_charge(customer, "calls", 10).success


def test_two_charges_of_one_batch_see_one_another(limited: Billing, customer: str) -> None:
    """What a batch used is written before the books are asked, so nothing is counted twice."""
    limited.usage.record(customer, "calls", 2)
    events: list[Any] = [{"customer": customer, "feature": "calls", "member": "ann"}] * 3
    limited.usage.record_many(events)
    done = [limited.try_charge(customer, "calls", 1, member="ann").success for _ in range(5)]
    assert done == [True, True, True, False, False]
    assert left(limited, customer) == 2
