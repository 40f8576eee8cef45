"""Limits: how much of each is used, what a charge takes of them, and who is refused (C4, C5). Pure.

A limit's counter belongs to its window, so another limit or plan does not refill it; an open hold
takes headroom as a charge does, until it is over. The most restrictive limit wins.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tollkeeper.catalog.terms import Limit, Terms
from tollkeeper.decisions.asking import Asked, Span, used
from tollkeeper.decisions.tallies import OWN, PREFIXES, Counter, OwnLimit, Tally, subject_of
from tollkeeper.errors import LimitReached
from tollkeeper.values.amounts import format_amount
from tollkeeper.values.moments import from_microseconds
from tollkeeper.values.units import MONEY_PREFIX, Unit

#: Gives the window of a limit that holds at a moment: its start and end, 0 for none.
WindowOf = Callable[[Limit, Tally, int, Counter | None], tuple[int, int]]

QUANTITY = "quantity"


class Meter(NamedTuple):
    """One limit as it stands for one charge: its counter, and what holds take of it."""

    limit: Limit
    #: The tally that counts it.
    subject: str
    counter: Counter
    held: int
    #: Whether the counter was begun just now, with what the books say; it is to be kept.
    is_begun: bool = False

    @property
    def left(self) -> int:
        """Tell how much may still be used; below zero where more was used than is allowed now."""
        return self.limit.at_most - self.counter.used - self.held


class Taken(NamedTuple):
    """A limit of which a charge takes something."""

    meter: Meter
    amount: int

    @property
    def counter(self) -> Counter:
        """Give the counter afterwards."""
        name, start, end, used = self.meter.counter
        return Counter(name, start, end, used + self.amount)


def limits_of(terms: Terms, own: Tally, now: int) -> Iterable[Limit]:
    """Give the limits of a feature for a customer: his own go before the catalog's (C4)."""
    if not own.limits:
        return terms.limits
    live = [known.limit for known in own.limits if not known.until or now < known.until]
    named = {(limit.name, limit.only): limit for limit in terms.limits}
    named.update(
        ((limit.name, limit.only), limit)
        for limit in live
        if limit.feature in (None, terms.feature)
    )
    return named.values()


def subjects(member: str | None, key: str | None, tags: Sequence[str]) -> tuple[str, ...]:
    """Name the tallies beside the customer's own that a use touches."""
    named = [subject_of("member", member)] if member is not None else []
    named += [subject_of("api_key", key)] if key is not None else []
    return (*named, *(subject_of("tag", tag) for tag in tags))


def meters(
    limits: Iterable[Limit],
    tallies: Mapping[str, Tally],
    now: int,
    window_of: WindowOf,
    book: Asked | None = None,
) -> list[Meter]:
    """Read every limit that concerns a use off the tallies of its subjects.

    A counter that was never begun, though there was use before, begins with what the books say. A
    limit of one member, key or tag takes the place of the one of its name that all have.
    """
    found: list[Meter] = []
    limits = list(limits)
    own = {(limit.name, limit.only) for limit in limits if limit.only is not None}
    for limit in limits:
        for subject in subjects_of(limit, tallies):
            if limit.only is None and own and (limit.name, _named(subject)) in own:
                continue
            tally = tallies[subject]
            counter, is_begun = tally.counter(limit.name, now), False
            if counter is None:
                before = tally.last_counter(limit.name)
                start, end = window_of(limit, tallies[OWN], now, before)
                counter = Counter(limit.name, start, end, 0)
                if book is not None and _is_unbegun(limit, tally, tallies[OWN]):
                    counter, is_begun = (
                        _begun(limit, subject, counter, tallies[OWN], book, now),
                        True,
                    )
            held = held_of(tallies[OWN], limit, subject, now)
            found.append(Meter(limit, subject, counter, held, is_begun))
    return found


def held_of(own: Tally, limit: Limit, subject: str, now: int) -> int:
    """Sum what open holds take of a limit, whether or not it stood when they were made (C4)."""
    if not own.held:
        return 0
    return sum(
        [
            _demand(limit, held.quantity, dict(held.amounts))
            for held in own.open_holds(now)
            if limit.feature in (None, held.feature) and (not subject or subject in held.subjects)
        ]
    )


def _named(subject: str) -> str:
    return subject.partition(":")[2]


def _is_unbegun(limit: Limit, tally: Tally, own: Tally) -> bool:
    """Tell whether a limit never counted here, though the customer used something before."""
    return bool(own.version) and all(counter.name != limit.name for counter in tally.counters)


def _begun(
    limit: Limit, subject: str, counter: Counter, own: Tally, book: Asked, now: int
) -> Counter:
    """Begin a counter as if the limit had stood from the start of its window (C4).

    A rolling window had begun with the first use that is no older than the window is long.
    """
    start, end = counter.start, counter.end
    if limit.window.kind == "rolling":
        start, end = now - limit.window.seconds * 1_000_000 + 1, 0
    measure = "quantity" if limit.measure == QUANTITY else limit.measure
    found = used(book, Span(own.customer, limit.feature, subject, measure, start, end))
    if limit.window.kind == "rolling" and found.first:
        ends = found.first + limit.window.seconds * 1_000_000
        return Counter(limit.name, found.first, ends, found.amount)
    return counter._replace(used=max(0, found.amount))


