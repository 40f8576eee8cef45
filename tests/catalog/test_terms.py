"""Who pays for a feature, in which order and at what rate (C1-C7), as the catalog says it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog import shop as shops
from tests.catalog.shop import shop
from tollkeeper.catalog import Catalog
from tollkeeper.catalog.compiling import MAXIMUM_REMEMBERED
from tollkeeper.catalog.rates import flat
from tollkeeper.catalog.terms import PriceList, Step, Terms
from tollkeeper.errors import NotMetered, NotPriced, UnknownCurrency, UnknownFeature, UnknownPlan

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def sources(terms: Terms) -> list[str]:
    """Who pays, in order."""
    return [step.source for step in terms.steps]


def test_the_simplest_catalog_has_two_lines() -> None:
    """A feature, a plan: enough to charge."""
    catalog = Catalog.from_toml('features.chat = {}\nplans.free.allowances.chat = "100 / month"')
    terms = catalog.terms("chat", ("free",))
    assert terms.steps == (Step("chat", "unit", "chat", flat(1, 1)),)
    assert [unit.key for unit in catalog.declared_units()] == ["chat"]


def test_a_catalog_is_a_price_list_for_charges() -> None:
    """It fills the port that charges know."""
    prices: PriceList = shop()
    assert prices.scale("chat") == 6
    assert prices.version == prices.terms("chat", ("pro",), None, {}).version


def test_the_default_order_of_payers() -> None:
    """C1: its own credits, the pool, the wallet, the later bill."""
    assert sources(shop().terms("calls", ("pro",))) == ["calls", "wallet", "usage"]
    assert sources(shop().terms("image", ("pro",))) == ["credits", "wallet", "usage"]


def test_c3_own_credits_go_before_the_pool() -> None:
    """As soon as something gives a feature credits of its own, they pay first."""
    catalog = shop(packs={"images": {"price": "5 usd", "grants": {"image": 10}}})
    assert sources(catalog.terms("image", ("pro",)))[:2] == ["image", "credits"]


def test_a_pool_serves_features_at_their_own_cost() -> None:
    """A message costs 1 credit, an image 10."""
    catalog = shop()
    costs = [catalog.terms(key, ()).steps[0].rate.cost(3_000_000) for key in ("chat", "image")]
    assert costs == [3_000_000, 30_000_000]


def test_nobody_uses_anything_on_account_unless_a_plan_says_so() -> None:
    """C7: a rate alone lets the wallet pay; a free plan and no plan never bill later."""
    catalog = shop(default_plan=None)
    assert sources(catalog.terms("image", ())) == ["credits", "wallet"]
    assert sources(catalog.terms("image", ("free",))) == ["credits", "wallet"]
    assert sources(catalog.terms("chat", ("pro",))) == ["credits"]


def test_a_plans_own_waterfall_may_name_usage() -> None:
    """Then every feature that has a rate in money may be used on account."""
    plans = {"pro": {"prices": "5 usd / month", "waterfall": ["usage", "credits"]}}
    catalog = shop(plans=plans, default_plan=None)
    assert sources(catalog.terms("image", ("pro",))) == ["usage", "credits"]
    assert sources(catalog.terms("chat", ("pro",))) == ["credits"]


def test_the_catalogs_waterfall_holds_where_plans_say_nothing() -> None:
    """And for customers without a plan; own credits still go first."""
    catalog = shop(waterfall=["wallet", "pool"])
    assert sources(catalog.terms("image", ("pro",))) == ["wallet", "credits"]
    assert sources(catalog.terms("calls", ("pro",))) == ["calls", "wallet"]


def test_the_most_particular_rate_holds() -> None:
    """A plan's rate for a source, its rate for overage, the feature's: the first that is there."""
    catalog = shop()

    def wallet(*plans: str) -> int:
        return next(
            s.rate.tiers[0].each for s in catalog.terms("image", plans).steps if s.kind == "wallet"
        )

    assert (wallet("free"), wallet("pro"), wallet("boost"), wallet("pro", "boost")) == (
        150,
        120,
        100,
        120,
    )


@pytest.mark.parametrize(
    ("currency", "unit", "each"), [(None, "money:usd", 120), ("EUR", "money:eur", 110)]
)
def test_money_is_paid_in_the_customers_currency(
    currency: str | None, unit: str, each: int
) -> None:
    """Else the catalog's, where the plan is sold in several."""
    step = shop().terms("image", ("pro",), currency).steps[1]
    assert (step.unit, step.rate.tiers[0].each) == (unit, each)


def test_a_plan_of_one_currency_names_it() -> None:
    """E1: the currency is the plan's, else the customer's, else the catalog's."""
    plans = {"euro": {"prices": "19 eur / month", "overage": {"image": "0.11 eur"}}}
    step = shop(plans=plans, default_plan=None).terms("image", ("euro",)).steps[1]
    assert step.unit == "money:eur"


