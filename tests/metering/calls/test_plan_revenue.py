"""A call that a plan's allowance pays has earned its part of the plan's price, and no more.

The law: calls that use up the whole allowance of a period have earned the price of that period.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metering.calls.scene import Scene
from tollkeeper import Billing, Catalog, Money
from tollkeeper.metering import ModelUsage

PLANS = """
currency = "usd"

[units.points]
[units.extras]

[features.talk]
cost = { points = 1 }

[features.chat]
price_book = "llm"

[price_books.llm]
source = "none"
overrides = [{ vendor = "openai", model = "gpt-4o", rates = { output = "0.01 usd" } }]

[plans.free]
allowances.points = "1000 / month"

[plans.solo]
prices = ["20 usd / month", "18 eur / month", "120 usd / year"]
allowances.points = "1000 / month"

[plans.crew]
prices = "20 usd / month"
seats = "pool"
allowances.points = "1000 / month"

[plans.team]
prices = "30 usd / month"
allowances.points = "1000 / month"
allowances.extras = "10 / month"

[plans.cash]
prices = "10 usd / month"
allowances.wallet = "12 usd / month"
waterfall = ["wallet"]

[plans.own]
prices = "20 usd / month"
grants = "manual"
allowances.points = "1000 / month"
"""


@pytest.fixture
def billing(scene: Scene) -> Iterator[Billing]:
    """The same books under a catalog with plans."""
    catalog = Catalog.from_toml(PLANS)
    with Billing(scene.url, clock=scene.clock, catalog=catalog) as opened:
        yield opened


def used(billing: Billing, customer: str, points: int, feature: str = "talk") -> tuple[str, ...]:
    """Make a call that uses so many points; tell what it earned."""
    with billing.metered(customer, feature, hold=1) as call:
        call.add(points)
    return tuple([str(money) for money in billing.model_calls.get(customer, call.id).revenue])


def test_it_has_earned_its_part_of_the_price(billing: Billing, customer: str) -> None:
    billing.subscriptions.allocate(customer, "solo", interval="month", payment_id=customer)
    assert used(billing, customer, 250) == ("5.00 usd",)
    assert used(billing, customer, 750) == ("15.00 usd",)
    [line] = billing.model_calls.report(customer=customer, by="feature").lines
    assert [str(money) for money in line.revenue] == ["20.00 usd"]


@pytest.mark.parametrize(
    ("plan", "options", "earned"),
    [
        ("crew", {"quantity": 3}, "20.00 usd"),
        ("solo", {"interval": "year"}, "10.00 usd"),
        ("team", {}, "15.00 usd"),
    ],
)
def test_seats_years_and_several_allowances(
    billing: Billing, customer: str, plan: str, options: dict[str, Any], earned: str
) -> None:
    """A thousand points are a third of three seats', a year's twelfth, one allowance of two."""
    billing.subscriptions.allocate(customer, plan, **options)
    assert used(billing, customer, 1000) == (earned,)


def test_the_price_is_in_the_customers_currency(billing: Billing, customer: str) -> None:
    billing.wallet.deposit(customer, Money("1", "eur"))
    billing.subscriptions.allocate(customer, "solo", interval="month")
    assert used(billing, customer, 500) == ("9.00 eur",)


def test_money_that_a_plan_gives_has_earned_what_the_plan_costs(
    billing: Billing, customer: str
) -> None:
    billing.subscriptions.allocate(customer, "cash")
    assert used(billing, customer, 6, "chat") == ("5.00 usd",)


def test_what_is_free_has_earned_nothing(billing: Billing, customer: str) -> None:
    billing.subscriptions.assign_free(customer, "free")
    assert used(billing, customer, 500) == ()


def test_bought_credits_keep_their_own_cost_basis(billing: Billing, customer: str) -> None:
    billing.subscriptions.allocate(customer, "own")
    billing.credits.grant(customer, "points", 100, cost_basis=Money("4", "usd"))
    assert used(billing, customer, 50) == ("2.00 usd",)


def test_a_plan_keeps_the_price_that_it_was_sold_at(
    scene: Scene, billing: Billing, customer: str
) -> None:
    billing.subscriptions.allocate(customer, "solo", interval="month")
    dearer = Catalog.from_toml(PLANS.replace("20 usd / month", "40 usd / month"))
    with Billing(scene.url, clock=scene.clock, catalog=dearer) as later:
        assert used(later, customer, 500) == ("10.00 usd",)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_the_law_whatever_is_used_in_pieces_earns_what_it_earns_at_once(parts: list[int]) -> None:
    with Billing("sqlite://", catalog=Catalog.from_toml(PLANS)) as billing:
        billing.migrate()
        customer = f"customer_{uuid4().hex}"
        billing.subscriptions.allocate(customer, "solo", interval="month")
        asked = [part for n, part in enumerate(parts) if sum(parts[: n + 1]) <= 1000]
        for part in asked:
            used(billing, customer, part)
        total = billing.model_calls.report(customer=customer).total.revenue
        assert sum(money.amount for money in total) == Decimal(sum(asked)) * 20 / 1000


def test_who_pays_for_a_plan_is_no_loss(
    scene: Scene, billing: Billing, new_customer: Callable[[], str]
) -> None:
    heavy, light, free = (new_customer() for _ in range(3))
    for customer in (heavy, light):
        billing.subscriptions.allocate(customer, "solo", interval="month")
    billing.subscriptions.assign_free(free, "free")
    for customer, output in ((heavy, 900), (light, 20), (free, 20)):
        answer = ModelUsage(vendor="openai", model="gpt-4o", output=output)
        with billing.metered(customer, "talk", hold=1) as call:
            call.add(answer)
    told = {customer: billing.model_calls.list(customer).calls[0] for customer in (heavy, light)}
    assert [str(told[customer].margin) for customer in (heavy, light)] == ["9.00 usd", "0.20 usd"]
    since = scene.clock.now() - timedelta(days=1)
    losing = {line.group["customer"] for line in billing.model_calls.warn_of_losses(since)}
    assert losing & {heavy, light, free} == {free}
    asked = billing.model_calls.warn_of_losses(since, least=51)
    assert {heavy, light, free} == {line.group["customer"] for line in asked} & {heavy, light, free}
