"""One customer's span of time played again under another catalog, beside what happened. Pure.

The laws, which `tests/simulating` proves:

- Under the catalog that was in force, charges played again do what they did: all are accepted, and
  the same sources pay the same parts, to the last digit.
- What happened and what is played are summed by one kind of sums, and valued by one rule.
- Who comes before or after, and with whom, changes nothing of a customer's own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from tollkeeper.catalog.list_prices import list_price, listed
from tollkeeper.catalog.rates import half_even
from tollkeeper.decisions.allowance_worth import worth_of
from tollkeeper.decisions.charging import Charging
from tollkeeper.decisions.effects import Effects, GrantWatch, Worth, WorthOf
from tollkeeper.decisions.playing import PlayedBook
from tollkeeper.decisions.recasting import Recast
from tollkeeper.decisions.requests import GrantFact, Request, Use
from tollkeeper.decisions.retelling import (
    Operation,
    charged_again,
    done_again,
    is_charge,
    recorded_again,
)
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.errors import InvalidRequest, NotFound, NothingPays, Refusal, TollkeeperError
from tollkeeper.values.periods import Period

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: What refuses a request; any other error is no answer, and ends the simulation.
REFUSED = (Refusal, InvalidRequest, NotFound)

#: How many recorded events are played at once, and of how long a time at most.
MOST_AT_ONCE = 500
LONGEST_WAIT = timedelta(hours=24)

#: Gives the catalog of a version; None where nobody has it any more.
CatalogOf = Callable[[str], "Catalog | None"]

#: Brings the counters of limits, which began before the span, to where they stood.
Seeding = Callable[[PlayedBook, Charging, datetime], None]


def nothing_before(book: PlayedBook, charge: Charging, now: datetime) -> None:
    """Know of no use before the span."""


@dataclass(slots=True)
class Played:
    """One customer, as far as his span is played."""

    book: PlayedBook
    changes: Recast
    seed: Seeding = nothing_before
    happened: Effects = field(default_factory=Effects)
    simulated: Effects = field(default_factory=Effects)
    #: How grants were used in the books, and how they are used here.
    then: GrantWatch = field(default_factory=GrantWatch)
    now: GrantWatch = field(default_factory=GrantWatch)
    #: What a call said of who may pay, until its use comes.
    pay_from: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Grants of the customer's plans in the books.
    own_grants: frozenset[str] = frozenset()
    _seeded: set[object] = field(default_factory=set)
    #: Recorded usage that is played together with what follows at once.
    _waiting: list[Use] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book.watch = self.now.entry

    def use(self, use: Use) -> None:
        """Count a use of the books, and play it; recorded usage waits for more of its kind."""
        if use.quantity or use.owed or use.spent:
            self.happened.feature(use.feature).use(use)
        if use.quantity <= 0:
            return
        if not is_charge(use):
            self._wait(use)
            return
        if self._waiting:
            self.record()
        self.charge(use)

    def charge(self, use: Use) -> None:
        """Charge for a use again; who is refused stays where he was."""
        pay_from = self.pay_from.pop(use.id, None) if self.pay_from else None
        request = charged_again(use, self.changes.catalog.compiled, pay_from)
        try:
            self._seed(request, use.counted_at)
            outcome = self.book.play(request, use.counted_at)
        except REFUSED as refusal:
            self.simulated.feature(use.feature).refuse(_code_of(refusal), use.quantity)
            return
        self._count(outcome.uses)

    def record(self) -> None:
        """Record again what waits: all at once, or one by one where some of it is refused."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        request = recorded_again(waiting, self.changes.catalog.compiled)
        try:
            outcome = self.book.play(request, waiting[-1].counted_at)
        except REFUSED as refusal:
            if len(waiting) == 1:
                use = waiting[0]
                self.simulated.feature(use.feature).refuse(refusal.code, use.quantity)
                return
            for use in waiting:
                self._waiting = [use]
                self.record()
            return
        self._count(outcome.uses)

    def _wait(self, use: Use) -> None:
        waiting = self._waiting
        if waiting and (
            len(waiting) >= MOST_AT_ONCE or use.counted_at - waiting[0].counted_at > LONGEST_WAIT
        ):
            self.record()
        self._waiting.append(use)

    def _count(self, uses: Iterable[Use]) -> None:
        for use in uses:
            self.simulated.feature(use.feature).use(use)

    def operation(self, told: Operation) -> None:
        """Do again what came and went beside uses."""
        self.record()
        for entry in told.entries:
            self.then.lines(entry.kind, entry.unit, entry.lines)
        if told.is_of_a_charge:
            if "pay_from" in told.result:
                self.pay_from[told.id] = tuple(told.result["pay_from"])
            return
        request = done_again(told, self.book.customer, self.book.facts, self.own_grants)
        if request is not None:
            self._do(request, told.at)

    def take(self, subscribed: Subscribed) -> None:
        """Take a plan when it was taken."""
        self.record()
        self._do(self.changes.allocation(subscribed), subscribed.started_at)

    def _do(self, request: Request, at: datetime) -> None:
        """Play what is no use; what another catalog does not allow is left undone."""
        self._seeded.clear()
        try:
            self.book.play(request, at)
        except REFUSED:
            return

    def _seed(self, charge: Charging, now: datetime) -> None:
        key = (charge.feature, charge.subjects)
        if key not in self._seeded:
            self._seeded.add(key)
            self.book.advance(now)
            self.seed(self.book, charge, now)

    def end(
        self,
        span: Period,
        taken: Iterable[Subscribed],
        facts: Mapping[str, GrantFact],
        catalog_of: CatalogOf,
    ) -> None:
        """Bring the books to the end of the span, and write down what everything was worth."""
        self.record()
        self.book.advance(span.end - span.end.resolution)
        then = {known.id: known for known in taken}
        currency = self.book.own.currency
        now = self.book.subscribed
        self.then.valued(self.happened, facts, worth_by(then, catalog_of, currency))
        self.now.valued(self.simulated, self.book.facts, worth_by(now, self._catalog, currency))
        sell(self.happened, then.values(), catalog_of, currency, span)
        sell(self.simulated, now.values(), self._catalog, currency, span)

    def vendor(self, feature: str, currency: str, calls: int, cost: int, quantity: int) -> None:
        """Count what a vendor asked; a use that is refused would not have cost its part of it."""
        self.happened.vendor(currency, cost, calls)
        sums = self.simulated.features.get(feature)
        refused = sum(each for _, each in sums.refused.values()) if sums else 0
        left = max(0, quantity - refused)
        part = half_even(cost * left, quantity) if quantity and refused else cost
        self.simulated.vendor(currency, part, calls)

    def _catalog(self, version: str) -> "Catalog":  # there is one catalog here
        return self.changes.catalog


