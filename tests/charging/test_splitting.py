"""Law 6 for charges: at one moment and with nothing between, charging a then b is charging a + b.

It holds, for balances, counters and every sum of use, where each step's rate is flat and exact (a
whole number of its unit's smallest parts). Where a rate is counted by the period (tiers, packages
and what does not come out even included) it holds for what is rated in all: a then b cost together
what a + b cost, to the last digit. Who pays may differ there, since a source that could not pay the
next part at the old price may be able to at a lower one.

It does not hold, and is not meant to, where a rate begins anew with each charge: two begun packages
are two packages, a volume price looks at each charge by itself, and each charge is rounded once.
"""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.charging.cases import FEATURE, SOURCES, USAGE, rates
from tests.charging.pages import MONEY, Pages, Priced
from tollkeeper.catalog.rates import Rate, Tier, flat
from tollkeeper.catalog.terms import Limit, Step, Terms, Window
from tollkeeper.errors import LimitReached, Refusal

parts = st.integers(1, 20)


@st.composite
def exact(draw: st.DrawFn) -> tuple[Terms, Pages]:
    """Flat and exact terms over some balances, with or without limits and a later bill."""
    steps = [
        Step(*each, flat(draw(st.integers(0, 4)), 1)) for each in draw(st.permutations(SOURCES))
    ]
    if draw(st.booleans()):
        steps.append(Step(*USAGE, flat(draw(st.integers(0, 4)), 1)))
    limits = [
        Limit("refusing", FEATURE, "customer", "quantity", draw(parts) + 10, Window("day")),
        Limit("counting", None, "member", "quantity", 5, Window("hour"), "allow"),
        Limit("money", FEATURE, "customer", MONEY, draw(st.integers(0, 90)), Window("month")),
    ]
    overage: tuple[Step, ...] = ()
    if draw(st.booleans()):
        limits.append(
            Limit("beyond", FEATURE, "customer", "quantity", draw(parts), Window("week"), "overage")
        )
        overage = (Step(*USAGE, flat(draw(st.integers(0, 9)), 1)),)
    book = Pages()
    for unit in ("own", "pool", MONEY):
        for features in draw(st.lists(st.sampled_from([(), (FEATURE,), ("other",)]), max_size=2)):
            book.give(unit, draw(st.integers(1, 20)), features=features)
        if draw(st.booleans()):
            book.may_overdraw(unit, draw(st.integers(0, 10)))
    return Terms(FEATURE, 0, tuple(steps), tuple(limits), overage), book


def charged(book: Pages, terms: Terms, *quantities: int) -> str | None:
    """Charge one after the other; give the first refusal."""
    for quantity in quantities:
        try:
            book.charge(Priced(terms), FEATURE, quantity, member="ann")
        except Refusal as error:
            return "limit" if isinstance(error, LimitReached) else "balance"
    return None


def sums(book: Pages) -> Counter[str]:
    """What the usage events add up to: by whom, and in money."""
    summed: Counter[str] = Counter()
    for use in book.uses:
        summed["quantity"] += use.quantity
        summed["credits"] += (use.included or 0) + (use.credits or 0)
        for name in ("wallet", "spent", "owed"):
            summed[name] += getattr(use, name) or 0
    return summed


@given(case=exact(), first=parts, second=parts)
def test_flat_and_exact_charges_may_be_split(
    case: tuple[Terms, Pages], first: int, second: int
) -> None:
    """The same balances, counters and sums; and where the whole is accepted, so are its parts."""
    terms, book = case
    apart = book.copy()
    whole, split = charged(book, terms, first + second), charged(apart, terms, first, second)
    assert (whole is None) == (split is None)
    if whole is None:
        assert apart.balances == book.balances
        assert apart.counters == book.counters
        assert sums(apart) == sums(book)


@given(
    rate=rates(),
    quantities=st.lists(parts, min_size=1, max_size=6),
    there=st.integers(0, 40),
    before=st.integers(0, 9),
)
def test_a_period_rates_the_same_however_it_was_split(
    rate: Rate, quantities: list[int], there: int, before: int
) -> None:
    """Wallet and later bill together ask what the rate says of all of it, to the last digit."""
    steps = (Step(*SOURCES[2], rate, by_period=True), Step(*USAGE, rate, by_period=True))
    terms = Terms(FEATURE, 0, steps)
    apart = Pages()
    if there:
        apart.give(MONEY, there)
    if before:
        charged(apart, terms, before)
    whole = apart.copy()
    assert charged(whole, terms, sum(quantities)) is charged(apart, terms, *quantities) is None
    rated = [sums(book)["spent"] + sums(book)["owed"] for book in (whole, apart)]
    assert rated == [rate.cost(before + sum(quantities))] * 2
    assert whole.counters == apart.counters


def test_where_it_does_not_hold() -> None:
    """Begun packages, and volume prices, look at each charge by itself."""
    package = Rate((Tier(None, 5),), 1, "package", 10)
    volume = Rate((Tier(9, 2), Tier(None, 1)), 1, "volume")
    for rate, together, split in ((package, 5, 10), (volume, 12, 24)):
        terms: Any = Terms(FEATURE, 0, (Step(*USAGE, rate),))
        books = Pages(), Pages()
        charged(books[0], terms, 12 if rate is volume else 8)
        charged(books[1], terms, *((6, 6) if rate is volume else (4, 4)))
        assert [sums(book)["owed"] for book in books] == [together, split]