def test_money_is_never_converted() -> None:
    """E8: without a rate in the customer's currency, money does not pay; credits still do."""
    catalog = shop()
    assert sources(catalog.terms("image", ("pro",), "gbp")) == ["credits"]
    with pytest.raises(NotPriced, match="gbp"):
        shop(features={"x": {"rate": "1 usd"}}, plans={}, default_plan=None).terms("x", (), "gbp")


def test_a_price_books_quantity_is_money() -> None:
    """One dollar of tokens costs the wallet a dollar, or the 100 credits that it says."""
    terms = shop().terms("tokens", ("pro",))
    assert terms.scale == 9
    assert [(s.source, s.rate.cost(10**9)) for s in terms.steps] == [
        ("credits", 100_000_000),
        ("wallet", 10**9),
    ]


def test_a_price_book_in_another_currency() -> None:
    """Where the app says what a dollar is there; money is never converted by itself."""
    feature = {"price_book": "llm", "rate": ["1 usd", "0.92 eur"]}
    catalog = Catalog(currency="eur", features={"x": feature})
    assert catalog.terms("x", (), "eur").steps[0].rate.cost(10**9) == 92 * 10**7
    assert catalog.terms("x", (), "usd").steps[0].rate.cost(10**9) == 10**9


def test_a_dimension_cannot_name_the_plan() -> None:
    """What a caller says of a use decides no price by plan, and is not remembered for others."""
    rate = {"by": "plan", "rates": {"pro": "1 usd"}, "otherwise": "2 usd"}
    catalog = shop(features={"x": {"rate": rate}}, plans={"pro": {}, "a": {}}, default_plan=None)
    for plans, each in (((), 2), (("pro",), 1), (("a", "pro"), 2)):
        terms = catalog.terms("x", plans, None, {"plan": "pro"})
        assert terms.steps[0].rate.cost(1_000_000) == each * 10**9
        assert terms is catalog.terms("x", plans)


def test_limits_of_several_plans_are_the_most_restrictive() -> None:
    """C4: of one name the lowest holds."""
    limits = {limit.name: limit for limit in shop().terms("image", ("pro", "boost")).limits}
    assert limits["image:quantity:customer:day"].at_most == 100_000_000
    assert limits["all:money:usd:customer:month"].at_most == 500 * 10**9
    assert limits["all:money:usd:customer:month"].warn_at == (80,)


def test_s114_limits_of_quantity_and_money_stand_together() -> None:
    """Each is counted by itself; one of a currency that is not the customer's does not count."""
    names = {limit.name for limit in shop().terms("image", ("pro",), "eur").limits}
    assert names == {"image:quantity:customer:day", "all:money:eur:customer:month"}


def test_a_limit_of_money_concerns_only_what_money_pays() -> None:
    """Chat is paid in credits alone on this plan."""
    assert shop().terms("chat", ("pro",)).limits == ()


def test_windows_and_subjects() -> None:
    """Rolling, per member, per tag; each has a name of its own."""
    rules = [
        {"feature": "chat", "at_most": 5, "within": "5 hours"},
        {"feature": "chat", "at_most": 6, "every": "week", "per": "member"},
        {"feature": "chat", "at_most": 7, "every": "lifetime", "per": "tag", "tag": "run-1"},
        {"unit": "credits", "at_most": 8, "every": "period", "warn_at": [50, 90]},
    ]
    limits = shop(limits=rules).terms("chat", ()).limits
    assert [(limit.name, limit.window.seconds) for limit in limits] == [
        ("chat:quantity:customer:rolling-18000", 18_000),
        ("chat:quantity:member:week", 0),
        ("chat:quantity:tag=run-1:lifetime", 0),
        ("all:credits:customer:period", 0),
    ]
    assert limits[3].warn_at == (50, 90)


def test_overage_is_priced_and_paid_in_money() -> None:
    """C5: what passes the limit costs the rate for overage, from the wallet, then on the bill."""
    limits = [{"feature": "chat", "at_most": 5, "every": "day", "at_limit": "overage"}]
    plans = {
        "a": {"limits": limits, "overage": {"chat": "0.02 usd"}, "waterfall": ["credits"]},
        "b": {"limits": limits, "overage": {"chat": "0.02 usd"}},
    }
    catalog = shop(plans=plans, default_plan=None)
    assert [s.source for s in catalog.terms("chat", ("a",)).overage] == ["usage"]
    assert [s.source for s in catalog.terms("chat", ("b",)).overage] == ["wallet", "usage"]
    assert catalog.terms("chat", ("a",)).limits[0].at_limit == "overage"


