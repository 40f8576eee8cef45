"""What LangChain, pydantic-ai, LiteLLM and Google give back is read, from their real objects.

LiteLLM is too heavy to install for a test: its objects are rebuilt from what version 1.109.1 gave.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, LLMResult
from openai.types import CompletionUsage
from pydantic import BaseModel, PrivateAttr
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage, RunUsage

from tollkeeper.metering.reading.readers import Readers
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.usage import Reading


def read(response: object, **options: Any) -> Reading:
    return Readers().read(response, **options)


# LangChain.

LANGCHAIN_USAGE: Any = {
    "input_tokens": 350,
    "output_tokens": 240,
    "total_tokens": 590,
    "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
    "output_token_details": {"audio": 15, "reasoning": 200},
}
LANGCHAIN_COUNTS = {
    "input": 40,
    "cache_read": 100,
    "cache_write": 200,
    "input_audio": 10,
    "output": 25,
    "reasoning": 200,
    "output_audio": 15,
    "requests": 1,
}
TOLD = {"model_provider": "openai", "model_name": "gpt-4o"}


def test_s110_a_message_of_langchain() -> None:
    message = AIMessage("toll", usage_metadata=LANGCHAIN_USAGE, response_metadata=TOLD)
    usage = read(message).usage
    assert (usage.vendor, usage.model) == ("openai", "gpt-4o")
    assert usage.counts == LANGCHAIN_COUNTS


def test_a_message_with_the_vendors_own_usage_alone() -> None:
    raw = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    message = AIMessage("toll", response_metadata={**TOLD, "token_usage": raw})
    assert read(message).usage.counts == {"input": 9, "output": 4, "requests": 1}


def test_a_message_without_usage_says_so() -> None:
    assert read(AIMessage("toll", response_metadata=TOLD)).missing


def test_a_result_of_langchains_callbacks() -> None:
    message = AIMessage("toll", usage_metadata=LANGCHAIN_USAGE, response_metadata=TOLD)
    result = LLMResult(generations=[[ChatGeneration(message=message)]] * 2)
    reading = read(result)
    assert [usage.counts for usage in reading.usages] == [LANGCHAIN_COUNTS] * 2


def test_chunks_of_langchain_add_up() -> None:
    """Its chunks tell what each adds: on Anthropic the prompt first, and the answer last."""
    first: Any = {"input_tokens": 90, "output_tokens": 0, "total_tokens": 90}
    first["input_token_details"] = {"cache_read": 50}
    last: Any = {"input_tokens": 0, "output_tokens": 12, "total_tokens": 12}
    told = {"model_provider": "anthropic", "model_name": "claude-haiku-4-5"}
    chunks = [
        AIMessageChunk(content="", usage_metadata=first, response_metadata=told),
        AIMessageChunk(content="a toll "),
        AIMessageChunk(content="is paid"),
        AIMessageChunk(content="", usage_metadata=last, chunk_position="last"),
    ]
    stream = StreamUsage(vendor="anthropic")
    for chunk in chunks[:3]:
        stream.add(chunk)
    cut = stream.reading().usage
    assert cut.is_estimated
    assert cut.output == 4
    stream.add(chunks[3])
    usage = stream.reading().usage
    assert stream.is_complete
    assert not usage.is_estimated
    assert usage.counts == {"input": 40, "cache_read": 50, "output": 12, "requests": 1}
    merged = chunks[0] + chunks[1] + chunks[2] + chunks[3]
    assert read(merged, vendor="anthropic").usage == usage


# pydantic-ai.


def test_s110_usage_of_pydantic_ai() -> None:
    usage = RequestUsage(
        input_tokens=100,
        cache_read_tokens=40,
        cache_write_tokens=30,
        cache_write_1h_tokens=10,
        output_tokens=50,
        output_reasoning_tokens=20,
        details={"reasoning_tokens": 20, "web_search_requests": 3},
    )
    assert read(usage, vendor="anthropic", model="claude-haiku-4-5").usage.counts == {
        "input": 30,
        "cache_read": 40,
        "cache_write": 20,
        "cache_write_1h": 10,
        "output": 30,
        "reasoning": 20,
        "requests": 1,
        "web_searches": 3,
    }


def test_a_bare_run_counts_its_requests() -> None:
    usage = RunUsage(requests=4, tool_calls=9, input_tokens=100, output_tokens=50)
    found = read(usage, vendor="openai", model="gpt-4o").usage
    assert found.counts == {"input": 100, "output": 50, "requests": 4}


def test_requests_that_told_no_usage_are_said() -> None:
    usage = RunUsage(requests=4, unmeasured_requests=1, input_tokens=100, output_tokens=50)
    reading = read(usage, vendor="openai", model="gpt-4o")
    assert reading.missing == "1 of 4 requests told no usage"
    assert reading.usage.input == 100
    silent = RequestUsage(unmeasured_requests=1)
    assert read(silent, vendor="openai", model="gpt-4o").is_empty


def agent() -> Agent[None, str]:
    """An agent whose model calls a tool, and then answers."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        is_first = len(messages) == 1
        part = ToolCallPart("look", {}) if is_first else TextPart("a toll")
        size = 100 if is_first else 300
        usage = RequestUsage(input_tokens=size, output_tokens=5)
        return ModelResponse(parts=[part], usage=usage, model_name="gpt-4o", provider_name="openai")

    made: Agent[None, str] = Agent(FunctionModel(answer, model_name="gpt-4o"))

    @made.tool_plain
    def look() -> str:
        return "a gate"

    return made


