"""Laws of streams: cut anywhere, a stream has a usage that says what it is; whole, it is exact."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metering import shapes
from tests.metering.test_reading import COUNTS, only
from tests.metering.wire import DONE, Answer, events
from tollkeeper.errors import InvalidUsage
from tollkeeper.metering.reading.readers import Readers
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.texts import estimated_tokens

ASKED: dict[str, Any] = {"stream_options": {"include_usage": True}}
#: Each streamed API, the model that answers, and how its vendor writes usage.
STREAMED = [
    ("chat/completions", "gpt-4o", shapes.chat),
    ("responses", "gpt-5", shapes.responses),
    ("messages", "claude-haiku-4-5", shapes.anthropic),
]
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


def data(api: str, model: str, answer: Answer) -> list[Any]:
    """What a client that reads no more than JSON gives of a stream."""
    return [data for name, data in events(api, answer, model, ASKED) if (name, data) != DONE]


@pytest.mark.parametrize(("api", "model", "write"), STREAMED, ids=[api for api, _, _ in STREAMED])
@given(counts=COUNTS, text=TEXTS, cut=st.integers(0, 60))
def test_a_stream_cut_anywhere(
    api: str, model: str, write: Any, counts: dict[str, int], text: str, cut: int
) -> None:
    told = write(only(counts, write))
    chunks = data(api, model, Answer(text=text, usage=told))
    vendor = "anthropic" if api == "messages" else "openai"
    whole = Readers().read(told, vendor=vendor, model=model).usage
    stream = StreamUsage()
    seen = 0
    for chunk in chunks[:cut]:
        stream.add(chunk)
        if not stream.is_complete:
            assert stream.tokens_so_far >= seen
            seen = stream.tokens_so_far
    reading = stream.reading()
    if stream.is_complete:
        assert reading.usage == whole
        assert not reading.missing
    elif reading.is_empty:
        assert reading.missing == "nothing was streamed"
    else:
        assert reading.usage.is_estimated
        # The start of a message counts one token before any came.
        assert reading.usage.output_tokens <= estimated_tokens(text) + 1
    assert stream.is_complete or cut < len(chunks)


@given(text=TEXTS, pieces=st.lists(st.integers(0, 200), max_size=20))
def test_how_a_text_is_cut_into_chunks_does_not_matter(text: str, pieces: list[int]) -> None:
    stream = StreamUsage(vendor="acme", model="small")
    bounds = [0, *sorted(pieces), len(text)]
    for start, end in pairwise(bounds):
        stream.add(text[min(start, len(text)) : min(end, len(text))])
    assert stream.reading().usage.output == estimated_tokens(text)


def test_counts_that_contradict_each_other_are_said_and_the_text_counts() -> None:
    wrong = {"prompt_tokens": -5, "completion_tokens": 2}
    stream = StreamUsage(prompt_tokens=7)
    for chunk in data("chat/completions", "gpt-4o", Answer(text="four four", usage=wrong)):
        stream.add(chunk)
    reading = stream.reading()
    assert not stream.is_complete
    assert (reading.usage.input, reading.usage.output) == (7, 3)
    assert reading.usage.is_estimated
    assert reading.missing
    assert "prompt_tokens must be an integer" in reading.missing


def test_text_after_the_last_usage_is_added_to_it() -> None:
    stream = StreamUsage(vendor="x-ai", model="grok-4")
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    head = {"object": "chat.completion.chunk", "model": "grok-4"}
    word = [{"delta": {"content": "four"}, "finish_reason": None}]
    stream.add({**head, "choices": word, "usage": usage})
    assert stream.tokens_so_far == 15
    stream.add({**head, "choices": word, "usage": None})
    found = stream.reading().usage
    assert (found.input, found.output, found.is_estimated) == (10, 6, True)


def test_a_chunk_of_langchain_without_usage_adds_nothing_again() -> None:
    told = {"input_tokens": 5, "output_tokens": 0, "total_tokens": 5}
    head = {"response_metadata": {"model_provider": "openai", "model_name": "gpt-4o"}}
    stream = StreamUsage()
    stream.add({**head, "content": "", "usage_metadata": told})
    stream.add({**head, "content": "four", "usage_metadata": {**told, "input_tokens": -1}})
    assert stream.reading().usage.input == 5


def test_nothing_but_text_without_a_vendor_is_said() -> None:
    stream = StreamUsage()
    stream.add("a toll")
    assert stream.reading().is_empty
    assert stream.reading().missing == "the stream told no usage"


def test_a_wrong_estimate_of_the_prompt_is_refused() -> None:
    with pytest.raises(InvalidUsage, match="prompt_tokens"):
        StreamUsage(prompt_tokens=-1)
