"""Price books: the check tells each mistake with its line; no call is the first to find one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollkeeper import Catalog
from tollkeeper.catalog import public_prices
from tollkeeper.catalog.price_books import CONDITIONS, currencies
from tollkeeper.errors import CatalogError, UnknownModel, UnknownVendor
from tollkeeper.metering.settings import price_books
from tollkeeper.metering.usage import ModelUsage

TOP = 'currency = "usd"\n\nfeatures.chat.price_book = "llm"\n'
CARD = 'vendor = "openai", model = "gpt-4o"'
EACH = "1 usd / 1_000_000"
INPUT = f'rates = {{ input = "{EACH}" }}'


def tiered(steps: str, rest: str = "") -> str:
    """Write a card whose rate goes by the length of the prompt."""
    return f"overrides = [{{ {CARD}, rates = {{ input = {{ {rest}volume = [{steps}] }} }} }}]"


MISTAKES = [
    (
        f'overrides = [{{ {CARD}, rates = {{ inputs = "{EACH}" }} }}]',
        "overrides[0].rates.inputs",
        "did you mean 'input'?",
    ),
    (f"overrides = [{{ {CARD}, rates = {{}} }}]", "overrides[0].rates", "it names no rate"),
    (
        f'overrides = [{{ {CARD}, rates = {{ input = "1 eur / 1_000_000" }} }}]',
        "overrides[0].rates",
        "these are in eur, and the book completes them in usd",
    ),
    (
        f'overrides = [{{ {CARD}, rates = {{ input = "{EACH}", output = "1 eur" }} }}]',
        "overrides[0].rates.output",
        "this is in eur, and its card is in usd",
    ),
    (
        f'overrides = [{{ {CARD}, rates = {{ input = "1 usd / 0.5" }} }}]',
        "overrides[0].rates.input",
        "name the price of a whole number",
    ),
    (
        f'overrides = [{{ {CARD}, when = {{ procesing = "batch" }}, {INPUT} }}]',
        "overrides[0].when.procesing",
        "did you mean 'processing'?",
    ),
    (
        f'overrides = [{{ vendor = "Bedrock", model = "m", {INPUT} }}, '
        f'{{ vendor = "aws", model = "m", {INPUT} }}]',
        "overrides[1]",
        "its `from` is not after that of the same model before",
    ),
    (
        f'overrides = [{{ vendor = "openai", model = "{"m" * 300}", {INPUT} }}]',
        "overrides[0]",
        "model",
    ),
    (
        tiered(""),
        "overrides[0].rates.input.volume",
        "there is no step",
    ),
    (
        tiered(f'{{ up_to = 5, each = "{EACH}" }}'),
        "overrides[0].rates.input.volume[0].up_to",
        "the last step has no end",
    ),
    (
        tiered(f'{{ up_to = 1.5, each = "{EACH}" }}, {{ each = "{EACH}" }}'),
        "overrides[0].rates.input.volume[0].up_to",
        "decimal digit",
    ),
    (
        tiered(f'{{ each = "{EACH}", flat = "1 usd" }}'),
        "overrides[0].rates.input.volume[0].flat",
        "no flat price",
    ),
    (
        tiered(f'{{ each = "{EACH}" }}', 'over = "period", '),
        "overrides[0].rates.input.over",
        "leave it out",
    ),
    (
        f'overrides = [{{ {CARD}, is_complete = true, rates = {{ input = "1 eur" }} }}, '
        f'{{ {CARD}, when = {{ processing = "batch" }}, rates = {{ input = "1 usd" }} }}]',
        "overrides[1].rates",
        "write one currency",
    ),
    ('source = "genai-price"', "source", "did you mean 'genai-prices'?"),
    ('source = "None"', "source", "did you mean 'none'?"),
    (
        f'unknown_model = "fallback"\nfallback = {{ inputs = "{EACH}" }}',
        "fallback.inputs",
        "did you mean 'input'?",
    ),
    (
        'unknown_model = "fallback"\nfallback = { input = "1 eur" }',
        "fallback.input",
        "this is in eur, and the book is in usd",
    ),
    ('markup = "-150 %"', "markup", "below -100 %"),
    ('markups = [{ model = "o3", markup = "-101 %" }]', "markups[0].markup", "below -100 %"),
    (
        'markups = [{ model = "o3", add = "0.5 eur / 1_000_000" }]',
        "markups[0].add",
        "this is in eur, and the book is in usd",
    ),
    ('markups = [{ model = "o3", add = "1 usd / 3" }]', "markups[0].add", "is not exact"),
    (
        'markups = [{ vendor = "openai", markup = "5 %" }, { vendor = "openai", markup = "9 %" }]',
        "markups[1]",
        "markups[0] is for the same, from the same moment on",
    ),
    (
        'markup = "5 %"\nmarkups = [{ markup = "9 %" }]',
        "markups[0]",
        "the book's own `markup` is for the same",
    ),
]


@pytest.mark.parametrize(("text", "path", "problem"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_told_with_its_line(text: str, path: str, problem: str) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog.from_toml(f"{TOP}\n[price_books.llm]\n{text}\n")
    [mistake] = caught.value.mistakes
    assert mistake.path == f"price_books.llm.{path}"
    assert problem in mistake.problem
    assert (mistake.line or 0) > 4


def test_a_feature_is_charged_in_a_currency_of_its_book() -> None:
    text = (
        TOP
        + f"""
    [price_books.llm]
    source = "none"
    overrides = [{{ {CARD}, rates = {{ input = "1 eur / 1_000_000" }} }}]
    """
    )
    with pytest.raises(CatalogError, match='write currency = "eur"'):
        Catalog.from_toml(text)
    Catalog.from_toml(text.replace("[price_books", 'features.chat.currency = "eur"\n[price_books'))
    with pytest.raises(CatalogError, match="paid for using it"):
        Catalog.from_toml(TOP + 'features.chat.markup = "-200 %"\nprice_books.llm = {}')


DOUBTS = [
    (
        f'overrides = [{{ vendor = "opnai", model = "gpt-4o", {INPUT} }}]',
        "overrides[0].vendor",
        "did you mean 'openai'?",
    ),
    ('markups = [{ vendor = "opnai", markup = "5 %" }]', "markups[0].vendor", "'openai'"),
    (
        'markups = [{ vendor = "openai", model = "gtp-4o", markup = "5 %" }]',
        "markups[0].model",
        "'gpt-4o'",
    ),
    ('markups = [{ model = "gtp-4*", markup = "5 %" }]', "markups[0].model", "gpt-4"),
    (
        f'overrides = [{{ {CARD}, when = {{ region = "eu" }}, {INPUT} }}]',
        "overrides[0].when.region",
        "no vendor tells 'region'",
    ),
    (
        f'overrides = [{{ {CARD}, when = {{ processing = "bacth" }}, {INPUT} }}]',
        "overrides[0].when.processing",
        "'batch'",
    ),
]


@pytest.mark.parametrize(("text", "path", "problem"), DOUBTS, ids=[m[1] for m in DOUBTS])
def test_what_is_perhaps_not_meant_is_a_warning(text: str, path: str, problem: str) -> None:
    [doubt] = Catalog.from_toml(f"{TOP}\n[price_books.llm]\n{text}\n").warnings
    assert (doubt.path, doubt.line) == (f"price_books.llm.{path}", 6)
    assert problem in doubt.problem


def test_what_is_meant_is_no_warning() -> None:
    text = f"""{TOP}
    [price_books.llm]
    source = "genai-prices"
    markup = "20 %"
    markups = [
        {{ vendor = "openai", markup = "5 %" }},
        {{ vendor = "OpenAI", model = "gpt-4o", from = 2026-06-01, markup = "5 %" }},
        {{ vendor = "openai", model = "gpt-4o-2024-*", markup = "6 %" }},
        {{ model = "*-mini", add = "0.10 usd / 1_000_000" }},
        {{ vendor = "acme", model = "house-1", markup = "-100 %" }},
        {{ vendor = "bedrock", markup = "1 %" }},
    ]
    overrides = [
        {{ vendor = "acme", model = "house-*", rates = {{ output = "4 usd / 1_000_000" }} }},
        {{ vendor = "acme", model = "eu", is_complete = true, rates = {{ output = "4 eur" }} }},
        {{ {CARD}, when = {{ processing = "batch" }}, rates = {{ "unknown.x" = "1 usd" }} }},
    ]
    """
    catalog = Catalog.from_toml(text)
    assert not catalog.warnings
    assert currencies(catalog.price_books["llm"]) == frozenset({"usd", "eur"})


def test_the_conditions_are_those_of_the_public_prices() -> None:
    data = pytest.importorskip("genai_prices.data")
    told = {
        key
        for provider in data.providers
        for model in provider.models
        for variant in model.price_variants or ()
        for key in variant.when
    }
    assert told <= CONDITIONS.keys()
    assert "openai" in public_prices.vendors()


KINDS = st.sampled_from(["input", "output", "cache_read", "inputs", "requests", "unknown.x"])
MONEY = st.builds(
    lambda amount, code, per: f"{amount}{code}{per}",
    st.sampled_from(["0", "1", "2.5", "0.000000000001", "9000000"]),
    st.sampled_from([" usd", " usd", " usd", " eur", " jpy", ""]),
    st.sampled_from(["", " / 1_000_000", " / 1000", " / 7", " / 0.5", " / 9_000_000"]),
)
STEPS = st.lists(
    st.fixed_dictionaries(
        {"each": MONEY}, optional={"up_to": st.sampled_from([0, 10, 20, "0.5"]), "flat": MONEY}
    ),
    max_size=3,
)
TIERED = st.fixed_dictionaries({"volume": STEPS}, optional={"over": st.just("charge")})
SOUND = st.sampled_from([{"input": EACH}, {"input": "2 usd", "output": EACH}])
RATES = SOUND | SOUND | st.dictionaries(KINDS, MONEY | MONEY | TIERED, max_size=2)
VENDORS = st.sampled_from(["openai", "OpenAI", "acme", "Bedrock", "aws"])
MODELS = st.sampled_from(["gpt-4o", "gpt-*", "*", "small", "gpt-4o-mini"])
MOMENTS = st.sampled_from(["0001-01-01", "2026-01-01", "2026-06-01"])
PERCENTS = st.sampled_from(["5 %", "-100 %", "-100.5 %", "1000000 %", "0.000000000001 %"])
CARDS = st.fixed_dictionaries(
    {"vendor": VENDORS, "model": MODELS, "rates": RATES},
    optional={
        "from": MOMENTS,
        "when": st.sampled_from([{"processing": "batch"}, {"sped": "fast"}, {}]),
        "is_complete": st.booleans(),
    },
)
MARKUPS = st.fixed_dictionaries(
    {"vendor": VENDORS | st.just("*"), "model": MODELS},
    optional={"from": MOMENTS, "markup": PERCENTS, "add": MONEY},
)
BOOKS = st.fixed_dictionaries(
    {"overrides": st.lists(CARDS, max_size=3)},
    optional={
        "source": st.sampled_from(["none", "none", "genai-prices", "genai_prices"]),
        "markup": PERCENTS,
        "markups": st.lists(MARKUPS, max_size=2),
        "unknown_model": st.sampled_from(["refuse", "free", "fallback"]),
        "fallback": RATES,
    },
)
FEATURES = st.fixed_dictionaries(
    {"price_book": st.just("llm")},
    optional={"markup": PERCENTS, "currency": st.sampled_from(["usd", "eur"])},
)


def accepted(book: dict[str, Any], feature: dict[str, Any]) -> Catalog | None:
    """Give the catalog, or None where the check refuses it."""
    try:
        return Catalog(currency="usd", features={"chat": feature}, price_books={"llm": book})
    except CatalogError:
        return None


@settings(max_examples=400, deadline=None)
@given(BOOKS, FEATURES)
def test_the_law_what_the_check_accepts_prices_every_call(
    book: dict[str, Any], feature: dict[str, Any]
) -> None:
    catalog = accepted(book, feature)
    if catalog is None:
        return
    priced = price_books(catalog.price_books["llm"], markup=catalog.features["chat"].markup)
    for vendor, model in (("openai", "gpt-4o"), ("aws", "small"), ("acme", "gpt-9")):
        for year in (2025, 2027):
            try:
                pinned = priced.pin(vendor, model, datetime(year, 1, 1, tzinfo=UTC))
            except (UnknownModel, UnknownVendor):
                continue
            for pairs in ((), (("processing", "batch"),)):
                used = ModelUsage(vendor=vendor, model=model, input=11, conditions=pairs)
                assert pinned.cost_of_known(used).amount >= Decimal(0)
    assert all(doubt.problem for doubt in catalog.warnings)


@given(st.lists(CARDS, min_size=1, max_size=1), MARKUPS)
def test_the_law_is_not_kept_by_refusing_everything(
    cards: list[dict[str, Any]], markup: dict[str, Any]
) -> None:
    sound = {
        **cards[0],
        "rates": {"input": "2 usd / 1_000_000"},
        "when": {"processing": "batch"},
    }
    plain = {"vendor": markup["vendor"], "model": markup["model"], "markup": "5 %"}
    assert accepted({"overrides": [sound], "markups": [plain]}, {"price_book": "llm"})
