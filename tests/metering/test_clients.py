"""What the real clients of OpenAI and Anthropic give back is read, as the vendor told it."""

import asyncio
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.metering.vendors import Vendor
from tests.metering.wire import Answer
from tollkeeper.metering.reading.readers import Readers
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.usage import Reading

CHAT_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 50,
    "total_tokens": 170,
    "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 15, "accepted_prediction_tokens": 4},
}
CHAT_COUNTS = {
    "input": 70,
    "cache_read": 20,
    "input_audio": 30,
    "output": 35,
    "reasoning": 15,
    "requests": 1,
}
RESPONSE_USAGE = {
    "input_tokens": 90,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 8},
    "output_tokens": 25,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 115,
}
RESPONSE_COUNTS = {
    "input": 42,
    "cache_read": 40,
    "cache_write": 8,
    "output": 20,
    "reasoning": 5,
    "requests": 1,
}
MESSAGE_USAGE = {
    "input_tokens": 11,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
    "output_tokens": 64,
    "output_tokens_details": {"thinking_tokens": 24},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    "service_tier": "standard",
}
MESSAGE_COUNTS = {
    "input": 11,
    "cache_read": 1000,
    "cache_write": 200,
    "cache_write_1h": 100,
    "output": 40,
    "reasoning": 24,
    "requests": 1,
    "web_searches": 2,
    "web_fetches": 1,
}
ASKED: list[Any] = [{"role": "user", "content": "What is a toll?"}]
STREAMED: Any = {"stream": True, "stream_options": {"include_usage": True}}
HAIKU = "claude-haiku-4-5"
#: What the clients raise when a connection breaks while they read: one its own, one httpx's.
BROKEN = (openai.APIConnectionError, httpx2.RemoteProtocolError)


def read(response: object) -> Reading:
    return Readers().read(response)


def collected(stream: Any, **options: Any) -> StreamUsage:
    usage = StreamUsage(**options)
    for chunk in stream:
        usage.add(chunk)
    return usage


# Whole answers.


def test_s110_chat_completions(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, model="gpt-4o-2024-08-06"))
    response = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED)
    usage = read(response).usage
    assert (usage.vendor, usage.model) == ("openai", "gpt-4o-2024-08-06")
    assert usage.counts == CHAT_COUNTS
    assert not usage.unknown
    assert not usage.unsplit


def test_s110_responses(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    search = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
    searches = [
        {**search, "action": {"type": "search", "query": "toll"}},
        {**search, "action": {"type": "open_page", "url": "http://127.0.0.1/"}},
    ]
    vendor.will(Answer(usage=RESPONSE_USAGE, items=searches, extra={"service_tier": "flex"}))
    usage = read(openai_client.responses.create(model="gpt-5", input="What?")).usage
    assert usage.counts == {**RESPONSE_COUNTS, "web_searches": 1}
    assert usage.conditions == (("service_tier", "flex"),)


def test_s110_embeddings(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(usage={"prompt_tokens": 9, "total_tokens": 9}))
    response = openai_client.embeddings.create(model="text-embedding-3-small", input="toll")
    assert read(response).usage.counts == {"input": 9, "requests": 1}


def test_s110_messages(vendor: Vendor, anthropic_client: anthropic.Anthropic) -> None:
    vendor.will(Answer(usage=MESSAGE_USAGE))
    response = anthropic_client.messages.create(model=HAIKU, max_tokens=99, messages=ASKED)
    usage = read(response).usage
    assert (usage.vendor, usage.model) == ("anthropic", HAIKU)
    assert usage.counts == MESSAGE_COUNTS
    assert usage.input_tokens == 1311


def test_s110_an_answer_without_usage_says_so(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(usage=None))
    reading = read(openai_client.chat.completions.create(model="gpt-4o", messages=ASKED))
    assert reading.is_empty
    assert reading.missing == "the response carries no usage"
    assert (reading.vendor, reading.model) == ("openai", "gpt-4o")


def test_async_clients_give_the_same(vendor: Vendor) -> None:
    async def ask() -> list[object]:
        chat = openai.AsyncOpenAI(base_url=f"{vendor.url}/v1", api_key="none")
        claude = anthropic.AsyncAnthropic(base_url=vendor.url, api_key="none")
        async with chat, claude:
            return [
                await chat.chat.completions.create(model="gpt-4o", messages=ASKED),
                await claude.messages.create(model=HAIKU, max_tokens=99, messages=ASKED),
            ]

    vendor.will(Answer(usage=CHAT_USAGE), Answer(usage=MESSAGE_USAGE))
    counts = [read(response).usage.counts for response in asyncio.run(ask())]
    assert counts == [CHAT_COUNTS, MESSAGE_COUNTS]


# Streams.


def test_a_stream_of_chat_completions(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(usage=CHAT_USAGE))
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED, **STREAMED)
    usage = collected(stream)
    assert usage.is_complete
    assert usage.tokens_so_far == 170
    assert usage.reading().usage.counts == CHAT_COUNTS
    assert not usage.reading().usage.is_estimated


def test_a_stream_of_responses(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(usage=RESPONSE_USAGE))
    usage = collected(openai_client.responses.create(model="gpt-5", input="What?", stream=True))
    assert usage.is_complete
    assert usage.reading().usage.counts == RESPONSE_COUNTS


