"""C7: who is not known yet comes into being with his first use, or is refused, as the catalog says.

The laws: every verb that uses, moves or asks takes its customers for known, and an error for those
who are not writes nothing; what introduces a customer makes him known to all of them; who was there
before the catalog refused others stays known; and to charge those who are known costs no statement
more.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from tests.policies.conftest import Opener, catalog_of
from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import CustomerNotFound, InsufficientBalance

#: Every verb by which something is used, moved or asked: what it does for a customer.
USES: dict[str, Callable[[Billing, str], Any]] = {
    "charge": lambda b, who: b.charge(who, "chat"),
    "try_charge": lambda b, who: b.try_charge(who, "chat"),
    "check": lambda b, who: b.check(who, "chat"),
    "explain": lambda b, who: b.explain(who, "chat"),
    "charges.hold": lambda b, who: b.charges.hold(who, "chat"),
    "credits.consume": lambda b, who: b.credits.consume(who, "credits", 1),
    "an overdraft": lambda b, who: b.credits.consume(who, "credits", 1, overdraft=5),
    "credits.try_consume": lambda b, who: b.credits.try_consume(who, "credits", 1),
    "credits.hold": lambda b, who: b.credits.hold(who, "credits", 1),
    "credits.adjust": lambda b, who: b.credits.adjust(who, "credits", 1, reason="r", actor="a"),
    "credits.set_balance": lambda b, who: b.credits.set_balance(who, "credits", 1),
    "wallet.spend": lambda b, who: b.wallet.spend(who, Money("1", "usd"), overdraft="unlimited"),
    "wallet.hold": lambda b, who: b.wallet.hold(who, Money("1", "usd"), overdraft="unlimited"),
    "transfer to": lambda b, who: b.credits.transfer("known", "credits", 1, to=who),
    "transfer from": lambda b, who: b.credits.transfer(who, "credits", 1, to="known"),
    "merge into": lambda b, who: b.customers.merge("spare", into=who),
    "usage.record": lambda b, who: b.usage.record(who, "chat"),
    "usage.record_many": lambda b, who: b.usage.record_many(
        [{"customer": name, "feature": "chat"} for name in ("known", who)]
    ),
    "usage.backfill": lambda b, who: b.usage.backfill(
        "june", [{"customer": who, "feature": "chat"}]
    ),
    "limits.set": lambda b, who: b.limits.set(
        who, feature="chat", at_most=1, every="day", reason="r", actor="a"
    ),
    "entitlements.of": lambda b, who: b.entitlements.of(who),
    "entitlements.get": lambda b, who: b.entitlements.get(who, "export"),
    "entitlements.move_gauge": lambda b, who: b.entitlements.move_gauge(who, "seats"),
    "metered": lambda b, who: _metered(b, who),
}

#: What introduces a customer.
INTRODUCTIONS: dict[str, Callable[[Billing, str], Any]] = {
    "customers.create": lambda b, who: b.customers.create(who),
    "credits.grant": lambda b, who: b.credits.grant(who, "credits", 10),
    "wallet.deposit": lambda b, who: b.wallet.deposit(who, Money("10", "usd")),
    "subscriptions.assign_free": lambda b, who: b.subscriptions.assign_free(who),
    "promotions.welcome": lambda b, who: b.promotions.welcome(who),
}


def _metered(billing: Billing, customer: str) -> None:
    with billing.metered(customer, "chat", hold=1) as call:
        call.add(1)


@pytest.fixture
def strict(opened: Opener) -> Billing:
    """Books that know two customers, and refuse all others."""
    billing = opened(unknown_customers="refuse")
    billing.credits.grant("known", "credits", 100)
    billing.customers.create("spare")
    return billing


def test_s117_by_policy_strangers_are_refused(strict: Billing) -> None:
    """Each verb raises the same error, that names what to do; he is not known afterwards either."""
    for number, (verb, use) in enumerate(USES.items()):
        stranger = f"stranger_{number}"
        for _ in range(2):
            with pytest.raises(CustomerNotFound, match=r"customers\.create") as caught:
                use(strict, stranger)
            assert (caught.value.code, caught.value.customer) == ("customer_not_found", stranger)
        with pytest.raises(CustomerNotFound):
            strict.customers.get(stranger)
        assert strict.credits.history(stranger).entries == (), verb
        assert strict.model_calls.list(stranger).calls == (), verb
    assert strict.usage.history("known").events == ()
    assert strict.credits.balance("known", "credits").available == 100


def test_who_is_introduced_is_known(strict: Billing) -> None:
    """Whatever gives something to a customer introduces him, and he may use what he has."""
    for number, introduce in enumerate(INTRODUCTIONS.values()):
        name = f"new_{number}"
        introduce(strict, name)
        assert strict.customers.get(name).id == name
        strict.usage.record(name, "chat")
        strict.try_charge(name, "chat")
        strict.check(name, "chat")


def test_known_customers_are_refused_for_money_alone(strict: Billing) -> None:
    """Who is known and has nothing hears that he has nothing."""
    with pytest.raises(InsufficientBalance):
        strict.charge("spare", "chat")
    assert not strict.check("spare", "chat")


def test_who_was_there_before_stays_known(
    opened: Opener, database_url: str, clock: FixedClock
) -> None:
    """The policy is about first uses; who had his before stays."""
    with Billing(database_url, clock=clock) as before:
        before.migrate()
        before.usage.record("early", "chat")
    billing = opened(unknown_customers="refuse")
    billing.usage.record("early", "chat")
    with pytest.raises(CustomerNotFound):
        billing.usage.record("late", "chat")


@pytest.mark.parametrize("policies", [{}, {"unknown_customers": "create"}])
def test_s117_without_the_policy_first_use_creates(
    opened: Opener, policies: dict[str, str]
) -> None:
    """As it is by default."""
    billing = opened(**policies)
    assert not billing.check("anybody", "chat")
    billing.usage.record("anybody", "chat")
    assert billing.customers.get("anybody").id == "anybody"


def test_strangers_among_others_harm_nobody(strict: Billing) -> None:
    """In one batch the known are charged, once each, and strangers are refused, each time."""

    def one(number: int) -> Decimal | None:
        who = "stranger" if number % 2 else "known"
        try:
            return strict.charge(who, "chat").quantity
        except CustomerNotFound:
            assert number % 2
            return None

    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(one, range(60)))
    assert done.count(Decimal(1)) == 30
    assert strict.credits.balance("known", "credits").available == 70


def test_an_introduction_and_a_use_may_come_at_once(strict: Billing) -> None:
    """Whoever is introduced while he is charged is refused before, or charged after; never half."""
    names = [f"new_{number}" for number in range(20)]

    def introduce(name: str) -> None:
        strict.credits.grant(name, "credits", 5)

    def use(name: str) -> Decimal:
        try:
            return strict.charge(name, "chat").quantity
        except (CustomerNotFound, InsufficientBalance):
            return Decimal(0)

    with ThreadPoolExecutor(16) as pool:
        introductions = [pool.submit(introduce, name) for name in names]
        uses = {name: pool.submit(use, name) for name in names}
        for each in introductions:
            each.result()
    for name, used in uses.items():
        assert strict.credits.balance(name, "credits").available == 5 - used.result()


def test_in_the_hosts_transaction(strict: Billing, database_url: str) -> None:
    """A stranger is refused there as well, and who is introduced there is known there."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection, connection.begin() as transaction:
        joined = strict.using(connection)
        with pytest.raises(CustomerNotFound):
            joined.charge("stranger", "chat")
        with pytest.raises(CustomerNotFound):
            joined.check("stranger", "chat")
        joined.credits.grant("guest", "credits", 3)
        assert joined.check("guest", "chat")
        joined.charge("guest", "chat")
        transaction.rollback()
    engine.dispose()
    with pytest.raises(CustomerNotFound):
        strict.charge("guest", "chat")


