"""Price books as a catalog writes them price as the catalog says."""

import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tollkeeper.catalog.catalog import Catalog
from tollkeeper.catalog.features import PriceBookSettings
from tollkeeper.errors import CatalogError, InvalidRates, UnknownModel
from tollkeeper.metering.books import PriceBooks
from tollkeeper.metering.cards import RateCard, RateCards
from tollkeeper.metering.settings import price_books
from tollkeeper.metering.usage import ModelUsage

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
TEXT = """
currency = "usd"

[price_books.llm]
markup = "20 %"
markups = [{ vendor = "openai", model = "gpt-4*", markup = "10 %", add = "0.50 usd / 1_000_000" }]
unknown_model = "fallback"
fallback = { input = "5 usd / 1_000_000", output = "20 usd / 1_000_000" }

[[price_books.llm.overrides]]
vendor = "openai"
model = "gpt-4o"
from = 2026-06-01

[price_books.llm.overrides.rates]
input = "2 usd / 1_000_000"
output = { volume = [
  { up_to = 200_000, each = "3 usd / 1_000_000" },
  { each = "6 usd / 1_000_000" },
] }

[features.tokens]
price_book = "llm"
"""


def books(text: str = TEXT, **options: Any) -> PriceBooks:
    return price_books(Catalog.from_toml(text).price_books["llm"], **options)


def charged(priced: PriceBooks, model: str, at: datetime = JUNE, **counts: int) -> Decimal:
    used = ModelUsage.of("openai", model, counts)
    return priced.pin("openai", model, at).cost(used).amount


def test_overrides_go_before_the_source_from_their_date_on() -> None:
    assert charged(books(), "gpt-4o", input=1_000_000) == Decimal("2.7")
    before = JUNE - timedelta(seconds=1)
    assert charged(books(), "gpt-4o", before, input=1_000_000) == Decimal("3.25")


def test_volume_goes_by_the_length_of_the_prompt() -> None:
    short = charged(books(), "gpt-4o", input=200_000, output=1000)
    long = charged(books(), "gpt-4o", input=200_001, output=1000)
    assert short == Decimal("0.403") * Decimal("1.1") + Decimal("0.1005")
    assert long == Decimal("0.406002") * Decimal("1.1") + Decimal("0.1005005")


def test_the_general_markup_and_the_features_own() -> None:
    assert charged(books(), "o3", input=1_000_000) == Decimal("2.4")
    own = books(markup=Decimal(50))
    assert charged(own, "o3", input=1_000_000) == 3
    # A narrower one of the book still goes first.
    assert charged(own, "gpt-4o", input=1_000_000) == Decimal("2.7")


def test_s111_unknown_models_follow_the_catalogs_policy() -> None:
    assert charged(books(), "nope", input=1_000_000) == 6
    plain = '[price_books.llm]\n[features.tokens]\nprice_book = "llm"\n'
    with pytest.raises(UnknownModel):
        charged(books(plain), "nope", input=1)
    free = plain.replace("[features", 'unknown_model = "free"\n[features')
    assert charged(books(free), "nope", input=1) == 0


def test_a_source_of_the_apps_own() -> None:
    mine = RateCards([RateCard(vendor="openai", model="*", rates={"input": 7})])
    text = '[price_books.llm]\nsource = "mine"\n[features.tokens]\nprice_book = "llm"\n'
    assert charged(books(text, sources={"mine": mine}), "gpt-4o", input=1_000_000) == 7
    with pytest.raises(InvalidRates, match="there are 'genai-prices' and 'none'"):
        books(text)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('input = "2 usd', 'inptu = "2 usd', "no kind of use"),
        ('input = "2 usd', 'input = "2 eur', "is not in eur"),
        ('add = "0.50 usd', 'add = "0.50 eur', "a markup of"),
        ('input = "5 usd', 'input = "5 eur', "is not in usd"),
    ],
)
def test_what_no_catalog_has_checked_is_refused_by_the_books(
    right: str, wrong: str, said: str
) -> None:
    with pytest.raises(CatalogError):
        books(TEXT.replace(right, wrong))
    written = tomllib.loads(TEXT.replace(right, wrong), parse_float=Decimal)
    with pytest.raises(InvalidRates, match=said):
        price_books(PriceBookSettings(**written["price_books"]["llm"]))
