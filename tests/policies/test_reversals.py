"""A6 by policy: what a reversal does with value of a grant that expired meanwhile."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.policies.conftest import Opener
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock


def reversed_late(billing: Billing, clock: FixedClock, **said: Any) -> list[Decimal]:
    """Spend credits and money that then expire, and reverse both; tell what is there again."""
    until = clock.now() + timedelta(days=1)
    billing.credits.grant("a", "credits", 10, expires_at=until)
    billing.wallet.deposit("a", Money("10", "usd"), expires_at=until)
    spent = billing.credits.consume("a", "credits", 4)
    paid = billing.wallet.spend("a", Money("4", "usd"))
    clock.set(clock.now() + timedelta(days=2))
    billing.credits.reverse("a", spent, **said)
    billing.wallet.reverse("a", paid, **said)
    wallet = billing.wallet.balance("a")
    assert wallet is not None
    return [billing.credits.balance("a", "credits").available, wallet.available]


@pytest.mark.parametrize(("policy", "back"), [("expire", 0), ("reissue", 4)])
def test_the_policy_decides_where_the_call_does_not(
    opened: Opener, clock: FixedClock, policy: str, back: int
) -> None:
    """It expires at once, visibly, or is granted anew."""
    billing = opened(reversal=policy)
    assert reversed_late(billing, clock) == [back, back]


@pytest.mark.parametrize("policy", ["expire", "reissue"])
@pytest.mark.parametrize(("said", "back"), [("expire", 0), ("reissue", 4)])
def test_what_the_call_says_goes_first(
    opened: Opener, clock: FixedClock, policy: str, said: str, back: int
) -> None:
    """Whatever the policy is."""
    billing = opened(reversal=policy)
    assert reversed_late(billing, clock, expired=said) == [back, back]
