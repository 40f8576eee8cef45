"""A payment brings one grant in the whole books, whoever says that it was his (E3)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from tests.subscriptions.prices import CATALOG, available
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import AlreadySubscribed, PaymentClaimed


def test_a_payment_is_of_one_customer(billing: Billing) -> None:
    """Another customer with the same payment is refused, and nothing is written for him."""
    first = billing.subscriptions.allocate("v", "basic", payment_id="pay_1")
    with pytest.raises(PaymentClaimed) as refusal:
        billing.subscriptions.allocate("w", "basic", payment_id="pay_1")
    assert (refusal.value.code, refusal.value.payment_id) == ("payment_claimed", "pay_1")
    assert "'v'" not in str(refusal.value)
    assert available(billing, "w") == 0
    assert billing.subscriptions.list("w") == ()
    assert billing.subscriptions.allocate("v", "basic", payment_id="pay_1") == first


def test_it_stays_claimed_when_the_plan_is_over(billing: Billing) -> None:
    """What it bought was bought, however that ended."""
    billing.subscriptions.allocate("v", "basic", payment_id="pay_1")
    billing.subscriptions.cancel("v", at="now")
    with pytest.raises(PaymentClaimed):
        billing.subscriptions.allocate("w", "bare", payment_id="pay_1")


def test_a_refusal_claims_nothing(billing: Billing) -> None:
    """A payment whose plan was refused can still buy."""
    billing.subscriptions.allocate("v", "basic")
    with pytest.raises(AlreadySubscribed):
        billing.subscriptions.allocate("v", "basic", payment_id="pay_1")
    billing.subscriptions.allocate("w", "basic", payment_id="pay_1")
    assert available(billing, "w") == 1000


def test_a_host_that_rolls_back_claims_nothing(billing: Billing, database_url: str) -> None:
    """The claim is in the transaction of the grant."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        billing.using(connection).subscriptions.allocate("v", "basic", payment_id="pay_1")
        with pytest.raises(PaymentClaimed):
            billing.using(connection).subscriptions.allocate("w", "basic", payment_id="pay_1")
        connection.rollback()
    engine.dispose()
    billing.subscriptions.allocate("w", "basic", payment_id="pay_1")
    assert available(billing, "w") == 1000


@pytest.mark.parametrize("processes", [1, 4])
def test_many_customers_at_once_with_one_payment(
    billing: Billing, clock: FixedClock, database_url: str, processes: int
) -> None:
    """One of them gets it, and each of the others the same refusal."""
    others = [Billing(database_url, catalog=CATALOG, clock=clock) for _ in range(processes)]
    wanted = [(others[number % processes], f"u{number}") for number in range(12)]

    def take(asked: tuple[Billing, str]) -> str:
        try:
            asked[0].subscriptions.allocate(asked[1], "basic", payment_id="pay_1")
        except PaymentClaimed:
            return "claimed"
        return "bought"

    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = list(pool.map(take, wanted))
    for other in others:
        other.close()
    assert sorted(answers) == ["bought"] + ["claimed"] * 11
    assert sum(available(billing, customer) for _, customer in wanted) == 1000
