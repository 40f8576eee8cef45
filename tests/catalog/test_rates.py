"""The laws of rates: exact, additive, monotone; against a reference in fractions of its own."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.catalog.rates import Rate, Tier, flat, half_even

SMALL = st.integers(0, 60)


@st.composite
def tiers(draw: st.DrawFn, ends: int = 3) -> tuple[Tier, ...]:
    """Some tiers, ascending, the last without an end."""
    ups = sorted(draw(st.sets(st.integers(1, 40), max_size=ends)))
    prices = st.tuples(st.integers(0, 30), st.integers(0, 30))
    return tuple(Tier(up, *draw(prices)) for up in [*ups, None])


@st.composite
def rates(
    draw: st.DrawFn, modes: tuple[str, ...] = ("flat", "graduated", "volume", "package")
) -> Rate:
    """A rate of any mode."""
    mode = draw(st.sampled_from(modes))
    denominator = draw(st.integers(1, 12))
    if mode == "flat":
        return flat(draw(st.integers(0, 30)), denominator)
    if mode == "package":
        tier = Tier(None, draw(st.integers(0, 30)))
        return Rate((tier,), denominator, "package", draw(st.integers(1, 9)))
    steps = draw(tiers())
    return Rate(steps, denominator, "graduated" if mode == "graduated" else "volume")


def reference(rate: Rate, quantity: int) -> Fraction:
    """What the first `quantity` costs exactly: unit by unit, as a person would count it."""
    if not quantity:
        return Fraction(0)
    if rate.mode == "package":
        begun = len(range(0, quantity, rate.package))
        return Fraction(begun * rate.tiers[0].each, rate.denominator)
    tier_of = [
        next(i for i, tier in enumerate(rate.tiers) if tier.up_to is None or one <= tier.up_to)
        for one in range(1, quantity + 1)
    ]
    if rate.mode == "graduated":
        entered = {place: rate.tiers[place].flat for place in tier_of}
        total = sum(rate.tiers[place].each for place in tier_of) + sum(entered.values())
        return Fraction(total, rate.denominator)
    last = rate.tiers[tier_of[-1]]
    return Fraction(last.flat + last.each * quantity, rate.denominator)


def rounded(exact: Fraction) -> int:
    """Python's own rounding of fractions, which goes to the even neighbour."""
    return round(exact)


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**15))
def test_half_even_is_pythons_own(numerator: int, denominator: int) -> None:
    """The one rounding is that of `round`, at any size."""
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(rates(), SMALL)
def test_a_cost_is_the_reference_rounded_once(rate: Rate, quantity: int) -> None:
    """Each mode prices as a person would, and rounds only at the end."""
    assert rate.cost(quantity) == rounded(reference(rate, quantity))


@given(rates(), SMALL, st.lists(SMALL, min_size=1, max_size=6))
def test_parts_add_up_to_the_whole(rate: Rate, before: int, parts: list[int]) -> None:
    """However a quantity is split among calls or payers, the parts cost what it costs (C2)."""
    done, paid = before, 0
    for part in parts:
        paid += rate.between(done, part)
        done += part
    assert paid == rate.between(before, sum(parts)) == rate.cost(done) - rate.cost(before)


@given(rates(("flat", "graduated", "package")), SMALL, SMALL)
def test_more_never_costs_less(rate: Rate, less: int, more: int) -> None:
    """All but volume rates are monotone."""
    low, high = sorted((less, more))
    assert rate.cost(low) <= rate.cost(high)
    assert rate.cost(0) == 0


@given(rates(), SMALL, st.integers(-5, 400), SMALL)
def test_affordable_is_the_true_maximum(rate: Rate, before: int, amount: int, at_most: int) -> None:
    """Brute force finds no larger quantity that the amount can pay."""
    fitting = [q for q in range(at_most + 1) if rate.between(before, q) <= amount]
    assert rate.affordable(before, amount, at_most) == max(fitting, default=0)


@given(
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    st.integers(0, 10**18),
)
def test_a_flat_rate_is_solved_as_exactly_at_any_size(
    each: int, denominator: int, before: int, amount: int, at_most: int
) -> None:
    """One more is too much, unless all that is asked fits."""
    rate = flat(each, denominator)
    found = rate.affordable(before, amount, at_most)
    assert 0 <= found <= at_most
    assert not found or rate.between(before, found) <= amount
    assert found == at_most or rate.between(before, found + 1) > amount


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [(499, 4990), (500, 4000), (501, 4008), (1999, 15992), (2000, 12000), (5000, 30000)],
)
def test_s076_the_edges_of_volume_tiers(quantity: int, cost: int) -> None:
    """The tier that is reached prices everything; its end is included."""
    tiers = (Tier(499, 10), Tier(1999, 8), Tier(None, 6))
    assert Rate(tiers, 1, "volume").cost(quantity) == cost


def test_nothing_is_free_only_because_it_rounds_to_nothing() -> None:
    """A rate that costs something is told from one that costs nothing."""
    assert not flat(1, 1000).is_free
    assert flat(1, 1000).cost(1) == 0
    assert flat(0, 1).is_free
