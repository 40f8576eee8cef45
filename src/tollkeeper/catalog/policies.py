"""How hard cases are decided: one setting a rule, with the default that the rules name.

Owns the sections `policies`, `test` and `live`; must never decide a case itself.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from tollkeeper.catalog.features import ProviderIds
from tollkeeper.catalog.plans import PlanPrice
from tollkeeper.catalog.scalars import Key, OneOrMore, Percent, Prices, Span
from tollkeeper.catalog.terms import PolicyTerms
from tollkeeper.catalog.written_rates import Section, WrittenRates
from tollkeeper.values.intervals import Interval


class Policies(Section):
    """Settings of the rules of money, for the whole catalog."""

    unknown_customers: Literal["create", "refuse"] = "create"
    """C7: who is not known yet comes into being with his first use, or is refused."""
    promotions_pay_debt: StrictBool = False
    """A4: whether promotional credits pay debt back."""
    reversal: Literal["expire", "reissue"] = "expire"
    """A6: what a reversal does with value of a grant that expired meanwhile."""
    wallet_transfers: StrictBool = False
    """A7: whether money moves between customers' wallets."""
    settle_beyond: Literal["charge", "cap", "refuse"] = "charge"
    """B2: what a settle above its hold does."""
    hold_lifetime: Span = Interval(1, "day")
    """B4: how long a hold can be extended at most."""
    warn_at: tuple[Annotated[StrictInt, Field(ge=1, le=100)], ...] = (80,)
    """C6: percentages of a limit at which a notice warns."""
    upgrade: Literal["keep", "carry", "prorate"] = "keep"
    """D5: keep what is left and grant the new allowance in full; carry what was used of the old one
    into the new one; or grant and charge parts of both."""
    cancel: Literal["keep", "freeze", "revoke"] = "keep"
    """D6: what becomes of bought credits when a subscription ends."""
    grace: Span = Interval(7, "day")
    """D7: how long an allowance lasts when a payment failed."""
    duplicates: Literal["tell", "cancel"] = "tell"
    """D10: two live subscriptions in one group: tell the operator, or cancel the later one and
    refund it."""
    refund: Literal["absorb", "debt"] = "absorb"
    """E6: who bears what was spent already when you choose to refund."""
    late_usage: Span = Interval(3, "day")
    """G1: how late a usage event may be and still go to its own period."""
    least_margin: Percent | None = None
    """Below which margin of a customer's AI calls a notice warns, of the revenue; None is 0."""
    notices: tuple[Literal["credits_consumed", "usage_recorded"], ...] = ()
    """H1: notices of each single call, which are off unless they are asked for."""


def policy_terms(policies: Policies) -> PolicyTerms:
    """Give what calls ask of the policies."""
    return PolicyTerms(
        unknown_customers=policies.unknown_customers,
        promotions_pay_debt=policies.promotions_pay_debt,
        reversal=policies.reversal,
        wallet_transfers=policies.wallet_transfers,
        settle_beyond=policies.settle_beyond,
        hold_lifetime=timedelta(seconds=policies.hold_lifetime.seconds),
        least_margin=policies.least_margin or Decimal(0),
    )


class PlanInMode(Section):
    """What differs of a plan in one mode."""

    prices: Annotated[tuple[PlanPrice, ...], OneOrMore()] | None = None
    """Its prices there."""
    ids: ProviderIds = Field(default={})
    """What providers call it there."""


class PackInMode(Section):
    """What differs of a pack in one mode."""

    price: Prices | None = None
    """Its price there."""
    ids: ProviderIds = Field(default={})
    """What providers call it there."""


class TopUpInMode(Section):
    """What differs of a top-up in one mode."""

    rate: WrittenRates | None = None
    """Its rate there."""
    ids: ProviderIds = Field(default={})
    """What providers call it there."""


class FeatureInMode(Section):
    """What differs of a feature in one mode."""

    ids: ProviderIds = Field(default={})
    """What providers call it there."""


class Mode(Section):
    """What differs in the providers' test mode, or live: ids and prices, nothing else."""

    plans: Mapping[Key, PlanInMode] = Field(default={})
    """By plan."""
    packs: Mapping[Key, PackInMode] = Field(default={})
    """By pack."""
    top_ups: Mapping[Key, TopUpInMode] = Field(default={})
    """By unit."""
    features: Mapping[Key, FeatureInMode] = Field(default={})
    """By feature."""
