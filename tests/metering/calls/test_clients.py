"""Wrapped clients of the real SDKs: each call of a model is held for, read, settled or released."""

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.metering.calls.scene import (
    ASKED,
    CHAT_COST,
    CHAT_PRICE,
    CHAT_USAGE,
    HAIKU,
    MESSAGE_COST,
    MESSAGE_PRICE,
    MESSAGE_USAGE,
    RESPONSE_USAGE,
    Scene,
    shop,
)
from tests.metering.vendors import Vendor
from tests.metering.wire import Answer
from tollkeeper import AsyncBilling
from tollkeeper.errors import InsufficientBalance, InvalidRequest, UnknownModel

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": ASKED}
CLAUDE: dict[str, Any] = {"model": HAIKU, "max_tokens": 99, "messages": ASKED}


@pytest.fixture
def chat(scene: Scene, customer: str, openai_client: openai.OpenAI) -> openai.OpenAI:
    """The client of OpenAI, metered for a customer with ten dollars."""
    scene.rich(customer)
    return scene.billing.wrap(
        openai_client.with_options(max_retries=0), customer=customer, feature="chat"
    )


@pytest.fixture
def claude(
    scene: Scene, customer: str, anthropic_client: anthropic.Anthropic
) -> anthropic.Anthropic:
    """The client of Anthropic, metered for a customer with ten dollars."""
    scene.rich(customer)
    return scene.billing.wrap(
        anthropic_client.with_options(max_retries=0), customer=customer, feature="chat"
    )


def test_s110_a_chat_completion(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, model="gpt-4o-2024-08-06"))
    answer = chat.chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "A toll is paid at the gate."
    call = scene.only_call(customer)
    assert [call.status, call.outcome, call.model] == ["settled", "delivered", "gpt-4o-2024-08-06"]
    assert call.quantity == CHAT_PRICE == scene.spent(customer)
    assert call.vendor_cost == CHAT_COST
    assert [str(money) for money in call.revenue] == ["0.0009 usd"]
    assert str(call.margin) == "0.00015 usd"
    assert scene.held(customer) == 0
    assert not call.marks
    scene.audited(customer)


