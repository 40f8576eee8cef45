"""Rates as people write them: a price each, packages, tiers, by model or by plan, or a dated card.

Owns their spelling; must never compute a cost (`rating.py` compiles them to exact integers). A rate
in money names its currency in every amount; a rate in credits names none.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
)

from tollkeeper.catalog.scalars import (
    Amount,
    Key,
    Moment,
    OneOrMore,
    read_by,
    to_amount,
    to_currency,
    write_amount,
)
from tollkeeper.values.money import Money

#: How a price for some quantity is written: `0.01 usd`, `2.50 usd / 1_000_000`, `10`, `1 / 1000`.
_NAMED: Final = re.compile(r"[0-9._]+\s+([A-Za-z]+)\s*(?:/|$)")
_QUOTE: Final = re.compile(r"([0-9][0-9._eE+-]*|\.[0-9]+)(?:\s+([A-Za-z]{3}))?(?:\s*/\s*(\S+))?")


class Section(BaseModel):
    """A part of the catalog: frozen, and strict about its keys.

    A key that is a word of Python's has an underscore there: `from_` is `from`.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
    )


def short_form(*types: str) -> ConfigDict:
    """Tell editors which short forms may stand for a table: `string`, `number` …."""

    def extend(schema: dict[str, Any]) -> None:
        table = dict(schema)
        schema.clear()
        schema["anyOf"] = [*({"type": each} for each in types), table]

    return ConfigDict(json_schema_extra=extend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price for a quantity."""

    #: How much.
    amount: Decimal
    #: In which currency; None is credits.
    currency: str | None = None
    #: For how much of the feature.
    per: Decimal = Decimal(1)

    def __str__(self) -> str:
        unit = f" {self.currency}" if self.currency else ""
        per = f" / {write_amount(self.per)}" if self.per != 1 else ""
        return f"{write_amount(self.amount)}{unit}{per}"


def to_quote(value: object) -> Quote:
    """Read a price for a quantity.

    >>> str(to_quote("2.50 usd / 1_000_000")), str(to_quote(10)), str(to_quote("0.010 USD"))
    ('2.5 usd / 1000000', '10', '0.01 usd')
    """
    if isinstance(value, Quote):
        return value
    if isinstance(value, Money):
        return Quote(amount=to_amount(value.amount), currency=value.currency)
    if not isinstance(value, str):
        return Quote(amount=to_amount(value))
    found = _QUOTE.fullmatch(value.strip())
    if found is None:
        if named := _NAMED.match(value.strip()):
            to_currency(named[1])
        raise ValueError('a rate is written like "0.01 usd", "2.50 usd / 1_000_000" or 10')
    currency = to_currency(found[2]) if found[2] else None
    per = to_amount(found[3]) if found[3] else Decimal(1)
    if not per:
        raise ValueError("a rate is for more than nothing; the number behind / is zero")
    return Quote(amount=to_amount(found[1]), currency=currency, per=per)


#: A price for a quantity, in one value.
Each = Annotated[
    Quote,
    PlainValidator(read_by(to_quote)),
    PlainSerializer(lambda quote: str(quote), return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": ["string", "number"], "examples": ["0.01 usd", "2.50 usd / 1_000_000", 10]}
    ),
]

#: From when a quantity is counted: anew with each charge, or from the start of the billing period.
Over: TypeAlias = Literal["charge", "period"]


class WrittenTier(Section):
    """One step of a tiered rate."""

    from_: Amount | None = None
    """Where the step begins, if you like to say it: the end of the one before, or one more."""
    up_to: Amount | None = None
    """The quantity that the step reaches, included; the last step has none."""
    each: Each
    """What one costs in this step."""
    flat: Each | None = None
    """What the step costs once it is entered."""


class Package(Section):
    """Sold in packages: each begun one is paid as a whole."""

    package: Amount
    """How much is in a package."""
    each: Each
    """What a package costs."""
    over: Over | None = None
    """Counted per charge, or over the billing period."""


class Graduated(Section):
    """Each step's price holds for what falls into the step."""

    graduated: tuple[WrittenTier, ...]
    """The steps, ascending."""
    over: Over | None = None
    """Counted per charge, or over the billing period."""


class Volume(Section):
    """The price of the step that the whole quantity reaches holds for all of it."""

    volume: tuple[WrittenTier, ...]
    """The steps, ascending."""
    over: Over | None = None
    """Counted per charge, or over the billing period."""


class ByDimension(Section):
    """A rate for each value of a dimension, such as the model, or of the customer's plan."""

    by: Key
    """The dimension: `model`, `region` … or `plan`."""
    rates: "Mapping[str, WrittenRate]"
    """A rate for each value."""
    otherwise: "WrittenRate | None" = None
    """The rate of every other value; without it another value is refused."""


class OnCard(Section):
    """What a dated rate card says at the moment of the charge."""

    card: Key
    """The name of the card in `rates`."""


def _kind(value: object) -> str | None:
    if isinstance(value, Mapping):
        return next((kind for kind in _KEYS if kind in value), None)
    return _NAMES.get(type(value), "each")


_KEYS: Final = ("package", "graduated", "volume", "by", "card", "each")
_NAMES: Final[dict[type, str]] = {
    Package: "package",
    Graduated: "graduated",
    Volume: "volume",
    ByDimension: "by",
    OnCard: "card",
}


def _unwrap(value: object) -> object:
    """Take `{ each = "0.01 usd" }` for the price itself."""
    if isinstance(value, Mapping) and set(value) == {"each"}:
        return value["each"]
    return value


#: A rate, in any of its forms.
WrittenRate = Annotated[
    Annotated[Each, BeforeValidator(_unwrap), Tag("each")]
    | Annotated[Package, Tag("package")]
    | Annotated[Graduated, Tag("graduated")]
    | Annotated[Volume, Tag("volume")]
    | Annotated[ByDimension, Tag("by")]
    | Annotated[OnCard, Tag("card")],
    Discriminator(
        _kind,
        custom_error_type="rate",
        custom_error_message=(
            'a rate is written like "0.01 usd", or as a table with package, graduated, volume, '
            "by or card"
        ),
    ),
]

ByDimension.model_rebuild()


#: A rate, or one for each currency: `"0.01 usd"`, `["0.01 usd", "0.009 eur"]`.
WrittenRates = Annotated[tuple[WrittenRate, ...], OneOrMore()]


class RateCard(Section):
    """What a rate card says from a moment on, until its next one begins."""

    from_: Moment
    """The moment from which it holds; a date is its first moment in UTC."""
    rate: WrittenRates
    """The rate, or one for each currency."""


def tables(rate: Any) -> tuple[WrittenTier, ...]:
    """Give the steps of a tiered rate; none for the others."""
    if isinstance(rate, Graduated):
        return rate.graduated
    return rate.volume if isinstance(rate, Volume) else ()


def parts(rate: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Walk over a rate and all rates inside it, each with the path that leads there."""
    yield (), rate
    if isinstance(rate, ByDimension):
        for value, inner in rate.rates.items():
            yield from (((("rates", value, *path)), part) for path, part in parts(inner))
        if rate.otherwise is not None:
            yield from (((("otherwise", *path)), part) for path, part in parts(rate.otherwise))


def quotes(rate: Any) -> Iterator[tuple[tuple[str | int, ...], Quote]]:
    """Walk over every price that a rate names, each with the path that leads there."""
    for path, part in parts(rate):
        if isinstance(part, Quote):
            yield path, part
        elif isinstance(part, Package):
            yield (*path, "each"), part.each
        mode = "graduated" if isinstance(part, Graduated) else "volume"
        for place, tier in enumerate(tables(part)):
            yield (*path, mode, place, "each"), tier.each
            if tier.flat is not None:
                yield (*path, mode, place, "flat"), tier.flat