def test_a_stream_of_messages(vendor: Vendor, anthropic_client: anthropic.Anthropic) -> None:
    vendor.will(Answer(usage=MESSAGE_USAGE), Answer(usage=MESSAGE_USAGE))
    asked: Any = {"model": HAIKU, "max_tokens": 99, "messages": ASKED}
    plain = collected(anthropic_client.messages.create(**asked, stream=True))
    with anthropic_client.messages.stream(**asked) as stream:
        with_events = collected(stream)
        final = read(stream.get_final_message())
    assert plain.is_complete
    assert plain.reading().usage == with_events.reading().usage == final.usage
    assert plain.reading().usage.counts == MESSAGE_COUNTS


def test_async_streams(vendor: Vendor) -> None:
    async def ask() -> list[StreamUsage]:
        chat = openai.AsyncOpenAI(base_url=f"{vendor.url}/v1", api_key="none")
        claude = anthropic.AsyncAnthropic(base_url=vendor.url, api_key="none")
        asked: Any = {"model": HAIKU, "max_tokens": 99, "messages": ASKED, "stream": True}
        async with chat, claude:
            first, second = StreamUsage(), StreamUsage()
            stream: Any = await chat.chat.completions.create(
                model="gpt-4o", messages=ASKED, **STREAMED
            )
            async for chunk in stream:
                first.add(chunk)
            async for event in await claude.messages.create(**asked):
                second.add(event)
            return [first, second]

    vendor.will(Answer(usage=CHAT_USAGE), Answer(usage=MESSAGE_USAGE))
    counts = [usage.reading().usage.counts for usage in asyncio.run(ask())]
    assert counts == [CHAT_COUNTS, MESSAGE_COUNTS]


def test_a_vendor_that_tells_the_usage_with_every_chunk(
    vendor: Vendor, openai_client: openai.OpenAI
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, usage_in_every_chunk=True))
    stream = openai_client.chat.completions.create(model="grok-4", messages=ASKED, **STREAMED)
    assert collected(stream, vendor="x-ai").reading().usage.counts == CHAT_COUNTS


def test_a_stream_that_nobody_asked_for_usage_is_estimated(
    vendor: Vendor, openai_client: openai.OpenAI
) -> None:
    vendor.will(Answer(text="twelve chars and more", usage=CHAT_USAGE))
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)
    reading = collected(stream, prompt_tokens=7).reading()
    assert reading.missing
    assert reading.usage.is_estimated
    assert reading.usage.input == 7
    assert reading.usage.output >= 5


# What goes wrong.


def cut(stream: Any) -> StreamUsage:
    """Collect a stream until its connection breaks."""
    usage = StreamUsage(prompt_tokens=12)
    with pytest.raises(BROKEN):  # noqa: PT012  # the connection breaks in the middle of the loop
        for chunk in stream:
            usage.add(chunk)
    return usage


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_cut_stream_of_chat_completions_is_estimated_from_its_text(
    vendor: Vendor, openai_client: openai.OpenAI, after: int
) -> None:
    vendor.will(Answer(text=" ".join(["word"] * 9), usage=CHAT_USAGE, cut_after=after))
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED, **STREAMED)
    usage = cut(stream)
    found = usage.reading().usage
    assert not usage.is_complete
    assert found.is_estimated
    assert (found.input, found.output) == (12, -(-(5 * after - 1) // 4))


def test_a_cut_stream_of_messages_knows_its_prompt(
    vendor: Vendor, anthropic_client: anthropic.Anthropic
) -> None:
    vendor.will(Answer(text=" ".join(["word"] * 9), usage=MESSAGE_USAGE, cut_after=5))
    stream = anthropic_client.messages.create(
        model=HAIKU, max_tokens=99, messages=ASKED, stream=True
    )
    usage = cut(stream)
    found = usage.reading().usage
    assert not usage.is_complete
    assert found.is_estimated
    assert found.input_tokens == 1311
    # The start counts one token, and three words came: 14 characters.
    assert found.output_tokens == 1 + 4


def test_a_cut_stream_of_responses(vendor: Vendor, openai_client: openai.OpenAI) -> None:
    vendor.will(Answer(text="word word", usage=RESPONSE_USAGE, cut_after=5))
    stream = openai_client.responses.create(model="gpt-5", input="What?", stream=True)
    found = cut(stream).reading().usage
    assert found.is_estimated
    assert (found.model, found.input, found.output) == ("gpt-5", 12, 3)


def test_a_stream_that_breaks_before_the_first_chunk_used_nothing_that_is_known(
    vendor: Vendor, openai_client: openai.OpenAI
) -> None:
    vendor.will(Answer(usage=CHAT_USAGE, cut_after=0))
    stream = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED, **STREAMED)
    reading = cut(stream).reading()
    assert reading.is_empty
    assert reading.missing == "nothing was streamed"


@pytest.mark.parametrize("status", [429, 500])
def test_clients_try_again_and_only_the_answer_counts(
    vendor: Vendor, openai_client: openai.OpenAI, status: int
) -> None:
    vendor.will(Answer(status=status), Answer(status=status), Answer(usage=CHAT_USAGE))
    response = openai_client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert len(vendor.requests) == 3
    assert read(response).usage.counts == CHAT_COUNTS


def test_an_error_of_the_vendor_used_nothing(
    vendor: Vendor, anthropic_client: anthropic.Anthropic
) -> None:
    vendor.will(*[Answer(status=500)] * 3)
    with pytest.raises(anthropic.InternalServerError):
        anthropic_client.messages.create(model=HAIKU, max_tokens=99, messages=ASKED)
    assert len(vendor.requests) == 3


def test_a_slow_first_byte_times_out(vendor: Vendor) -> None:
    vendor.will(Answer(first_byte_seconds=0.5))
    url = f"{vendor.url}/v1"
    with (
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=0.1) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
