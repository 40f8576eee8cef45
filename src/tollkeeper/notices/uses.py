"""Notices about use, limits and purchases: what a charge crosses, what a top-up brought."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from tollkeeper.notices.base import BalanceNotice, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitNotice(Notice):
    """A fact about one limit: how much may be used or spent in a window (C4)."""

    #: The limit's stable name.
    limit: str
    #: The feature whose use counts; None where every feature counts.
    feature: str | None = None
    #: The member, key or tag whose use counts; None for the customer as a whole.
    subject: str | None = None
    #: What is counted: `quantity`, or the key of a unit, or the code of a currency.
    measure: str
    #: How much is used of it by now, what holds have taken included.
    used: Decimal
    #: The most that may be used in the window.
    at_most: Decimal
    #: When the window ends and the count starts anew (UTC); None is never.
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitApproaching(LimitNotice):
    """The use passed a warning threshold of a limit, upwards: once for each crossing (C6)."""

    kind: ClassVar[str] = "limit_approaching"

    #: The threshold that was passed, in percent of the limit.
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReached(LimitNotice):
    """The use reached a limit: nothing more is allowed, or what follows is overage (C5)."""

    kind: ClassVar[str] = "limit_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCleared(LimitNotice):
    """The use fell below a threshold that it had passed: a hold was released, or use undone."""

    kind: ClassVar[str] = "limit_cleared"

    #: The threshold, in percent of the limit.
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecorded(Notice):
    """Something was used: one notice a usage event, so it is off unless somebody asks (H1)."""

    kind: ClassVar[str] = "usage_recorded"

    #: The usage event.
    event_id: str
    #: What was used.
    feature: str
    #: How much of it.
    quantity: Decimal
    #: When it was used (UTC).
    event_at: datetime
    #: Who used it, where that is known.
    member: str | None = None
    #: The usage event that this one takes the place of; None where it is no amendment.
    amends: str | None = None
    #: What else is known of it: model, region …
    dimensions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageUncollected(Notice):
    """A settle used more of a feature than anybody could pay; nobody paid the rest (B2)."""

    kind: ClassVar[str] = "usage_uncollected"

    #: The usage event, whose quantity is the whole of it.
    event_id: str
    #: What was used.
    feature: str
    #: How much of it nobody paid, above zero.
    quantity: Decimal
    #: The hold that was settled; None where there was none.
    hold_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLow(Notice):
    """A customer's AI calls earned less than they should: `model_calls.warn_of_losses` found it."""

    kind: ClassVar[str] = "margin_low"

    #: The first moment of the span that was summed up (UTC).
    since: datetime
    #: The first moment after it (UTC).
    until: datetime
    #: How many calls the customer made in it.
    calls: int
    #: What the vendors took for them, in `currency`.
    vendor_cost: Decimal
    #: What they earned, in `currency`.
    revenue: Decimal
    #: The currency of both, such as `usd`.
    currency: str
    #: The least margin that was asked for, in percent of the revenue.
    least: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpPaid(BalanceNotice):
    """A top-up was paid, and what was bought is there."""

    kind: ClassVar[str] = "top_up_paid"

    #: The purchase.
    purchase_id: str
    #: How much was added to the balance.
    credits_added: Decimal
    #: What the card was charged, in `charged_currency`, tax included.
    amount_charged: Decimal
    #: The currency that was charged.
    charged_currency: str
    #: Whether a rule bought it (`automatic`) or somebody did (`manual`).
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpFailed(BalanceNotice):
    """A top-up was not paid; nothing was added."""

    kind: ClassVar[str] = "top_up_failed"

    #: The purchase.
    purchase_id: str
    #: Why, as one stable word: `declined`, `no_card`, `needs_checkout`, `limit` …
    reason: str
    #: Whether a rule bought it (`automatic`) or somebody did (`manual`).
    trigger: str
    #: How the rule stands now: `active`, `waiting`, `blocked` or `suspended`.
    status: str
    #: When it will be tried again (UTC); None is never, without somebody's doing.
    next_attempt_at: datetime | None = None
    #: What the bank said, where it said something.
    decline_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(Notice):
    """A subscription's payment failed; what the plan allows goes on during its grace period."""

    kind: ClassVar[str] = "payment_failed"

    #: The subscription.
    subscription_id: str
    #: The plan that it is for.
    plan: str
    #: What was to be paid, in `currency`.
    amount_due: Decimal
    #: The currency that was asked.
    currency: str
    #: Which attempt it was, from 1.
    attempt: int
    #: Whether it will be tried again by itself.
    will_retry: bool
    #: When it will be tried again (UTC); None where it will not.
    next_attempt_at: datetime | None = None
    #: What the bank said, where it said something.
    decline_code: str | None = None
    #: Until when the allowance stays (UTC); None is without an end.
    grace_until: datetime | None = None
