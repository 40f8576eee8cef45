"""What would happen to a charge: may they, who would pay, how much is left, why not (C6). Pure.

It runs the very decision that a charge runs, and keeps nothing of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import NamedTuple

from tollkeeper.catalog.terms import Step, Terms
from tollkeeper.decisions import limiting
from tollkeeper.decisions.burning import spendable
from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.counting import priced_before
from tollkeeper.decisions.paying import chosen
from tollkeeper.decisions.requests import Book
from tollkeeper.decisions.tallies import OWN
from tollkeeper.decisions.waterfall import (
    Divided,
    Rated,
    Share,
    Source,
    amounts_by_unit,
    divide,
)
from tollkeeper.decisions.windows import window_of
from tollkeeper.errors import BalanceOverflow, Refusal
from tollkeeper.values.amounts import MAXIMUM, POWERS_OF_TEN
from tollkeeper.values.moments import to_microseconds


class Standing(NamedTuple):
    """One source of payment: what it has, and how much of the feature that pays for."""

    step: Step
    #: What can be spent there; None for the later bill.
    available: int | None
    #: The quantity that it could pay by itself; None where nothing ends it.
    covers: int | None


class Foreseen(NamedTuple):
    """What a charge would do now."""

    terms: Terms
    shares: tuple[Share, ...]
    #: Why it would be refused; None where it would not.
    refusal: Refusal | None
    #: The most that could be charged now; None where nothing ends it.
    left: int | None
    sources: tuple[Standing, ...]
    meters: tuple[limiting.Meter, ...]


def foresee(book: Book, charge: Charge, now: datetime) -> Foreseen:
    """Decide a charge without keeping anything, and look at what its answer hangs on."""
    moment = to_microseconds(now)
    own = book.tally(charge.customer, OWN)
    terms = charge.terms(own, now)
    tallies = {subject: book.tally(charge.customer, subject) for subject in charge.subjects}
    limits = limiting.limits_of(terms, own, moment)
    meters = limiting.meters(limits, tallies, moment, window_of, book)
    before = priced_before(own, terms, moment)
    steps = chosen(terms.steps, charge)
    sources = [Source(step, _capacity(book, charge, step)) for step in steps]
    shares: tuple[Share, ...] = ()
    refusal: Refusal | None = None
    try:
        told = charge.decide(book, now).result
        shares = tuple([Share(*cells) for cells in told["shares"]])
    except Refusal as error:
        refusal = error
    left = _left(book, charge, now, _guess(terms, sources, meters, before))
    standings = tuple([_standing(source, before) for source in sources])
    return Foreseen(terms, shares, refusal, left, standings, tuple(meters))


def refused(charge: Charge, refusal: Refusal) -> Foreseen:
    """Say that a charge is refused before anybody asks who would pay."""
    terms = Terms(charge.feature, charge.prices.scale(charge.feature), ())
    return Foreseen(terms, (), refusal, 0, (), ())


def _capacity(book: Book, charge: Charge, step: Step) -> int | None:
    if step.kind == "usage":
        return None
    return max(0, spendable(book.account(charge.customer, step.unit), charge.feature))


def _standing(source: Source, before: Rated) -> Standing:
    step, capacity = source
    covers = None
    if capacity is not None:
        found = divide(MAXIMUM, [source], before=before)
        covers = MAXIMUM - found.unpaid if found.unpaid else None
    return Standing(step, capacity, covers)


def _left(book: Book, charge: Charge, now: datetime, guess: int) -> int | None:
    """Find the most that could be charged: accepted itself, and refused with one step more.

    The guess is nearly always right; overdrafts and overage lie above it, and where a rate falls
    with the quantity there may be several such quantities.
    """

    @cache
    def refusal(quantity: int) -> Refusal | None:
        return _refusal(book, charge, now, quantity)

    low, high, step = 0, guess, 1
    if isinstance(refusal(guess), BalanceOverflow) and _is_endless(refusal(MAXIMUM)):
        return None
    if refusal(guess) is None:
        low, high = guess, guess + 1
        while high <= MAXIMUM and refusal(high) is None:
            low, high, step = high, high + step, 2 * step
    if low >= MAXIMUM:
        return None
    high = min(high, MAXIMUM + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if refusal(middle) is None else (low, middle)
    ends = high > MAXIMUM or isinstance(refusal(high), BalanceOverflow)
    return None if ends else low


def _is_endless(refusal: Refusal | None) -> bool:
    """Tell whether nothing but 64 bits refuses a quantity."""
    return refusal is None or isinstance(refusal, BalanceOverflow)


def _refusal(book: Book, charge: Charge, now: datetime, quantity: int) -> Refusal | None:
    """Weigh another quantity."""
    try:
        replace(charge, quantity=quantity).weigh(book, now)
    except Refusal as error:
        return error
    return None


def _guess(
    terms: Terms,
    sources: Sequence[Source],
    meters: Sequence[limiting.Meter],
    before: Rated,
) -> int:
    """Guess the most that could be charged, by what balances have and what limits leave."""
    whole = POWERS_OF_TEN[terms.scale] if terms.is_whole else 0
    counted = [meter for meter in meters if meter.limit.measure == limiting.QUANTITY]
    hard = [meter for meter in counted if meter.limit.at_limit == "refuse"]
    most = min([max(0, meter.left) for meter in hard], default=MAXIMUM)
    found = divide(most, sources, whole=whole, before=before)
    most -= found.unpaid
    by_amount = [
        meter
        for meter in meters
        if meter.limit.measure != limiting.QUANTITY and meter.limit.at_limit != "allow"
    ]
    if by_amount and not _fits(found, by_amount):
        most = _largest(most, sources, by_amount, before)
    return most


def _largest(
    most: int,
    sources: Sequence[Source],
    meters: Sequence[limiting.Meter],
    before: Rated,
) -> int:
    """Find by halving the largest quantity whose amounts are within the limits."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(divide(middle, sources, before=before), meters):
            low = middle
        else:
            high = middle - 1
    return low


def _fits(found: Divided, meters: Sequence[limiting.Meter]) -> bool:
    amounts = amounts_by_unit(found.shares)
    return all(amounts.get(m.limit.measure, 0) <= max(0, m.left) for m in meters)
