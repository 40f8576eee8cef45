"""Batches of charges: the books and the answers of the same charges called one by one.

The laws, for any charges of any customers, on each database and through every door:

1. A batch leaves the books, the counters and the sums of use that the same charges leave when they
   are called one after another, and answers with equal receipts and refusals, in the same order.
2. What is wrong with a charge as it is written refuses the whole batch, and nothing is written.
3. A key that stands twice in a batch answers from its first charge; a batch that is repeated with
   its keys changes nothing and gives the same answers.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.charging.scene import START, Scene, refused
from tests.charging.shop import shop
from tests.charging.test_joined import isolated
from tests.doors.scenes import beside, until
from tollkeeper import AsyncBilling, Billing, Catalog, ChargeAttempt, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import Closed, NotMigrated, TollkeeperError
from tollkeeper.operations.batches import MAXIMUM_CHARGES

LAW = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
#: Features that several sources pay, with rounding, under limits of the customer and his members.
FEATURES = ("call", "word", "tier", "image", "post", "scan", "gift", "vip", "bulk")
PEOPLE = 3

#: Customers of these tests, and ids of ours.
ID = re.compile(r"customer_[0-9a-f]{32}|\b[a-z]+_[0-9a-z]{26}\b")

Batch = list[Any]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Some charges of a few people, numbered: good ones, refused ones, and keys that meet."""
    use = st.fixed_dictionaries(
        {"customer": st.integers(0, PEOPLE - 1), "feature": st.sampled_from(FEATURES)},
        optional={
            "quantity": st.integers(1, 25),
            "member": st.sampled_from(["ann", "bob"]),
            "pay_from": st.sampled_from(["wallet", "credits", "usage", "gold"]),
            "idempotency_key": st.sampled_from(["a", "b", "c"]),
            "tags": st.just(("night",)),
        },
    )
    return draw(st.lists(use, min_size=1, max_size=12))


funds = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12), st.booleans()),
    min_size=PEOPLE,
    max_size=PEOPLE,
)


def crowd(scene: Scene, money: Sequence[tuple[int, int, bool]]) -> list[str]:
    """Make people with credits and wallets; who has nothing is a stranger."""
    people = []
    for amount, dollars, has_plan in money:
        customer = f"customer_{uuid4().hex}"
        if has_plan:
            scene.put_on(customer, "pro")
        if amount:
            scene.billing.credits.grant(customer, "credits", amount)
        if dollars:
            scene.billing.wallet.deposit(customer, Money(dollars, "usd"))
        people.append(customer)
    return people


def of(people: Sequence[str], batch: Batch) -> Batch:
    """Put people in the place of their numbers."""
    return [{**charge, "customer": people[charge["customer"]]} for charge in batch]


def one_by_one(rooms: Any, batch: Batch) -> list[ChargeAttempt]:
    """Call the charges one after another."""
    answers = []
    for given_ in batch:
        options = dict(given_)
        customer, feature = options.pop("customer"), options.pop("feature")
        quantity = options.pop("quantity", 1)
        try:
            answers.append(rooms.try_charge(customer, feature, quantity, **options))
        except TollkeeperError as error:
            answers.append(ChargeAttempt(success=False, failure=error))
    return answers


def told(answers: Sequence[ChargeAttempt], people: Sequence[str]) -> list[str]:
    """Write answers down, with people and whatever has an id of ours by their order."""
    known = {customer: f"person {number}" for number, customer in enumerate(people)}

    def plain(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"id {len(known)}")

    written = []
    for answer in answers:
        if answer.receipt is not None:
            said = f"{answer.receipt.replayed} {answer.receipt.to_json()}"
        else:
            error = answer.refusal or answer.failure
            assert error is not None
            said = f"{error.code} {error.message} {sorted(error.details.items(), key=str)}"
        written.append(ID.sub(plain, said))
    return written


