"""B2 and B4 by policy: what a settle above its hold does, and how long a hold may live.

The laws: a call that says nothing does what the same call with the policy's word does; a call that
says something does that, whatever the policy; what was refused wrote nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.policies.conftest import Opener, catalog_of
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import BeyondHold, CatalogError, InvalidRequest

HOURS = timedelta(hours=1)
EXCESSES = ("charge", "cap", "refuse")


def settle_charge(billing: Billing, customer: str, **said: Any) -> Decimal:
    """Settle 5 of 3 of a feature that were held, of 10; tell what is left."""
    billing.credits.grant(customer, "credits", 10)
    hold = billing.charges.hold(customer, "chat", 3)
    billing.charges.settle(customer, hold, 5, **said)
    return billing.credits.balance(customer, "credits").available


def settle_credits(billing: Billing, customer: str, **said: Any) -> Decimal:
    """The same, of credits."""
    billing.credits.grant(customer, "credits", 10)
    hold = billing.credits.hold(customer, "credits", 3)
    billing.credits.settle(customer, hold, 5, **said)
    return billing.credits.balance(customer, "credits").available


def settle_money(billing: Billing, customer: str, **said: Any) -> Decimal:
    """The same, of money."""
    billing.wallet.deposit(customer, Money("10", "usd"))
    hold = billing.wallet.hold(customer, Money("3", "usd"))
    billing.wallet.settle(customer, hold, Money("5", "usd"), **said)
    balance = billing.wallet.balance(customer)
    return balance.available if balance is not None else Decimal(0)


SETTLES = (settle_charge, settle_credits, settle_money)
LEFT = {"charge": Decimal(5), "cap": Decimal(7)}


def outcome(settle: Callable[..., Decimal], *given: Any, **said: Any) -> Decimal | str:
    """What is left, or the code of the refusal."""
    try:
        return settle(*given, **said)
    except BeyondHold as error:
        return error.code


@pytest.mark.parametrize("policy", EXCESSES)
def test_a_settle_beyond_its_hold(opened: Opener, policy: str) -> None:
    """B2: the policy decides where the call does not."""
    billing = opened(settle_beyond=policy)
    wanted = {**LEFT, "refuse": "beyond_hold"}
    for settle in SETTLES:
        name = settle.__name__
        assert outcome(settle, billing, f"{name}:silent") == wanted[policy], name
        for excess in EXCESSES:
            found = outcome(settle, billing, f"{name}:{excess}", excess=excess)
            assert found == wanted[excess], name


def test_a_settle_is_the_same_after_the_policy_changed(opened: Opener) -> None:
    """A key names what the caller said: repeated under another policy it gives the first answer."""
    before = opened(settle_beyond="cap")
    before.credits.grant("a", "credits", 10)
    hold = before.credits.hold("a", "credits", 3)
    first = before.credits.settle("a", hold, 5, idempotency_key="k")
    after = opened(settle_beyond="charge")
    again = after.credits.settle("a", hold, 5, idempotency_key="k")
    assert again.replayed
    assert again == first


@pytest.mark.parametrize(("policy", "charged"), [("charge", 5), ("cap", 3), ("refuse", 5)])
def test_a_metered_call_beyond_its_hold(opened: Opener, policy: str, charged: int) -> None:
    """The vendor has delivered by then, so to refuse comes too late, and is to charge."""
    billing = opened(settle_beyond=policy)
    billing.credits.grant("a", "credits", 10)
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    with billing.metered("a", "chat", hold=3) as call:
        call.result({"model": "gpt-4o", "choices": [], "usage": usage})
    assert call.receipt is not None
    assert call.receipt.quantity == 5
    assert billing.credits.balance("a", "credits").available == 10 - charged


def test_a_hold_may_live_as_long_as_the_catalog_says(opened: Opener, clock: FixedClock) -> None:
    """B4: three days here, of charges, credits and money, extensions included."""
    billing = opened(hold_lifetime="3 days")
    billing.credits.grant("a", "credits", 10)
    billing.wallet.deposit("a", Money("10", "usd"))
    long, too_long = 48 * HOURS, 73 * HOURS
    held = billing.charges.hold("a", "chat", 1, lifetime=long)
    ours = billing.credits.hold("a", "credits", 1, lifetime=long)
    money = billing.wallet.hold("a", Money("1", "usd"), lifetime=long)
    for refused in (
        lambda: billing.charges.hold("a", "chat", 1, lifetime=too_long),
        lambda: billing.credits.hold("a", "credits", 1, lifetime=too_long),
        lambda: billing.wallet.hold("a", Money("1", "usd"), lifetime=too_long),
    ):
        with pytest.raises(InvalidRequest, match="at most 3 days"):
            refused()
    clock.set(clock.now() + 30 * HOURS)
    assert billing.charges.extend("a", held, lifetime=42 * HOURS).expires_at == (
        clock.now() + 42 * HOURS
    )
    billing.credits.extend("a", ours, lifetime=42 * HOURS)
    billing.wallet.extend("a", money, lifetime=42 * HOURS)
    for refused in (
        lambda: billing.charges.extend("a", held, lifetime=43 * HOURS),
        lambda: billing.credits.extend("a", ours, lifetime=43 * HOURS),
        lambda: billing.wallet.extend("a", money, lifetime=43 * HOURS),
    ):
        with pytest.raises(InvalidRequest, match="A hold lives 3 days"):
            refused()


def test_a_shorter_maximum_holds_for_what_is_held_already(
    opened: Opener, clock: FixedClock
) -> None:
    """A hold keeps the time that it has; it gets no more of it."""
    before = opened()
    before.credits.grant("a", "credits", 10)
    hold = before.credits.hold("a", "credits", 1, lifetime=20 * HOURS)
    after = opened(hold_lifetime="2 hours")
    clock.set(clock.now() + HOURS)
    same = after.credits.extend("a", hold, lifetime=HOURS)
    assert same.expires_at == hold.expires_at
    clock.set(clock.now() + 18 * HOURS)
    with pytest.raises(InvalidRequest, match="A hold lives 2:00:00 at most"):
        after.credits.extend("a", hold, lifetime=2 * HOURS)


@pytest.mark.parametrize("lifetime", ["1 month", "14 minutes", "1 year", "367 days"])
def test_lifetimes_that_no_hold_can_have(lifetime: str) -> None:
    """Too short for a hold that says nothing, too long to be one, or of no fixed length."""
    with pytest.raises(CatalogError) as caught:
        catalog_of({"hold_lifetime": lifetime})
    (mistake,) = caught.value.mistakes
    assert str(mistake.path) == "policies.hold_lifetime"
