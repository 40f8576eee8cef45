"""A customer moves to another time zone: it holds from the next period on (D4). Pure.

The laws, which `tests/subscriptions` proves:

- The period that runs keeps its end, and the next one begins there, of the subscription, of its
  allowances and of limits by the period alike: all three tell one period, at every moment.
- Periods keep their numbers, so that moving gives nobody an allowance more.
- What is over stays as it was.
"""

from datetime import datetime

from tollkeeper.decisions.accounts import Account
from tollkeeper.decisions.asking import subscriptions
from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.requests import Book, Outcome
from tollkeeper.decisions.subscribed import Subscribed, live
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.values.moments import to_microseconds


def moved(book: Book, outcome: Outcome, customer: str, zone: str | None, now: datetime) -> Outcome:
    """Add to an outcome that a customer's plans, and what they give, are reckoned in a zone."""
    filled = [account for account in book.accounts_of(customer) if account.allowances]
    own = book.tally(customer, OWN)
    if not (filled or own.plans):
        return outcome
    unposted = [_account(account, zone) for account in filled]
    current = {(a.unit, each.subscription): each for a in unposted for each in a.allowances}
    known = [
        _subscribed(each, current, zone, now) for each in live(subscriptions(book, customer), now)
    ]
    return outcome._replace(
        unposted=tuple(unposted),
        subscriptions=tuple(known),
        tallies=(_tally(own, known, zone, now),),
    )


def _account(account: Account, zone: str | None) -> Account:
    return account._replace(
        allowances=tuple([each._replace(zone=zone) for each in account.allowances])
    )


def _subscribed(
    known: Subscribed,
    current: dict[tuple[str, str], Recurrence],
    zone: str | None,
    now: datetime,
) -> Subscribed:
    """Keep the period that runs, and how each allowance goes on from here."""
    allowances = [(unit, current.get((unit, known.id), each)) for unit, each in known.allowances]
    return known._replace(
        zone=zone, moved_in=known.numbered(now), allowances=tuple(allowances), updated_at=now
    )


def _tally(own: Tally, known: list[Subscribed], zone: str | None, now: datetime) -> Tally:
    moved_plans = {each.id: each.on_plan(now) for each in known}
    return own._replace(
        version=own.version + 1,
        updated=max(own.updated, to_microseconds(now)),
        zone=zone,
        plans=tuple([moved_plans.get(plan.subscription, plan) for plan in own.plans]),
    )
