"""Price books: own cards first, dated and append-only; unknown models never free in silence."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import (
    InvalidRates,
    InvalidRequest,
    UnknownCurrency,
    UnknownModel,
    UnknownVendor,
)
from tollkeeper.metering.books import PriceBook, PriceBooks
from tollkeeper.metering.cards import RateCard, RateCards
from tollkeeper.metering.exact import price_of_one
from tollkeeper.metering.genai import GenaiPrices
from tollkeeper.metering.markups import Markup, markup_for
from tollkeeper.metering.rates import Rate
from tollkeeper.metering.usage import ModelUsage

MAY, JUNE, JULY = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 7))
PUBLIC = GenaiPrices()


def card(**options: Any) -> RateCard:
    known: dict[str, Any] = {"vendor": "acme", "model": "small", "rates": {"output": 2}}
    return RateCard(**{**known, **options})


def cost(book: PriceBook, at: datetime = JUNE, **counts: Any) -> Decimal:
    used = ModelUsage(**{"vendor": "acme", "model": "small", **counts})
    return book.pin(used.vendor, used.model, at).cost(used).amount


# Rate cards.


def test_a_card_holds_from_its_start_until_the_next() -> None:
    cards = RateCards([card(), card(starts=JUNE, rates={"output": 3})])
    second = timedelta(microseconds=1)
    assert cost(cards, JUNE - second, output=1_000_000) == 2
    assert cost(cards, JUNE, output=1_000_000) == 3
    assert cost(cards, JULY, output=1_000_000) == 3


def test_cards_are_append_only() -> None:
    cards = [card(), card(starts=JUNE)]
    for late in (card(starts=JUNE), card(starts=MAY), card()):
        with pytest.raises(InvalidRates, match="must ascend"):
            RateCards([*cards, late])
    later = RateCards([*cards, card(starts=JULY, rates={"output": 9})])
    assert cost(later, JULY, output=10**6) == 9
    assert cost(RateCards(cards), JULY, output=10**6) == 2


def test_before_the_first_card_there_is_no_price() -> None:
    with pytest.raises(UnknownModel, match="no rate card at this time"):
        RateCards([card(starts=JUNE)]).pin("acme", "small", MAY)


def test_a_name_in_full_goes_before_a_pattern_and_a_longer_pattern_before_a_shorter() -> None:
    cards = RateCards(
        [
            card(model="*", rates={"output": 1}),
            card(model="sm*", rates={"output": 2}),
            card(model="small", rates={"output": 3}),
            card(model="s*", rates={"output": 4}),
        ]
    )
    found = [cards.pin("acme", model, JUNE) for model in ("small", "smart", "slow", "big")]
    assert [int(each.rates_for()["output"].each * 10**6) for each in found] == [3, 2, 4, 1]


def test_long_prompts_and_conditions() -> None:
    cards = RateCards(
        [
            card(rates={"input": ["3", [200_000, "6"]]}),
            card(rates={"input": "1.5"}, when={"processing": "batch"}),
        ]
    )
    assert cost(cards, input=200_000) == Decimal("0.6")
    assert cost(cards, input=200_001) == Decimal("1.200006")
    assert cost(cards, input=10**6, conditions=(("processing", "batch"),)) == Decimal("1.5")


def test_prices_are_quoted_as_vendors_do() -> None:
    prices = {"web_searches": 10, "characters": 15, "audio_milliseconds": "0.36", "output": 1}
    cards = RateCards([card(rates=prices)])
    assert cost(cards, web_searches=1) == Decimal("0.01")
    assert cost(cards, characters=1000) == Decimal("0.015")
    assert cost(cards, audio_milliseconds=60_000) == Decimal("0.006")


def test_a_card_may_price_what_only_the_vendor_knows() -> None:
    cards = RateCards([card(rates={"output": 1, "unknown.hologram_units": "0.25"})])
    assert cost(cards, output=0, unknown=(("hologram_units", 4),)) == 1


@given(price=st.decimals(0, 10**6, places=12), quoted=st.sampled_from([10**3, 10**6, 3_600_000]))
def test_the_price_of_one_is_exact_or_fixed_for_good(price: Decimal, quoted: int) -> None:
    each = price_of_one(price, quoted)
    assert abs(each * quoted - price) <= Decimal(quoted).scaleb(-18) / 2
    if quoted != 3_600_000:
        assert each * quoted == price


@pytest.mark.parametrize(
    "wrong",
    [
        {"rates": {}},
        {"rates": {"inptu": 1}},
        {"rates": {"input": 0.5}},
        {"rates": {"input": True}},
        {"rates": {"input": "-1"}},
        {"rates": {"input": "NaN"}},
        {"rates": {"input": []}},
        {"rates": {"input": [1, 2]}},
        {"rates": {"input": [1, [-5, 2]]}},
        {"rates": {"input": [1, [5, 2], [5, 3]]}},
        {"rates": {"input": [1, [9, 2], [5, 3]]}},
        {"currency": "uds"},
        {"starts": datetime(2026, 6, 1)},  # noqa: DTZ001  # a time without a zone is the mistake
        {"vendor": ""},
    ],
)
def test_wrong_cards_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((InvalidRates, InvalidRequest, UnknownCurrency)):
        RateCards([card(**wrong)]).pin("acme", "small", JUNE)


# Several books.


def test_own_cards_go_first_kind_by_kind() -> None:
    own = RateCards([RateCard(vendor="openai", model="gpt-4o", rates={"input": "1"})])
    books = PriceBooks([own, PUBLIC])
    rates = books.pin("openai", "gpt-4o", JUNE).rates_for()
    assert rates["input"].each == Decimal("0.000001")
    assert rates["input"].source == "rate card"
    assert rates["output"] == PUBLIC.pin("openai", "gpt-4o", JUNE).rates_for()["output"]


def test_a_complete_card_stands_alone() -> None:
    own = [RateCard(vendor="openai", model="gpt-4o", rates={"input": "1"}, is_complete=True)]
    books = PriceBooks([RateCards(own), PUBLIC])
    assert set(books.pin("openai", "gpt-4o", JUNE).rates_for()) == {"input"}


def test_cards_in_another_currency_cannot_be_completed() -> None:
    euros: dict[str, Any] = {"vendor": "openai", "model": "gpt-4o", "currency": "eur"}
    books = PriceBooks([RateCards([RateCard(**euros, rates={"input": "1"})]), PUBLIC])
    with pytest.raises(InvalidRates, match="in eur cannot be completed by rates in usd"):
        books.pin("openai", "gpt-4o", JUNE)
    whole = RateCards([RateCard(**euros, rates={"input": 1, "output": 2}, is_complete=True)])
    assert PriceBooks([whole, PUBLIC]).pin("openai", "gpt-4o", JUNE).currency == "eur"


# Unknown models.


def test_s111_an_unknown_model_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(UnknownModel, match=r"did you mean .*gpt-4o") as refusal:
        PriceBooks([RateCards([card()]), PUBLIC]).pin("openai", "gtp-4o-mini", JUNE)
    assert refusal.value.code == "unknown_model"
    assert "gpt-4o-mini" in refusal.value.nearest
    assert "RateCard(" in refusal.value.message
    assert "[[price_books.NAME.overrides]]" in refusal.value.message


def test_an_unknown_vendor_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(UnknownVendor, match="did you mean 'anthropic'"):
        PriceBooks([PUBLIC]).pin("antropic", "claude-haiku-4-5", JUNE)


def test_own_cards_do_not_hide_which_vendor_was_meant() -> None:
    books = PriceBooks([RateCards([card()]), PUBLIC])
    with pytest.raises(UnknownVendor, match="did you mean 'openai'") as refusal:
        books.pin("opnai", "gpt-4o", JUNE)
    assert "vendor = 'opnai', model = 'gpt-4o'" in refusal.value.message
    alone = RateCards([card()])
    with pytest.raises(UnknownVendor, match=f"did you mean '{card().vendor}'"):
        alone.pin(card().vendor + "s", "gpt-4o", JUNE)


def test_a_model_that_the_public_prices_list_without_a_price_is_refused() -> None:
    """genai-prices itself would take it for free."""
    with pytest.raises(UnknownModel, match="has no price in genai-prices"):
        PUBLIC.pin("azure", "phi-4-reasoning:free", JUNE)


def test_s111_unknown_models_may_be_free_by_the_apps_own_word() -> None:
    books = PriceBooks([PUBLIC], unknown="free", currency="eur")
    used = ModelUsage(vendor="openai", model="nope", output=5, web_searches=1)
    found = books.pin("openai", "nope", JUNE).cost(used)
    assert (found.amount, found.currency, found.policy) == (Decimal(0), "eur", "free")
    assert books.pin("openai", "gpt-4o", JUNE).policy is None


def test_s111_unknown_models_may_have_a_fallback_rate() -> None:
    fallback = [("input", Rate(Decimal("0.00001"))), ("output", Rate(Decimal("0.00005")))]
    books = PriceBooks([PUBLIC], unknown="fallback", fallback=fallback)
    used = ModelUsage(vendor="openai", model="nope", input=10, output=10)
    found = books.pin("openai", "nope", JUNE).cost(used)
    assert (found.amount, found.policy) == (Decimal("0.0006"), "fallback")


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": "zero"},
        {"unknown": "fallback"},
        {"unknown": "free", "fallback": [("input", Rate(Decimal(1)))]},
    ],
)
def test_a_wrong_policy_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRates):
        PriceBooks([], **wrong)


# Markups.


def test_the_closest_markup_holds_and_of_those_the_latest() -> None:
    markups = [
        Markup(percent=10),
        Markup(percent=20, vendor="openai"),
        Markup(percent=30, vendor="openai", model="gpt-4*"),
        Markup(percent=40, vendor="openai", model="gpt-4*", starts=JUNE),
        Markup(percent=50, model="o3"),
    ]

    def percent(vendor: str, model: str, at: datetime) -> Any:
        return markup_for(markups, vendor, model, at).percent

    assert percent("anthropic", "claude-haiku-4-5", JUNE) == 10
    assert percent("openai", "gpt-5", JUNE) == 20
    assert percent("openai", "gpt-4o", MAY) == 30
    assert percent("openai", "gpt-4o", JUNE) == 40
    assert percent("openai", "o3", JUNE) == 50


def test_markups_are_part_of_what_is_pinned() -> None:
    books = PriceBooks([PUBLIC], markups=[Markup(percent="20 %", vendor="openai")])
    used = ModelUsage(vendor="openai", model="gpt-4o", input=1_000_000)
    found = books.pin("openai", "gpt-4o", JUNE).cost(used)
    assert (found.vendor_cost, found.amount) == (Decimal("2.5"), Decimal(3))


@pytest.mark.parametrize(
    "wrong",
    [{"percent": "lots"}, {"percent": -101}, {"percent": 0.2}, {"per_million": "-1"}],
)
def test_wrong_markups_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRates):
        Markup(**wrong)


# genai-prices.


@pytest.mark.parametrize(
    ("other", "vendor", "model"),
    [
        ("gemini", "google", "gemini-2.5-pro"),
        ("vertex_ai", "google", "gemini-2.5-pro"),
        ("google-gla", "google", "gemini-2.5-pro"),
        ("azure_openai", "azure", "gpt-4o"),
        ("xai", "x-ai", "grok-4"),
    ],
)
def test_vendors_are_known_by_the_names_that_frameworks_use(
    other: str, vendor: str, model: str
) -> None:
    named, known = (PUBLIC.pin(each, model, JUNE) for each in (other, vendor))
    assert named.rates == known.rates


def test_models_can_be_listed() -> None:
    assert "gpt-4o-mini" in PUBLIC.models("openai")
    with pytest.raises(UnknownVendor):
        PUBLIC.models("acme")


def test_every_public_price_is_exact_and_can_be_pinned() -> None:
    """Whatever model the data has, its rates are known, or it is refused by name."""
    refused = []
    names = [provider.id for provider in PUBLIC._providers]
    models = [(name, model) for name in names for model in PUBLIC.models(name)]
    for vendor, model in models:
        try:
            assert PUBLIC.pin(vendor, model, JULY).rates
        except UnknownModel:
            refused.append((vendor, model))
    assert len(models) > 1000
    assert len(refused) < len(models) / 5


CODE = """
import socket, sys
def refused(*args, **options):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
{block}
from datetime import UTC, datetime
from tollkeeper.metering.genai import GenaiPrices
print(GenaiPrices().pin("openai", "gpt-4o", datetime(2026, 6, 1, tzinfo=UTC)).currency)
"""


def run(block: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE.format(block=block)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_public_prices_never_reach_the_network() -> None:
    done = run("")
    assert done.stdout.strip() == "usd", done.stderr


def test_the_room_waits_with_heavy_packages_until_they_are_needed() -> None:
    heavy = ("genai_prices", "openai", "anthropic", "litellm", "langchain_core", "pydantic_ai")
    code = f"import sys, tollkeeper.metering; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_genai_prices_the_extra_is_named() -> None:
    done = run("sys.modules['genai_prices'] = None")
    assert "MissingExtra" in done.stderr
    assert 'pip install "tollkeeper[ai]"' in done.stderr
