"""A4 by policy: whether promotional credits pay debt back.

The laws: with the policy a promotional grant pays debt as a paid one of the same size would, as an
entry of its own; a grant that begins later does what the catalog said when it was given, and every
way to look at a moment agrees about it; what is bound to features pays no debt, whoever paid for
it; without the policy nothing of this happens.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.policies.conftest import Opener
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock

DAY = timedelta(days=1)


def owing(billing: Billing, customer: str, debt: int) -> None:
    """Let a customer owe credits."""
    billing.credits.consume(customer, "credits", debt, overdraft="unlimited")


def standing(billing: Billing, customer: str, **when: Any) -> list[Decimal]:
    """What is available, and owed."""
    balance = billing.credits.balance(customer, "credits", **when)
    return [balance.available, balance.debt]


GIFTS: dict[str, Callable[[Billing], Any]] = {
    "promotion": lambda b: b.credits.grant("a", "credits", 7),
    "a source of the app's own": lambda b: b.credits.grant("a", "credits", 7, source="birthday"),
    "said to be unpaid": lambda b: b.credits.grant("a", "credits", 7, source="deposit", paid=False),
    "welcome": lambda b: b.promotions.welcome("a"),
}


@pytest.mark.parametrize("gift", GIFTS)
@pytest.mark.parametrize("pays", [False, True])
def test_promotional_value_pays_debt_if_the_catalog_says_so(
    opened: Opener, gift: str, *, pays: bool
) -> None:
    """As an entry of its own; else the debt stays beside it."""
    billing = opened(promotions_pay_debt=pays)
    owing(billing, "a", 5)
    GIFTS[gift](billing)
    kinds = [entry.kind for entry in billing.credits.history("a", "credits").entries]
    assert standing(billing, "a") == ([2, 0] if pays else [2, 5])
    assert kinds == (["repay", "grant", "consume"] if pays else ["grant", "consume"])


@pytest.mark.parametrize("pays", [False, True])
def test_so_does_promotional_money(opened: Opener, *, pays: bool) -> None:
    """In the wallet."""
    billing = opened(promotions_pay_debt=pays)
    billing.wallet.spend("a", Money("5", "usd"), overdraft="unlimited")
    billing.wallet.deposit("a", Money("7", "usd"), source="promotion")
    balance = billing.wallet.balance("a")
    assert balance is not None
    assert [balance.available, balance.debt] == ([2, 0] if pays else [2, 5])


@pytest.mark.parametrize("pays", [False, True])
def test_so_does_what_another_customer_gives(opened: Opener, *, pays: bool) -> None:
    """A transfer of promotional credits is promotional still."""
    billing = opened(promotions_pay_debt=pays)
    owing(billing, "a", 5)
    billing.credits.grant("giver", "credits", 7)
    billing.credits.transfer("giver", "credits", 7, to="a")
    assert standing(billing, "a") == ([2, 0] if pays else [2, 5])


def test_what_is_bound_to_features_pays_no_debt(opened: Opener) -> None:
    """It may be spent for them alone."""
    billing = opened(promotions_pay_debt=True)
    owing(billing, "a", 5)
    billing.credits.grant("a", "credits", 7, features=["chat"])
    assert standing(billing, "a") == [-5, 5]


@pytest.mark.parametrize("pays", [False, True])
def test_a_gift_that_begins_later_does_what_was_said(
    opened: Opener, clock: FixedClock, *, pays: bool
) -> None:
    """The catalog of the moment in which it was given decides, looked at from any moment."""
    billing = opened(promotions_pay_debt=pays)
    owing(billing, "a", 5)
    given_at = clock.now()
    billing.credits.grant("a", "credits", 7, effective_at=given_at + DAY)
    billing = opened(promotions_pay_debt=not pays)
    wanted = [2, 0] if pays else [2, 5]
    assert standing(billing, "a") == [-5, 5]
    assert standing(billing, "a", at=given_at + 2 * DAY) == wanted
    clock.set(clock.now() + 2 * DAY)
    assert standing(billing, "a") == wanted
    assert standing(billing, "a", at=clock.now(), known_at=given_at) == wanted
    billing.credits.consume("a", "credits", 1)
    assert standing(billing, "a") == [wanted[0] - 1, wanted[1]]
    assert standing(billing, "a", at=given_at + DAY) == wanted
    assert standing(billing, "a", at=given_at) == [-5, 5]


@pytest.fixture
def paying(opened: Opener) -> Billing:
    """Books in which promotional grants pay debt; all examples share them."""
    return opened(promotions_pay_debt=True)


numbers = count()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(debt=some.integers(0, 20), gifts=some.lists(some.integers(1, 10), max_size=4))
def test_a_gift_pays_what_a_payment_would(paying: Billing, debt: int, gifts: list[int]) -> None:
    """Law: with the policy, available and debt are those of the same grants paid for."""
    given_to, sold_to = (f"customer_{next(numbers)}" for _ in range(2))
    for customer, paid in ((given_to, False), (sold_to, True)):
        if debt:
            owing(paying, customer, debt)
        for gift in gifts:
            paying.credits.grant(customer, "credits", gift, paid=paid)
    assert standing(paying, given_to) == standing(paying, sold_to)
