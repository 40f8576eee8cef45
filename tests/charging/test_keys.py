"""Law 5 for charges: one key is one charge, byte for byte, whatever paid for it, or nothing did."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.charging import workers
from tests.charging.scene import Scene, refused
from tests.doors.scenes import at_once
from tests.doors.workers import Worker
from tollkeeper import Money

ASKED: dict[str, Any] = {
    "member": "ann",
    "api_key": "key_1",
    "tags": ["night", "test"],
    "dimensions": {"region": "eu"},
}

#: What a key is used for first, and whom it leaves without any entry.
FIRST: dict[str, tuple[str, int, dict[str, Any]]] = {
    "by credits": ("call", 3, {}),
    "by credits and wallet": ("call", 12, {}),
    "by everybody": ("call", 30, {}),
    "by the later bill alone": ("call", 3, {"pay_from": "usage"}),
    "for nothing": ("gift", 3, {}),
    "under every limit": ("post", 5, ASKED),
    "beyond a limit": ("film", 9, {}),
}


@pytest.fixture
def payer(scene: Scene, customer: str) -> str:
    """Somebody on a plan, with credits and money."""
    scene.put_on(customer, "pro")
    scene.billing.credits.grant(customer, "credits", 10)
    scene.billing.wallet.deposit(customer, Money("1.00", "usd"))
    return customer


@pytest.mark.parametrize("what", FIRST)
def test_the_same_again_is_the_first_answer(scene: Scene, payer: str, what: str) -> None:
    """At once, later, when nothing is left, on a new plan, through another door."""
    feature, quantity, options = FIRST[what]
    ask = partial(scene.billing.charge, payer, feature, quantity, idempotency_key="k", **options)
    first = ask()
    assert not first.replayed
    with scene.nothing_is_written(payer):
        again = ask()
        assert again.replayed
        assert again.to_json() == first.to_json()
        assert again.shares == first.shares
    scene.billing.try_charge(payer, "scan", 20)
    scene.put_on(payer, "free")
    scene.clock.advance(days=40)
    with scene.nothing_is_written(payer):
        assert ask().to_json() == first.to_json()
        attempt = scene.billing.try_charge(payer, feature, quantity, idempotency_key="k", **options)
        assert attempt.receipt is not None
        assert attempt.receipt.to_json() == first.to_json()
        with scene.engine.connect() as host:
            joined = scene.billing.using(host)
            found = joined.charge(payer, feature, quantity, idempotency_key="k", **options)
            assert found.to_json() == first.to_json()
            host.rollback()
    assert len([e for e in scene.rows("usage_event", payer) if e["id"] == first.operation_id]) == 1
    scene.audited(payer)


OTHERS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "another feature": ("note", 2, ASKED),
    "another quantity": ("call", 3, ASKED),
    "no member": ("call", 2, ASKED | {"member": None}),
    "another member": ("call", 2, ASKED | {"member": "bob"}),
    "another key": ("call", 2, ASKED | {"api_key": "key_2"}),
    "fewer tags": ("call", 2, ASKED | {"tags": ["night"]}),
    "another dimension": ("call", 2, ASKED | {"dimensions": {"region": "us"}}),
    "one dimension more": ("call", 2, ASKED | {"dimensions": {"region": "eu", "a": "b"}}),
    "who pays": ("call", 2, ASKED | {"pay_from": ["credits"]}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_meaning_is_a_conflict(scene: Scene, payer: str, what: str) -> None:
    """Each option that changes what is asked makes it another request."""
    scene.billing.charge(payer, "call", 2, idempotency_key="k", **ASKED)
    feature, quantity, options = OTHERS[what]
    with scene.nothing_is_written(payer):
        refused(
            "idempotency_conflict",
            scene.billing.charge,
            payer,
            feature,
            quantity,
            idempotency_key="k",
            **options,
        )


def test_what_does_not_change_the_meaning(scene: Scene, payer: str) -> None:
    """Metadata, reason and actor; the order of tags and dimensions; how a number is written."""
    first = scene.billing.charge(payer, "call", 2, idempotency_key="k", **ASKED)
    again = ASKED | {"tags": ("test", "night", "test")}
    for quantity in (2, "2", "2.0"):
        made = scene.billing.charge(
            payer, "call", quantity, idempotency_key="k", metadata={"a": 1}, actor="ann", **again
        )
        assert made.to_json() == first.to_json()


def test_a_key_belongs_to_all_verbs(scene: Scene, payer: str) -> None:
    """What consumed under a key cannot charge under it, nor the other way about."""
    billing = scene.billing
    billing.credits.consume(payer, "credits", 1, idempotency_key="a")
    refused("idempotency_conflict", billing.charge, payer, "call", 1, idempotency_key="a")
    used = (("b", "call", None), ("c", "call", "usage"), ("d", "gift", None))
    for key, feature, pay_from in used:
        billing.charge(payer, feature, 1, idempotency_key=key, pay_from=pay_from)
        for verb in (billing.credits.consume, billing.credits.grant):
            refused("idempotency_conflict", verb, payer, "credits", 1, idempotency_key=key)


def test_a_refusal_is_not_remembered(scene: Scene, customer: str) -> None:
    """After a top-up the same key is charged; after the window of a limit too."""
    ask = partial(scene.billing.charge, customer, "post", 20, idempotency_key="k")
    refused("insufficient_balance", ask)
    scene.billing.credits.grant(customer, "credits", 100)
    scene.billing.charge(customer, "post", 1)
    refused("limit_reached", ask)
    scene.clock.advance(days=1)
    first = ask()
    # The limit is reached now, which hides no replay.
    assert ask().to_json() == first.to_json()
    scene.clock.advance(seconds=1)
    assert ask().replayed


@pytest.mark.parametrize("feature", ["call", "gift", "tier"])
def test_two_callers_with_one_key_at_once(scene: Scene, payer: str, feature: str) -> None:
    """Sixteen threads get one receipt; it does not matter whether anything was booked for it."""
    ask = partial(scene.billing.charge, payer, feature, 2, idempotency_key="once")
    answers: list[Any] = at_once(lambda _: ask(), 16)
    assert len({answer.to_json() for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert len(scene.rows("usage_event", payer)) == 1
    scene.audited(payer)


def test_two_requests_with_one_key_at_once(scene: Scene, payer: str) -> None:
    """One of them wins, and every caller of the other is told of the conflict."""
    answers: list[Any] = at_once(
        lambda number: scene.billing.charge(payer, "call", 1 + number % 2, idempotency_key="k"), 12
    )
    accepted = [answer for answer in answers if hasattr(answer, "to_json")]
    assert len(accepted) == 6
    assert len({answer.to_json() for answer in accepted}) == 1
    assert len(scene.rows("usage_event", payer)) == 1


def test_one_key_across_processes(scene: Scene, payer: str, crew: list[Worker]) -> None:
    """Callers in several processes, with several threads each, get one receipt."""
    for worker in crew:
        worker.tell("keyed", customer=payer, feature="call", quantity=2, key="once")
    answers = [answer for worker in crew for answer in worker.hear()]
    assert len(set(answers)) == 1
    assert len(answers) == len(crew) * workers.THREADS
    assert len(scene.rows("usage_event", payer)) == 1
    scene.audited(payer)


def test_replays_last_as_long_as_the_books(scene: Scene, payer: str) -> None:
    """A year later the first answer is given all the same."""
    ask = partial(scene.billing.charge, payer, "image", 1, idempotency_key="k")
    first = ask()
    scene.clock.set(scene.clock.now() + timedelta(days=400))
    assert ask().to_json() == first.to_json()
