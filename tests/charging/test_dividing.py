"""C2: who pays which part, for any rates, balances, overdrafts and sources.

1. The quantities of the shares add up to the quantity.
2. Where parts are rated as one (same unit, same rate, both per charge or both by the period), their
   amounts add up to what the rate says of the whole, to the last digit.
3. No account goes below what its overdraft allows, and each is charged what its shares say.
4. The shares stand in the order of the waterfall: first what is within the limits, then what is
   beyond them.
5. Nobody pays while an earlier source could still have paid a smallest part more from what it has,
   and nobody goes into debt while anybody could. The smallest part is one scaled unit of quantity;
   with `whole` it is a whole one, unless less than that is left over in all. (For rates that never
   fall: one more never costs less.)
6. A refusal means that no source could have paid for all of it.
7. With `whole`, sources part only between whole ones: of each part of the charge, within and beyond
   the limits, at most one share has a fraction.
"""

from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.charging.cases import FEATURE, USAGE, Case, cases, rates
from tests.charging.pages import CUSTOMER, MONEY, Pages, Priced
from tollkeeper.catalog.rates import Rate, Tier
from tollkeeper.catalog.terms import Limit, Step, Terms, Window
from tollkeeper.decisions.requests import Outcome
from tollkeeper.errors import BalanceOverflow, InsufficientBalance, LimitReached, NothingPays


def attempt(case: Case) -> Outcome | None:
    """Charge; None where it is refused."""
    try:
        return case.book.charge(Priced(case.terms), FEATURE, case.quantity)
    except (InsufficientBalance, NothingPays, LimitReached):
        return None


def spendable(book: Pages, unit: str) -> int:
    """What an account has for the feature, counted by hand."""
    account = book.account(CUSTOMER, unit)
    own = sum(grant.remaining for grant in account.grants if FEATURE in grant.features)
    return max(0, account.available) + own


def shares_of(outcome: Outcome) -> list[tuple[str, str, str, int, int]]:
    """The shares, from what the receipt tells."""
    return [tuple(cells) for cells in outcome.result["shares"]]


@given(case=cases(rising=False))
def test_nothing_is_lost_and_nobody_goes_too_low(case: Case) -> None:
    """Laws 1 and 3."""
    before = case.book.copy()
    outcome = attempt(case)
    if outcome is None:
        assert case.book.balances == before.balances
        assert case.book.counters == before.counters
        return
    shares = shares_of(outcome)
    assert sum(quantity for *_, quantity, _ in shares) == case.quantity
    assert all(quantity > 0 for *_, quantity, _ in shares)
    for unit in ("own", "pool", MONEY):
        then, now = before.account(CUSTOMER, unit), case.book.account(CUSTOMER, unit)
        asked = sum(share[4] for share in shares if share[2] == unit and share[1] != "usage")
        assert then.available + then.restricted - now.available - now.restricted == asked
        assert now.available >= min(0, then.available, -(then.overdraft or 0))
        if not then.overdraft:
            assert now.debt == then.debt


@settings(max_examples=200)
@given(case=cases())
def test_parts_at_one_rate_add_up_to_the_rated_whole(case: Case) -> None:
    """Law 2."""
    outcome = attempt(case)
    if outcome is None:
        return
    steps = walked(case, outcome)
    groups: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    for step, (*_, quantity, amount) in zip(steps, shares_of(outcome), strict=True):
        groups[step[2:]].append((quantity, amount))
    for (unit, rate, by_period), parts in groups.items():
        if by_period and any(s.by_period and s.unit == unit and s.rate != rate for s in steps):
            continue  # several rates share one place in the period; see the test below
        assert sum(amount for _, amount in parts) == exactly(rate, sum(q for q, _ in parts))


@given(
    first=rates(),
    second=rates(),
    before=st.integers(0, 9),
    parts=st.lists(st.integers(1, 9), min_size=2, max_size=2),
)
def test_rates_of_one_period_go_on_from_one_place(
    first: Rate, second: Rate, before: int, parts: list[int]
) -> None:
    """Another rate of the same unit and period starts where the one before it stopped."""
    book = Pages()
    book.give("pool", 1)
    limit = Limit(
        "most", FEATURE, "customer", "quantity", before + parts[0], Window("lifetime"), "overage"
    )
    usage = [Step(*USAGE, rate, by_period=True) for rate in (first, second)]
    terms = Terms(FEATURE, 0, (usage[0],), (limit,), (usage[1],))
    if before:
        book.charge(Priced(terms), FEATURE, before)
    shares = shares_of(book.charge(Priced(terms), FEATURE, sum(parts)))
    place = before + parts[0]
    assert [share[3:] for share in shares] == [
        (parts[0], exactly(first, place) - exactly(first, before)),
        (parts[1], exactly(second, place + parts[1]) - exactly(second, place)),
    ]


@given(case=cases())
def test_the_order_is_the_waterfalls(case: Case) -> None:
    """Law 4."""
    outcome = attempt(case)
    if outcome is not None:
        assert walked(case, outcome)