def test_an_agents_run_is_read_request_by_request() -> None:
    """A rate may depend on the length of one prompt, so the requests are kept apart."""
    reading = read(asyncio.run(agent().run("What is a toll?")))
    assert [(usage.model, usage.input) for usage in reading.usages] == [
        ("gpt-4o", 100),
        ("gpt-4o", 300),
    ]
    assert reading.missing is None


def test_requests_of_other_agents_are_said() -> None:
    shared = RunUsage(requests=3, input_tokens=1000)
    reading = read(asyncio.run(agent().run("What is a toll?", usage=shared)))
    assert len(reading.usages) == 2
    assert reading.missing
    assert "3 of 5 requests were made by other agents" in reading.missing


# LiteLLM.


class LiteLLMUsage(CompletionUsage):
    """As LiteLLM's own: OpenAI's usage, with fields of other vendors besides."""

    __module__ = "litellm.types.utils"


class LiteLLMResponse(BaseModel):
    """As LiteLLM's own: OpenAI's response, which tells the vendor in a private field."""

    __module__ = "litellm.types.utils"
    model: str
    object: str = "chat.completion"
    usage: LiteLLMUsage
    _hidden_params: dict[str, Any] = PrivateAttr(default_factory=dict)


def test_s110_a_response_of_litellm() -> None:
    """Recorded: the cache's tokens are in the prompt's total, and told three times."""
    told: Any = {
        "completion_tokens": 30,
        "prompt_tokens": 120,
        "total_tokens": 150,
        "completion_tokens_details": {"reasoning_tokens": 10, "text_tokens": 20},
        "prompt_tokens_details": {
            "cached_tokens": 20,
            "cache_write_tokens": 50,
            "cache_creation_tokens": 50,
        },
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 50,
    }
    response = LiteLLMResponse(model="claude-haiku-4-5", usage=LiteLLMUsage(**told))
    # Where it does not tell the vendor, none is guessed.
    assert read(response).usage.vendor == "litellm"
    response._hidden_params["custom_llm_provider"] = "anthropic"
    prefixed = response.model_copy(update={"model": "anthropic/claude-haiku-4-5"})
    assert read(prefixed).usage == read(response).usage
    usage = read(response).usage
    assert (usage.vendor, usage.model) == ("anthropic", "claude-haiku-4-5")
    assert usage.counts == {
        "input": 50,
        "cache_read": 20,
        "cache_write": 50,
        "output": 20,
        "reasoning": 10,
        "requests": 1,
    }
    assert not usage.unknown


# Google.

GOOGLE_USAGE = {
    "promptTokenCount": 200,
    "cachedContentTokenCount": 50,
    "candidatesTokenCount": 40,
    "thoughtsTokenCount": 60,
    "toolUsePromptTokenCount": 5,
    "totalTokenCount": 305,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 120},
        {"modality": "IMAGE", "tokenCount": 80},
    ],
    "trafficType": "ON_DEMAND",
}
GOOGLE_COUNTS = {
    "input": 75,
    "cache_read": 50,
    "input_image": 80,
    "output": 40,
    "reasoning": 60,
    "requests": 1,
}


def test_s110_a_response_of_google() -> None:
    usage = read({"modelVersion": "gemini-2.5-pro", "usageMetadata": GOOGLE_USAGE}).usage
    assert (usage.vendor, usage.model) == ("google", "gemini-2.5-pro")
    assert usage.counts == GOOGLE_COUNTS


def test_google_in_snake_case() -> None:
    told = {
        "prompt_token_count": 200,
        "cached_content_token_count": 50,
        "candidates_token_count": 40,
        "thoughts_token_count": 60,
        "tool_use_prompt_token_count": 5,
        "total_token_count": 305,
        "prompt_tokens_details": [SimpleNamespace(modality="IMAGE", token_count=80)],
    }
    response = SimpleNamespace(model_version="gemini-2.5-pro", usage_metadata=told)
    assert read(response, vendor="google").usage.counts == GOOGLE_COUNTS


def test_a_stream_of_google_tells_totals_as_it_goes() -> None:
    stream = StreamUsage()
    part = {"content": {"parts": [{"text": "a toll"}]}}
    begun = {**GOOGLE_USAGE, "candidatesTokenCount": 3, "totalTokenCount": 268}
    stream.add({"modelVersion": "gemini-2.5-pro", "candidates": [part], "usageMetadata": begun})
    assert stream.reading().usage.output == 3
    assert stream.reading().usage.is_estimated
    last = {**part, "finishReason": "STOP"}
    told = {"modelVersion": "gemini-2.5-pro", "usageMetadata": GOOGLE_USAGE}
    stream.add({**told, "candidates": [last]})
    assert stream.reading().usage.counts == GOOGLE_COUNTS
    assert not stream.reading().usage.is_estimated


@pytest.mark.parametrize("response", [{"candidates": [], "modelVersion": "gemini-2.5-pro"}])
def test_google_without_usage_says_so(response: object) -> None:
    assert read(response).missing == "the response carries no usageMetadata"
