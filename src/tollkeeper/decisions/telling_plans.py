"""What the app is told of subscriptions: that one started, is ending, goes on, or ended. Pure.

The laws, which `tests/subscriptions/test_notices.py` proves:

- Whatever changes a subscription tells so in its own transaction; what changes nothing tells
  nothing.
- The end of a subscription is told once, whether an operation ended it or time did. An end by time
  has a notice of one id for ever, which follows from the subscription.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from tollkeeper.decisions.advancing import suffix
from tollkeeper.decisions.asking import subscriptions
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import OWN
from tollkeeper.notices import (
    Notice,
    SubscriptionEnded,
    SubscriptionEnding,
    SubscriptionResumed,
    SubscriptionStarted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellEnd(Request):
    """Tell the app that a subscription's time is over, if it is."""

    verb: ClassVar[str] = "tell_end"

    subscription: str

    def needs(self) -> Needs:
        """Ask for the customer's own tally: whoever changes a subscription has it."""
        return Needs(tallies=((self.customer, OWN),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Tell the end of one that was not told before; it may have been resumed meanwhile."""
        for known in subscriptions(book, self.customer):
            if known.id == self.subscription and _ended_by_time(known, now):
                name = f"ntc_{suffix(known.id)}"
                return Outcome(result={"ended": 1}, notices=(_ended(known, now, name=name),))
        return Outcome()


def started(known: Subscribed, now: datetime) -> Notice:
    """Tell that a plan was taken."""
    return SubscriptionStarted(**_about(known, now), payment_id=known.payment_id)


def changed(known: Subscribed, now: datetime) -> Notice:
    """Tell that a subscription is over, will be over, or goes on after all."""
    if not known.is_live(now):
        return ended(known, now)
    if known.ends_at is not None:
        return SubscriptionEnding(**_about(known, now), ends_at=known.ends_at)
    return SubscriptionResumed(**_about(known, now))


def ended(known: Subscribed, now: datetime) -> Notice:
    """Tell that an operation ended a subscription at once."""
    return _ended(known, now)


def _ended(known: Subscribed, now: datetime, name: str = "") -> Notice:
    return SubscriptionEnded(id=name, **_about(known, now), ended_at=known.ends_at or now)


def _ended_by_time(known: Subscribed, now: datetime) -> bool:
    """Tell whether it is over, and no operation ended it at once, which told so itself."""
    return known.ends_at is not None and known.updated_at < known.ends_at <= now


def _about(known: Subscribed, now: datetime) -> dict[str, Any]:
    running = known.running(now)
    return {
        "customer": known.customer,
        "subscription_id": known.id,
        "plan": known.plan,
        "interval": known.interval,
        "quantity": known.quantity,
        "period_start": running.start,
        "period_end": running.end,
    }
