"""A customer's own limits: set, cleared and told (C4, 114). Pure.

A limit of his own takes the place of the catalog's that counts the same over the same window, with
its name; so the counter stays where it is, and another number refills nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from tollkeeper.catalog.terms import Limit, PriceList, SoldPlan
from tollkeeper.decisions import limiting
from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.decisions.tallies import OWN, Tally, subject_of
from tollkeeper.decisions.windows import window_of
from tollkeeper.errors import CurrencyMismatch, LimitNotFound
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.limits import CustomerLimit
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.units import MONEY_PREFIX, Unit

#: What `until` says where a limit is to end with the window that runs.
WITH_WINDOW = -1


@runtime_checkable
class Limiting(Protocol):
    """A price list that knows its limits."""

    def limits(self, plans: Sequence[SoldPlan], currency: str | None) -> tuple[Limit, ...]:
        """Give every limit of a customer on these plans."""
        ...


class Listed(NamedTuple):
    """A limit that holds for a customer, and whether it is his own, until when."""

    limit: Limit
    is_own: bool = False
    until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimit(Request):
    """Give a customer a limit of his own, or another number for one of the catalog's."""

    verb: ClassVar[str] = "set_limit"

    #: Named by what it counts; the catalog's own name goes before.
    limit: Limit
    #: Whether the call says what happens beyond it.
    says_at_limit: bool
    #: Until when, in microseconds; 0 is for good, `WITH_WINDOW` until the running window ends.
    until: int
    prices: PriceList

    def needs(self) -> Needs:
        """Ask for the customer's own tally, and for that of whom it limits."""
        return Needs(tallies=_tallies(self.customer, self.limit))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Put it among the customer's limits; its counter stays as it is.

        Raises CurrencyMismatch where it counts other money than the customer's: nothing would.
        """
        own, moment = book.tally(self.customer, OWN), to_microseconds(now)
        self._check_currency(own)
        known = standing(self.prices, own, moment)
        limit = matched(self.limit, known, says_at_limit=self.says_at_limit)
        found = meter_of(book, own, limit, moment)
        until = self.until
        if until == WITH_WINDOW:
            until = found.counter.end
        scale = quantity_scale(self.prices, limit.feature)
        state = told(Listed(limit, is_own=True, until=until), found, scale, book.units)
        tally = limiting.with_limit(_live(own, moment), limit, until)
        return _changed(tally, now, state)

    def _check_currency(self, own: Tally) -> None:
        code = self.limit.measure.removeprefix(MONEY_PREFIX)
        if code != self.limit.measure and own.currency not in (None, code):
            raise CurrencyMismatch(
                f"{self.customer!r} pays in {own.currency}; a limit in {code} would never hold.",
                currency=own.currency,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearLimit(Request):
    """Take a limit of a customer's own away; what the catalog says holds again."""

    verb: ClassVar[str] = "clear_limit"

    name: str
    #: The one member, key or tag that it was for, and which of these.
    subject: str
    prices: PriceList

    def needs(self) -> Needs:
        """Ask for the customer's own tally, and for that of whom it limited."""
        keys = [(self.customer, OWN)]
        return Needs(
            tallies=tuple(keys if not self.subject else [*keys, (self.customer, self.subject)])
        )

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take it out of the customer's limits.

        Raises LimitNotFound where he has none of this name.
        """
        own, moment = book.tally(self.customer, OWN), to_microseconds(now)
        for known in _live(own, moment).limits:
            limit = known.limit
            if limit.name == self.name and _subject(limit) == self.subject:
                found = meter_of(book, own, limit, moment)
                scale = quantity_scale(self.prices, limit.feature)
                state = told(
                    Listed(limit, is_own=True, until=known.until), found, scale, book.units
                )
                tally = limiting.without_limit(_live(own, moment), limit.name, limit.only)
                return _changed(tally, now, state)
        names = [known.limit.name for known in own.limits]
        raise LimitNotFound(
            f"{self.customer!r} has no limit of his own named {self.name!r}; "
            f"he has: {', '.join(names) or 'none'}.",
            limit=self.name,
            known=names,
        )


def standing(prices: PriceList, own: Tally, now: int) -> tuple[Limit, ...]:
    """Give the limits that the catalog has for a customer."""
    if not isinstance(prices, Limiting):
        return ()
    live = [plan for plan in own.plans if not plan.ends or now < plan.ends]
    return prices.limits([(plan.plan, plan.version) for plan in live], own.currency)


def listed(prices: PriceList, own: Tally, now: int) -> list[Listed]:
    """Give every limit that holds for a customer: his own in the place of the catalog's."""
    found = {(limit.name, limit.only): Listed(limit) for limit in standing(prices, own, now)}
    for known in _live(own, now).limits:
        key = (known.limit.name, known.limit.only)
        found[key] = Listed(known.limit, is_own=True, until=known.until)
    return list(found.values())


