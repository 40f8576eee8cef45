"""What a charge counts: its usage event, the running hour, counters, rated quantities. Pure.

Nothing here decides who pays. Included is what allowances paid; other credits are `credits`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tollkeeper.catalog.rates import half_even
from tollkeeper.catalog.terms import Terms
from tollkeeper.decisions.accounts import Entry, find
from tollkeeper.decisions.limiting import Taken
from tollkeeper.decisions.paying import Paid
from tollkeeper.decisions.requests import Book, Hour, Use
from tollkeeper.decisions.tallies import (
    OWN,
    Counter,
    Running,
    Tally,
    counted,
    recounted,
    tallied,
)
from tollkeeper.decisions.waterfall import Rated, RatedAs, Share
from tollkeeper.decisions.windows import period_of
from tollkeeper.values.texts import canonical_json
from tollkeeper.values.units import MONEY_PREFIX

#: What counters of quantities are named by that a period's rates have rated.
PRICED = "priced:"


class Counted(Protocol):
    """What is known of a use that is counted."""

    @property
    def id(self) -> str:
        """Name the operation."""
        ...

    @property
    def customer(self) -> str:
        """Name the customer."""
        ...

    @property
    def feature(self) -> str:
        """Name the feature."""
        ...

    @property
    def quantity(self) -> int:
        """Give the quantity, scaled."""
        ...

    @property
    def member(self) -> str | None:
        """Name the member."""
        ...

    @property
    def api_key(self) -> str | None:
        """Name the API key."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Name the tags."""
        ...

    @property
    def dimensions(self) -> Mapping[str, str]:
        """Give what else is known."""
        ...


class Parts(NamedTuple):
    """Who paid which part of a quantity, and the money of it; as `Running` has them."""

    included: int
    credits: int
    wallet: int
    billed: int
    spent: int
    owed: int
    currency: str


class Counting(NamedTuple):
    """A charge that was decided, with what it counts."""

    charge: Counted
    terms: Terms
    paid: Paid
    #: Who paid which part of the quantity.
    part: Parts
    taken: Sequence[Taken]

    def use(self, now: datetime) -> Use:
        """Make the usage event, which has the operation's id."""
        charge, part = self.charge, self.part
        told = canonical_json(dict(charge.dimensions)) if charge.dimensions else None
        return Use(
            charge.customer,
            charge.id,
            charge.feature,
            charge.quantity,
            now,
            None,
            charge.member,
            charge.api_key,
            canonical_json(charge.tags) if charge.tags else None,
            told,
            part.included or None,
            part.credits or None,
            part.wallet or None,
            self.paid.unpaid or None,
            part.spent or None,
            part.owed or None,
            part.currency or None,
        )

    def running(self, now: int) -> Running:
        """Count the use as one event."""
        quantity = self.charge.quantity
        return Running(self.charge.feature, 1, quantity, quantity, quantity, now, *self.part)


def parts_of(paid: Paid, included: int) -> Parts:
    """Sum who paid which part of a quantity, and in money."""
    drawn = wallet = billed = spent = owed = 0
    currency = ""
    for _, kind, unit, quantity, amount in paid.shares:
        if kind == "unit":
            drawn += quantity
            continue
        currency = unit.removeprefix(MONEY_PREFIX)
        if kind == "wallet":
            wallet, spent = wallet + quantity, spent + amount
        else:
            billed, owed = billed + quantity, owed + amount
    return Parts(included, drawn - included, wallet, billed, spent, owed, currency)


def included_of(
    book: Book, customer: str, shares: Sequence[Share], entries: Sequence[Entry]
) -> int:
    """Tell how much of the quantity allowances paid: by what each share drew from their grants."""
    drawn: dict[str, int] = {}
    for entry in entries:
        grants = book.account(customer, entry.after.unit).grants
        if not any(grant.included for grant in grants):
            continue
        found = ((find(grants, line.grant), line.remaining) for line in entry.lines)
        amount = -sum(remaining for grant, remaining in found if grant and grant.included)
        if amount:
            drawn[entry.after.unit] = amount
    return included_by(shares, drawn)


def included_by(shares: Sequence[Share], drawn: Mapping[str, int]) -> int:
    """Tell how much of the quantity it was that allowances paid so much for, by unit."""
    if not drawn:
        return 0
    left, included = dict(drawn), 0
    for share in shares:
        from_allowance = min(share.amount, left.get(share.unit, 0))
        if share.kind == "unit" and from_allowance:
            left[share.unit] -= from_allowance
            included += half_even(share.quantity * from_allowance, share.amount)
    return included


_NONE: Final[Rated] = {}


def priced_before(tally: Tally, terms: Terms, now: int) -> Rated:
    """Tell what the running period has rated so far, by unit, where rates count from its start."""
    units = {step.unit for step in (*terms.steps, *terms.overage) if step.by_period}
    if not units:
        return _NONE
    found: dict[RatedAs, int] = {}
    for unit in units:
        counter = tally.counter(priced_name(terms.feature, unit), now)
        found[(unit, None)] = counter.used if counter else 0
    return found


def changed_tallies(
    counting: Counting, tallies: Mapping[str, Tally], now: int
) -> tuple[tuple[Tally, ...], tuple[Hour, ...]]:
    """Count the use in every tally that it concerns; give the hour that is over, too."""
    counters: dict[str, list[Counter]] = {}
    for claim in counting.taken:
        counters.setdefault(claim.meter.subject, []).append(claim.counter)
    own = tallies[OWN]
    further = counters.pop(OWN, []) + _priced_further(counting, own, now)
    hour, running, (before, over) = tallied(own, counting.running(now), now)
    changed = [recounted(own, counted(own.counters, further, now), now, hour, running)]
    for subject, some in counters.items():
        tally = tallies[subject]
        changed.append(recounted(tally, counted(tally.counters, some, now), now, 0, ()))
    return tuple(changed), ((Hour(own.customer, before, over),) if over else ())


def _priced_further(counting: Counting, own: Tally, now: int) -> list[Counter]:
    made: list[Counter] = []
    for (unit, rate), quantity in counting.paid.rated.items():
        if rate is not None:
            continue
        name = priced_name(counting.terms.feature, unit)
        counter = own.counter(name, now) or Counter(name, *period_of(own, now), 0)
        made.append(counter._replace(used=counter.used + quantity))
    return made


def priced_name(feature: str, unit: str) -> str:
    """Name the counter of what a period's rates have rated of a feature, in a unit."""
    return f"{PRICED}{feature}:{unit}"
