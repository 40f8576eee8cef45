"""A retry with the same key gives what the vendor answered before, and asks nobody again."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.metering.calls.scene import ASKED, CHAT_PRICE, CHAT_USAGE, Scene, shop
from tests.metering.vendors import Vendor
from tests.metering.wire import Answer
from tollkeeper import AsyncBilling
from tollkeeper.errors import CallIsOver, IdempotencyConflict, InvalidRequest, StillRunning
from tollkeeper.metering.calls.replaying import MAXIMUM_BYTES, body_of, restored

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": ASKED}
KEY: dict[str, Any] = {"idempotency_key": "msg-1", "replay": True}


@pytest.fixture
def chat(scene: Scene, customer: str, openai_client: openai.OpenAI) -> Any:
    """The client of OpenAI, metered for a customer with ten dollars."""
    scene.rich(customer)
    return scene.billing.wrap(
        openai_client.with_options(max_retries=0), customer=customer, feature="chat"
    )


def test_a_whole_answer(scene: Scene, vendor: Vendor, chat: Any, customer: str) -> None:
    vendor.will(Answer(usage=CHAT_USAGE))
    first = chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    again = chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    assert isinstance(again, ChatCompletion)
    assert again == first
    assert again.choices[0].message.content == "A toll is paid at the gate."
    assert len(vendor.requests) == 1
    assert scene.spent(customer) == CHAT_PRICE
    other = [{"role": "user", "content": "What else?"}]
    with pytest.raises(IdempotencyConflict):
        chat.chat.completions.create(model="gpt-4o", messages=other, tollkeeper=KEY)
    assert len(vendor.requests) == 1


def test_a_stream(scene: Scene, vendor: Vendor, chat: Any, customer: str) -> None:
    vendor.will(Answer(usage=CHAT_USAGE))
    first = list(chat.chat.completions.create(**CHAT, stream=True, tollkeeper=KEY))
    again = list(chat.chat.completions.create(**CHAT, stream=True, tollkeeper=KEY))
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in again)
    texts = [chunk.choices[0].delta.content for chunk in again if chunk.choices]
    assert texts == [chunk.choices[0].delta.content for chunk in first]
    assert len(vendor.requests) == 1
    assert scene.spent(customer) == CHAT_PRICE


def test_a_vendor_that_refused_is_asked_again(
    scene: Scene, vendor: Vendor, chat: Any, customer: str
) -> None:
    vendor.will(Answer(status=500), Answer(usage=CHAT_USAGE))
    with pytest.raises(openai.InternalServerError):
        chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    assert len(vendor.requests) == 2
    assert scene.spent(customer) == CHAT_PRICE


def test_retries_at_once_ask_the_vendor_once(
    scene: Scene, vendor: Vendor, chat: Any, customer: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, first_byte_seconds=0.5))
    answers: list[Any] = []

    def ask(wait: timedelta | None) -> None:
        try:
            own = {**KEY, "wait": wait}
            answers.append(chat.chat.completions.create(**CHAT, tollkeeper=own))
        except StillRunning as error:
            answers.append(error)

    first = threading.Thread(target=ask, args=(None,))
    first.start()
    while not vendor.requests:
        first.join(0.01)
    others = [threading.Thread(target=ask, args=(wait,)) for wait in (None, timedelta(seconds=20))]
    for thread in others:
        thread.start()
    for thread in (first, *others):
        thread.join(30)
    assert len(vendor.requests) == 1
    assert sorted(type(answer).__name__ for answer in answers) == [
        "ChatCompletion",
        "ChatCompletion",
        "StillRunning",
    ]
    assert scene.spent(customer) == CHAT_PRICE


def test_tasks(scene: Scene, vendor: Vendor, customer: str) -> None:
    scene.rich(customer)
    vendor.will(Answer(usage=CHAT_USAGE), Answer(usage=CHAT_USAGE))

    async def ask() -> None:
        async with (
            AsyncBilling(scene.url, clock=scene.clock, catalog=shop()) as billing,
            openai.AsyncOpenAI(base_url=f"{vendor.url}/v1", api_key="none") as one,
        ):
            chat: Any = billing.wrap(one, customer=customer, feature="chat")
            for _ in range(2):
                answer = await chat.chat.completions.create(**CHAT, tollkeeper=KEY)
                assert isinstance(answer, ChatCompletion)
            own = {**KEY, "idempotency_key": "msg-2"}
            for _ in range(2):
                stream = await chat.chat.completions.create(**CHAT, stream=True, tollkeeper=own)
                assert len([chunk async for chunk in stream]) > 3

    asyncio.run(ask())
    assert len(vendor.requests) == 2
    assert scene.spent(customer) == 2 * CHAT_PRICE


def test_helpers_are_not_replayed(chat: Any) -> None:
    with pytest.raises(InvalidRequest, match="stream=True"):
        chat.chat.completions.stream(**CHAT, tollkeeper=KEY)


def test_an_answer_that_is_too_large_is_not_kept(
    scene: Scene, vendor: Vendor, chat: Any, customer: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, text="x" * (MAXIMUM_BYTES + 1)))
    chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    with pytest.raises(CallIsOver):
        chat.chat.completions.create(**CHAT, tollkeeper=KEY)
    assert len(vendor.requests) == 1
    assert scene.spent(customer) == CHAT_PRICE


def test_a_class_that_is_not_imported_here_is_a_dict() -> None:
    assert restored('{"whole":["os:system",{"command":"true"}]}') == {"command": "true"}
    assert restored('{"whole":["nowhere.at_all:Thing",{"text":"toll"}]}') == {"text": "toll"}
    assert body_of(object()) is None
    assert body_of({"text": "a\x00b"}) is None
