"""Whatever a charge may meet, with small numbers: rates, waterfalls, balances, overdrafts, limits.

Small, so that roundings, ends of tiers and empty balances meet in nearly every case.
"""

import random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.charging.pages import MONEY, Pages
from tollkeeper.catalog.rates import Mode, Rate, Tier
from tollkeeper.catalog.terms import Limit, Step, StepKind, Terms, Window

FEATURE = "thing"
SOURCES: tuple[tuple[str, StepKind, str], ...] = (
    ("own", "unit", "own"),
    ("pool", "unit", "pool"),
    ("wallet", "wallet", MONEY),
)
USAGE: tuple[str, StepKind, str] = ("usage", "usage", MONEY)

amounts = st.integers(0, 40)
denominators = st.sampled_from([1, 2, 3, 7])


@st.composite
def rates(draw: st.DrawFn, *, rising: bool = True) -> Rate:
    """A rate with small numbers, so that roundings meet; `rising` leaves out volume tiers."""
    mode: Mode = draw(
        st.sampled_from(["flat", "graduated", "package"] + ([] if rising else ["volume"]))
    )
    below = draw(denominators)
    if mode == "flat":
        return Rate((Tier(None, draw(st.integers(0, 9))),), below)
    if mode == "package":
        return Rate((Tier(None, draw(amounts)),), below, "package", draw(st.integers(1, 5)))
    ends = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=2)))
    tiers = [Tier(end, draw(st.integers(0, 9)), draw(st.integers(0, 5))) for end in [*ends, None]]
    return Rate(tuple(tiers), below, mode)


class Case(NamedTuple):
    """Terms, a book, and a quantity to be charged."""

    terms: Terms
    book: Pages
    quantity: int


def cases(*, rising: bool = True, whole: float = 0.3) -> st.SearchStrategy[Case]:
    """Somebody with some balances, on terms of every shape; volume tiers only if not `rising`.

    `whole` says how often a quantity is paid in whole ones. Hypothesis chooses a number, and the
    number everything else, evenly: left to itself it likes one source and empty balances.
    """

    def made(seed: int) -> Case:
        return _Maker(random.Random(seed), rising).case(whole)

    return st.integers(0, 2**40).map(made)


class _Maker:
    """Makes one case of one source of chance."""

    def __init__(self, chance: random.Random, rising: bool) -> None:  # noqa: FBT001  # see `cases`
        self.chance, self.rising = chance, rising
        self.shared = self.rate()

    def case(self, whole: float) -> Case:
        steps = [self.step(source) for source in self.some(SOURCES, 1)]
        if self.chance.random() < 0.3:
            steps.append(self.step(USAGE))
        limits: tuple[Limit, ...] = ()
        overage: list[Step] = []
        if self.chance.random() < 0.3:
            most, window = self.chance.randint(0, 12), Window("lifetime")
            limits = (Limit("most", FEATURE, "customer", "quantity", most, window, "overage"),)
            overage = [self.step(each) for each in self.some((SOURCES[2], USAGE), 0)]
        is_whole = self.chance.random() < whole
        scale = 1 if is_whole else self.chance.choice([0, 1])
        terms = Terms(FEATURE, scale, tuple(steps), limits, tuple(overage), is_whole)
        book = Pages()
        for unit in ("own", "pool", MONEY):
            self.fill(book, unit)
        return Case(terms, book, self.chance.randint(1, 40))

    def some(self, pool: tuple[Any, ...], fewest: int) -> list[Any]:
        return self.chance.sample(pool, self.chance.randint(fewest, len(pool)))

    def rate(self) -> Rate:
        """A rate with small numbers, so that roundings and ends of tiers meet."""
        chance, below = self.chance, self.chance.choice([1, 1, 2, 3, 7])
        modes: list[Mode] = ["flat", "flat", "graduated", "package", "volume"]
        mode = chance.choice(modes[:4] if self.rising else modes)
        if mode == "flat":
            return Rate((Tier(None, chance.choice([0, 1, 1, 2, 3, 5])),), below)
        if mode == "package":
            return Rate((Tier(None, chance.randint(0, 9)),), below, mode, chance.randint(1, 5))
        ends = sorted(chance.sample(range(1, 13), chance.randint(1, 2)))
        tiers = [Tier(end, chance.randint(0, 5), chance.choice([0, 0, 2])) for end in [*ends, None]]
        return Rate(tuple(tiers), below, mode)

    def step(self, source: tuple[str, StepKind, str]) -> Step:
        rate = self.shared if self.chance.random() < 0.5 else self.rate()
        return Step(*source, rate, self.chance.random() < 0.4)

    def fill(self, book: Pages, unit: str) -> None:
        """Give an account grants, some for the feature alone or another, perhaps an overdraft."""
        chance = self.chance
        for _ in range(chance.choice([0, 1, 1, 2])):
            features = chance.choice([(), (), (FEATURE,), ("other",)])
            source = chance.choice(["allowance", "promotion", "purchase"])
            book.give(unit, chance.randint(1, 15), source=source, features=features)
        if chance.random() < 0.5:
            book.may_overdraw(unit, chance.randint(1, 10))
