"""What customers subscribe to: plans with their prices, allowances, entitlements, rates and limits.

Owns the section `plans`; must never know a customer, or compute what anything costs.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, StrictBool, StrictInt, model_validator

from tollkeeper.catalog.features import ProviderIds, Setting
from tollkeeper.catalog.scalars import Amount, Key, OneOrMore, Price, Prices, Span, Text
from tollkeeper.catalog.terms import AtLimit, Subject
from tollkeeper.catalog.written_rates import Section, WrittenRates, short_form
from tollkeeper.values.intervals import Interval

#: What a new period does with what is left of the old allowance (D2).
OnRenewal: TypeAlias = Literal["reset", "add"]

#: How a longer price's allowance arrives: at each of its own renewals, or all at once (D3).
Pace: TypeAlias = Literal["drip", "upfront"]

#: Who holds the credits of an organisation's seats (D8).
SeatMode: TypeAlias = Literal["member", "pool"]

#: The span that a limit counts over: a calendar window, the billing period, or for ever.
Every: TypeAlias = Literal[
    "minute", "hour", "day", "week", "month", "quarter", "year", "period", "lifetime"
]

_EVERY: Final = re.compile(r"(.+?)(?:\s*/\s*([^/0-9][^/]*|[0-9]+\s+[a-z]+)|\s+(once))")


def split_every(value: object, name: str) -> object:
    """Read `20 usd / month` or `100 once` as a table with `name` and `every`."""
    if not isinstance(value, str):
        return value if isinstance(value, Mapping | Section) else {name: value}
    found = _EVERY.fullmatch(value.strip())
    return {name: found[1], "every": found[2] or found[3]} if found else {name: value}


class PlanPrice(Section):
    """What a plan costs in one currency and interval: `20.00 usd / month`."""

    model_config = short_form("string")

    amount: Price
    """How much."""
    every: Span | None = None
    """How often; left out, or `once`, it is paid once and for all."""
    ids: ProviderIds = Field(default={})
    """What providers call this price."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        found = split_every(value, "amount")
        if isinstance(found, Mapping) and found.get("every") == "once":
            return {**found, "every": None}
        return found


class Allowance(Section):
    """What a plan promises of one unit: `1_000 / month`."""

    model_config = short_form("string", "number")

    amount: Amount | Prices
    """How much; of the wallet, money: one amount a currency."""
    every: Span | Literal["once"] = Interval(1, "month")
    """How often; `once` is when the plan begins."""
    on_renewal: OnRenewal = "reset"
    """What a new period does with what is left: it expires, or rolls over."""
    cap: Amount | None = None
    """With `add`: the most that there may be of this allowance after a renewal."""
    lifetime: Span | None = None
    """With `add`: how long each renewal's credits can be spent."""
    pace: Pace = "drip"
    """Where a price's interval is longer or shorter: by its own recurrence, or all at once."""
    priority: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    """The burn priority; allowances have 20 unless the unit says otherwise."""
    features: tuple[Key, ...] = ()
    """The only features that may spend it; none named is all."""
    per_seat: StrictBool = True
    """Whether it is multiplied by the seats of a plan that has them."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return split_every(value, "amount")


class LimitRule(Section):
    """How much may be used or spent in a window (C4)."""

    name: Key | None = None
    """Its name in overrides and errors; made of what it says where you name none."""
    feature: Key | None = None
    """The feature whose use counts; None is all of them."""
    at_most: Amount | None = None
    """The most, in quantity of the feature, or in `unit`."""
    unit: Key | None = None
    """The unit that is counted instead of the quantity."""
    spend: Prices = ()
    """The most money, one amount a currency."""
    every: Every | None = None
    """The window: a calendar one in the customer's time zone, `period` or `lifetime`."""
    within: Span | None = None
    """A window that rolls from the first use: `5 hours`."""
    per: Subject = "customer"
    """Whose use counts: the customer's, or each member's, key's or tag's."""
    tag: Text | None = None
    """The one tag that counts; each by itself where none is named."""
    at_limit: AtLimit | None = None
    """What happens beyond it; as the feature says, else `refuse`."""
    warn_at: tuple[Annotated[StrictInt, Field(ge=1, le=100)], ...] | None = None
    """Percentages at which a notice warns; as the policies say, else 80."""


class Seats(Section):
    """How a plan counts seats."""

    model_config = short_form("string")

    mode: SeatMode = "pool"
    """`member` gives each member an allowance; `pool` gives it to the organisation."""
    minimum: StrictInt = Field(default=1, ge=1)
    """The fewest seats."""
    maximum: StrictInt | None = Field(default=None, ge=1)
    """The most seats."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value


class Trial(Section):
    """What comes before the first payment: `14 days`."""

    model_config = short_form("string")

    lasts: Span
    """How long."""
    allowances: Mapping[Key, Allowance] | None = None
    """Its own allowances; None is the plan's."""
    card: StrictBool = False
    """Whether a card is asked for at the start."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"lasts": value} if isinstance(value, str) else value


class Plan(Section):
    """A bundle of features, and what it costs."""

    name: Text | None = None
    """What people call it."""
    description: Text | None = None
    """What it is, in a sentence."""
    highlights: tuple[Text, ...] = ()
    """What the pricing page praises."""
    group: Key = "main"
    """Of one group a customer has one plan at a time."""
    add_on: StrictBool = False
    """Whether it stands beside the plans of its group instead of replacing them."""
    prices: Annotated[tuple[PlanPrice, ...], OneOrMore()] = ()
    """What it costs, by currency and interval; none is free."""
    trial: Trial | None = None
    """What comes before the first payment."""
    seats: Seats | None = None
    """How seats are counted; None has none."""
    allowances: Mapping[Key, Allowance] = Field(default={})
    """What it promises, by unit; `wallet` is money."""
    entitlements: Mapping[Key, Setting] = Field(default={})
    """By feature: whether it is had, its value, or how many. `"+5"` adds to other plans'."""
    waterfall: tuple[Key, ...] = ()
    """Who pays, in order: units, `own`, `pool`, `wallet`, `usage`; none is the catalog's."""
    wallet: Mapping[Key, WrittenRates] = Field(default={})
    """By feature: its rate where the wallet pays."""
    usage: Mapping[Key, WrittenRates] = Field(default={})
    """By feature: its rate on the later bill. Naming one lets the feature be used on account."""
    overage: Mapping[Key, WrittenRates] = Field(default={})
    """By feature: its rate in money beyond the allowance and beyond a limit, whoever pays."""
    limits: tuple[LimitRule, ...] = ()
    """How much may be used or spent."""
    low_balance: Mapping[Key, Amount] = Field(default={})
    """By unit: the balance below which a notice warns, on this plan."""
    grants: Literal["automatic", "manual"] = "automatic"
    """Whether allowances are granted by us, or by you."""
    is_public: StrictBool = True
    """Whether the pricing page shows it."""
    ids: ProviderIds = Field(default={})
    """What providers call it, such as their product."""
