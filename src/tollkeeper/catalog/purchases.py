"""What customers buy or are given beside plans: packs, top-ups, welcome credits, promotions.

Owns the sections `packs`, `top_ups`, `sign_up` and `promotions`; must never know a payment.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from tollkeeper.catalog.features import ProviderIds
from tollkeeper.catalog.scalars import Amount, Key, Moment, Prices, Span, Text
from tollkeeper.catalog.written_rates import Section, WrittenRates, short_form


class Gift(Section):
    """Credits that come with something: `500`, or more exactly as a table."""

    model_config = short_form("string", "number", "array")

    amount: Amount | Prices
    """How much; of the wallet, money: one amount a currency."""
    expires_after: Span | None = None
    """How long they can be spent; None is for ever."""
    priority: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    """The burn priority; by their source unless named."""
    features: tuple[Key, ...] = ()
    """The only features that may spend them; none named is all."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping | Gift) else {"amount": value}


class Pack(Section):
    """Credits at a fixed price."""

    name: Text | None = None
    """What people call it."""
    description: Text | None = None
    """What it is, in a sentence."""
    highlights: tuple[Text, ...] = ()
    """What the pricing page praises."""
    price: Prices
    """What it costs, one amount a currency."""
    grants: Mapping[Key, Gift]
    """What is in it, by unit; `wallet` is money."""
    plans: tuple[Key, ...] = ()
    """The only plans whose customers may buy it; none named is all."""
    at_most: StrictInt | None = Field(default=None, ge=1)
    """How often one customer may buy it."""
    ids: ProviderIds = Field(default={})
    """What providers call it."""


class AutoTopUp(Section):
    """A rule that buys when a balance falls low (E5)."""

    below: Amount | Prices
    """The balance strictly below which it buys; of the wallet, money."""
    buy: Amount | Prices
    """How much it buys at once; of the wallet, money."""
    close_gap: StrictBool = False
    """Whether it buys the smallest multiple of `buy` that reaches `below`, in one payment."""
    at_most: StrictInt | None = Field(default=None, ge=1)
    """How often in a calendar month."""
    spend_at_most: Prices = ()
    """How much money in a calendar month, one amount a currency."""


class TopUp(Section):
    """Credits, or money in the wallet, in amounts that the customer chooses."""

    name: Text | None = None
    """What people call it."""
    rate: WrittenRates = ()
    """What one credit costs; the wallet has none, since money costs itself."""
    minimum: Amount | Prices | None = None
    """The least that is sold at once."""
    maximum: Amount | Prices | None = None
    """The most that is sold at once."""
    step: Amount | None = None
    """What amounts must be a multiple of; None is any amount of the unit."""
    inversions: Literal["allow", "refuse"] = "allow"
    """Whether buying more may cost less in all, as it does at the edges of volume rates."""
    expires_after: Span | None = None
    """How long what was bought can be spent; None is for ever."""
    plans: tuple[Key, ...] = ()
    """The only plans whose customers may buy; none named is all."""
    auto: AutoTopUp | None = None
    """A rule that customers may switch on, beside buying by hand."""
    ids: ProviderIds = Field(default={})
    """What providers call it."""


class Promotion(Section):
    """A code that gives credits."""

    grants: Mapping[Key, Gift]
    """What it gives, by unit."""
    code: Text | None = None
    """What customers type; None is the promotion's own key. Upper and lower case are the same."""
    from_: Moment | None = None
    """From when it can be used."""
    until: Moment | None = None
    """Until just before when."""
    at_most: StrictInt | None = Field(default=None, ge=1)
    """How often in all."""
    per_customer: StrictInt = Field(default=1, ge=1)
    """How often by one customer."""
    plans: tuple[Key, ...] = ()
    """The only plans whose customers may use it; none named is all."""
