"""Charging: one call decides who pays for a use, and books all of it at once (C1-C7). Pure.

Limits first, then the waterfall over the customer's balances, his wallet and his later bill. The
outcome is one operation with an entry for each account that pays, and one usage event; who can pay
what is `paying`, what is counted is `counting`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from tollkeeper.catalog.terms import PriceList, Terms
from tollkeeper.decisions import limiting
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.counting import (
    Counting,
    changed_tallies,
    included_of,
    parts_of,
    priced_before,
)
from tollkeeper.decisions.paying import Paid, chosen, divided, entries_of
from tollkeeper.decisions.pricing import price_list
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.decisions.warning import Scene, is_quiet, taken, warnings
from tollkeeper.decisions.waterfall import Rated, Share, amounts_by_unit
from tollkeeper.decisions.windows import window_of
from tollkeeper.errors import NotEntitled
from tollkeeper.notices import Notice
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import Unit

_OWN_ALONE = (OWN,)
_NO_PLANS: tuple[str, ...] = ()


class Weighed(NamedTuple):
    """A charge weighed: at which terms, under which limits, and who pays what."""

    terms: Terms
    tallies: Mapping[str, Tally]
    meters: Sequence[limiting.Meter]
    before: Rated
    paid: Paid
    taken: Sequence[limiting.Taken]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging(Request):
    """What every request that charges for a feature knows, and how it is weighed."""

    feature: str
    #: How much was used, at the feature's scale.
    quantity: int
    prices: PriceList
    #: The sources that may pay, among those of the plan; None leaves it to the plan.
    pay_from: tuple[str, ...] | None = None
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    #: What else is known of the use: model, region …
    dimensions: Mapping[str, str] = field(default_factory=dict)
    #: Terms that were agreed on earlier, with a hold (B6); None asks the catalog.
    pinned: Terms | None = None

    def needs(self) -> Needs:
        """Ask for the tallies; which accounts pay follows from the plans in the customer's own."""
        return Needs(tallies=tuple([(self.customer, subject) for subject in self.subjects]))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Name the tallies of the customer that count this use, his own first."""
        if self.member is self.api_key is None and not self.tags:
            return _OWN_ALONE
        return (OWN, *limiting.subjects(self.member, self.api_key, self.tags))

    def accounts(
        self, tally: Tally, units: Mapping[str, Unit], now: datetime
    ) -> tuple[tuple[AccountKey, ...], tuple[AccountKey, ...]]:
        """Name the accounts that pay: those that must be there, and those that pay if they are."""
        terms = self.terms(tally, now)
        names = {step.unit: None for step in (*terms.steps, *terms.overage) if step.kind != "usage"}
        keys = [(self.customer, unit) for unit in names]
        needed = [key for key in keys if units[key[1]].overdraft != 0]
        return tuple(needed), tuple([key for key in keys if key not in needed])

    def terms(self, tally: Tally, now: datetime) -> Terms:
        """Give the terms that hold for this customer at a moment."""
        if self.pinned is not None:
            return self.pinned
        prices, plans = self.prices, _NO_PLANS
        if tally.plans:
            prices, plans = price_list(prices, tally, to_microseconds(now))
        terms = prices.terms(self.feature, plans, tally.currency, self.dimensions, now)
        if not terms.is_allowed:
            shown = ", ".join(plans) or "none"
            raise NotEntitled(
                f"{self.feature!r} is not part of the customer's plans ({shown}).",
                feature=self.feature,
                plans=list(plans),
            )
        return terms

    def weigh(self, book: Book, now: datetime) -> Weighed:
        """Look who would pay under which limits; nothing is booked yet.

        Raises LimitReached, InsufficientBalance, NothingPays or NotEntitled.
        """
        moment = to_microseconds(now)
        own = book.tally(self.customer, OWN)
        terms, tallies = self.terms(own, now), self.tallies(book, own)
        limits = limiting.limits_of(terms, own, moment)
        meters = limiting.meters(limits, tallies, moment, window_of, book) if limits else []
        before = self.rated_before(book, own, terms, moment)
        paid = divided(book, self, terms, self._within(book, terms, meters, moment), before)
        claims = self._taken(book, terms, meters, paid.shares, moment) if meters else []
        return Weighed(terms, tallies, meters, before, paid, claims)

    def rated_before(self, book: Book, own: Tally, terms: Terms, now: int) -> Rated:
        """Tell what was rated before this use, of which its price goes on."""
        return priced_before(own, terms, now)

    def tallies(self, book: Book, own: Tally) -> dict[str, Tally]:
        """Give the tallies that count this use, by subject."""
        tallies = {OWN: own}
        for subject in self.subjects[1:]:
            tallies[subject] = book.tally(self.customer, subject)
        return tallies

    def _within(self, book: Book, terms: Terms, meters: Sequence[limiting.Meter], now: int) -> int:
        """Tell how much stays within the limits beyond which somebody pays for overage (C5)."""
        within = limiting.within(meters, self.quantity)
        if within < self.quantity and not chosen(terms.overage, self):
            limiting.refuse_beyond(meters, self.quantity, self._unit_of(book, terms), now)
        return within

    def _unit_of(self, book: Book, terms: Terms) -> limiting.UnitOf:
        return lambda limit: limiting.word_of(limit, self.feature, terms.scale, book.units)

    def warned(self, book: Book, weighed: Weighed) -> tuple[Notice, ...]:
        """Give the notices of the limits' thresholds that were crossed (C6)."""
        if is_quiet(weighed.taken):
            return ()
        scene = Scene(self.customer, self.feature, weighed.terms.scale, book.units)
        return warnings(taken(weighed.taken), scene)

    def _taken(
        self,
        book: Book,
        terms: Terms,
        meters: Sequence[limiting.Meter],
        shares: tuple[Share, ...],
        now: int,
    ) -> list[limiting.Taken]:
        amounts, unit_of = amounts_by_unit(shares), self._unit_of(book, terms)
        return limiting.take(meters, self.quantity, amounts, unit_of, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(Charging):
    """Let a customer's sources of payment pay for a use of a feature."""

    verb: ClassVar[str] = "charge"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Check the limits, walk the waterfall, and book who paid what.

        Raises LimitReached, InsufficientBalance, NothingPays or NotEntitled; nothing is booked.
        """
        weighed = self.weigh(book, now)
        paid = weighed.paid
        entries = entries_of(book, self, paid)
        included = included_of(book, self.customer, paid.shares, entries)
        counting = Counting(self, weighed.terms, paid, parts_of(paid, included), weighed.taken)
        changed, over = changed_tallies(counting, weighed.tallies, to_microseconds(now))
        return Outcome(
            tuple(entries),
            result=told(self, weighed.terms, paid.shares),
            notices=self.warned(book, weighed),
            tallies=changed,
            uses=(counting.use(now),),
            hours=over,
        )


def told(charge: Charging, terms: Terms, shares: tuple[Share, ...]) -> dict[str, Any]:
    """Tell what was used and who paid which part, for the receipt."""
    said: dict[str, Any] = {
        "feature": charge.feature,
        "quantity": charge.quantity,
        "scale": terms.scale,
        "shares": [list(share) for share in shares],
    }
    if charge.pay_from is not None:
        said["pay_from"] = list(charge.pay_from)
    return said if charge.member is None else said | {"member": charge.member}
