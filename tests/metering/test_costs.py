"""Laws of costs: exact, additive, pinned; nothing used is free in silence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from genai_prices.types import Usage
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import CurrencyMismatch, InvalidRates, UnpricedUsage, UsageMismatch
from tollkeeper.metering import pinning
from tollkeeper.metering.books import cost_of
from tollkeeper.metering.costs import ModelCost, total
from tollkeeper.metering.genai import GenaiPrices
from tollkeeper.metering.markups import Markup
from tollkeeper.metering.rates import PinnedRates, Rate, RateTier, RateVariant
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.values.model_kinds import KINDS, TOKEN_KINDS

BOOK = GenaiPrices()
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

COUNT = st.integers(0, 10**7)
PRICE = st.decimals(0, 1000, places=6).map(lambda price: price.scaleb(-6))
USAGES = st.dictionaries(st.sampled_from([*TOKEN_KINDS, "web_searches"]), COUNT).map(
    lambda counts: ModelUsage.of("acme", "small", counts)
)
MARKUPS = st.builds(
    Markup, percent=st.decimals(-100, 900, places=2), per_million=st.decimals(0, 9, places=2)
)


@st.composite
def all_rates(draw: st.DrawFn) -> PinnedRates:
    """Rates for every kind, without tiers."""
    return PinnedRates(
        vendor="acme",
        model="small",
        currency="usd",
        at=NOON,
        rates=tuple((kind, Rate(draw(PRICE))) for kind in KINDS),
        markup=draw(MARKUPS),
    )


def rates(**options: Any) -> PinnedRates:
    """Rates of a small model, in dollars for one."""
    known: dict[str, Any] = {
        "vendor": "acme",
        "model": "small",
        "currency": "usd",
        "at": NOON,
        "rates": (("input", Rate(Decimal("0.000003"))), ("output", Rate(Decimal("0.000015")))),
    }
    return PinnedRates(**{**known, **options})


def usage(**counts: Any) -> ModelUsage:
    return ModelUsage(vendor="acme", model="small", **counts)


@given(pinned=all_rates(), first=USAGES, second=USAGES)
def test_the_cost_of_a_sum_is_the_sum_of_costs(
    pinned: PinnedRates, first: ModelUsage, second: ModelUsage
) -> None:
    both = pinned.cost(first + second)
    vendors, charged = total([pinned.cost(first), pinned.cost(second)])
    assert (both.vendor_cost, both.amount) == (vendors, charged)


@given(pinned=all_rates(), used=USAGES)
def test_lines_add_up_to_the_whole(pinned: PinnedRates, used: ModelUsage) -> None:
    cost = pinned.cost(used)
    assert {line.kind: line.count for line in cost.lines} == used.counts
    assert sum(line.vendor_cost for line in cost.lines) == cost.vendor_cost
    assert sum(line.amount for line in cost.lines) == cost.amount
    by_hand = sum(dict(pinned.rates)[kind].each * count for kind, count in used.counts.items())
    assert cost.vendor_cost == by_hand


@given(cached=COUNT, rest=COUNT, price=PRICE, share=st.integers(0, 100))
def test_cached_tokens_never_cost_more_than_fresh_ones(
    cached: int, rest: int, price: Decimal, share: int
) -> None:
    cheaper = price * share / 100
    pinned = rates(rates=(("input", Rate(price)), ("cache_read", Rate(cheaper))))
    fresh = pinned.cost(usage(input=rest + cached)).amount
    assert pinned.cost(usage(input=rest, cache_read=cached)).amount <= fresh
    unpriced = rates(rates=(("input", Rate(price)),))
    assert unpriced.cost(usage(input=rest, cache_read=cached)).amount == fresh


@given(pinned=all_rates(), used=USAGES)
def test_pinned_rates_survive_json(pinned: PinnedRates, used: ModelUsage) -> None:
    again = pinning.from_dict(pinning.to_dict(pinned))
    assert again == pinned
    assert again.cost(used) == pinned.cost(used)


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "o3"),
        ("openai", "gpt-6-sol"),
        ("openai", "gpt-realtime"),
        ("anthropic", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-5-5"),
        ("google", "gemini-2.5-pro"),
        ("aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        # Azure has the prices of OpenAI's models from there, but no variants.
        ("azure", "gpt-6-sol"),
    ],
)
@given(
    counts=st.fixed_dictionaries(
        {
            kind: st.integers(0, 400_000)
            for kind in ("input", "cache_read", "cache_write", "cache_write_1h", "output")
        }
    ),
    days=st.integers(0, 700),
    when=st.sampled_from([{}, {"processing": "batch"}, {"service_tier": "flex"}]),
)
def test_costs_are_those_that_genai_prices_itself_gives(
    vendor: str, model: str, counts: dict[str, int], days: int, when: dict[str, str]
) -> None:
    """The reference knows no kinds that exclude each other: it gets totals and their parts."""
    at = NOON - timedelta(days=days)
    used = ModelUsage.of(vendor, model, counts, conditions=tuple(when.items()))
    written = counts["cache_write"] + counts["cache_write_1h"]
    theirs = genai_prices.calc_price(
        Usage(
            input_tokens=used.input_tokens,
            cache_read_tokens=counts["cache_read"],
            cache_write_tokens=written,
            cache_write_1h_tokens=counts["cache_write_1h"],
            output_tokens=counts["output"],
        ),
        model,
        provider_id=vendor,
        genai_request_timestamp=at,
        price_context=when,
    )
    assert BOOK.pin(vendor, model, at).cost(used).vendor_cost == theirs.total_price


@given(used=USAGES)
def test_pinned_is_what_a_price_at_that_moment_is(used: ModelUsage) -> None:
    """A hold and its settle are priced alike, whatever happens to the rates in between."""
    counts = {kind: count for kind, count in used.counts.items() if kind != "requests"}
    call = ModelUsage.of("anthropic", "claude-sonnet-4-6", counts)
    before, after = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    pinned = BOOK.pin(call.vendor, call.model, before)
    [then] = cost_of(BOOK, [call], before)
    assert pinned.cost(call) == then
    if call.input_tokens > 200_000:
        assert pinned.cost(call).amount > cost_of(BOOK, [call], after)[0].amount


def test_the_price_tells_its_source_and_date() -> None:
    at = datetime(2026, 4, 1, tzinfo=UTC)
    rate = BOOK.pin("anthropic", "claude-sonnet-4-6", at).rates_for()["input"]
    assert rate.source == f"genai-prices {genai_prices.__version__}"
    assert rate.since == datetime(2026, 3, 13, tzinfo=UTC)


# Long prompts.

TIERED = (("input", Rate(Decimal(1), (RateTier(100, Decimal(2)), RateTier(200, Decimal(3))))),)


@pytest.mark.parametrize(("tokens", "amount"), [(100, 100), (101, 202), (200, 400), (201, 603)])
def test_a_long_prompt_is_dearer_as_a_whole(tokens: int, amount: int) -> None:
    cost = rates(rates=TIERED).cost(usage(input=tokens))
    assert cost.amount == amount
    assert not cost.is_estimated


def test_several_requests_in_one_usage_go_by_their_average_and_say_so() -> None:
    pinned = rates(rates=TIERED)
    cost = pinned.cost(usage(input=180, requests=2))
    assert cost.amount == 180
    assert cost.is_estimated
    # However it was split, no request can have reached the tier.
    assert not pinned.cost(usage(input=90, requests=2)).is_estimated
    apart = cost_of(_Always(pinned), [usage(input=150), usage(input=30)], NOON)
    assert total(apart) == (Decimal(330), Decimal(330))


# What has no price.


def test_what_no_rate_prices_is_refused_with_the_cost_of_the_rest() -> None:
    with pytest.raises(UnpricedUsage, match="2 'web_searches'") as refusal:
        rates().cost(usage(input=1000, web_searches=2))
    assert refusal.value.unpriced == {"web_searches": 2}
    rest: ModelCost = refusal.value.cost
    assert rest.amount == Decimal("0.003")
    assert rates().cost_of_known(usage(input=1000, web_searches=2)) == rest


def test_a_count_that_nobody_can_place_is_refused() -> None:
    used = usage(input=1, unknown=(("hologram_units", 7),))
    with pytest.raises(UnpricedUsage, match=r"7 'unknown\.hologram_units'"):
        rates().cost(used)
    priced = dict(rates().rates)
    priced["unknown.hologram_units"] = Rate(Decimal("0.5"))
    assert rates(rates=tuple(priced.items())).cost(used).amount == Decimal("3.500003")


def test_output_of_a_model_that_has_no_price_for_it_is_refused() -> None:
    pinned = BOOK.pin("openai", "text-embedding-3-small", NOON)
    used = ModelUsage(vendor="openai", model="text-embedding-3-small", input=9, output=1)
    with pytest.raises(UnpricedUsage):
        pinned.cost(used)


def test_s111_zero_costs_nothing() -> None:
    cost = rates().cost(usage())
    assert cost.amount == 0
    assert not cost.lines
    assert not cost.unpriced


def test_s111_a_total_alone_costs_what_the_dearer_side_does_and_says_so() -> None:
    cost = rates().cost(usage(undirected=100))
    assert cost.amount == Decimal("0.0015")
    assert cost.is_estimated


def test_s111_in_and_out() -> None:
    cost = rates().cost(usage(input=1000, output=500))
    assert cost.amount == Decimal("0.0105")
    assert cost.money.scaled == 10_500_000


def test_estimated_counts_give_an_estimated_cost() -> None:
    assert rates().cost(usage(output=5, is_estimated=True)).is_estimated


def test_another_models_usage_is_refused() -> None:
    with pytest.raises(UsageMismatch):
        rates().cost(ModelUsage(vendor="acme", model="large", input=1))


# Conditions.


def test_a_condition_changes_only_what_it_names() -> None:
    batch = RateVariant((("processing", "batch"),), (("output", Rate(Decimal("0.000007"))),))
    pinned = rates(variants=(batch,))
    cost = pinned.cost(usage(input=10, output=10, conditions=(("processing", "batch"),)))
    assert cost.amount == Decimal("0.0001")
    assert not cost.is_estimated


def test_of_two_conditions_that_hold_the_first_counts() -> None:
    def cheaper(name: str, each: str) -> RateVariant:
        return RateVariant(((name, "yes"),), (("output", Rate(Decimal(each))),))

    pinned = rates(variants=(cheaper("batch", "2"), cheaper("fast", "3")))
    both = (("batch", "yes"), ("fast", "yes"))
    assert pinned.cost(usage(output=1, conditions=both)).amount == 2
    assert pinned.cost(usage(output=1, conditions=both[1:])).amount == 3


def test_a_condition_that_the_rates_do_not_know_is_said() -> None:
    assert rates().cost(usage(input=1, conditions=(("service_tier", "scale"),))).is_estimated
    assert not rates().cost(usage(input=1, conditions=(("service_tier", "default"),))).is_estimated


# Markups, and money.


def test_the_vendors_cost_stays_beside_the_charge() -> None:
    cost = rates(markup=Markup(percent="20 %", per_million="1")).cost(usage(input=1_000_000))
    assert (cost.vendor_cost, cost.amount) == (Decimal(3), Decimal("4.6"))
    assert cost.margin == Decimal("1.6")
    assert str(cost.money) == "4.60 usd"
    assert str(cost.vendor_money) == "3.00 usd"


def test_searches_have_no_fixed_markup_per_token() -> None:
    priced = (("web_searches", Rate(Decimal("0.01"))),)
    cost = rates(rates=priced, markup=Markup(per_million=5)).cost(usage(web_searches=2))
    assert cost.amount == Decimal("0.02")


def test_costs_in_two_currencies_do_not_add_up() -> None:
    euros = rates(currency="eur").cost(usage(input=1))
    with pytest.raises(CurrencyMismatch):
        total([euros, rates().cost(usage(input=1))])


@pytest.mark.parametrize(
    "wrong",
    [
        (("inptu", Rate(Decimal(1))),),
        (("input", Rate(Decimal(-1))),),
        (("input", Rate(Decimal("NaN"))),),
        (("input", Rate(0.5)),),  # type: ignore[arg-type]  # what a careless caller may write
        (("input", Rate(Decimal(1), (RateTier(5, Decimal(1)), RateTier(5, Decimal(2))))),),
    ],
)
def test_wrong_rates_are_refused(wrong: tuple[tuple[str, Rate], ...]) -> None:
    with pytest.raises(InvalidRates):
        rates(rates=wrong)


@pytest.mark.parametrize("told", [{}, {"vendor": "acme"}, {"rates": {"input": {"each": "x"}}}])
def test_what_was_not_written_by_us_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(InvalidRates, match="Tollkeeper wrote"):
        pinning.from_dict(told)


class _Always:
    """A book of one model."""

    def __init__(self, pinned: PinnedRates) -> None:
        self._pinned = pinned

    def pin(self, vendor: str, model: str, at: datetime) -> PinnedRates:
        return self._pinned
