"""A customer's books at a moment, as another catalog would go on from there. Pure.

- What he has stays: balances, grants, and what is left of the running allowance.
- From the next period on his allowances are those of the other catalog; of a unit that his plan did
  not give before, the running period's comes at once.
- A plan may be moved to another one; grants may burn in another order, by their source.
- Where the other catalog says what the first one said, nothing changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tollkeeper.decisions.accounts import Account, OpenGrant
from tollkeeper.decisions.advancing import next_due
from tollkeeper.decisions.burning import burn_key
from tollkeeper.decisions.holds import Hold, give_back
from tollkeeper.decisions.playing import PlayedBook
from tollkeeper.decisions.recurrences import Recurrence, begun
from tollkeeper.decisions.renewing import give
from tollkeeper.decisions.requests import GrantFact, Outcome
from tollkeeper.decisions.subscribed import Subscribed, with_plan
from tollkeeper.decisions.subscribing import Allocate, recurring
from tollkeeper.decisions.tallies import OWN
from tollkeeper.values.intervals import Interval

if TYPE_CHECKING:
    from tollkeeper.catalog.allowances import GrantTerms
    from tollkeeper.catalog.catalog import Catalog

_NO_MOVES: Mapping[str, str] = {}
_AS_THEY_ARE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recast:
    """What is to be different."""

    catalog: "Catalog"
    #: Plans to be taken instead of others.
    move: Mapping[str, str] = field(default_factory=lambda: _NO_MOVES)
    #: Burn priorities by source of grants; others stay as they are.
    priorities: Mapping[str, int] = field(default_factory=lambda: _AS_THEY_ARE)

    @property
    def version(self) -> str:
        """Name the catalog's version."""
        return self.catalog.version

    def allowances(
        self, plan: str, *, interval: str | None, currency: str | None, quantity: int
    ) -> "tuple[GrantTerms, ...]":
        """Tell what a plan grants, in the burn order that is asked for."""
        if plan not in self.catalog.plans or self.catalog.plans[plan].grants == "manual":
            return ()
        found = self.catalog.allowances(
            plan, interval=interval, currency=currency, quantity=quantity
        )
        priority = self.priorities.get("allowance")
        if priority is None:
            return found
        return tuple([replace(terms, priority=priority) for terms in found])

    def subscribed(self, known: Subscribed) -> Subscribed:
        """Give a subscription as if its plan, or the one it moves to, were of this catalog."""
        plan = self.move.get(known.plan, known.plan)
        sold = self.catalog.plans.get(plan)
        if sold is None:
            return known._replace(version=self.version)
        return known._replace(
            plan=plan,
            group=sold.group,
            is_add_on=sold.add_on,
            is_free=not sold.prices,
            interval=self._interval(plan, known.interval),
            version=self.version,
        )

    def allocation(self, known: Subscribed) -> Allocate:
        """Ask for a subscription that was taken, in this catalog's words."""
        made = self.subscribed(known)
        return Allocate(
            id=f"op_{known.id.partition('_')[2]}",
            customer=known.customer,
            plan=made.plan,
            group=made.group,
            is_add_on=made.is_add_on,
            interval=made.interval,
            quantity=made.quantity,
            catalog=self,
            anchor=made.anchor,
            is_free=made.is_free,
        )

    def fact(self, fact: GrantFact) -> GrantFact:
        """Give a grant's fact with the priority that its source has now."""
        priority = self.priorities.get(fact.source)
        return fact if priority is None else replace(fact, priority=priority)

    def _interval(self, plan: str, interval: str | None) -> str | None:
        sold = [price.every for price in self.catalog.plans[plan].prices if price.every]
        if interval is not None and Interval.parse(interval) in sold:
            return interval
        return str(sold[0]) if sold else None


def recast(book: PlayedBook, live: Sequence[Subscribed], changes: Recast, now: datetime) -> None:
    """Let a customer's books go on under another catalog from a moment on."""
    before: dict[tuple[str, str], Recurrence] = {}
    for account in list(book.states.values()):
        for known in account.allowances:
            before[(account.unit, known.subscription)] = known
        book.states[account.unit] = _reordered(account, book.facts, changes)
    own = book.tally(book.customer, OWN)
    plans = own.plans
    for subscribed in live:
        made = changes.subscribed(subscribed)
        plans = with_plan(plans, made.on_plan(now), now)
        terms = changes.allowances(
            made.plan, interval=made.interval, currency=own.currency, quantity=made.quantity
        )
        filled = [_go_on(book, made, each, before.get((each.unit, made.id)), now) for each in terms]
        book.subscribed[made.id] = made._replace(allowances=tuple(filled))
    book.tallies[own.key] = own._replace(plans=plans)
    for account in list(book.states.values()):
        book.put(account._replace(due_at=next_due(account, ())))


def unheld(account: Account, holds: Sequence[Hold]) -> Account:
    """Give an account as if nothing of it were set aside: uses are played when they are settled."""
    for hold in holds:
        back = give_back(account, hold.drawn, name=hold.id.partition("_")[2], now=hold.created_at)
        freed = sum(grant.remaining for grant in back.grants if grant.is_general)
        bound = sum(grant.remaining for grant in back.grants if not grant.is_general)
        debt = account.debt + back.debt
        account = account._replace(
            grants=back.grants, available=freed - debt, restricted=bound, debt=debt
        )
    return account._replace(held=0, due_at=next_due(account, ()))


def _reordered(account: Account, facts: Mapping[str, GrantFact], changes: Recast) -> Account:
    """Take the old recurrences out, and put the grants in the burn order that is asked for."""
    grants = account.grants
    if changes.priorities:
        made = [_reranked(grant, facts.get(grant.id), changes) for grant in grants]
        grants = tuple(sorted(made, key=burn_key))
    return account._replace(grants=grants, allowances=())


def _reranked(grant: OpenGrant, fact: GrantFact | None, changes: Recast) -> OpenGrant:
    if fact is None:
        return grant
    return grant._replace(priority=changes.priorities.get(fact.source, grant.priority))


def _go_on(
    book: PlayedBook,
    made: Subscribed,
    terms: "GrantTerms",
    before: Recurrence | None,
    now: datetime,
) -> tuple[str, Recurrence]:
    """Let an allowance fill its account from where the one before it stands."""
    new = recurring(made.id, terms, made.anchor, made.zone)._replace(ends_at=made.ends_at)
    account = book.account(book.customer, terms.unit)
    if before is not None and (before.every, before.anchor) == (new.every, new.anchor):
        new = new._replace(number=before.number, next_at=before.next_at)
        book.states[terms.unit] = account._replace(allowances=(*account.allowances, new))
        return terms.unit, new
    new, running = begun(new, now)
    account = account._replace(allowances=(*account.allowances, new))
    if before is None:
        account, entries, facts = give(account, new, running, now, is_first=True)
        book.accept(Outcome(tuple(entries), facts))
    book.states[terms.unit] = account
    return terms.unit, new
