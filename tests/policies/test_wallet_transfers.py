"""A7 by policy: money moves between customers' wallets only where the catalog says that it may."""

from decimal import Decimal

import pytest

from tests.policies.conftest import Opener
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    CurrencyMismatch,
    InsufficientBalance,
    InvalidRequest,
    TransferNotAllowed,
)

FIVE = Money("5", "usd")


def available(billing: Billing, customer: str) -> Decimal | None:
    """What a wallet holds."""
    balance = billing.wallet.balance(customer)
    return None if balance is None else balance.available


@pytest.mark.parametrize("policies", [{}, {"wallet_transfers": False}])
def test_money_stays_where_it_is_unless_the_catalog_says_so(
    opened: Opener, policies: dict[str, bool]
) -> None:
    """It may be a regulated service, so that nobody gets into it by accident."""
    billing = opened(**policies)
    billing.wallet.deposit("a", Money("8", "usd"))
    with pytest.raises(TransferNotAllowed, match="wallet_transfers = true") as caught:
        billing.wallet.transfer("a", FIVE, to="b")
    assert (caught.value.code, caught.value.currency) == ("transfer_not_allowed", "usd")
    assert [available(billing, "a"), available(billing, "b")] == [8, None]


def test_without_a_catalog_it_stays_as_well(database_url: str, clock: FixedClock) -> None:
    """No catalog says nothing, and so not that money may move; credits may."""
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        billing.wallet.deposit("a", Money("8", "usd"))
        with pytest.raises(TransferNotAllowed):
            billing.wallet.transfer("a", FIVE, to="b")
        billing.credits.grant("a", "coins", 5)
        billing.credits.transfer("a", "coins", 5, to="b")
        assert billing.credits.balance("b", "coins").available == 5


def test_money_moves_where_the_catalog_lets_it(opened: Opener, clock: FixedClock) -> None:
    """Two entries of one operation; expiry and cost go with it; it pays the taker's debt first."""
    billing = opened(wallet_transfers=True)
    until = clock.now().replace(year=2027)
    billing.wallet.deposit("a", Money("8", "usd"), expires_at=until, cost_basis=Money("4", "usd"))
    billing.wallet.spend("b", Money("2", "usd"), overdraft="unlimited")
    receipt = billing.wallet.transfer("a", FIVE, to="b", idempotency_key="k")
    assert [available(billing, "a"), available(billing, "b")] == [3, 3]
    (moved,) = billing.wallet.grants("b")
    assert (moved.expires_at, moved.cost_basis) == (until, Money("2.50", "usd"))
    (out,) = billing.wallet.history("a", kinds="transfer_out").entries
    (arrived,) = billing.wallet.history("b", kinds="transfer_in").entries
    assert out.operation_id == arrived.operation_id == receipt.operation_id
    assert billing.wallet.transfer("a", FIVE, to="b", idempotency_key="k").replayed
    billing.wallet.reverse("a", receipt)
    assert available(billing, "a") == 8


def test_a_transfer_that_was_made_is_told_again_after_the_policy_changed(opened: Opener) -> None:
    """The key's first answer; nothing moves again."""
    before = opened(wallet_transfers=True)
    before.wallet.deposit("a", Money("8", "usd"))
    first = before.wallet.transfer("a", FIVE, to="b", idempotency_key="k")
    after = opened(wallet_transfers=False)
    assert after.wallet.transfer("a", FIVE, to="b", idempotency_key="k") == first
    with pytest.raises(TransferNotAllowed):
        after.wallet.transfer("a", Money("1", "usd"), to="b")
    assert available(after, "a") == 3


def test_money_that_cannot_move(opened: Opener) -> None:
    """More than there is, to oneself, and into a wallet of another currency (E8)."""
    billing = opened(wallet_transfers=True)
    billing.wallet.deposit("a", Money("8", "usd"))
    billing.wallet.deposit("euro", Money("8", "eur"))
    billing.wallet.set_overdraft("a", "unlimited", reason="r", actor="a")
    with pytest.raises(InsufficientBalance):
        billing.wallet.transfer("a", Money("9", "usd"), to="b")
    with pytest.raises(InvalidRequest, match="itself"):
        billing.wallet.transfer("a", FIVE, to="a")
    with pytest.raises(CurrencyMismatch):
        billing.wallet.transfer("a", FIVE, to="euro")
    with pytest.raises(CurrencyMismatch):
        billing.wallet.transfer("euro", FIVE, to="a")
    assert [available(billing, "a"), available(billing, "euro")] == [8, 8]
