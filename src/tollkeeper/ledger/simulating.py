"""Plays a span of the books again under another catalog, customer by customer. Writes nothing.

It joins what the books tell (`stories`) with the pure decisions (`decisions.simulating`), and holds
one customer at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.decisions.effects import Effects
from tollkeeper.decisions.playing import PlayedBook
from tollkeeper.decisions.recasting import Recast, recast
from tollkeeper.decisions.requests import Use
from tollkeeper.decisions.retelling import Operation
from tollkeeper.decisions.simulating import Played
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.ledger import catalogs
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.counters_before import CountersBefore
from tollkeeper.ledger.stories import Stories, Story
from tollkeeper.store import simulations
from tollkeeper.store.simulations import Asked
from tollkeeper.values.periods import Period
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: Called now and then with how many events are done, and how many there are.
Progress = Callable[[int, int], None]

#: After how many events the progress is told again.
TOLD_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a customer's span came to."""

    customer: str
    #: The plan that he had in the books at the end; None for none.
    plan: str | None
    happened: Effects
    simulated: Effects


@dataclass(slots=True)
class Simulating:
    """One simulation under way: what it asks, and how far it is."""

    ledger: Ledger
    connection: Connection
    asked: Asked
    changes: Recast
    units: Mapping[str, Unit]
    #: Told each customer's outcome.
    told: Callable[[Outcome], None]
    progress: Progress | None = None
    events: int = 0
    _total: int = 0
    _catalogs: "dict[str, Catalog | None]" = field(default_factory=dict)

    def run(self) -> int:
        """Play every customer's span; give the number of events."""
        if self.progress is not None:
            self._total = simulations.count_uses(self.connection, self.ledger.database, self.asked)
            self.progress(0, self._total)
        for story in Stories(self.ledger, self.connection, self.asked):
            played = self._played(story)
            plan = plan_at_the_end(story.taken, self.asked)
            self.told(Outcome(story.customer, plan, played.happened, played.simulated))
        if self.progress is not None:
            self.progress(self.events, max(self.events, self._total))
        return self.events

    def _played(self, story: Story) -> Played:
        counters = CountersBefore(self.connection, self.ledger.database, story.real)
        played = Played(self._book(story, counters), self.changes, counters.seed)
        played.own_grants = story.own_grants
        for dated in story.happenings:
            what = dated.what
            if isinstance(what, Use):
                played.use(what)
                self._step()
            elif isinstance(what, Operation):
                played.operation(what)
            else:
                played.take(what)
        for due in story.waiting:
            for entry in due.entries:
                played.then.entry(entry)
        span = Period(self.asked.since, self.asked.until)
        played.end(span, story.taken, story.facts, self._catalog_of)
        for cost in story.vendors:
            played.vendor(*cost)
        return played

    def _book(self, story: Story, counters: CountersBefore) -> PlayedBook:
        """Open a customer's books as they stood, going on under the other catalog."""
        real, since = story.real, self.asked.since
        own = Tally(
            story.customer,
            OWN,
            min(real.version, 1),
            real.zone,
            real.currency,
            limits=real.limits,
        )
        book = PlayedBook(story.customer, self.units, since, own, counters.asked)
        book.facts = {fact.id: self.changes.fact(fact) for fact in story.facts.values()}
        for account in story.accounts:
            book.put(account)
        live = [_as_known(known, self.asked) for known in story.taken if known.started_at < since]
        recast(book, live, self.changes, since)
        return book

    def _step(self) -> None:
        self.events += 1
        if self.progress is not None and self.events % TOLD_EVERY == 0:
            self.progress(self.events, self._total)

    def _catalog_of(self, version: str) -> "Catalog | None":
        """Give the catalog that a plan was sold under."""
        if version not in self._catalogs:
            self._catalogs[version] = self._looked_up(version)
        return self._catalogs[version]

    def _looked_up(self, version: str) -> "Catalog | None":
        prices = self.ledger.prices
        known = prices.of_version(version) if isinstance(prices, InForce) else None
        if known is not None or not version:
            return known
        return catalogs.read(self.connection, self.ledger.database, [version]).get(version)


def plan_at_the_end(taken: tuple[Subscribed, ...], asked: Asked) -> str | None:
    """Name the plan that a customer had at the end of the span; plans go before add-ons."""
    live = [known for known in taken if known.ends_at is None or known.ends_at >= asked.until]
    found = sorted(live or taken, key=lambda known: (known.is_add_on, known.id))
    return found[0].plan if found else None


def _as_known(known: Subscribed, asked: Asked) -> Subscribed:
    """Give a subscription as it stood when the span began: what changed later comes later."""
    return known if known.updated_at < asked.since else known._replace(ends_at=None)