def test_it_passes_for_the_client(chat: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    assert isinstance(chat, openai.OpenAI)
    assert isinstance(claude, anthropic.Anthropic)
    assert chat.base_url.host == "127.0.0.1"
    with chat.with_options(timeout=5) as copied:
        assert isinstance(copied, openai.OpenAI)


def test_the_other_verbs_of_openai(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    vendor.will(
        Answer(usage=RESPONSE_USAGE),
        Answer(usage={"prompt_tokens": 50, "total_tokens": 50}),
        Answer(usage=CHAT_USAGE, text="{}"),
    )
    chat.responses.create(model="gpt-4o", input="What?")
    chat.embeddings.create(model="text-embedding-3-small", input="toll")
    chat.chat.completions.parse(**CHAT)
    calls = scene.billing.model_calls.list(customer).calls
    assert [call.quantity for call in calls] == [CHAT_PRICE, Decimal("0.0000012"), CHAT_PRICE]
    assert scene.spent(customer) == sum(call.quantity or 0 for call in calls)


def test_a_message(
    scene: Scene, vendor: Vendor, claude: anthropic.Anthropic, customer: str
) -> None:
    vendor.will(Answer(usage=MESSAGE_USAGE))
    claude.messages.create(**CLAUDE)
    call = scene.only_call(customer)
    assert [call.quantity, call.vendor_cost] == [MESSAGE_PRICE, MESSAGE_COST]


def test_a_stream_tells_its_usage_and_hides_what_nobody_asked_for(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE), Answer(usage=CHAT_USAGE))
    chunks = list(chat.chat.completions.create(**CHAT, stream=True))
    assert vendor.requests[0]["stream_options"] == {"include_usage": True}
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    assert scene.only_call(customer).quantity == CHAT_PRICE
    wanted: Any = {"stream": True, "stream_options": {"include_usage": True}}
    assert list(chat.chat.completions.create(**CHAT, **wanted))[-1].usage is not None
    assert scene.spent(customer) == 2 * CHAT_PRICE


def test_streams_of_responses_and_messages(
    scene: Scene,
    vendor: Vendor,
    chat: openai.OpenAI,
    claude: anthropic.Anthropic,
    customer: str,
) -> None:
    vendor.will(Answer(usage=RESPONSE_USAGE), Answer(usage=MESSAGE_USAGE))
    for _ in chat.responses.create(model="gpt-4o", input="What?", stream=True):
        pass
    for _ in claude.messages.create(**CLAUDE, stream=True):
        pass
    calls = scene.billing.model_calls.list(customer).calls
    assert [call.quantity for call in calls] == [MESSAGE_PRICE, CHAT_PRICE]
    assert {call.outcome for call in calls} == {"delivered"}


def test_helpers(
    scene: Scene,
    vendor: Vendor,
    chat: openai.OpenAI,
    claude: anthropic.Anthropic,
    customer: str,
) -> None:
    vendor.will(
        Answer(usage=MESSAGE_USAGE),
        Answer(usage=MESSAGE_USAGE),
        Answer(usage=CHAT_USAGE),
        Answer(usage=RESPONSE_USAGE),
    )
    with claude.messages.stream(**CLAUDE) as stream:
        assert "".join(stream.text_stream) == "A toll is paid at the gate."
    with claude.messages.stream(**CLAUDE) as stream:
        assert stream.get_final_message().usage.output_tokens == 60
    with chat.chat.completions.stream(**CHAT) as events:
        final = events.get_final_completion()
    assert final.choices[0].message.content == "A toll is paid at the gate."
    with chat.responses.stream(model="gpt-4o", input="What?") as told:
        assert told.get_final_response().status == "completed"
    calls = scene.billing.model_calls.list(customer).calls
    assert [call.quantity for call in calls] == [CHAT_PRICE] * 2 + [MESSAGE_PRICE] * 2
    assert {(call.outcome, call.marks) for call in calls} == {("delivered", ())}


@pytest.mark.parametrize("status", [429, 500])
def test_a_vendor_that_refuses_costs_nothing(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str, status: int
) -> None:
    vendor.will(*[Answer(status=status)] * 2)
    with pytest.raises(openai.APIStatusError):
        chat.chat.completions.create(**CHAT)
    with pytest.raises(openai.APIStatusError):
        chat.chat.completions.create(**CHAT, stream=True)
    assert scene.spent(customer) == scene.held(customer) == 0
    for call in scene.billing.model_calls.list(customer).calls:
        assert [call.status, call.outcome] == ["released", "failed_before_delivery"]
    scene.audited(customer)


def test_a_time_out_before_the_first_byte_costs_nothing(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    vendor.will(Answer(first_byte_seconds=0.6))
    with pytest.raises(openai.APITimeoutError):
        chat.with_options(timeout=0.2).chat.completions.create(**CHAT)
    assert scene.spent(customer) == 0
    assert scene.only_call(customer).outcome == "failed_before_delivery"


def test_a_stream_that_is_cut_is_charged_for_what_came(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, text="word " * 40, cut_after=20))
    stream = chat.chat.completions.create(**CHAT, stream=True)
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        list(stream)
    call = scene.only_call(customer)
    assert call.outcome == "aborted"
    assert call.marks == ("estimated",)
    assert call.quantity is not None
    assert 0 < call.quantity < CHAT_PRICE
    assert scene.spent(customer) == call.quantity
    assert call.usages[0]["output"] > 15


@pytest.mark.parametrize("way", ["close", "with", "forget"])
def test_a_stream_that_is_left_is_charged_for_what_came(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str, way: str
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, text="word " * 40))
    stream: Any = chat.chat.completions.create(**CHAT, stream=True)
    next(stream)
    if way == "with":
        with stream:
            next(stream)
    elif way == "close":
        stream.close()
    del stream
    call = eventually_booked(scene, customer)
    assert [call.outcome, call.marks] == ["aborted", ("estimated",)]
    assert scene.held(customer) == 0
    assert scene.spent(customer) == call.quantity


def test_who_pays_is_said_nearest_first(
    scene: Scene, vendor: Vendor, openai_client: openai.OpenAI, customer: str
) -> None:
    scene.rich(customer)
    client: Any = scene.billing.wrap(openai_client)
    with pytest.raises(InvalidRequest, match="Who pays"):
        client.chat.completions.create(**CHAT)
    assert not vendor.requests
    vendor.will(*[Answer(usage=CHAT_USAGE)] * 3)
    with scene.billing.calling(customer, "chat"):
        client.chat.completions.create(**CHAT)
        client.chat.completions.create(**CHAT, tollkeeper={"feature": "words", "member": "ann"})
    assert "tollkeeper" not in vendor.requests[-1]
    last, first = scene.billing.model_calls.list(customer).calls
    assert [first.feature, first.quantity] == ["chat", CHAT_PRICE]
    assert [last.feature, last.quantity, last.member] == ["words", 150, "ann"]
    assert last.vendor_cost == CHAT_COST


def test_s117_nobody_is_asked_where_nothing_can_be_held(
    scene: Scene, vendor: Vendor, openai_client: openai.OpenAI, customer: str
) -> None:
    client = scene.billing.wrap(openai_client, customer=customer, feature="chat")
    with pytest.raises(InsufficientBalance):
        client.chat.completions.create(**CHAT)
    assert not vendor.requests
    assert not scene.billing.model_calls.list(customer).calls