def _code_of(refusal: TollkeeperError) -> str:
    """Say why a charge would be refused; one that names sources which the plan lacks has none."""
    return NothingPays.code if "pay_from" in refusal.details else refusal.code


def worth_by(
    taken: Mapping[str, Subscribed], catalog_of: CatalogOf, currency: str | None
) -> WorthOf:
    """Say what grants are worth: what they cost, or their part of the list price of a plan."""

    def worth(fact: GrantFact) -> Worth | None:
        if fact.source != "allowance":
            is_sold = fact.cost and fact.cost_currency
            return (fact.cost_currency or "", Fraction(fact.cost)) if is_sold else None
        known = taken.get(fact.source_id or "")
        catalog = catalog_of(known.version) if known else None
        if known is None or catalog is None:
            return None
        return worth_of(catalog, known, fact, currency)

    return worth


def sell(
    effects: Effects,
    taken: Iterable[Subscribed],
    catalog_of: CatalogOf,
    currency: str | None,
    span: Period,
) -> None:
    """Count plans by their list prices, for the part of the span in which each was taken."""
    for known in taken:
        catalog = catalog_of(known.version)
        price = None
        if catalog is not None:
            price = list_price(catalog, known.plan, interval=known.interval, currency=currency)
        if price is None:
            continue
        until = span.end if known.ends_at is None else known.ends_at
        while_taken = Period(known.started_at, until)
        exact = listed(price, span, while_taken, known.anchor, known.zone) * known.quantity
        amount = half_even(exact.numerator, exact.denominator)
        effects.plans[price.currency] = effects.plans.get(price.currency, 0) + amount