def state(scene: Scene, customer: str) -> Any:
    """Read what charges change, as far as it does not depend on ids."""
    names = ("unit", "available", "restricted", "held", "debt", "version")
    events = ("feature", "quantity", "included", "credits", "wallet", "spent", "owed", "member")
    operations = ("kind", "unit", "idempotency_key", "fingerprint", "available", "version", "part")
    return {
        "account": sorted(
            str([row.get(name) for name in names]) for row in scene.rows("account", customer)
        ),
        "events": [
            [row[name] for name in events]
            for row in sorted(scene.rows("usage_event", customer), key=lambda row: row["id"])
        ],
        "operations": [
            [row.get(name) for name in operations]
            for row in sorted(
                scene.rows("operation", customer), key=lambda row: (row["id"], row["part"])
            )
        ],
        "counters": {
            who: scene.counters(customer, who) for who in ("", "member:ann", "member:bob")
        },
        "totals": scene.totals(customer),
    }


@given(money=funds, batch=batches())
@LAW
def test_a_batch_is_its_charges_one_by_one(
    scene: Scene, money: list[tuple[int, int, bool]], batch: Batch
) -> None:
    """Law 1: the same books and the same answers, on each database."""
    singly, together = crowd(scene, money), crowd(scene, money)
    expected = one_by_one(scene.billing, of(singly, batch))
    answers = scene.billing.charge_many(of(together, batch))
    assert told(answers, together) == told(expected, singly)
    for first, second in zip(singly, together, strict=True):
        assert state(scene, second) == state(scene, first)
    scene.audited(*together)


@given(money=funds, batch=batches())
@settings(LAW, max_examples=15)
def test_a_batch_in_the_hosts_transaction_is_its_charges_one_by_one(
    scene: Scene, money: list[tuple[int, int, bool]], batch: Batch
) -> None:
    """Law 1 under `using()`: and what is rolled back was never there."""
    singly, together = crowd(scene, money), crowd(scene, money)
    expected = one_by_one(scene.billing, of(singly, batch))
    with isolated(scene) as host, scene.nothing_is_written(*together):
        scene.billing.using(host).charge_many(of(together, batch))
        host.rollback()
    with isolated(scene) as host:
        answers = scene.billing.using(host).charge_many(of(together, batch))
        host.commit()
    assert told(answers, together) == told(expected, singly)
    for first, second in zip(singly, together, strict=True):
        assert state(scene, second) == state(scene, first)
    scene.audited(*together)


@given(money=funds, batch=batches())
@settings(LAW, max_examples=15)
def test_tasks_have_the_same_batches(
    scene: Scene, money: list[tuple[int, int, bool]], batch: Batch
) -> None:
    """Law 1 for tasks, several batches at once."""
    singly, together, others = (crowd(scene, money) for _ in range(3))
    expected = one_by_one(scene.billing, of(singly, batch))

    async def main() -> Any:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            return await asyncio.gather(
                billing.charge_many(of(together, batch)), billing.charge_many(of(others, batch))
            )

    for people, answers in zip((together, others), asyncio.run(main()), strict=True):
        assert told(answers, people) == told(expected, singly)
        scene.audited(*people)


ORDER = """
[features.job]
scale = 0
rate = "0.10 usd"

[[limits]]
feature = "job"
at_most = 10
every = "day"

[[limits]]
feature = "job"
at_most = 9
every = "day"
per = "member"

[plans.later]
prices = ["1.00 usd / month"]
waterfall = ["usage"]
"""


