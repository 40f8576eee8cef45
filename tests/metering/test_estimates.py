"""Estimates before a call: what they hold for all samples, and how sure they say they are."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import InvalidUsage, UsageMismatch
from tollkeeper.metering.estimates import (
    ENOUGH_SAMPLES,
    MAXIMUM_SAMPLES,
    USUAL_OUTPUT,
    estimate_cost,
    nearest_rank,
)
from tollkeeper.metering.markups import Markup
from tollkeeper.metering.rates import PinnedRates, Rate
from tollkeeper.metering.texts import estimated_tokens, streamed_text
from tollkeeper.metering.usage import ModelUsage

RATES = PinnedRates(
    vendor="acme",
    model="small",
    currency="usd",
    at=datetime(2026, 6, 1, tzinfo=UTC),
    rates=(("input", Rate(Decimal(1))), ("output", Rate(Decimal(4)))),
    markup=Markup(percent=50),
)


def calls(*outputs: int) -> list[ModelUsage]:
    return [ModelUsage(vendor="acme", model="small", output=output) for output in outputs]


@given(outputs=st.lists(st.integers(0, 10**6), min_size=ENOUGH_SAMPLES, max_size=200))
def test_half_and_nineteen_in_twenty_cost_no_more(outputs: list[int]) -> None:
    found = estimate_cost(RATES, history=calls(*outputs))
    costs = [RATES.cost(call).amount for call in calls(*outputs)]
    for percent, value in ((50, found.p50), (95, found.p95)):
        assert sum(cost <= value for cost in costs) * 100 >= percent * len(costs)
        # And it is the smallest such cost.
        assert sum(cost < value for cost in costs) * 100 < percent * len(costs)
    assert (found.basis, found.samples) == ("history", len(outputs))


def test_few_calls_take_the_dearest_or_the_limits() -> None:
    assert estimate_cost(RATES, history=calls(1, 5, 3)).p95 == 30
    within = estimate_cost(RATES, history=calls(1, 5, 3), maximum_output=2)
    beyond = estimate_cost(RATES, history=calls(1, 5, 3), maximum_output=100)
    assert (within.p50, within.p95, within.basis) == (Decimal(18), Decimal(30), "few")
    assert beyond.p95 == 600


def test_without_history_the_limits_count() -> None:
    found = estimate_cost(RATES, prompt_tokens=10, maximum_output=100)
    assert found.p50 == found.p95 == 615
    assert (found.basis, found.samples) == ("limits", 0)
    assert str(found.money) == "615.00 usd"
    guess = estimate_cost(RATES, prompt_tokens=10)
    assert (guess.p95, guess.basis) == ((10 + 4 * USUAL_OUTPUT) * Decimal("1.5"), "guess")


def test_only_the_last_calls_count() -> None:
    history = calls(*[10**6] * 100, *[1] * MAXIMUM_SAMPLES)
    found = estimate_cost(RATES, history=history)
    assert (found.p95, found.samples) == (Decimal(6), MAXIMUM_SAMPLES)


def test_what_has_no_price_does_not_spoil_an_estimate() -> None:
    odd = ModelUsage(vendor="acme", model="small", output=1, web_searches=3)
    assert estimate_cost(RATES, history=[odd]).p95 == 6


@pytest.mark.parametrize("wrong", [{"prompt_tokens": -1}, {"maximum_output": -1}])
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidUsage):
        estimate_cost(RATES, **wrong)


def test_another_models_history_is_refused() -> None:
    with pytest.raises(UsageMismatch):
        estimate_cost(RATES, history=[ModelUsage(vendor="acme", model="large", output=1)])


@pytest.mark.parametrize("percent", [0, 101])
def test_a_rank_that_is_none(percent: int) -> None:
    with pytest.raises(InvalidUsage):
        nearest_rank([Decimal(1)], percent)


# Texts.


@given(first=st.text(), second=st.text())
def test_a_text_has_no_fewer_tokens_than_a_part_of_it(first: str, second: str) -> None:
    whole = estimated_tokens(first + second)
    assert max(estimated_tokens(first), estimated_tokens(second)) <= whole
    assert whole <= estimated_tokens(first) + estimated_tokens(second)


@pytest.mark.parametrize(
    ("chunk", "text"),
    [
        ("plain", "plain"),
        ({"choices": [{"delta": {"reasoning_content": "hm", "content": "a"}}]}, "ahm"),
        (
            {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]},
            "{}",
        ),
        ({"type": "response.output_text.delta", "delta": "a"}, "a"),
        ({"type": "response.audio.delta", "delta": "AAAA"}, ""),
        ({"type": "content_block_delta", "delta": {"partial_json": "{"}}, "{"),
        # The clients' own events repeat what those of the vendor told.
        ({"type": "text", "text": "a", "snapshot": "a"}, ""),
        ({"event_kind": "part_delta", "delta": {"content_delta": "a"}}, "a"),
        ({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, "a"),
    ],
)
def test_what_a_chunk_streams(chunk: object, text: str) -> None:
    assert streamed_text(chunk) == text
