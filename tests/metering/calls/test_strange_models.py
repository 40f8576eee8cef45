"""What answered is another model than was asked for: priced by its own rates, else marked."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.metering.calls.scene import CHAT_PRICE, CHAT_USAGE, Scene
from tollkeeper.metering import ModelUsage, RateCard, RateCards
from tollkeeper.metering.calls.counting import Pricing

ASKED: dict[str, Any] = {"vendor": "openai", "model": "gpt-4o"}


def answered(scene: Scene, customer: str, model: str, feature: str = "chat") -> Any:
    """Ask one model, and hear from another; give what is kept of the call."""
    scene.rich(customer)
    with scene.billing.metered(customer, feature, **ASKED) as call:
        call.result({"model": model, "choices": [], "usage": CHAT_USAGE})
    return scene.only_call(customer)


def test_a_model_that_nobody_knows_is_priced_as_the_one_that_was_asked_for_and_marked(
    scene: Scene, customer: str
) -> None:
    call = answered(scene, customer, "zzz-9")
    assert (call.quantity, call.model, call.marks) == (CHAT_PRICE, "zzz-9", ("as_asked",))


def test_its_vendors_cost_is_marked_where_the_customer_pays_by_the_token(
    scene: Scene, customer: str
) -> None:
    call = answered(scene, customer, "zzz-9", "words")
    assert (call.quantity, call.marks) == (150, ("as_asked",))


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06"])
def test_a_model_with_a_price_of_its_own_is_not_marked(
    scene: Scene, customer: str, model: str
) -> None:
    assert not answered(scene, customer, model).marks


@pytest.mark.parametrize(
    ("vendor", "model", "marks"),
    [
        ("acme", "small", ()),
        ("acme", "small-2024-07-18", ()),
        ("acme", "small-20250929", ()),
        ("acme", "small@001", ()),
        ("acme", "small-latest", ()),
        ("acme", "small-mini", ("as_asked",)),
        ("acme", "smaller", ("as_asked",)),
        ("other", "small", ("as_asked",)),
    ],
)
def test_a_dated_state_of_the_model_that_was_asked_for_is_that_model(
    vendor: str, model: str, marks: tuple[str, ...]
) -> None:
    june = datetime(2026, 6, 1, tzinfo=UTC)
    book = RateCards([RateCard(vendor="acme", model="small", rates={"output": 2})])
    pricing = Pricing(
        scale=9,
        currency="usd",
        count="tokens",
        book=book,
        at=june,
        pinned=book.pin("acme", "small", june),
    )
    counted = pricing.counted([ModelUsage(vendor=vendor, model=model, output=500)])
    assert counted.quantity == 1_000_000
    assert counted.marks == marks