def test_tasks_are_refused_alike(strict: Billing, database_url: str, clock: FixedClock) -> None:
    """The awaited rooms ask the same."""
    assert not strict.check("spare", "chat")

    async def ask() -> Decimal:
        catalog = catalog_of({"unknown_customers": "refuse"})
        async with AsyncBilling(database_url, catalog=catalog, clock=clock) as billing:
            with pytest.raises(CustomerNotFound):
                await billing.charge("stranger", "chat")
            with pytest.raises(CustomerNotFound):
                await billing.check("stranger", "chat")
            return (await billing.charge("known", "chat")).quantity

    assert asyncio.run(ask()) == 1


def statements_of(billing: Billing, url: str) -> int:
    """Count what a host's transaction runs for the charge of a customer who is known."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    count = 0

    def add(*_: object) -> None:
        nonlocal count
        count += 1

    with engine.connect() as connection, connection.begin():
        joined = billing.using(connection)
        joined.charge("known", "chat")
        event.listen(engine, "before_cursor_execute", add)
        joined.charge("known", "chat")
        event.remove(engine, "before_cursor_execute", add)
    engine.dispose()
    return count


def test_who_is_known_costs_no_statement_more(opened: Opener, database_url: str) -> None:
    """The policy is asked only where something of a customer is missing."""
    counts = []
    for policy in ("create", "refuse"):
        billing = opened(unknown_customers=policy)
        catalog = catalog_of({"unknown_customers": policy})
        billing.catalog.apply(catalog, actor="owner", reason="test")
        billing.credits.grant("known", "credits", 10)
        counts.append(statements_of(billing, database_url))
    assert counts[0] == counts[1] > 0


def test_a_moment_of_the_past_is_no_introduction(strict: Billing) -> None:
    """To look at a stranger's balance tells nothing, and makes nobody known."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert strict.credits.balance("stranger", "credits", at=at).available == 0
    with pytest.raises(CustomerNotFound):
        strict.charge("stranger", "chat")
