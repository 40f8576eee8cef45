"""H3 by plan: below what a balance is low a customer's plan may say.

The laws: a crossing of the customer's own threshold gives one notice, downward and upward; the
thresholds of other plans give him none; what holds is the plan that he has when the balance moves.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.databases import PostgresServer
from tollkeeper import Billing, Catalog
from tollkeeper.notices import CreditsLow, CreditsRestored

CATALOG = Catalog.from_toml(
    """
    [units.credits]
    low_balance = 10
    [units.coins]
    [features.chat]
    cost.credits = 1
    [plans.small]
    [plans.big]
    low_balance = { credits = 100, coins = 50 }
    [plans.silent]
    group = "other"
    low_balance.credits = 0
    """
)
#: The threshold of credits by plan, and of coins.
CREDITS = {None: 10, "small": 10, "big": 100, "silent": 0}
COINS = {None: None, "small": None, "big": 50, "silent": None}
Told = tuple[str, Decimal]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def billing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Billing]:
    """Books that all examples share, each with customers of its own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('low') / 'tollkeeper.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    with Billing(url, catalog=CATALOG, notices=[CreditsLow, CreditsRestored]) as billing:
        billing.migrate()
        yield billing
        assert billing.books.audit().findings == ()


def told(billing: Billing, customer: str) -> list[Told]:
    """What the app was told of a customer, oldest first, with the threshold."""
    found = [state.notice for state in billing.notices.list(customer=customer).notices]
    notices = [each for each in found if isinstance(each, CreditsLow | CreditsRestored)]
    return sorted([(each.kind, each.threshold) for each in notices])


def counted(moves: list[int], least: int | None) -> list[Told]:
    """What a customer is told who begins with 200 and moves on from there."""
    found: list[Told] = []
    if least is None:
        return found
    balance = 200
    for move in moves:
        before, balance = balance, balance + move
        if (before < least) != (balance < least):
            kind = CreditsLow.kind if balance < least else CreditsRestored.kind
            found.append((kind, Decimal(least)))
    return sorted(found)


numbers = count()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    plan=some.sampled_from(list(CREDITS)),
    unit=some.sampled_from(["credits", "coins"]),
    moves=some.lists(some.integers(-120, 120).filter(bool), max_size=6),
)
def test_each_crossing_of_ones_own_threshold_is_told_once(
    billing: Billing, plan: str | None, unit: str, moves: list[int]
) -> None:
    """Law: what is told is what a model counts that knows the plan's number alone."""
    customer = f"c{next(numbers)}"
    if plan is not None:
        billing.subscriptions.assign_free(customer, plan)
    billing.credits.grant(customer, unit, 200)
    for move in moves:
        if move > 0:
            billing.credits.grant(customer, unit, move)
        else:
            billing.credits.consume(customer, unit, -move, overdraft="unlimited")
    least = (CREDITS if unit == "credits" else COINS)[plan]
    assert told(billing, customer) == counted(moves, least)


def test_a_charge_crosses_it_as_well(billing: Billing) -> None:
    """Where the customer's own tally is there, and not read."""
    billing.subscriptions.assign_free("charged", "big")
    billing.credits.grant("charged", "credits", 101)
    billing.charge("charged", "chat", 1)
    assert told(billing, "charged") == []
    billing.charge("charged", "chat", 1)
    assert told(billing, "charged") == [("credits_low", Decimal(100))]
    billing.charge("charged", "chat", 95)
    assert told(billing, "charged") == [("credits_low", Decimal(100))]


def test_another_plan_has_another_threshold(billing: Billing) -> None:
    """From then on: to change the plan moves no balance, and so tells nothing."""
    billing.credits.grant("mover", "credits", 120)
    billing.subscriptions.assign_free("mover", "big")
    billing.credits.consume("mover", "credits", 40)
    assert told(billing, "mover") == [("credits_low", Decimal(100))]
    billing.subscriptions.cancel("mover", at="now")
    billing.credits.consume("mover", "credits", 60)
    assert told(billing, "mover") == [("credits_low", Decimal(100))]
    billing.credits.consume("mover", "credits", 15)
    assert told(billing, "mover") == [("credits_low", Decimal(10)), ("credits_low", Decimal(100))]
