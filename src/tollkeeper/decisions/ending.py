"""Cancelling a subscription: with its period, or now; and thinking better of it (D6). Pure.

What was bought or paid in stays, open holds can still be settled, and a cancellation that is asked
for twice has one effect.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from tollkeeper.decisions import telling_plans
from tollkeeper.decisions.accounts import Account, Entry
from tollkeeper.decisions.advancing import watched
from tollkeeper.decisions.asking import subscriptions
from tollkeeper.decisions.free_plans import left_over
from tollkeeper.decisions.recurrences import OVER, Recurrence
from tollkeeper.decisions.renewing import replaced, revoke
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.subscribed import Subscribed, live, with_plan
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.decisions.turning import turned
from tollkeeper.errors import AmbiguousPlan, SubscriptionNotFound
from tollkeeper.values.moments import to_microseconds

When = Literal["period_end", "now"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Request):
    """End a subscription, at the end of the period that is paid for or at once."""

    verb: ClassVar[str] = "cancel_subscription"

    #: Which; None is the only one.
    subscription: str | None
    at: When

    def needs(self) -> Needs:
        """Ask for the customer's own tally and all accounts: which are filled is found later."""
        return Needs(tallies=((self.customer, OWN),), every_account=(self.customer,))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Set the end; what is over, or ends no later, stays as it is."""
        own = book.tally(self.customer, OWN)
        known = chosen(book, self.customer, self.subscription, now)
        ends = now if self.at == "now" else known.running(now).end
        if not known.is_live(now) or (known.ends_at is not None and known.ends_at <= ends):
            return Outcome(result={"subscription": known.told(now).to_dict()})
        entries: list[Entry] = []
        unposted: list[Account] = []
        left: list[tuple[str, int]] = []
        for unit in dict.fromkeys(known.units):
            account = book.account(self.customer, unit)
            account, booked, unspent = ended(account, known.id, ends, now)
            entries += booked
            left.append((unit, unspent))
            if not booked:
                unposted.append(account)
        known = known._replace(left_over=tuple(left) if ends <= now else ())
        return changed(own, known, ends, now, tuple(entries), tuple(unposted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Take back a cancellation before the subscription is over."""

    verb: ClassVar[str] = "resume_subscription"

    subscription: str | None

    def needs(self) -> Needs:
        """Ask for the customer's own tally and all accounts."""
        return Needs(tallies=((self.customer, OWN),), every_account=(self.customer,))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Forget the end; one that is over already is not there any more."""
        own = book.tally(self.customer, OWN)
        known = chosen(book, self.customer, self.subscription, now)
        if not known.is_live(now):
            raise SubscriptionNotFound(
                f"The subscription {known.id!r} is over; allocate a new one.", subscription=known.id
            )
        if known.ends_at is None:
            return Outcome(result={"subscription": known.told(now).to_dict()})
        unposted = [
            _until(book.account(self.customer, unit), known.id, None)
            for unit in dict.fromkeys(known.units)
        ]
        return changed(own, known, None, now, (), tuple(unposted))


def chosen(book: Book, customer: str, subscription: str | None, now: datetime) -> Subscribed:
    """Find a subscription of a customer; unless one is named, the only one that is live.

    Raises SubscriptionNotFound, or AmbiguousPlan where there are several.
    """
    found = subscriptions(book, customer)
    if subscription is not None:
        for known in found:
            if known.id == subscription:
                return known
        raise SubscriptionNotFound(
            f"{customer!r} has no subscription {subscription!r}.", subscription=subscription
        )
    current = live(found, now) or list(found[-1:])
    if not current:
        raise SubscriptionNotFound(f"{customer!r} has no subscription.")
    if len(current) > 1:
        raise AmbiguousPlan(
            f"{customer!r} has {len(current)} subscriptions; name one of them.",
            known=[known.id for known in current],
        )
    return current[0]


def changed(
    own: Tally,
    known: Subscribed,
    ends: datetime | None,
    now: datetime,
    entries: tuple[Entry, ...],
    unposted: tuple[Account, ...],
) -> Outcome:
    """Write that a subscription ends at a moment, or that no end is known any more."""
    after = known._replace(ends_at=ends, updated_at=now)
    moment = to_microseconds(now)
    if after.is_live(now):
        plans = with_plan(own.plans, after.on_plan(now), now)
    else:
        plans = tuple([plan for plan in own.plans if plan.subscription != known.id])
    updated = max(own.updated, moment)
    tally = own._replace(version=own.version + 1, plans=plans, updated=updated, plans_since=moment)
    return Outcome(
        entries,
        result={"subscription": after.told(now).to_dict()},
        tallies=(turned(tally, moment),),
        subscriptions=(after,),
        notices=(telling_plans.changed(after, now),),
        unposted=unposted,
        is_kept=True,
    )


def ended(
    account: Account, subscription: str, ends: datetime, now: datetime
) -> tuple[Account, list[Entry], int]:
    """Let an account be filled until a moment; if that is now, revoke what is left of it.

    Give the account, what was booked, and how much was left of the running period's allowance.
    """
    if ends > now:
        return _until(account, subscription, ends), [], 0
    left = left_over(account, _of(account, subscription))
    entries: list[Entry] = []
    for known in _of(account, subscription):
        taken = [grant.id for grant in account.grants if known.gave(grant.id)]
        account, revoked = revoke(account, taken)
        entries += revoked
        gone = known._replace(number=OVER, next_at=None, ends_at=ends)
        account = replaced(account, known, gone if account.held else None)
    if entries:
        entries[-1] = entries[-1]._replace(after=account)
    return account, entries, left


def _until(account: Account, subscription: str, ends: datetime | None) -> Account:
    for known in _of(account, subscription):
        account = replaced(account, known, known._replace(ends_at=ends))
    return watched(account)


def _of(account: Account, subscription: str) -> list[Recurrence]:
    return [
        known
        for known in account.allowances
        if known.subscription == subscription and not known.is_over
    ]
