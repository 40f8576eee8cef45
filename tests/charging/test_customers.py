"""Who is charged: strangers, the merged, the erased, those in another currency or zone."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from tests.charging.scene import Scene, paid, refused
from tests.doors.scenes import beside, outcome
from tollkeeper import Money
from tollkeeper.errors import CustomerMerged
from tollkeeper.values.charges import ChargeReceipt

NewCustomer = Callable[[], str]


def test_charged_before_he_has_any_account(scene: Scene, customer: str) -> None:
    """A charge opens no wallet, so the first deposit may be in any currency."""
    scene.put_on(customer, "pro")
    assert paid(scene.billing.charge(customer, "image", 2)) == [("usage", 2, 3)]
    assert not scene.rows("account", customer)
    scene.billing.wallet.deposit(customer, Money("5.00", "eur"))
    assert paid(scene.billing.charge(customer, "image", 2)) == [("wallet", 2, Decimal("2.5"))]
    assert scene.money(customer) == Decimal("2.5")
    scene.audited(customer)


def test_what_may_be_overdrawn_is_opened(scene: Scene, customer: str) -> None:
    """Gems may go below zero: a stranger's first use opens the account, in debt."""
    assert paid(scene.billing.charge(customer, "bundle", 5)) == [("gems", 5, 2)]
    assert scene.billing.credits.balance(customer, "gems").available == -2
    refused("insufficient_balance", scene.billing.charge, customer, "bundle", 13)
    assert paid(scene.billing.charge(customer, "bundle", 12)) == [("gems", 12, 3)]
    scene.audited(customer)


def test_a_first_charge_in_the_customers_own_currency(scene: Scene, customer: str) -> None:
    """He pays in euros from the first call on, though no charge of his was ever counted."""
    scene.billing.customers.create(customer, currency="eur")
    scene.billing.wallet.deposit(customer, Money("5.00", "eur"))
    assert scene.billing.check(customer, "image", 2).left == 4
    assert paid(scene.billing.charge(customer, "image", 2)) == [("wallet", 2, Decimal("2.5"))]
    # Calls have no price in euros: credits alone can pay for them.
    refused("insufficient_balance", scene.billing.charge, customer, "call", 1)
    refused("not_priced", scene.billing.charge, customer, "tier", 1)
    scene.audited(customer)


def test_the_merged_pay_no_more(scene: Scene, new_customer: NewCustomer) -> None:
    """Charged before or never; from accounts, on the later bill, or for nothing."""
    into = new_customer()
    scene.billing.credits.grant(into, "credits", 1)
    for is_charged in (True, False):
        customer = new_customer()
        scene.billing.credits.grant(customer, "credits", 10)
        if is_charged:
            scene.put_on(customer, "pro")
            scene.billing.charge(customer, "image", 1, pay_from="usage")
            scene.put_on(customer)
        scene.billing.customers.merge(customer, into=into)
        for feature in ("call", "tier", "gift", "post"):
            with scene.nothing_is_written(customer):
                error = refused("customer_merged", scene.billing.charge, customer, feature, 1)
                told = scene.billing.check(customer, feature, 1)
                assert (told.is_allowed, told.reason) == (False, "customer_merged")
                assert told.left == 0
                assert "merged" in scene.billing.explain(customer, feature, 1)
            assert isinstance(error, CustomerMerged)
            assert error.into == into
        scene.audited(customer)
    scene.audited(into)


def test_merged_while_he_is_charged(scene: Scene, new_customer: NewCustomer) -> None:
    """Each charge is before the merge and accepted, or after it and refused; no value is lost."""
    customer, into = new_customer(), new_customer()
    for each in (customer, into):
        scene.billing.credits.grant(each, "credits", 100)

    def charges() -> list[object]:
        return [outcome(partial(scene.billing.charge, customer, "call", 1)) for _ in range(25)]

    running = [beside(charges) for _ in range(3)]
    scene.billing.charge(customer, "call", 1)
    scene.billing.customers.merge(customer, into=into)
    results = [result for future in running for result in future.result(60)]
    accepted = [result for result in results if isinstance(result, ChargeReceipt)]
    assert all(isinstance(result, ChargeReceipt | CustomerMerged) for result in results)
    assert len(scene.rows("usage_event", customer)) == len(accepted) + 1
    available = scene.billing.credits.balance(into, "credits").available
    assert available == 200 - len(accepted) - 1
    scene.audited(customer, into)


def test_the_erased_are_charged_as_before(scene: Scene, customer: str) -> None:
    """What was personal is gone; keys, limits and balances stay."""
    scene.billing.credits.grant(customer, "credits", 100)
    charge = partial(scene.billing.charge, customer, "post", 7, idempotency_key="k", member="ann")
    first = charge(reason="for Ann", metadata={"mail": "ann@example.com"})
    scene.billing.customers.erase(customer)
    assert not scene.rows("note", customer)
    assert charge().to_json() == first.to_json()
    refused("limit_reached", scene.billing.charge, customer, "post", 1, member="ann")
    assert scene.billing.charge(customer, "post", 13).quantity == 13
    refused("limit_reached", scene.billing.charge, customer, "post", 1)
    scene.audited(customer)


def test_customers_do_not_see_each_other(scene: Scene, new_customer: NewCustomer) -> None:
    """The same member, key and tag of two customers are two."""
    for customer in (new_customer(), new_customer()):
        scene.billing.credits.grant(customer, "credits", 100)
        scene.billing.charge(customer, "post", 5, member="ann", api_key="k", tags=["night"])
        assert scene.billing.check(customer, "post", member="ann").left == 2
        assert scene.billing.check(customer, "post").left == 15
