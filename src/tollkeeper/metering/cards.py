"""Rate cards: an app's own prices of models, dated and append-only. Owns their order. Pure.

A card holds from its `starts` on until the next card of the same model and conditions; the past is
never rewritten, so that what was priced can be priced again. A card may name a few kinds only: the
others come from the next price book, unless the card says that it `is_complete`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TypeAlias

from tollkeeper.errors import InvalidRates
from tollkeeper.metering.books import unknown_model, unknown_vendor
from tollkeeper.metering.exact import exact, price_of_one
from tollkeeper.metering.rates import PinnedRates, Rate, RateTier, RateVariant
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.model_kinds import KINDS, kind_of
from tollkeeper.values.moments import EPOCH, utc
from tollkeeper.values.texts import check_text, echo
from tollkeeper.values.vendors import vendor_name

#: How a caller writes a price.
Price: TypeAlias = int | str | Decimal
#: A price, or a price and those of longer prompts, or the price of one.
TieredPrice: TypeAlias = Price | Sequence[Price | Sequence[Price]] | Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """What an app pays for one model, or for all whose names fit, from a moment on.

    Prices are those of a million tokens, as vendors quote them; of a thousand requests or searches;
    of a million characters; of an hour of audio. A list prices long prompts: with
    `["3", (200_000, "6")]` all of a request costs 6 when its prompt has more than 200,000 tokens.
    A `Rate` is the price of one instead.

    Raises:
        InvalidRates: a kind is unknown, a price negative or no exact number, tiers do not ascend.
        UnknownCurrency: the currency is not in ISO 4217.
        InvalidRequest: `starts` has no time zone.

    >>> card = RateCard(vendor="acme", model="small", rates={"input": "0.40", "output": "1.60"})
    >>> [(kind, str(rate.each)) for kind, rate in card.priced()]
    [('input', '4E-7'), ('output', '0.0000016')]
    """

    #: Who runs the model.
    vendor: str
    #: The model; `*` stands for any text. A name in full goes before a pattern.
    model: str
    #: Prices by kind: `input`, `cache_read`, `output`, `web_searches` …
    rates: Mapping[str, TieredPrice] = field(hash=False)
    #: From when it holds; None is from ever.
    starts: datetime | None = None
    #: The currency of its prices.
    currency: str = "usd"
    #: What a usage must be for it: {"processing": "batch"}. Empty is the standard.
    when: Mapping[str, str] = field(default_factory=dict, hash=False)
    #: Where the prices come from, for receipts.
    source: str = "rate card"
    #: Whether kinds that it does not name have no price, rather than that of the next book.
    is_complete: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "vendor", vendor_name(self.vendor))
        check_text(self.model, "model")
        object.__setattr__(self, "currency", currency_of(self.currency).code)
        if self.starts is not None:
            object.__setattr__(self, "starts", utc(self.starts, "starts"))
        object.__setattr__(self, "rates", dict(self.rates))
        object.__setattr__(self, "when", dict(self.when))
        if not self.rates:
            raise InvalidRates(f"the card of {echo(self.model)} names no rate")
        self.priced()

    def priced(self) -> tuple[tuple[str, Rate], ...]:
        """Give its rates, for one of each kind."""
        return tuple((kind, self._rate(kind, price)) for kind, price in self.rates.items())

    def is_for(self, vendor: str, model: str) -> bool:
        """Tell whether it is for this model."""
        return self.vendor == vendor and fnmatchcase(model, self.model)

    def _rate(self, kind: str, price: TieredPrice) -> Rate:
        if kind_of(kind) is None:
            known = ", ".join(KINDS)
            raise InvalidRates(f"{echo(str(kind))} is no kind of use; known are {known}")
        if isinstance(price, Rate):
            return price._replace(source=self.source, since=self.starts)
        if isinstance(price, list | tuple) and price:
            base, *tiers = price
        else:
            base, tiers = price, []
        each = _price_of_one(kind, base)
        return Rate(each, tuple(_tier(kind, tier) for tier in tiers), self.source, self.starts)


class RateCards:
    """An app's own rate cards, as a price book.

    Raises:
        InvalidRates: two cards of one model and conditions do not ascend in time.

    >>> from datetime import UTC
    >>> june = datetime(2026, 6, 1, tzinfo=UTC)
    >>> cards = RateCards([
    ...     RateCard(vendor="acme", model="small", rates={"output": 2}),
    ...     RateCard(vendor="acme", model="small", rates={"output": 1}, starts=june),
    ... ])
    >>> str(cards.pin("acme", "small", june).rates_for()["output"].each)
    '0.000001'
    """

    def __init__(self, cards: Iterable[RateCard]) -> None:
        self._cards = tuple(cards)
        latest: dict[object, RateCard] = {}
        for card in self._cards:
            key = (card.vendor, card.model, tuple(sorted(card.when.items())))
            if key in latest and _begin(card) <= _begin(latest[key]):
                raise InvalidRates(
                    f"the cards of {echo(card.model)} by {echo(card.vendor)} must ascend in time; "
                    "add a card with a later start, and leave those before as they are"
                )
            latest[key] = card

    def pin(self, vendor: str, model: str, at: datetime) -> PinnedRates:
        """Give the app's own rates of a model at a moment.

        Raises:
            UnknownModel: no card is for it at that moment.
            UnknownVendor: no card is for any model of the vendor.
            InvalidRates: cards for different conditions of it are in different currencies.
        """
        vendor, at = vendor_name(vendor), utc(at, "at")
        holding = self._holding(vendor, model, at)
        if not holding:
            names = [card.model for card in self._cards if card.vendor == vendor]
            if not names:
                raise unknown_vendor(vendor, model, {card.vendor for card in self._cards})
            raise unknown_model(vendor, model, names, "has no rate card at this time")
        currencies = sorted({card.currency for card in holding})
        if len(currencies) > 1:
            raise InvalidRates(f"cards of {echo(model)} are in {' and '.join(currencies)}")
        return PinnedRates(
            vendor=vendor,
            model=model,
            currency=currencies[0],
            at=at,
            rates=next((card.priced() for card in holding if not card.when), ()),
            variants=tuple(_variant(card) for card in holding if card.when),
            is_complete=any(card.is_complete for card in holding),
        )

    def _holding(self, vendor: str, model: str, at: datetime) -> list[RateCard]:
        """Find the card of each set of conditions: the closest in name, then the latest."""
        found: dict[object, RateCard] = {}
        started = [card for card in self._cards if card.starts is None or card.starts <= at]
        fitting = [card for card in started if card.is_for(vendor, model)]
        for card in sorted(fitting, key=_closeness):
            found[tuple(sorted(card.when.items()))] = card
        return list(found.values())


def _tier(kind: str, tier: object) -> RateTier:
    match tier:
        case (int(above), price) if not isinstance(above, bool) and above >= 0:
            return RateTier(above, _price_of_one(kind, price))
    raise InvalidRates(f"a tier of {kind} is a pair of a prompt's length and a price")


def _price_of_one(kind: str, price: object) -> Decimal:
    known = kind_of(kind)
    quoted_per = known.quoted_per if known else 1
    return price_of_one(exact(price, f"the rate of {kind}"), quoted_per)


def _variant(card: RateCard) -> RateVariant:
    return RateVariant(tuple(sorted(card.when.items())), card.priced())


def _closeness(card: RateCard) -> tuple[bool, int, bool, datetime]:
    exactly = "*" not in card.model
    return exactly, len(card.model.replace("*", "")), card.starts is not None, _begin(card)


def _begin(card: RateCard) -> datetime:
    # Before every moment that a card could start at.
    return card.starts or EPOCH.replace(year=1)
