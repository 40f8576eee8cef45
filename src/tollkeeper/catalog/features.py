"""What an app has: units that amounts count, features that are used, and where prices come from.

Owns the sections `units`, `wallet`, `features` and `price_books`; must never know a plan.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from pydantic import Field, StrictBool, StrictInt

from tollkeeper.catalog.scalars import (
    Amount,
    CurrencyCode,
    Key,
    Moment,
    Percent,
    Prices,
    ProviderId,
    Text,
)
from tollkeeper.catalog.terms import AtLimit
from tollkeeper.catalog.written_rates import Each, Section, WrittenRate, WrittenRates

#: What a feature is: used and paid for; had or not; a value of the plan; how many at once.
FeatureType: TypeAlias = Literal["metered", "boolean", "value", "gauge"]

#: How usage events become one number (G2).
Aggregation: TypeAlias = Literal["sum", "count", "max", "last", "unique"]

#: What providers call our things, by provider.
ProviderIds: TypeAlias = Mapping[Key, ProviderId]

#: The value of a configured feature.
Setting: TypeAlias = StrictBool | StrictInt | str


class UnitSettings(Section):
    """Credits of one kind: one feature's own, or a pool that several features cost."""

    name: Text | None = None
    """What people call it."""
    scale: StrictInt = Field(default=6, ge=0, le=12)
    """Decimal digits that amounts keep; fixed for life."""
    low_balance: Amount | None = None
    """The balance below which a notice warns."""
    overdraft: Amount | Literal["unlimited"] = Decimal(0)
    """How far below zero a balance may go."""
    priority: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    """The burn priority of its grants, whatever their source; lower burns first."""
    priorities: Mapping[Key, StrictInt] = Field(default={})
    """The burn priority by source: `{ allowance = 20, purchase = 60 }`."""
    approve_above: Amount | None = None
    """A grant above it needs a second person."""


class WalletSettings(Section):
    """The customers' money wallets."""

    low_balance: Prices = ()
    """The balances, one a currency, below which a notice warns."""
    overdraft: Prices = ()
    """How far below zero a wallet may go, one a currency."""


class Feature(Section):
    """Something that a plan includes or sells."""

    name: Text | None = None
    """What people call it."""
    description: Text | None = None
    """What it is, in a sentence."""
    type: FeatureType = "metered"
    """`metered` is charged for; `boolean` is had or not; `value` is a setting; `gauge` is how many
    there are at once, such as projects."""
    cost: Mapping[Key, WrittenRate] = Field(default={})
    """What one costs in credits of a pool, by unit. Without it the feature has credits of its own,
    named like it."""
    rate: WrittenRates = ()
    """What one costs in money, where a plan does not say otherwise."""
    scale: StrictInt | None = Field(default=None, ge=0, le=12)
    """Decimal digits of its quantity; as those of its own unit, 6 unless that says otherwise."""
    meter: Aggregation = "sum"
    """How usage events become one number."""
    of: Key | None = None
    """For `unique`: the dimension whose different values are counted."""
    dimensions: tuple[Key, ...] = ()
    """What else is known of a use: `model`, `region` …; those that rates go by are known anyway.
    Where you name any, others are refused."""
    whole: StrictBool = False
    """Whether each whole unit is paid by one source alone."""
    at_limit: AtLimit = "refuse"
    """What happens beyond a limit, unless the limit says otherwise."""
    price_book: Key | None = None
    """The price book that prices each use. The quantity is then money: what the book says, with
    the markup, in `currency`."""
    markup: Percent | None = None
    """What is added to the price book's price; goes before the book's own markup."""
    currency: CurrencyCode = "usd"
    """The currency of the price book's quantity."""
    ids: ProviderIds = Field(default={})
    """What providers call it, such as the event name of a meter."""


class Markup(Section):
    """What is added to a vendor's price, from a moment on."""

    vendor: Text = "*"
    """For this vendor's models; `*` stands for any text."""
    model: Text = "*"
    """For this model; `*` stands for any text: `gpt-*`."""
    from_: Moment | None = None
    """From when it holds; None is always."""
    markup: Percent | None = None
    """A share of the price; below zero it is a discount."""
    add: Each | None = None
    """A fixed addition for tokens: `0.50 usd / 1_000_000`."""


class ModelRates(Section):
    """What a vendor's model costs from a moment on, in your own words: it goes before the book."""

    vendor: Text
    """Who runs the model."""
    model: Text
    """The model; `*` stands for any text. A name in full goes before a pattern."""
    from_: Moment | None = None
    """From when it holds, until the next one of the same model begins; None is always."""
    when: Mapping[Key, Text] = Field(default={})
    """What a use must be for it: `{ processing = "batch" }`; nothing is the standard."""
    rates: Mapping[Key, WrittenRate]
    """The rate by kind of use: `{ input = "3 usd / 1_000_000", output = "15 usd / 1_000_000" }`;
    with `volume`, by the length of the prompt."""
    is_complete: StrictBool = False
    """Whether kinds that it does not name have no price, rather than the book's."""


class PriceBookSettings(Section):
    """Where the prices of models come from, and what is added to them."""

    source: Key = "genai-prices"
    """The list that the prices are taken from; `none` is your own `overrides` alone."""
    markup: Percent | None = None
    """What is added to every price."""
    markups: tuple[Markup, ...] = ()
    """What is added by vendor, model and date; of several that fit, the narrowest and latest."""
    overrides: tuple[ModelRates, ...] = ()
    """Rates of your own, dated and append-only."""
    unknown_model: Literal["refuse", "free", "fallback"] = "refuse"
    """What a model without a price does: an error, a free call that says so, or `fallback`."""
    fallback: Mapping[Key, WrittenRate] = Field(default={})
    """The rates of unknown models, by kind of use."""