def matched(limit: Limit, known: Iterable[Limit], *, says_at_limit: bool) -> Limit:
    """Take the name of the catalog's limit that counts the same over the same window.

    Where there are several, which differ in what happens beyond them, it is the one that does the
    same as this; where that is not said, the one that refuses.
    """
    same = [o for o in known if _shape(o) == _shape(limit) and o.only in (None, limit.only)]
    if not same:
        return limit
    wanted = limit.at_limit if says_at_limit else "refuse"
    other = next((other for other in same if other.at_limit == wanted), same[0])
    at_limit = limit.at_limit if says_at_limit else other.at_limit
    return limit._replace(name=other.name, at_limit=at_limit, warn_at=other.warn_at)


def meter_of(book: Book, own: Tally, limit: Limit, now: int) -> limiting.Meter:
    """Read how a limit stands for the one whose use it counts."""
    subject = _subject(limit)
    tallies = {OWN: own}
    if subject:
        tallies[subject] = book.tally(own.customer, subject)
    return limiting.meters([limit], tallies, now, window_of, book)[0]


def told(
    listed: Listed, meter: limiting.Meter, scale: int, units: Mapping[str, Unit]
) -> CustomerLimit:
    """Tell how a limit stands, in decimals."""
    limit, counter = listed.limit, meter.counter
    word = limit.measure.removeprefix(MONEY_PREFIX)
    if limit.measure == limiting.QUANTITY:
        word = limit.feature or "quantity"
    else:
        scale = units[limit.measure].scale
    return CustomerLimit(
        name=limit.name,
        subject=meter.subject,
        feature=limit.feature,
        counts=word,
        at_most=from_scaled(limit.at_most, scale),
        every=limit.window.every,
        at_limit=limit.at_limit,
        is_own=listed.is_own,
        until=from_microseconds(listed.until) if listed.until else None,
        used=from_scaled(counter.used, scale),
        held=from_scaled(meter.held, scale),
        left=from_scaled(max(0, meter.left), scale),
        resets_at=from_microseconds(counter.end) if counter.end else None,
    )


def quantity_scale(prices: PriceList, feature: str | None) -> int:
    """Give the decimal digits in which a limit counts quantities."""
    return 0 if feature is None else prices.scale(feature)


def _shape(limit: Limit) -> tuple[object, ...]:
    return limit.feature, limit.subject, limit.measure, limit.window


def _subject(limit: Limit) -> str:
    return OWN if limit.only is None else subject_of(limit.subject, limit.only)


def _tallies(customer: str, limit: Limit) -> tuple[tuple[str, str], ...]:
    subject = _subject(limit)
    return ((customer, OWN), (customer, subject)) if subject else ((customer, OWN),)


def _live(own: Tally, now: int) -> Tally:
    """Forget the limits that are over."""
    kept = tuple([known for known in own.limits if not known.until or now < known.until])
    return own._replace(limits=kept)


def _changed(tally: Tally, now: datetime, state: CustomerLimit) -> Outcome:
    moment = max(tally.updated, to_microseconds(now))
    return Outcome(
        result={"limit": state.to_dict()},
        tallies=(tally._replace(version=tally.version + 1, updated=moment),),
        is_kept=True,
    )