def test_tiers_count_over_the_period_where_the_bill_comes_later() -> None:
    """A charge by itself would always be in the first tier."""
    steps = {"graduated": [{"up_to": 10, "each": "1 usd"}, {"each": "0.5 usd"}]}
    plans = {"a": {"usage": {"chat": steps}, "wallet": {"chat": {**steps, "over": "charge"}}}}
    terms = shop(plans=plans, default_plan=None).terms("chat", ("a",))
    assert [(s.source, s.by_period) for s in terms.steps] == [
        ("credits", False),
        ("wallet", False),
        ("usage", True),
    ]


def test_a_feature_can_be_kept_from_a_plan() -> None:
    """`false` keeps it from everybody on the plan, unless another plan has it."""
    catalog = shop()
    assert not catalog.terms("image", ("free",)).is_allowed
    assert catalog.terms("image", ("free", "boost")).is_allowed
    assert catalog.terms("chat", ("free",)).is_allowed


def test_the_default_plan_is_for_who_has_none() -> None:
    """Its terms are those of customers without a subscription."""
    assert not shop().terms("image", ()).is_allowed


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (("imge", ("pro",)), UnknownFeature, "did you mean 'image'?"),
        (("image", ("prp",)), UnknownPlan, "did you mean 'pro'?"),
        (("image", ("pro",), "uds"), UnknownCurrency, "did you mean 'usd'?"),
        (("sso", ("pro",)), NotMetered, "a boolean feature"),
    ],
)
def test_c7_what_is_unknown_is_refused_by_name(
    call: tuple[str, ...], error: type[Exception], said: str
) -> None:
    """With the nearest name, and nothing is remembered of it."""
    with pytest.raises(error, match=said.replace("?", r"\?")):
        shop().terms(*call)  # type: ignore[arg-type]  # the tuples differ in length


def test_c7_a_missing_price_never_leaves_it_to_another_payer() -> None:
    """A model that the credits' cost does not know is refused, though the wallet could pay."""
    cost = {"credits": {"by": "model", "rates": {"small": 1}}}
    catalog = shop(features={"x": {"cost": cost, "rate": "1 usd"}}, plans={}, default_plan=None)
    assert sources(catalog.terms("x", (), None, {"model": "small"})) == ["credits", "wallet"]
    with pytest.raises(NotPriced, match="did you mean 'small'"):
        catalog.terms("x", (), None, {"model": "smal"})


def test_thresholds_of_low_balances() -> None:
    """A plan's own goes before the unit's; money has the wallet's."""
    catalog = shop(
        plans={"pro": {"low_balance": {"credits": 10}}},
        wallet={"low_balance": "5 usd"},
        default_plan=None,
    )
    several = shop(
        plans={key: {"low_balance": {"credits": n}} for key, n in (("a", 1), ("b", 2))},
        default_plan=None,
    )
    assert several.low_balance("credits", ("a", "b")) == 1_000_000
    assert catalog.low_balance("credits") == 100_000_000
    assert catalog.low_balance("credits", ("pro",)) == 10_000_000
    assert catalog.low_balance("calls", ("pro",)) is None
    assert (catalog.low_balance("money:usd"), catalog.low_balance("money:eur")) == (5 * 10**9, None)


def test_the_same_question_is_worked_out_once() -> None:
    """A charge that was asked for before costs a look into a dict."""
    catalog = shop()
    assert catalog.terms("image", ("pro",)) is catalog.terms("image", ("pro",))


def test_callers_cannot_fill_the_memory() -> None:
    """Values of dimensions that no rate tells apart are one question."""
    catalog = Catalog(
        features={"x": {"rate": {"by": "model", "rates": {"a": "1 usd"}, "otherwise": "2 usd"}}}
    )
    asked = [catalog.terms("x", (), None, {"model": f"m{n}", "other": str(n)}) for n in range(50)]
    assert len(set(map(id, asked))) == 1
    assert MAXIMUM_REMEMBERED == 10_000


@given(shops.sections(), st.data())
def test_terms_are_priced_or_refused(written: dict[str, object], data: st.DataObject) -> None:
    """Whatever the catalog: exact rates in known units, the version, and no other error."""
    catalog = Catalog(**written)
    units = {unit.key for unit in catalog.declared_units()} | {"money:usd", "money:eur"}
    plans = tuple(data.draw(st.lists(st.sampled_from(sorted(catalog.plans) or [""]), max_size=2)))
    plans = tuple(plan for plan in plans if plan)
    for key in catalog.features:
        try:
            terms = catalog.terms(
                key, plans, data.draw(st.sampled_from([None, "usd", "eur"])), {}, NOW
            )
        except NotPriced:
            continue
        assert terms.version == catalog.version
        assert {step.unit for step in (*terms.steps, *terms.overage)} <= units
        assert len({step.source for step in terms.steps}) == len(terms.steps)
        assert all(step.rate.denominator > 0 for step in terms.steps)