def test_s111_an_unknown_model_is_refused_before_the_vendor_is_asked(
    scene: Scene, vendor: Vendor, chat: openai.OpenAI, customer: str
) -> None:
    with pytest.raises(UnknownModel, match="rate card"):
        chat.chat.completions.create(model="gtp-4", messages=ASKED)
    assert not vendor.requests
    assert not scene.billing.model_calls.list(customer).calls
    assert scene.spent(customer) == 0


def test_what_cannot_be_metered_is_refused(vendor: Vendor, chat: openai.OpenAI) -> None:
    with pytest.raises(InvalidRequest, match="cannot be metered"):
        chat.chat.completions.with_raw_response.create(**CHAT)
    with pytest.raises(InvalidRequest, match="cannot be metered"):
        _ = chat.with_raw_response
    with pytest.raises(InvalidRequest, match="cannot be metered"):
        _ = chat.chat.with_streaming_response
    with pytest.raises(InvalidRequest, match="cannot be metered"):
        chat.responses.connect()
    assert not vendor.requests


def test_a_client_is_wrapped_once(scene: Scene, chat: openai.OpenAI) -> None:
    with pytest.raises(InvalidRequest, match="metered already"):
        scene.billing.wrap(chat)


def test_clients_for_tasks_need_a_billing_for_tasks(scene: Scene) -> None:
    with pytest.raises(InvalidRequest, match="AsyncBilling"):
        scene.billing.wrap(openai.AsyncOpenAI(api_key="none"))


def test_tasks(scene: Scene, vendor: Vendor, customer: str) -> None:
    scene.rich(customer)
    vendor.will(
        Answer(usage=CHAT_USAGE),
        Answer(usage=CHAT_USAGE),
        Answer(usage=MESSAGE_USAGE),
        Answer(usage=MESSAGE_USAGE),
        Answer(usage=CHAT_USAGE),
        Answer(status=500),
    )

    async def ask() -> None:
        async with (
            AsyncBilling(scene.url, clock=scene.clock, catalog=shop()) as billing,
            openai.AsyncOpenAI(base_url=f"{vendor.url}/v1", api_key="none", max_retries=0) as one,
            anthropic.AsyncAnthropic(base_url=vendor.url, api_key="none") as other,
        ):
            chat = billing.wrap(one, customer=customer, feature="chat")
            claude = billing.wrap(other, customer=customer, feature="chat")
            await chat.chat.completions.create(**CHAT)
            async for chunk in await chat.chat.completions.create(**CHAT, stream=True):
                assert chunk.choices
            async with claude.messages.stream(**CLAUDE) as stream:
                assert "".join([text async for text in stream.text_stream]).startswith("A toll")
            async with claude.messages.stream(**CLAUDE) as stream:
                assert (await stream.get_final_message()).usage.output_tokens == 60
            async with chat.chat.completions.stream(**CHAT) as events:
                assert (await events.get_final_completion()).choices
            with pytest.raises(openai.InternalServerError):
                await chat.chat.completions.create(**CHAT)

    asyncio.run(ask())
    calls = scene.billing.model_calls.list(customer).calls
    prices = [Decimal(0), CHAT_PRICE, MESSAGE_PRICE, MESSAGE_PRICE, CHAT_PRICE, CHAT_PRICE]
    assert [call.quantity for call in calls] == prices
    assert scene.spent(customer) == sum(prices)
    scene.audited(customer)


def test_a_task_that_is_cancelled_in_mid_stream_pays_for_what_came(
    scene: Scene, vendor: Vendor, customer: str
) -> None:
    scene.rich(customer)
    vendor.will(Answer(usage=CHAT_USAGE, text="word " * 40))

    async def ask() -> None:
        async with (
            AsyncBilling(scene.url, clock=scene.clock, catalog=shop()) as billing,
            openai.AsyncOpenAI(base_url=f"{vendor.url}/v1", api_key="none", max_retries=0) as one,
        ):
            chat = billing.wrap(one, customer=customer, feature="chat")
            began = asyncio.Event()

            async def read() -> None:
                async for _ in await chat.chat.completions.create(**CHAT, stream=True):
                    began.set()
                    await asyncio.sleep(0.05)

            task = asyncio.create_task(read())
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(ask())
    call = eventually_booked(scene, customer)
    assert call.outcome == "aborted"
    assert scene.spent(customer) == call.quantity
    assert scene.held(customer) == 0


def eventually_booked(scene: Scene, customer: str) -> Any:
    """Wait for the thread that books what was let go of."""
    for call in _calls(scene, customer):
        if call.status == "settled":
            return call
    raise AssertionError("the call was never booked")


def _calls(scene: Scene, customer: str) -> Iterator[Any]:
    for _ in range(100):
        yield scene.only_call(customer)
        time.sleep(0.05)