def test_charges_of_one_customer_keep_their_order(database_url: str, customer: str) -> None:
    """The first needs a tally that is not there yet; no later one takes the limit before it."""
    catalog, clock = Catalog.from_toml(f'currency = "usd"\n{ORDER}'), FixedClock(START)
    with Billing(database_url, catalog=catalog, clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.allocate(customer, "later")
        billing.charge(customer, "job", 1)
        use = {"customer": customer, "feature": "job"}
        batch: Batch = [
            {**use, "quantity": 8, "member": "ann", "idempotency_key": "first"},
            {**use, "quantity": 5},
            {**use, "quantity": 1, "member": "bob"},
            {**use, "quantity": 2, "idempotency_key": "first"},
        ]
        answers = billing.charge_many(batch)
        assert [answer.success for answer in answers] == [True, False, True, False]
        assert answers[1].refusal is not None
        assert answers[1].refusal.code == "limit_reached"
        assert answers[3].failure is not None
        assert answers[3].failure.code == "idempotency_conflict"


#: What is wrong with a charge as it is written, and the code of the error.
MALFORMED: dict[str, tuple[Any, str]] = {
    "no dict": (7, "invalid_request"),
    "a text": ("call", "invalid_request"),
    "nobody": ({"feature": "call"}, "invalid_request"),
    "nothing used": ({"customer": "c"}, "invalid_request"),
    "an unknown field": ({"customer": "c", "feature": "call", "amount": 3}, "invalid_request"),
    "an unknown feature": ({"customer": "c", "feature": "cal"}, "unknown_feature"),
    "zero": ({"customer": "c", "feature": "call", "quantity": 0}, "invalid_amount"),
    "a float": ({"customer": "c", "feature": "call", "quantity": 1.5}, "invalid_amount"),
    "a fraction": ({"customer": "c", "feature": "call", "quantity": "0.5"}, "invalid_amount"),
    "an empty customer": ({"customer": "", "feature": "call"}, "invalid_text"),
    "a text as tags": ({"customer": "c", "feature": "call", "tags": "night"}, "invalid_request"),
    "a reserved key": (
        {"customer": "c", "feature": "call", "idempotency_key": "tollkeeper:1"},
        "invalid_request",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_wrong_as_written_refuses_the_whole_batch(
    scene: Scene, customer: str, name: str
) -> None:
    """Law 2: the error names the charge by its place, and those before it are not charged."""
    wrong, code = MALFORMED[name]
    scene.billing.credits.grant(customer, "credits", 10)
    good = {"customer": customer, "feature": "call"}
    with scene.nothing_is_written(customer):
        error = refused(code, scene.billing.charge_many, [good, good, wrong, good])
    assert "Charge 2" in error.message
    assert error.details["number"] == 2


@pytest.mark.parametrize(
    "batch",
    [[], {"customer": "c", "feature": "call"}, "call", None, iter(())],
    ids=["empty", "one dict", "text", "none", "iterator"],
)
def test_what_is_no_batch(scene: Scene, batch: Any) -> None:
    refused("invalid_request", scene.billing.charge_many, batch)


class CountingClock:
    """Stands still, and counts how often it is read: a few times in each transaction."""

    def __init__(self) -> None:
        self.reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return START


def test_a_batch_is_bounded_and_takes_few_transactions(database_url: str, customer: str) -> None:
    """A thousand charges share a transaction or two; one more is refused."""
    clock, use = CountingClock(), {"customer": customer, "feature": "gift"}
    with Billing(database_url, catalog=shop(), clock=clock) as billing:
        billing.migrate()
        charge_many: Any = billing.charge_many
        error = refused("invalid_request", charge_many, [use] * (MAXIMUM_CHARGES + 1))
        assert f"1 to {MAXIMUM_CHARGES:,} charges" in error.message
        assert not billing.usage.history(customer).events
        clock.reads = 0
        answers = charge_many([use] * MAXIMUM_CHARGES)
        assert clock.reads < 20
        assert [bool(answer) for answer in answers] == [True] * 50 + [False] * 950
        assert {answer.refusal.code for answer in answers[50:]} == {"limit_reached"}
        assert billing.books.audit(customer=customer).ok


def test_a_batch_can_be_repeated(scene: Scene, new_customer: Callable[[], str]) -> None:
    """Law 3: the same answers, marked as given again; what was refused is tried again."""
    people = [new_customer() for _ in range(3)]
    for person in people[:2]:
        scene.billing.credits.grant(person, "credits", 10)
    batch: Batch = [
        {"customer": person, "feature": "call", "quantity": 7, "idempotency_key": "k"}
        for person in people
    ]
    first = scene.billing.charge_many([*batch, *batch])
    assert [bool(answer) for answer in first] == [True, True, False] * 2
    with scene.nothing_is_written(*people):
        again = scene.billing.charge_many(batch)
    for answers in (first[3:], again):
        for one, other in zip(first, answers, strict=False):
            if one.receipt is None:
                assert other.refusal is not None
                continue
            assert other.receipt is not None
            assert other.receipt.replayed
            assert not one.receipt.replayed
            assert other.receipt.to_json() == one.receipt.to_json()
    scene.billing.credits.grant(people[2], "credits", 10)
    assert all(scene.billing.charge_many(batch))


def test_what_only_the_books_can_tell_concerns_one_charge(scene: Scene, customer: str) -> None:
    """An error that is no refusal is told as a failure, beside the receipts of the others."""
    scene.billing.credits.grant(customer, "credits", 10)
    use = {"customer": customer, "feature": "call"}
    batch: Batch = [
        {**use, "idempotency_key": "k"},
        {**use, "quantity": 2, "idempotency_key": "k"},
        {"customer": customer, "feature": "model", "dimensions": {"name": "huge"}},
        {**use, "pay_from": "gold"},
        {**use, "quantity": 50},
        use,
    ]
    answers = scene.billing.charge_many(batch)
    codes = [a.failure.code if a.failure else a.refusal and a.refusal.code for a in answers]
    conflict, priced = "idempotency_conflict", "not_priced"
    assert codes == [None, conflict, priced, "invalid_request", "insufficient_balance", None]
    assert scene.billing.credits.balance(customer, "credits").available == 8
    scene.audited(customer)


def test_batches_at_once_against_one_limit(scene: Scene, customer: str) -> None:
    """Threads, each with a batch: together they get what the limit allows, and no more."""
    scene.billing.credits.grant(customer, "credits", 100)
    batch: Batch = [{"customer": customer, "feature": "post", "quantity": 1}] * 9
    calls = [beside(scene.billing.charge_many, batch) for _ in range(6)]
    assert sum(bool(answer) for call in calls for answer in call.result(60)) == 20
    scene.audited(customer)


def test_a_customer_who_is_locked_delays_only_his_own_charges(
    postgres_scene: Scene, new_customer: Callable[[], str]
) -> None:
    """The others of the batch are booked; his wait, and keep their order."""
    scene, (busy, free) = postgres_scene, (new_customer(), new_customer())
    for each in (busy, free):
        scene.billing.credits.grant(each, "credits", 50)
        scene.billing.charge(each, "post", 1)
    batch: Batch = [
        {"customer": each, "feature": "post", "quantity": quantity}
        for quantity in (16, 4, 3)
        for each in (busy, free)
    ]
    with isolated(scene) as host:
        scene.billing.using(host).charge(busy, "post", 1)
        call = beside(scene.billing.charge_many, batch)
        until(lambda: scene.counters(free)["post:quantity:customer:day"] == 20)
        assert not call.done()
        host.commit()
    answers = call.result(60)
    assert [bool(answer) for answer in answers[::2]] == [True, False, False]
    assert [bool(answer) for answer in answers[1::2]] == [True, False, True]
    scene.audited(busy, free)


def test_a_stranger_whom_another_transaction_makes_keeps_his_order(
    postgres_scene: Scene, new_customer: Callable[[], str]
) -> None:
    """Nobody sees his rows yet: the batch is taken apart, his charges are not."""
    scene, (made, free) = postgres_scene, (new_customer(), new_customer())
    batch: Batch = [
        {"customer": each, "feature": "gift", "quantity": quantity}
        for quantity in (40, 30, 5, 10)
        for each in (made, free)
    ]
    with isolated(scene) as host:
        scene.billing.using(host).charge(made, "gift", 1)
        call = beside(scene.billing.charge_many, batch)
        until(lambda: scene.counters(free).get("gift:quantity:customer:week") == 45)
        assert not call.done()
        host.commit()
    answers = call.result(60)
    assert [bool(answer) for answer in answers[::2]] == [True, False, True, False]
    assert [bool(answer) for answer in answers[1::2]] == [True, False, True, False]
    scene.audited(made, free)


def test_a_batch_that_nobody_can_write_raises(database_url: str, customer: str) -> None:
    """The tables are not there; then they are, and then the door is closed."""
    with Billing(database_url, catalog=shop()) as billing:
        batch: Batch = [{"customer": customer, "feature": "gift"}] * 3
        with pytest.raises(NotMigrated):
            billing.charge_many(batch)
        billing.migrate()
        assert all(billing.charge_many(batch))
    with pytest.raises(Closed):
        billing.charge_many(batch)
