"""Notices about subscriptions: who is on which plan from now on, and who no longer is."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.notices.base import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionNotice(Notice):
    """A fact about one subscription, as it stands after the operation."""

    #: The subscription.
    subscription_id: str
    #: The plan's key in the catalog.
    plan: str
    #: What is paid for at once: `month`, `year` …; None for a plan without a price.
    interval: str | None = None
    #: How many seats are paid for.
    quantity: int
    #: The first moment of the billing period that runs, or of the last one (UTC).
    period_start: datetime
    #: The first moment after that period (UTC).
    period_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStarted(SubscriptionNotice):
    """A customer was put on a plan: it was paid for, or is free."""

    kind: ClassVar[str] = "subscription_started"

    #: The app's own name of the payment that it was sold for; None where there was none.
    payment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnding(SubscriptionNotice):
    """A subscription was cancelled, and ends with its period (D6)."""

    kind: ClassVar[str] = "subscription_ending"

    #: When it will end (UTC).
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionResumed(SubscriptionNotice):
    """A cancellation was taken back before the subscription was over."""

    kind: ClassVar[str] = "subscription_resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnded(SubscriptionNotice):
    """A subscription is over: it was cancelled at once, gave way to another, or its time came."""

    kind: ClassVar[str] = "subscription_ended"

    #: When it ended (UTC); by time, it may have been noticed later.
    ended_at: datetime
