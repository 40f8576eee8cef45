"""A customer moves to another time zone: it holds from the next period on (D4). Pure.

The period that runs keeps its end, and the periods after it keep their numbers, so that moving
gives nobody an allowance more.
"""

from datetime import datetime

from tollkeeper.decisions.accounts import Account
from tollkeeper.decisions.asking import subscriptions
from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.requests import Book, Outcome
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import OWN
from tollkeeper.values.moments import to_microseconds


def moved(book: Book, outcome: Outcome, customer: str, zone: str | None, now: datetime) -> Outcome:
    """Add to an outcome that what fills a customer's accounts is reckoned in another zone."""
    unposted = [_account(account, zone) for account in book.accounts_of(customer)]
    unposted = [account for account in unposted if account.allowances]
    live = {each.subscription: each for account in unposted for each in account.allowances}
    if not live:
        return outcome
    current = {(a.unit, each.subscription): each for a in unposted for each in a.allowances}
    known = [each for each in subscriptions(book, customer) if each.id in live]
    own = book.tally(customer, OWN)
    tally = own._replace(
        version=own.version + 1, updated=max(own.updated, to_microseconds(now)), zone=zone
    )
    return outcome._replace(
        unposted=tuple(unposted),
        subscriptions=tuple([_subscribed(each, current, now) for each in known]),
        tallies=(tally,),
    )


def _account(account: Account, zone: str | None) -> Account:
    return account._replace(
        allowances=tuple([each._replace(zone=zone) for each in account.allowances])
    )


def _subscribed(
    known: Subscribed,
    current: dict[tuple[str, str], Recurrence],
    now: datetime,
) -> Subscribed:
    """Keep how each allowance goes on from here."""
    allowances = [(unit, current.get((unit, known.id), each)) for unit, each in known.allowances]
    return known._replace(allowances=tuple(allowances), updated_at=now)
