"""A call's end is one step: its row closes with its hold, in one transaction that others share.

The law: whether a call was ended at once, or in steps because its hold had ended before, its row
tells the same. No end waits for a reader's thread.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from tests.metering.calls.scene import CHAT_USAGE, Scene, shop
from tollkeeper import AsyncBilling, Money
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.values.model_calls import ModelCall

MODEL: dict[str, Any] = {"vendor": "openai", "model": "gpt-4o"}
RESPONSE = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"role": "assistant", "content": "A fee."}}],
    "usage": CHAT_USAGE,
}

#: What is metered, with which options; less than was held, more, more than may be charged, nothing.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "less": ("words", {"hold": 1000, "idempotency_key": "k"}),
    "more": ("words", {"hold": 10, "tags": ["a"], "member": "m"}),
    "capped": ("limited", {"hold": 5, "excess": "cap"}),
    "money": ("chat", {"hold": Money("0.01", "usd"), "replay": True, "idempotency_key": "r"}),
    "nothing": ("asks", {"hold": 5, "idempotency_key": "n"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_ends_at_once_tells_what_one_that_ends_in_steps_does(
    scene: Scene, new_customer: Callable[[], str], way: str
) -> None:
    told: list[ModelCall] = []
    for end_hold in (None, by_hand):
        customer = scene.rich(new_customer())
        feature, options = WAYS[way]
        call = scene.billing.metered(customer, feature, **MODEL, **options).open()
        if way == "nothing":
            call.cancel()
        else:
            call.result(RESPONSE)
        if end_hold is not None:
            end_hold(scene, customer, call, way)
        call.end()
        assert call.is_booked
        told.append(scene.billing.model_calls.get(customer, call.id))
        scene.audited(customer)
    first, other = [
        replace(each, id="", customer="", hold_id="", operation_id=None, closed_at=None)
        for each in told
    ]
    assert first == other
    assert first.status == ("released" if way == "nothing" else "settled")
    assert ("uncollected" in first.marks) is (way == "capped")
    assert told[0].closed_at is not None


def by_hand(scene: Scene, customer: str, call: MeteredCall, way: str) -> None:
    """End the hold behind a call as its end would, so that the call has to end in steps."""
    hold = scene.billing.model_calls.get(customer, call.id).hold_id
    if way == "nothing":
        scene.billing.charges.release(customer, hold)
    else:
        excess = "cap" if way == "capped" else "charge"
        scene.billing.charges.settle(customer, hold, call.used, excess=excess)


def test_ends_of_tasks_share_transactions_and_need_no_reader(scene: Scene, customer: str) -> None:
    """Forty calls end at once; but for the writer's own, no connection is taken."""
    scene.rich(customer)
    engine = create_engine(scene.url)
    taken: list[object] = []

    async def run() -> list[MeteredCall]:
        async with AsyncBilling(engine, catalog=shop(), clock=scene.clock) as billing:
            calls = [billing.metered(customer, "words", hold=10) for _ in range(40)]
            await asyncio.gather(*[call.open_async() for call in calls])
            await asyncio.gather(*[call.add(1 + n % 3) for n, call in enumerate(calls)])
            event.listen(engine, "checkout", lambda *_: taken.append(1))
            await asyncio.gather(*[call.end_async() for call in calls])
            assert taken == []
        return calls

    receipts = [call.receipt for call in asyncio.run(run()) if call.receipt]
    engine.dispose()
    assert len(receipts) == 40
    spent = sum(receipt.quantity for receipt in receipts)
    assert spent == sum(1 + n % 3 for n in range(40))
    assert scene.billing.credits.balance(customer, "words").available == 10_000 - spent
    rows = scene.billing.model_calls.list(customer).calls
    assert {row.status for row in rows} == {"settled"}
    assert {row.operation_id for row in rows} == {each.operation_id for each in receipts}
    scene.audited(customer)