def subjects_of(limit: Limit, names: Collection[str]) -> list[str]:
    """Name those of some tallies that a limit counts by."""
    if limit.subject == "customer":
        return [OWN]
    if limit.only is not None:
        wanted = subject_of(limit.subject, limit.only)
        return [wanted] if wanted in names else []
    return [name for name in names if name.startswith(PREFIXES[limit.subject])]


def within(meters: Sequence[Meter], quantity: int) -> int:
    """Tell how much of a quantity stays below the limits beyond which the rest is overage (C5)."""
    allowed = quantity
    for meter in meters:
        if meter.limit.measure == QUANTITY and meter.limit.at_limit == "overage":
            allowed = min(allowed, max(0, meter.left))
    return allowed


def refuse_beyond(meters: Sequence[Meter], quantity: int, unit_of: "UnitOf", now: int) -> None:
    """Refuse what passes a limit beyond which the rest is overage, where nobody pays for that.

    Raises:
        LimitReached: always; of several such limits, the one that leaves the least.
    """
    passed = [
        Taken(meter, quantity)
        for meter in meters
        if meter.limit.measure == QUANTITY
        and meter.limit.at_limit == "overage"
        and quantity > max(0, meter.left)
    ]
    raise refusal(min(passed, key=lambda claim: claim.meter.left), unit_of, now)


def take(
    meters: Sequence[Meter], quantity: int, amounts: Mapping[str, int], unit_of: "UnitOf", now: int
) -> list[Taken]:
    """Take a charge's quantity and amounts from its limits.

    Raises:
        LimitReached: a limit that refuses has less left; of several, the one with the least.
    """
    taken = demands(meters, quantity, amounts)
    passed = [claim for claim in taken if _refuses(claim)]
    if passed:
        raise refusal(min(passed, key=lambda claim: claim.meter.left), unit_of, now)
    return taken


def demands(meters: Sequence[Meter], quantity: int, amounts: Mapping[str, int]) -> list[Taken]:
    """Tell what a use takes of each limit, allowed or not: what was used is counted (B2)."""
    taken = [Taken(meter, _demand(meter.limit, quantity, amounts)) for meter in meters]
    return [claim for claim in taken if claim.amount or claim.meter.is_begun]


UnitOf = Callable[[Limit], tuple[str, int]]


def _refuses(claim: Taken) -> bool:
    limit = claim.meter.limit
    is_hard = limit.at_limit == "refuse" or (
        limit.measure != QUANTITY and limit.at_limit != "allow"
    )
    return is_hard and claim.amount > max(0, claim.meter.left)


def _demand(limit: Limit, quantity: int, amounts: Mapping[str, int]) -> int:
    """Tell how much of a limit a charge takes: its quantity, or its amounts in the unit."""
    return quantity if limit.measure == QUANTITY else amounts.get(limit.measure, 0)


def refusal(claim: Taken, unit_of: UnitOf, now: int) -> LimitReached:
    """Make the refusal: which limit, how much of it is left, and when it starts anew."""
    limit, counter = claim.meter.limit, claim.meter.counter
    word, scale = unit_of(limit)
    left = format_amount(max(0, claim.meter.left), scale)
    most, asked = format_amount(limit.at_most, scale), format_amount(claim.amount, scale)
    resets = from_microseconds(counter.end) if counter.end else None
    when = f"; it starts anew at {resets.isoformat()}" if resets else ""
    whose = f" of {claim.meter.subject}" if claim.meter.subject else ""
    return LimitReached(
        f"{asked} {word} asked, {left} left of the limit{whose} of {most} per {_span(limit)} "
        f"({limit.name}){when}.",
        limit=limit.name,
        subject=claim.meter.subject,
        at_most=most,
        used=format_amount(counter.used, scale),
        held=format_amount(claim.meter.held, scale),
        left=left,
        required=asked,
        resets_at=resets,
        retry_after_seconds=-(-(counter.end - now) // 1_000_000) if counter.end else None,
    )


def _span(limit: Limit) -> str:
    window = limit.window
    if window.kind == "rolling":
        return f"{window.every} from the first use"
    return {"period": "billing period", "lifetime": "lifetime"}.get(window.kind, window.kind)


def word_of(limit: Limit, feature: str, scale: int, units: Mapping[str, Unit]) -> tuple[str, int]:
    """Give the word and the scale in which a limit counts."""
    if limit.measure == QUANTITY:
        return feature, scale
    return limit.measure.removeprefix(MONEY_PREFIX), units[limit.measure].scale


def with_limit(tally: Tally, limit: Limit, until: int) -> Tally:
    """Give a customer a limit of his own, or another number for one of the catalog's."""
    others = without_limit(tally, limit.name, limit.only).limits
    return tally._replace(limits=(*others, OwnLimit(limit, until)))


def without_limit(tally: Tally, name: str, only: str | None) -> Tally:
    """Take a limit of the customer's own away; what the catalog says holds again."""
    kept = [known for known in tally.limits if (known.limit.name, known.limit.only) != (name, only)]
    return tally._replace(limits=tuple(kept))
