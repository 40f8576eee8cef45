"""The catalogs that tests are written about: one like an app's own, and random ones."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tollkeeper.catalog import Catalog

SHOP = """\
currency = "usd"
default_plan = "free"

[units.credits]
name = "AI credits"
low_balance = 100

[features.chat]
name = "Chat message"
cost.credits = 1

[features.image]
name = "Image"
cost.credits = 10
rate = ["0.15 usd", "0.14 eur"]

[features.calls]
name = "API calls"

[features.tokens]
price_book = "llm"
markup = "20 %"
cost.credits = 100

[features.sso]
type = "boolean"

[features.projects]
type = "gauge"

[features.support]
type = "value"

[plans.free]
allowances.credits = "50 / month"
allowances.calls = "100 / month"
entitlements = { projects = 1, support = "forum", image = false }

[plans.pro]
name = "Pro"
prices = ["20 usd / month", "200 usd / year", "19 eur / month"]
allowances.credits = { amount = 1_000, on_renewal = "add", cap = 3_000 }
allowances.calls = "10_000 / month"
entitlements = { sso = true, projects = 10, support = "mail" }
overage.image = ["0.12 usd", "0.11 eur"]
overage.calls = ["0.01 usd", "0.009 eur"]
limits = [
  { feature = "image", at_most = 200, every = "day" },
  { spend = ["500 usd", "450 eur"], every = "month" },
]

[plans.boost]
add_on = true
prices = "5 usd / month"
allowances.credits = "500 / month"
entitlements = { projects = "+5", image = true }
wallet.image = "0.10 usd"
limits = [{ feature = "image", at_most = 100, every = "day" }]

[packs.starter]
price = ["9 usd", "9 eur"]
grants.credits = 500

[top_ups.credits]
rate = [
  { graduated = [{ up_to = 1_000, each = "0.010 usd" }, { each = "0.008 usd" }] },
  { graduated = [{ up_to = 1_000, each = "1.5 jpy" }, { each = "1.25 jpy" }] },
]
minimum = 100
maximum = 10_000
auto = { below = 100, buy = 500, at_most = 5, spend_at_most = ["50 usd", "5_000 jpy"] }

[price_books.llm]
"""


def shop(**changes: Any) -> Catalog:
    """The shop, with whole sections changed."""
    catalog = Catalog.from_toml(SHOP)
    sections = {name: getattr(catalog, name) for name in type(catalog).model_fields}
    return Catalog(**{**sections, **changes})


keys = st.from_regex(r"[a-z][a-z_]{3,8}", fullmatch=True).filter(
    lambda key: key not in ("pool", "wallet", "usage", "plan")
)
amounts = st.decimals(1, 10_000, places=2).map(lambda value: f"{value:f}")
spans = st.sampled_from(["month", "year", "week", "day", "3 months", "12 months", "quarter"])
flags = st.booleans()
currencies = st.sampled_from(["usd", "eur", "jpy"])


@st.composite
def quotes(draw: st.DrawFn, currency: str | None) -> str:
    """A price each, in a currency or in credits."""
    price = draw(st.decimals("0.01", 50, places=4))
    unit = f" {currency}" if currency else ""
    per = draw(st.sampled_from(["", " / 1000", " / 7"]))
    return f"{price:f}{unit}{per}"


@st.composite
def written_rates(draw: st.DrawFn, currency: str | None) -> object:
    """A rate of any form."""
    kind = draw(st.sampled_from(["each", "package", "graduated", "volume", "by"]))
    if kind == "package":
        return {"package": draw(st.integers(1, 100)), "each": draw(quotes(currency))}
    if kind == "by":
        rates = draw(st.dictionaries(keys, quotes(currency), min_size=1, max_size=3))
        return {"by": "model", "rates": rates, "otherwise": draw(quotes(currency))}
    if kind in ("graduated", "volume"):
        ends = sorted(draw(st.sets(st.integers(1, 500), max_size=3)))
        steps = [{"up_to": end, "each": draw(quotes(currency))} for end in ends]
        return {kind: [*steps, {"each": draw(quotes(currency))}]}
    return draw(quotes(currency))


@st.composite
def features(draw: st.DrawFn, pools: list[str]) -> Mapping[str, Any]:
    """A metered feature, paid from a pool, in money, or by its own credits."""
    feature: dict[str, Any] = {}
    if draw(flags) and pools:
        feature["cost"] = {draw(st.sampled_from(pools)): draw(written_rates(None))}
    if draw(flags):
        feature["rate"] = [draw(written_rates(currency)) for currency in ("usd", "eur")]
    if draw(flags):
        feature["name"] = draw(keys)
    return feature


@st.composite
def plans(draw: st.DrawFn, metered: list[str], pools: list[str]) -> Mapping[str, Any]:
    """A plan with whatever plans have."""
    units = [*metered, *pools]
    priced = draw(st.dictionaries(spans, st.integers(1, 500), max_size=2))
    every = list(priced)
    if {"year", "12 months"} <= set(every) or {"quarter", "3 months"} <= set(every):
        every = every[:1]
    plan: dict[str, Any] = {"prices": [f"{priced[span]} usd / {span}" for span in every]}
    chosen = draw(st.sets(st.sampled_from(units), max_size=3)) if units else set()
    plan["allowances"] = {unit: f"{draw(amounts)} / {draw(spans)}" for unit in chosen}
    if metered:
        rated = draw(st.sets(st.sampled_from(metered), max_size=2))
        plan["overage"] = {key: draw(written_rates("usd")) for key in rated}
        limited = draw(st.sets(st.sampled_from(metered), max_size=2))
        plan["limits"] = [
            {"feature": key, "at_most": draw(st.integers(1, 99)), "every": "day"} for key in limited
        ]
    return plan


@st.composite
def sections(draw: st.DrawFn) -> dict[str, Any]:
    """What a random catalog is written as; it is always sound."""
    names = draw(st.lists(keys, min_size=1, max_size=6, unique=True))
    pools, metered = names[: len(names) // 2], names[len(names) // 2 :]
    return {
        "currency": "usd",
        "units": {key: {"name": draw(keys)} for key in pools},
        "features": {key: draw(features(pools)) for key in metered},
        "plans": draw(st.dictionaries(keys, plans(metered, pools), max_size=3)),
        "packs": draw(
            st.dictionaries(
                keys,
                st.builds(
                    lambda price, unit, amount: {"price": price, "grants": {unit: amount}},
                    st.integers(1, 99).map(lambda price: f"{price} usd"),
                    st.sampled_from(names),
                    amounts,
                ),
                max_size=2,
            )
        ),
    }


def plain(value: object) -> Any:
    """The same data with its keys in another order and its numbers written otherwise."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in reversed(value.items())}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}.00"
    return (
        Decimal(value) if isinstance(value, str) and value.replace(".", "").isdecimal() else value
    )
