"""Laws of reading: nothing is counted twice, nothing is lost, and nothing strange goes unsaid."""

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.metering import shapes
from tollkeeper.errors import InvalidUsage, UnknownVendor, UsageMismatch
from tollkeeper.metering.reading.readers import Readers
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.usage import ModelUsage, Reading, sum_of
from tollkeeper.values.model_kinds import KINDS

Write = Callable[[shapes.Counts], dict[str, Any]]

COUNTS = st.fixed_dictionaries(
    {
        name: st.integers(0, 10**6)
        for name in (
            "input",
            "cache_read",
            "cache_write",
            "cache_write_1h",
            "input_audio",
            "cache_read_audio",
            "output",
            "reasoning",
            "output_audio",
            "web_searches",
        )
    }
)


def read(response: object, **options: Any) -> Reading:
    return Readers().read(response, vendor="openai", model="m", **options)


def only(counts: dict[str, int], write: Write) -> dict[str, int]:
    """Leave of the counts what a shape can tell."""
    kept = {"input", "output", "reasoning", *shapes.SHAPES[write]}
    return Counter({name: count for name, count in counts.items() if name in kept})


@pytest.mark.parametrize("write", shapes.SHAPES, ids=lambda write: write.__name__)
@given(counts=COUNTS)
def test_no_kind_is_counted_twice_or_lost(write: Write, counts: dict[str, int]) -> None:
    told = only(counts, write)
    usage = read(write(told)).usage
    assert usage.counts == {name: n for name, n in {**told, "requests": 1}.items() if n}
    assert not usage.unknown
    assert not usage.unsplit
    assert not usage.undirected


@pytest.mark.parametrize("write", shapes.SHAPES, ids=lambda write: write.__name__)
@given(counts=COUNTS)
def test_an_object_says_what_a_dict_says(write: Write, counts: dict[str, int]) -> None:
    told = write(only(counts, write))
    assert read(_objects(told)) == read(told)


@pytest.mark.parametrize("left_out", [("cache",), ("reasoning",), ("cache", "reasoning")])
@given(counts=COUNTS)
def test_copies_of_openai_that_leave_parts_out_of_totals(
    left_out: tuple[str, ...], counts: dict[str, int]
) -> None:
    """Their `total_tokens` tells which, so nothing is lost, nor counted twice."""
    told = only(counts, shapes.chat)
    told["input_audio"] = told["cache_read_audio"] = told["output_audio"] = 0
    # Without a cache on the one side and reasoning on the other of one size there is no telling.
    assume(told["cache_read"] + told["cache_write"] != told["reasoning"])
    usage = read(shapes.exclusive(told, left_out)).usage
    assert usage.counts == {name: n for name, n in {**told, "requests": 1}.items() if n}


@pytest.mark.parametrize("write", shapes.SHAPES, ids=lambda write: write.__name__)
@given(counts=COUNTS, strange=st.integers(1, 10**6))
def test_a_strange_count_beside_the_totals_is_never_silent(
    write: Write, counts: dict[str, int], strange: int
) -> None:
    told = write(only(counts, write))
    usage = read({**told, "hologram_units": strange}).usage
    assert sum(count for _, count in usage.unknown) == strange


@given(counts=COUNTS, strange=st.integers(1, 10**6))
def test_a_strange_part_of_a_total_is_said(counts: dict[str, int], strange: int) -> None:
    told = shapes.chat(only(counts, shapes.chat))
    plain = read(told).usage
    told["prompt_tokens_details"]["hologram_tokens"] = strange
    usage = read(told).usage
    assert usage.unsplit == (("prompt_tokens_details.hologram_tokens", strange),)
    assert usage.counts == plain.counts


def test_a_strange_count_in_a_list_is_said() -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 5, "parts": [{"hologram_units": 7}]}
    assert read(told).usage.unknown == (("parts.0.hologram_units", 7),)


def test_langchain_may_tell_writes_to_the_cache_twice() -> None:
    told = shapes.langchain(Counter(input=5, cache_write=200, cache_write_1h=100))
    told["input_token_details"]["cache_creation"] = 300
    usage = read(told).usage
    assert (usage.input, usage.cache_write, usage.cache_write_1h) == (5, 200, 100)


def test_what_a_total_leaves_unexplained_is_counted() -> None:
    usage = read({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}).usage
    assert usage.counts == {"input": 10, "output": 5, "undirected": 25, "requests": 1}


def test_s111_a_total_alone() -> None:
    assert read({"total_tokens": 100}).usage.counts == {"undirected": 100, "requests": 1}


def test_s111_zero_is_a_usage_and_not_a_missing_one() -> None:
    reading = read({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
    assert reading.missing is None
    assert reading.usage.total_tokens == 0


@pytest.mark.parametrize(
    "response",
    [{}, {"usage": None, "object": "chat.completion"}, {"id": "x"}],
    ids=["empty", "null", "other"],
)
def test_s110_missing_usage_is_said(response: dict[str, Any]) -> None:
    reading = read(response)
    assert reading.is_empty
    assert reading.missing
    with pytest.raises(InvalidUsage, match="has no usage"):
        _ = reading.usage


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 1, "completion_tokens": "5"},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": 1.5, "completion_tokens": 5},
        {"prompt_tokens": 10**16, "completion_tokens": 5},
        {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "prompt_tokens_details": {"audio_tokens": 20},
        },
    ],
)
def test_counts_that_cannot_be_are_missing_with_the_reason(usage: dict[str, Any]) -> None:
    """The call is made, so nothing is raised; and nothing is taken for zero."""
    reading = read(usage)
    assert reading.is_empty
    assert reading.missing


