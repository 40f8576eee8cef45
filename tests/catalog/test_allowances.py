"""What is granted, when and how: D1-D3 and D8 as far as the catalog says it."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.shop import shop
from tollkeeper.catalog import Catalog
from tollkeeper.catalog.allowances import GrantTerms, share_of
from tollkeeper.errors import InvalidInterval, UnknownOffer, UnknownPlan
from tollkeeper.values.intervals import Interval

MONTH, WEEK, YEAR = Interval(1, "month"), Interval(1, "week"), Interval(1, "year")


def plan(allowance: object, **more: object) -> Catalog:
    """A plan `p` with one allowance of calls."""
    return Catalog(
        features={"calls": {}}, plans={"p": {"allowances": {"calls": allowance}, **more}}
    )


def granted(catalog: Catalog, interval: str | None, **options: object) -> GrantTerms:
    """The one thing that the plan grants."""
    (terms,) = catalog.allowances("p", interval=interval, **options)  # type: ignore[arg-type]  # options vary
    return terms


@pytest.mark.parametrize(
    ("interval", "amount"),
    [("year", 12_012), ("week", 251), ("month", 1001), ("3 months", 3003), ("2 weeks", 501)],
)
def test_s036_upfront_grants_what_falls_into_the_interval(interval: str, amount: int) -> None:
    """Twelve months at once; a quarter of a month, rounded up, for a week: 1001 gives 251."""
    terms = granted(plan({"amount": 1001, "pace": "upfront"}), interval)
    assert terms.amount == amount * 10**6
    assert Interval.parse(terms.every or "") == Interval.parse(interval)


@pytest.mark.parametrize("interval", ["year", "month", "week", None])
def test_s037_a_drip_has_its_own_recurrence(interval: str | None) -> None:
    """A yearly plan grants one month's allowance, twelve times."""
    terms = granted(plan(1001), interval)
    assert (terms.amount, terms.every) == (1001 * 10**6, "month")


def test_s133_a_cap_and_a_lifetime_bound_what_rolls_over() -> None:
    """In the ledger's integers; upfront, the cap is that of the whole interval, too."""
    allowance = {"amount": 100, "on_renewal": "add", "cap": 300, "lifetime": "3 months"}
    drip = granted(plan(allowance), "year")
    assert (drip.on_renewal, drip.cap, drip.lifetime) == ("add", 300 * 10**6, "3 months")
    assert granted(plan({**allowance, "pace": "upfront"}), "year").cap == 3600 * 10**6


@given(
    st.decimals("0.01", 100_000, places=2), st.integers(2, 8), st.sampled_from([WEEK, MONTH, YEAR])
)
def test_a_share_is_the_least_that_is_not_less(amount: Decimal, scale: int, paid: Interval) -> None:
    """Never less than what falls into the interval, and never a whole step more."""
    factor = {WEEK: Fraction(1, 4), MONTH: Fraction(1), YEAR: Fraction(12)}[paid]
    share = share_of(amount, scale, MONTH, paid)
    exact = Fraction(amount) * factor * 10**scale
    step = 10**scale if amount == int(amount) else 1
    assert exact <= share < exact + step
    assert share % step == 0
    assert share == ceil(exact / step) * step


def test_an_allowance_may_come_once() -> None:
    """With the plan, and never again; whatever interval is paid for."""
    table = {"amount": 5, "every": "once"}
    for written in ("5 once", table, {**table, "pace": "upfront"}):
        terms = granted(plan(written), "year")
        assert (terms.amount, terms.every) == (5 * 10**6, None)


def test_seats_multiply_a_pooled_allowance() -> None:
    """D8: the organisation's grant times seats; each member's own is not multiplied."""
    assert granted(plan(10, seats="pool"), "month", quantity=3).amount == 30 * 10**6
    assert granted(plan(10, seats="member"), "month", quantity=3).amount == 10 * 10**6
    assert granted(plan(10), "month", quantity=3).amount == 10 * 10**6
    shared = plan({"amount": 10, "per_seat": False}, seats="pool")
    assert granted(shared, "month", quantity=3).amount == 10 * 10**6


def test_a_trial_may_have_allowances_of_its_own() -> None:
    """D1: a zero invoice of a trial grants those and no more."""
    trial = {"lasts": "14 days", "allowances": {"calls": "5 once"}}
    catalog = plan(1000, prices="9 usd / month", trial=trial)
    assert granted(catalog, "month", in_trial=True).amount == 5 * 10**6
    assert granted(catalog, "month").amount == 1000 * 10**6
    assert (
        granted(plan(7, prices="9 usd / month", trial="7 days"), "month", in_trial=True).amount
        == 7 * 10**6
    )


def test_an_allowance_of_money_goes_to_the_wallet() -> None:
    """In the customer's currency; in another one there is none."""
    catalog = Catalog(
        plans={"p": {"allowances": {"wallet": {"amount": ["5 usd", "4 eur"]}}}}, currency="usd"
    )
    assert [(t.unit, t.amount) for t in catalog.allowances("p")] == [("money:usd", 5 * 10**9)]
    assert [(t.unit, t.amount) for t in catalog.allowances("p", currency="eur")] == [
        ("money:eur", 4 * 10**9)
    ]
    assert catalog.allowances("p", currency="gbp") == ()


def test_s131_the_burn_priority_is_the_allowances_the_units_or_the_sources() -> None:
    """None leaves it to the source; a unit may say it for all or for one source."""
    units = {"a": {}, "b": {"priority": 5}, "c": {"priorities": {"allowance": 7}}}
    allowances = {"a": 1, "b": 1, "c": {"amount": 1, "priority": 9}}
    catalog = Catalog(units=units, plans={"p": {"allowances": allowances}}, sign_up={"c": 1})
    assert [terms.priority for terms in catalog.allowances("p")] == [None, 5, 9]
    assert catalog.sign_up_grants()[0].priority is None


def test_packs_promotions_and_the_sign_up() -> None:
    """Each gives once; a pack's credits never expire unless it says so (E1)."""
    catalog = shop(
        sign_up={"credits": {"amount": 50, "expires_after": "30 days"}},
        promotions={"welcome": {"code": "Hello", "grants": {"credits": 100}}},
    )
    (pack,) = catalog.pack_grants("starter")
    assert (pack.unit, pack.amount, pack.source, pack.lifetime) == (
        "credits",
        500 * 10**6,
        "purchase",
        None,
    )
    assert catalog.sign_up_grants()[0].lifetime == "30 days"
    assert catalog.promotion_grants("HELLO")[0].amount == 100 * 10**6


def test_what_is_unknown_is_refused_by_name() -> None:
    """Codes are given out one by one, so no other code is suggested."""
    catalog = shop(promotions={"welcome": {"grants": {"credits": 1}}})
    with pytest.raises(UnknownPlan, match="did you mean 'pro'"):
        catalog.allowances("prp")
    with pytest.raises(UnknownOffer, match="'starter'"):
        catalog.pack_grants("startr")
    with pytest.raises(UnknownOffer, match=r"no promotion 'welcom'\.$"):
        catalog.promotion_grants("welcom")
    with pytest.raises(InvalidInterval):
        catalog.allowances("pro", interval="mounth")
