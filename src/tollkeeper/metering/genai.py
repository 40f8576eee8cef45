"""The public prices of AI vendors, from the data that comes with genai-prices.

Only its data is used, as it was installed: nothing here reaches the network, and an update that the
app itself loads into genai-prices changes nothing. The arithmetic is ours (`rates.py`), so that
what has no price is refused; genai-prices would take it for free. Newer prices come with a newer
release of genai-prices, or from the app's own rate cards.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tollkeeper.errors import MissingExtra
from tollkeeper.metering.books import unknown_model, unknown_vendor
from tollkeeper.metering.exact import price_of_one
from tollkeeper.metering.rates import PinnedRates, Rate, RateTier, RateVariant
from tollkeeper.values.model_kinds import KINDS
from tollkeeper.values.moments import utc
from tollkeeper.values.vendors import SAME_VENDOR, vendor_name

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider, TieredPrices

#: Our kind for each price of genai-prices. A later one of the same kind is the more special.
_KIND_OF: Final = {
    "input_mtok": "input",
    "input_text_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_text_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "input_video_mtok": "input_video",
    "cache_audio_read_mtok": "cache_read_audio",
    "cache_image_read_mtok": "cache_read_image",
    "cache_video_read_mtok": "cache_read_video",
    "output_mtok": "output",
    "output_text_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
    "output_video_mtok": "output_video",
    "requests_kcount": "requests",
    "web_searches_kcount": "web_searches",
    "storage_searches_kcount": "file_searches",
    "code_executions_kcount": "code_executions",
    "input_mchars": "characters",
    "audio_hours": "audio_milliseconds",
    "input_audio_hours": "audio_milliseconds",
}

#: Most models whose place in the data is remembered.
MAXIMUM_REMEMBERED: Final = 2_000


class GenaiPrices:
    """The public prices of AI vendors, as a price book, in US dollars.

    Raises:
        MissingExtra: genai-prices is not installed.

    >>> at = datetime(2026, 6, 1, tzinfo=UTC)
    >>> rates = GenaiPrices().pin("openai", "gpt-4o-mini", at).rates_for()
    >>> str(rates["input"].each), str(rates["output"].each)
    ('1.5E-7', '6E-7')
    """

    def __init__(self) -> None:
        self.source = f"genai-prices {_data('genai_prices').__version__}"
        self._providers: list[Provider] = _data("genai_prices.data").providers
        self._found: dict[tuple[str, str], tuple[Provider, ModelInfo]] = {}

    def pin(self, vendor: str, model: str, at: datetime) -> PinnedRates:
        """Give the public rates of a model at a moment.

        Raises:
            UnknownVendor: genai-prices does not know the vendor.
            UnknownModel: it does not know the model, or has no price for it.
            InvalidRequest: `at` has no time zone.
        """
        at = utc(at, "at")
        vendor = vendor_name(vendor)
        provider, info = self._model(vendor, model)
        standard, since = _standing(info, at)
        rates = self._rates(standard, since)
        if not rates:
            raise unknown_model(vendor, model, (), f"has no price in {self.source}.")
        is_own = any(info is own for own in provider.models)
        return PinnedRates(
            vendor=vendor,
            model=model,
            currency="usd",
            at=at,
            rates=rates,
            variants=tuple(self._variants(info, at)) if is_own else (),
        )

    def models(self, vendor: str) -> tuple[str, ...]:
        """List the models of a vendor that have a name of their own here.

        Raises:
            UnknownVendor: genai-prices does not know the vendor.
        """
        return tuple(info.id for info in self._provider(vendor_name(vendor)).models)

    def _model(self, vendor: str, model: str) -> "tuple[Provider, ModelInfo]":
        if found := self._found.get((vendor, model)):
            return found
        provider = self._provider(vendor, model)
        info = provider.find_model(model, all_providers=self._providers)
        if info is None:
            known = [each.id for each in provider.models]
            raise unknown_model(vendor, model, known, f"is not in {self.source}")
        if len(self._found) >= MAXIMUM_REMEMBERED:
            self._found.clear()
        self._found[vendor, model] = provider, info
        return provider, info

    def _provider(self, vendor: str, model: str = "*") -> "Provider":
        for provider in self._providers:
            if provider.id == vendor:
                return provider
        raise unknown_vendor(vendor, model, [*(each.id for each in self._providers), *SAME_VENDOR])

    def _rates(self, prices: "ModelPrice", since: datetime | None) -> tuple[tuple[str, Rate], ...]:
        found: dict[str, Rate] = {}
        for key, kind in _KIND_OF.items():
            price: Decimal | TieredPrices | None = getattr(prices, key, None)
            if price is not None:
                found[kind] = self._rate(price, KINDS[kind].quoted_per, since)
        return tuple(found.items())

    def _rate(
        self, price: "Decimal | TieredPrices", quoted_per: int, since: datetime | None
    ) -> Rate:
        if isinstance(price, Decimal):
            return Rate(price_of_one(price, quoted_per), (), self.source, since)
        tiers = [RateTier(tier.start, price_of_one(tier.price, quoted_per)) for tier in price.tiers]
        return Rate(price_of_one(price.base, quoted_per), tuple(tiers), self.source, since)

    def _variants(self, info: "ModelInfo", at: datetime) -> Iterator[RateVariant]:
        for variant in info.price_variants or ():
            if variant.constraint is None or variant.constraint.active(at):
                since = _start(variant.constraint)
                when = tuple(sorted(variant.when.items()))
                yield RateVariant(when, self._rates(variant.prices, since))


def _standing(info: "ModelInfo", at: datetime) -> "tuple[ModelPrice, datetime | None]":
    """Find the prices that stand at a moment, and since when."""
    if not isinstance(info.prices, list):
        return info.prices, None
    conditional: ConditionalPrice
    for conditional in reversed(info.prices):
        if conditional.constraint is None or conditional.constraint.active(at):
            return conditional.prices, _start(conditional.constraint)
    return info.prices[0].prices, None


def _start(constraint: object) -> datetime | None:
    """Give the midnight, in UTC, of a constraint that starts on a day."""
    day = getattr(constraint, "start_date", None)
    return datetime.combine(day, time(), UTC) if day else None


def _data(module: str):  # type: ignore[no-untyped-def]  # a module, typed where it is used
    """Import a part of genai-prices when it is first needed, or say how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "genai_prices":
            raise
        raise MissingExtra(
            "the public prices of AI vendors come from genai-prices, which is not installed; "
            'run `pip install "tollkeeper[ai]"`, or use rate cards of your own'
        ) from error