def test_s110_unknown_vendors_are_refused() -> None:
    with pytest.raises(UnknownVendor, match="registered"):
        Readers().read({"tokens": 5}, vendor="acme", model="m")
    with pytest.raises(UnknownVendor, match="pass vendor="):
        Readers().read(shapes.pydantic_ai(Counter(input=3)), model="m")


def test_a_model_that_nobody_names_is_refused() -> None:
    with pytest.raises(InvalidUsage, match="pass model="):
        Readers().read({"prompt_tokens": 1, "completion_tokens": 1}, vendor="openai")


def test_s110_an_own_reader() -> None:
    def read_acme(response: Any) -> ModelUsage | None:
        used = response.get("tokens_out")
        return ModelUsage(vendor="acme", model="small", output=used) if used else None

    plain = Readers()
    readers = plain.registered("Acme", read_acme)
    assert readers.read({"tokens_out": 7}, vendor="acme").usage.output == 7
    assert readers.read({}, vendor="acme").missing
    with pytest.raises(UnknownVendor):
        plain.read({"tokens_out": 7}, vendor="acme")


def test_an_own_reader_reads_streams_too() -> None:
    def read_acme(chunk: Any) -> ModelUsage | None:
        used = chunk.get("tokens_out")
        return ModelUsage(vendor="acme", model="small", output=used) if used else None

    readers = Readers().registered("acme", read_acme)
    stream = StreamUsage(vendor="acme", model="small", readers=readers)
    stream.add("a toll is paid")
    assert stream.reading().usage.output == 4
    stream.add({"tokens_out": 9})
    assert stream.reading().usage.output == 9


def test_a_vendor_has_one_name_whoever_names_it() -> None:
    names = ("google", "gemini", "Google_GenAI", "vertex_ai", "google-gla")
    assert {ModelUsage(vendor=name, model="m").vendor for name in names} == {"google"}


def test_an_own_reader_may_take_the_place_of_ours() -> None:
    own = Readers().registered("openai", lambda response: None)
    assert own.read({"prompt_tokens": 5}, vendor="openai", model="m").is_empty


def test_batches_and_fast_modes_are_conditions() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "service_tier": "batch", "speed": "fast"}
    found = Readers().read({"type": "message", "model": "c", "usage": usage}).usage
    assert dict(found.conditions) == {"processing": "batch", "speed": "fast"}
    told = read({"prompt_tokens": 1, "completion_tokens": 1}, conditions={"processing": "batch"})
    assert told.usage.conditions == (("processing", "batch"),)


def test_what_compactions_and_advisors_used_is_counted_beside() -> None:
    """Their tokens are not in the totals, and an advisor is another model."""
    part = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    iterations = [
        {"type": "message", "input_tokens": 10, "output_tokens": 4, **part},
        {"type": "compaction", "input_tokens": 50, "output_tokens": 6, **part},
        {"type": "advisor_message", "model": "big", "input_tokens": 7, "output_tokens": 2, **part},
    ]
    usage = {"input_tokens": 10, "output_tokens": 4, "iterations": iterations}
    reading = Readers().read({"type": "message", "model": "small", "usage": usage})
    told = [(each.model, each.input, each.output) for each in sum_of(reading.usages)]
    assert told == [("small", 60, 10), ("big", 7, 2)]


def test_audio_by_its_length() -> None:
    response = {"text": "toll", "usage": {"type": "duration", "seconds": 12.5}}
    usage = Readers().read(response, vendor="openai", model="whisper-1").usage
    assert usage.audio_milliseconds == 12_500


def test_deepseek_and_moonshot_tell_the_cache_at_the_top() -> None:
    deepseek = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "prompt_cache_hit_tokens": 60,
        "prompt_cache_miss_tokens": 40,
    }
    moonshot = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 60}
    for told in (deepseek, moonshot):
        assert read(told).usage.counts == {
            "input": 40,
            "cache_read": 60,
            "output": 10,
            "requests": 1,
        }


@given(first=COUNTS, second=COUNTS)
def test_usages_add_up(first: dict[str, int], second: dict[str, int]) -> None:
    one, other = (ModelUsage.of("openai", "m", each) for each in (first, second))
    both = one + other
    assert both.requests == 2
    assert all(getattr(both, kind) == getattr(one, kind) + getattr(other, kind) for kind in KINDS)
    assert one + other == other + one


def test_a_sum_with_an_estimate_is_one() -> None:
    told = ModelUsage(vendor="openai", model="m", output=5)
    guess = ModelUsage(vendor="openai", model="m", output=5, is_estimated=True)
    assert (told + guess).is_estimated
    assert (guess + told).is_estimated
    assert not (told + told).is_estimated


def test_usages_of_different_models_do_not_add_up() -> None:
    one = ModelUsage(vendor="openai", model="a")
    with pytest.raises(UsageMismatch, match="sum_of"):
        _ = one + ModelUsage(vendor="openai", model="b")


@given(counts=COUNTS)
def test_a_usage_survives_json(counts: dict[str, int]) -> None:
    usage = ModelUsage.of(
        "openai", "m", counts, conditions=(("speed", "fast"),), unknown=(("x", 3),)
    )
    assert ModelUsage.from_dict(usage.to_dict()) == usage
    with pytest.raises(InvalidUsage, match="no field"):
        ModelUsage.from_dict({**usage.to_dict(), "inptu": 1})


def _objects(told: object) -> object:
    """Turn dicts into objects with attributes, however deep."""
    if isinstance(told, dict):
        return SimpleNamespace(**{name: _objects(each) for name, each in told.items()})
    return [_objects(each) for each in told] if isinstance(told, list) else told
