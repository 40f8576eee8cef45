"""What-if without books: plays usage that the caller has, in the order of time, under a catalog.

Reads no database and writes nothing. It keeps the state of each customer, and no event.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tollkeeper.decisions.granting import Grant
from tollkeeper.decisions.playing import PlayedBook
from tollkeeper.decisions.recasting import Recast
from tollkeeper.decisions.requests import GrantFact, Use
from tollkeeper.decisions.simulating import Played
from tollkeeper.decisions.subscribing import Allocate
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.errors import InvalidRequest
from tollkeeper.ids import GRANT, OPERATION, new_id
from tollkeeper.ledger.simulating import TOLD_EVERY, Outcome, Progress
from tollkeeper.ledger.units import Units
from tollkeeper.operations.calls import check_money
from tollkeeper.operations.metering import Checking, Given
from tollkeeper.operations.simulating import changes_of, measured
from tollkeeper.operations.simulation_reports import Report
from tollkeeper.values.money import Money
from tollkeeper.values.periods import Period
from tollkeeper.values.simulations import Simulation
from tollkeeper.values.texts import check_text
from tollkeeper.values.usage import NewUsage

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


@dataclass(slots=True)
class Trial:
    """Usage under way: the customers seen so far, and where in time it is."""

    changes: Recast
    units: Units
    #: Plans that customers have, in turn; none leaves them without one.
    plans: tuple[str, ...]
    #: What each customer's wallet begins with.
    deposit: Money | None
    customers: dict[str, tuple[str | None, Played]] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    events: int = 0

    def play(self, use: Use) -> None:
        """Play one event; it comes no earlier than the one before."""
        if self.last is not None and use.counted_at < self.last:
            raise InvalidRequest(
                f"Event {self.events} was used at {use.counted_at.isoformat()}, before the one in "
                "front of it; sort usage by event_at."
            )
        self.first = self.first or use.counted_at
        self.last = use.counted_at
        self.events += 1
        self._played(use).charge(use)

    def _played(self, use: Use) -> Played:
        known = self.customers.get(use.customer)
        if known is None:
            plan = self.plans[len(self.customers) % len(self.plans)] if self.plans else None
            made = self._begun(use, plan)
            self.customers[use.customer] = (plan, made)
            return made
        return known[1]

    def _begun(self, use: Use, plan: str | None) -> Played:
        """Begin with a customer: with his plan, and his deposit."""
        own = Tally(use.customer, OWN)
        book = PlayedBook(use.customer, self.units, use.counted_at, own)
        played = Played(book, self.changes)
        if plan is not None:
            book.play(self._allocation(use.customer, plan), use.counted_at)
        if self.deposit is not None:
            book.play(self._deposited(use.customer, self.deposit, use.counted_at), use.counted_at)
        return played

    def _allocation(self, customer: str, plan: str) -> Allocate:
        sold = self.changes.catalog.plans[plan]
        intervals = [str(price.every) for price in sold.prices if price.every]
        return Allocate(
            id=new_id(OPERATION),
            customer=customer,
            plan=plan,
            group=sold.group,
            is_add_on=sold.add_on,
            interval=intervals[0] if intervals else None,
            quantity=1,
            catalog=self.changes,
            is_free=not sold.prices,
        )

    def _deposited(self, customer: str, money: Money, at: datetime) -> Grant:
        fact = GrantFact(
            id=new_id(GRANT),
            customer=customer,
            unit=money.unit.key,
            amount=money.scaled,
            source="deposit",
            priority=60,
            paid=True,
            effective_at=at,
        )
        return Grant(id=new_id(OPERATION), customer=customer, fact=fact)


def simulate_usage(
    catalog: "Catalog | str | Path",
    usage: Iterable[NewUsage],
    *,
    plans: str | Sequence[str] = (),
    deposit: Money | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Play usage under a catalog; see `Books.simulate_usage`."""
    begun = time.perf_counter()
    changes = changes_of(catalog, None, None)
    units = Units(changes.catalog.declared_units())
    trial = Trial(changes, units, _plans(changes, plans), _deposit(deposit))
    checking = Checking(Given(changes.catalog.compiled))
    for event in usage:
        trial.play(_use(checking, event, trial.events))
        if progress is not None and trial.events % TOLD_EVERY == 0:
            progress(trial.events, 0)
    if trial.first is None or trial.last is None:
        raise InvalidRequest("There is no usage to simulate.")
    return measured(_reported(trial, trial.first, trial.last), begun)


def _reported(trial: Trial, since: datetime, last: datetime) -> Simulation:
    catalog = trial.changes.catalog
    report = Report(trial.units, catalog.scale, catalog.currency)
    span = Period(since, last + last.resolution)
    for customer, (plan, played) in trial.customers.items():
        played.end(span, (), {}, lambda _: catalog)
        report.add(Outcome(customer, plan, played.happened, played.simulated))
    return report.finished(since, span.end, trial.changes.version, trial.events)


def _plans(changes: Recast, plans: object) -> tuple[str, ...]:
    from tollkeeper.catalog.looking import plan_of

    named = [plans] if isinstance(plans, str) else plans
    if not isinstance(named, Sequence):
        raise InvalidRequest("plans is a plan of the catalog, or a list of them.")
    for plan in named:
        plan_of(changes.catalog, check_text(plan, "plans"))
    return tuple(named)


def _deposit(deposit: object) -> Money | None:
    return None if deposit is None else check_money(deposit)


def _use(checking: Checking, event: Any, number: int) -> Use:
    """Check an event, and give it as a charge at its own time."""
    if not isinstance(event, Mapping):
        raise InvalidRequest(f"Event {number} is of type {type(event).__name__}; it is a dict.")
    new = checking.event(**event)
    if new.event_at is None:
        raise InvalidRequest(f"Event {number} has no event_at; usage is played at its own time.")
    return Use(
        new.customer,
        new.id,
        new.feature,
        new.quantity,
        new.event_at,
        member=new.member,
        dimensions=new.told,
    )