@given(case=cases())
def test_nobody_pays_before_his_turn(case: Case) -> None:
    """Law 5."""
    assume(not case.terms.limits)
    before = case.book.copy()
    outcome = attempt(case)
    if outcome is None:
        return
    smallest = 10**case.terms.scale if case.terms.is_whole else 1
    paying = {share[0]: share for share in shares_of(outcome)}
    after = 0
    rated: dict[Any, int] = defaultdict(int)
    spare: list[bool] = []
    for step in case.terms.steps:
        quantity = paying.get(step.source, ("", "", "", 0, 0))[3]
        key = (step.unit, None if step.by_period else step.rate)
        there = spendable(before, step.unit)
        left = case.quantity - after - quantity
        part = min(smallest, left) if left else 0
        earlier = rated[key]
        more = _affords(step.rate, earlier, quantity + part, there)
        spare.append(bool(part) and step.kind != "usage" and more)
        rated[key] += quantity
        after += quantity
    assert not any(spare), (shares_of(outcome), spare)
    overdrawn = [entry for entry in outcome.entries if entry.debt]
    if overdrawn:
        assert all(step.kind != "usage" for step in case.terms.steps)


@given(case=cases(rising=False, whole=1.0))
def test_a_whole_one_is_paid_by_one_source(case: Case) -> None:
    """Law 7."""
    whole = 10**case.terms.scale
    outcome = attempt(case)
    if outcome is None:
        return
    within = min([case.quantity, *(limit.at_most for limit in case.terms.limits)])
    fractions = {"inside": 0, "beyond": 0}
    place = 0
    for *_, quantity, _ in shares_of(outcome):
        fractions["inside" if place < within else "beyond"] += bool(quantity % whole)
        place += quantity
    assert max(fractions.values()) <= 1


def _affords(rate: Rate, earlier: int, quantity: int, there: int) -> bool:
    """Tell whether a source could have paid so much of what it has; rounding makes nothing free."""
    price = exactly(rate, earlier + quantity) - exactly(rate, earlier)
    if there <= 0:
        return not price and not any(tier.each or tier.flat for tier in rate.tiers)
    return price <= there


@given(case=cases())
def test_a_refusal_means_that_nobody_could(case: Case) -> None:
    """Law 6: each source, by itself, cannot pay all; and all together, in turn, cannot either."""
    assume(not case.terms.limits)
    before = case.book.copy()
    if attempt(case) is not None:
        return
    assert all(step.kind != "usage" for step in case.terms.steps)
    for step in case.terms.steps:
        account = before.account(CUSTOMER, step.unit)
        there = spendable(before, step.unit)
        limit = account.overdraft or 0
        own = there - max(0, account.available)
        most = max(there, max(0, account.available + limit) + own)
        assert not _affords(step.rate, 0, case.quantity, most if limit else there)


def walked(case: Case, outcome: Outcome) -> list[Step]:
    """Give the step of each share, in order; fail where no walk down the waterfall gives them."""
    within = min([case.quantity, *(limit.at_most for limit in case.terms.limits)])
    inside, beyond = list(case.terms.steps), list(case.terms.overage)
    found: list[Step] = []
    for source, *_, quantity, _ in shares_of(outcome):
        steps = inside if within > 0 else beyond
        while steps and steps[0].source != source:
            steps.pop(0)
        assert steps, f"{shares_of(outcome)} is no walk down the waterfall"
        found.append(steps.pop(0))
        within -= quantity
    return found


def exactly(rate: Rate, quantity: int) -> int:
    """What a quantity costs, by fractions; `round` of a fraction is half-even."""
    if not quantity:
        return 0
    below = rate.denominator
    if rate.mode == "package":
        packages = -(-quantity // rate.package)
        return round(Fraction(packages * rate.tiers[0].each, below))
    if rate.mode == "volume":
        tier = next(t for t in rate.tiers if t.up_to is None or quantity <= t.up_to)
        return round(Fraction(tier.flat + tier.each * quantity, below))
    total, starts = Fraction(0), [0, *(tier.up_to or 0 for tier in rate.tiers[:-1])]
    for start, tier in zip(starts, rate.tiers, strict=True):
        inside = (quantity if tier.up_to is None else min(quantity, tier.up_to)) - start
        if inside > 0:
            total += Fraction(tier.flat + tier.each * inside, below)
    return round(total)


@given(rate=rates(rising=False), quantity=st.integers(0, 30))
def test_a_rate_is_what_fractions_say(rate: Rate, quantity: int) -> None:
    """The integers of a rate and fractions agree."""
    assert rate.cost(quantity) == exactly(rate, quantity)


def test_amounts_beyond_64_bits_are_refused() -> None:
    """A price that no column could keep is a refusal of its own, found before it is written."""
    book = Pages()
    terms = Terms(FEATURE, 0, (Step(*USAGE, Rate((Tier(None, 10**10),), 1)),))
    for quantity in (2**63 - 1, 10**9):
        with pytest.raises(BalanceOverflow) as error:
            book.charge(Priced(terms), FEATURE, quantity)
        assert error.value.unit == "usd"
    assert not book.uses
