"""Every mistake is found, at its line, with what to do; all of them at once."""

from decimal import Decimal
from pathlib import Path

import pytest

from tollkeeper.catalog import Catalog, Mistake
from tollkeeper.errors import CatalogError, InvalidRequest

#: A sound beginning, eight lines long.
SOUND = """\
currency = "usd"
[units.credits]
[features.chat]
cost.credits = 1
[features.image]
cost.credits = 10
[plans.pro]
prices = "20 usd / month"
"""


def mistakes(text: str) -> list[Mistake]:
    """What is wrong with a text."""
    with pytest.raises(CatalogError) as caught:
        Catalog.from_toml(text, file="billing.toml")
    found: tuple[Mistake, ...] = caught.value.mistakes
    assert all(str(mistake) in caught.value.message for mistake in found)
    return list(found)


#: What is added to the sound beginning (from line 9 on), the path of the one mistake, its line, and
#: a part of what is said.
CASES: dict[str, tuple[str, str, int, str]] = {
    # names
    "misspelt section": ("[plan.x]", "plan", 9, "did you mean 'plans'?"),
    "misspelt key": ('hilights = ["x"]', "plans.pro.hilights", 9, "did you mean 'highlights'?"),
    "unknown pool": ("[features.x]\ncost.credit = 1", "features.x.cost.credit", 10, "'credits'?"),
    "unknown unit": ("allowances.crdits = 5", "plans.pro.allowances.crdits", 9, "'credits'?"),
    "unknown feature": ('overage.imge = "1 usd"', "plans.pro.overage.imge", 9, "'image'?"),
    "unknown plan": (
        '[packs.x]\nprice = "1 usd"\ngrants.credits = 1\nplans = ["prp"]',
        "packs.x.plans[0]",
        12,
        "'pro'?",
    ),
    "limit of nothing": (
        'limits = [{ every = "day" }]',
        "plans.pro.limits[0]",
        9,
        "either a quantity",
    ),
    "unknown currency": (
        '[packs.x]\nprice = "1 uds"\ngrants.credits = 1',
        "packs.x.price",
        10,
        "usd",
    ),
    "unknown dimension": (
        "[features.x]\ndimensions = ['model']\nrate = { by = 'mdel', rates = { a = '1 usd' } }",
        "features.x.rate.by",
        11,
        "did you mean 'model'?",
    ),
    "unknown card": (
        "[features.x]\nrate = { card = 'x' }",
        "features.x.rate",
        10,
        "there are none",
    ),
    "unknown book": (
        "[features.x]\nprice_book = 'lm'\n[price_books.llm]",
        "features.x.price_book",
        10,
        "'llm'?",
    ),
    "unknown in a mode": ("[live.plans.prp]", "live.plans.prp", 9, "did you mean 'pro'?"),
    "reserved key": ("[features.wallet]", "features.wallet", 9, "choose another key"),
    "currency as unit": ("[units.eur]", "units.eur", 9, "'eur_credits'"),
    "odd key": ('[features."a b"]', 'features."a b"', 9, "is no key"),
    # single values
    "float amount": (
        "allowances.credits = 0.1234567",
        "plans.pro.allowances.credits",
        9,
        "6 decimal",
    ),
    "negative": ("allowances.credits = -1", "plans.pro.allowances.credits", 9, "below zero"),
    "not a number": ("allowances.credits = nan", "plans.pro.allowances.credits", 9, "finite"),
    "bool": ("allowances.credits = true", "plans.pro.allowances.credits", 9, "bool"),
    "bad span": (
        'allowances.credits = "5 / mnth"',
        "plans.pro.allowances.credits",
        9,
        "did you mean 'month'?",
    ),
    "bad rate": ('overage.image = "cheap"', "plans.pro.overage.image", 9, "written like"),
    "rate for nothing": ('overage.image = "1 usd / 0"', "plans.pro.overage.image", 9, "zero"),
    "bad percent": (
        "[features.x]\nprice_book = 'llm'\nmarkup = 20",
        "features.x.markup",
        11,
        "20 %",
    ),
    "scale out of range": ("[units.x]\nscale = 13", "units.x.scale", 10, "12"),
    "bad choice": ("[policies]\ncancel = 'never'", "policies.cancel", 10, "'keep', 'freeze'"),
    "missing": ("[packs.x]\nprice = '1 usd'", "packs.x", 9, "`grants` is missing"),
    # money
    "price twice": (
        '[plans.x]\nprices = ["1 usd / month", "2 usd / 1 month"]',
        "plans.x.prices[1]",
        10,
        "already",
    ),
    "same interval": (
        '[plans.x]\nprices = ["1 usd / year", "2 usd / 12 months"]',
        "plans.x.prices[1]",
        10,
        "already",
    ),
    "too small to charge": ('[plans.x]\nprices = "0.49 usd"', "plans.x.prices", 10, "0.50 usd"),
    "half a cent": ('[plans.x]\nprices = "1.005 usd"', "plans.x.prices", 10, "minor units"),
    "half a yen": ('[plans.x]\nprices = "100.5 jpy"', "plans.x.prices", 10, "minor units"),
    "credits as money": ("overage.image = 3", "plans.pro.overage.image", 9, "name the currency"),
    "money as credits": (
        '[features.x]\ncost.credits = "1 usd"',
        "features.x.cost.credits",
        10,
        "what it costs in money is its `rate`",
    ),
    "mixed currencies": (
        'overage.image = { graduated = [{ up_to = 1, each = "1 usd" }, { each = "1 eur" }] }',
        "plans.pro.overage.image",
        9,
        "one rate for each currency",
    ),
    "currency twice": (
        'overage.image = ["1 usd", "2 usd"]',
        "plans.pro.overage.image[1]",
        9,
        "twice",
    ),
    "wallet in credits": ("allowances.wallet = 5", "plans.pro.allowances.wallet", 9, "5.00 usd"),
    "credits in money": (
        'allowances.credits = "5 usd"',
        "plans.pro.allowances.credits",
        9,
        "is credits, not money",
    ),
    # allowances
    "cap below amount": (
        "allowances.credits = { amount = 5, on_renewal = 'add', cap = 4 }",
        "plans.pro.allowances.credits.cap",
        9,
        "below the amount",
    ),
    "cap at a reset": (
        "allowances.credits = { amount = 5, cap = 9 }",
        "plans.pro.allowances.credits.cap",
        9,
        "on_renewal",
    ),
    "nothing granted": (
        "allowances.credits = 0",
        "plans.pro.allowances.credits",
        9,
        "greater than",
    ),
    # tiers
    "gap": (
        "overage.image.graduated = [{ up_to = 9, each = '1 usd' }, { from = 11, each = '1 usd' }]",
        "plans.pro.overage.image.graduated[1].from",
        9,
        "gap",
    ),
    "first gap": (
        "overage.image = { graduated = [{ from = 5, each = '1 usd' }] }",
        "plans.pro.overage.image.graduated[0].from",
        9,
        "gap",
    ),
    "overlap": (
        "overage.image.graduated = [{ up_to = 9, each = '1 usd' }, { from = 5, each = '1 usd' }]",
        "plans.pro.overage.image.graduated[1].from",
        9,
        "overlap",
    ),
    "unreachable": (
        "overage.image = { graduated = [{ each = '1 usd' }, { each = '1 usd' }] }",
        "plans.pro.overage.image.graduated[1]",
        9,
        "nobody reaches",
    ),
    "descending": (
        "overage.image.graduated = [{ up_to = 9, each = '1 usd' }, "
        "{ up_to = 9, each = '1 usd' }, { each = '1 usd' }]",
        "plans.pro.overage.image.graduated[1].up_to",
        9,
        "nobody reaches",
    ),
    "without an end": (
        "overage.image = { graduated = [{ up_to = 9, each = '1 usd' }] }",
        "plans.pro.overage.image.graduated[0].up_to",
        9,
        "has no price",
    ),
    "no steps": ("overage.image = { volume = [] }", "plans.pro.overage.image.volume", 9, "no step"),
    "no package": (
        "overage.image = { package = 0, each = '1 usd' }",
        "plans.pro.overage.image.package",
        9,
        "greater than zero",
    ),
    # dated cards
    "cards not ascending": (
        "[[rates.x]]\nfrom = 2026-02-01\nrate = '1 usd'\n"
        "[[rates.x]]\nfrom = 2026-01-31\nrate = '1 usd'",
        "rates.x[1].from",
        13,
        "the latest last",
    ),
    "card of a card": (
        "[[rates.x]]\nfrom = 2026-02-01\nrate = { card = 'x' }",
        "rates.x[0].rate",
        11,
        "no other card",
    ),
    "naive time": (
        "[[rates.x]]\nfrom = 2026-02-01T00:00:00\nrate = '1 usd'",
        "rates.x[0].from",
        10,
        "time zone",
    ),
    "card in credits": (
        "overage.image = { card = 'x' }\n[[rates.x]]\nfrom = 2026-02-01\nrate = 5",
        "plans.pro.overage.image",
        9,
        "is in credits",
    ),
    "card too fine": (
        "[features.x]\nscale = 0\nrate = { card = 'x' }\n[[rates.x]]\nfrom = 2026-02-01\n"
        "rate.volume = [{ up_to = 0.5, each = '1 usd' }, { each = '2 usd' }]",
        "rates.x[0].rate.volume[0].up_to",
        14,
        "0 decimal digits",
    ),
    # who pays
    "unknown payer": (
        'waterfall = ["walet"]',
        "plans.pro.waterfall[0]",
        9,
        "did you mean 'wallet'?",
    ),
    "payer twice": ('waterfall = ["wallet", "wallet"]', "plans.pro.waterfall[1]", 9, "twice"),
    "two pools, no order": (
        "[units.gems]\n[features.x]\ncost = { credits = 1, gems = 1 }",
        "waterfall",
        0,
        "in the order in which they pay",
    ),
    "own as pool": ("[features.x]\ncost.x = 1", "features.x.cost.x", 10, "its own credits"),
    # limits
    "limit without span": (
        "limits = [{ feature = 'image', at_most = 5 }]",
        "plans.pro.limits[0]",
        9,
        "over which span",
    ),
    "rolling months": (
        "limits = [{ feature = 'image', at_most = 5, within = '2 months' }]",
        "plans.pro.limits[0].within",
        9,
        "not always as long",
    ),
    "limit of what": (
        "limits = [{ at_most = 5, every = 'day' }]",
        "plans.pro.limits[0]",
        9,
        "do not add up",
    ),
    "unpriced overage": (
        "limits = [{ feature = 'image', at_most = 5, every = 'day', at_limit = 'overage' }]",
        "plans.pro.limits[0]",
        9,
        "nothing prices the overage",
    ),
    "limit twice": (
        "limits = [{ spend = '5 usd', every = 'day' }, { spend = '6 usd', every = 'day' }]",
        "plans.pro.limits[1]",
        9,
        "already",
    ),
    "stray tag": (
        "limits = [{ feature = 'image', at_most = 5, every = 'day', tag = 'x' }]",
        "plans.pro.limits[0].tag",
        9,
        'per = "tag"',
    ),
    # features of other kinds
    "gauge by word": (
        "entitlements.seats = 'many'\n[features.seats]\ntype = 'gauge'",
        "plans.pro.entitlements.seats",
        9,
        "a gauge is a number",
    ),
    "boolean by number": (
        "entitlements.sso = 3\n[features.sso]\ntype = 'boolean'",
        "plans.pro.entitlements.sso",
        9,
        "true or false",
    ),
    "boolean with a rate": (
        "[features.sso]\ntype = 'boolean'\nrate = '1 usd'",
        "features.sso.rate",
        11,
        "only a metered feature",
    ),
    "unique of what": ("[features.x]\nmeter = 'unique'", "features.x.meter", 10, "of ="),
    # what is sold
    "top-up without a rate": ("[top_ups.credits]", "top_ups.credits", 9, "what does one cost"),
    "top-up by model": (
        "[top_ups.credits]\nrate = { by = 'model', rates = { a = '1 usd' } }",
        "top_ups.credits.rate.by",
        10,
        "knows no model",
    ),
    "wallet with a rate": (
        "[top_ups.wallet]\nrate = '1 usd'",
        "top_ups.wallet.rate",
        10,
        "costs itself",
    ),
    "maximum below minimum": (
        "[top_ups.credits]\nrate = '1 usd'\nminimum = 5\nmaximum = 4",
        "top_ups.credits.maximum",
        12,
        "below the minimum",
    ),
    "minimum too cheap": (
        "[top_ups.credits]\nrate = '0.01 usd'\nminimum = 5",
        "top_ups.credits.minimum",
        11,
        "buy 50 or more",
    ),
    "step never reached": (
        "[top_ups.credits]\nrate.volume = [{ up_to = 9, each = '1 usd' }, { each = '1 usd' }]\n"
        "maximum = 9",
        "top_ups.credits.rate.volume[1]",
        10,
        "nobody reaches",
    ),
    "endless loop": (
        "[top_ups.credits]\nrate = '1 usd'\nauto = { below = 1, buy = 1 }",
        "top_ups.credits.auto",
        11,
        "nothing bounds",
    ),
    "never buys": (
        "[top_ups.credits]\nrate = '1 usd'\nauto = { below = 1, buy = 9, spend_at_most = '8 usd' }",
        "top_ups.credits.auto.spend_at_most",
        11,
        "would never buy",
    ),
    "inversion refused": (
        "[top_ups.credits]\nminimum = 100\ninversions = 'refuse'\n"
        "rate.volume = [{ up_to = 499, each = '0.1 usd' }, { each = '0.08 usd' }]",
        "top_ups.credits.rate",
        12,
        "499 cost 49.90 usd, but 500 cost only 40.00 usd",
    ),
    "code twice": (
        "[promotions.a]\ncode = 'HELLO'\ngrants.credits = 1\n"
        "[promotions.hello]\ngrants.credits = 1",
        "promotions.hello",
        12,
        "already",
    ),
    "id twice": (
        "ids.stripe = 'prod_1'\n[plans.x]\nids.stripe = 'prod_1'",
        "plans.x.ids.stripe",
        11,
        "'pro' has the id 'prod_1' already",
    ),
    "overrides not ascending": (
        "[price_books.llm]\noverrides = [\n"
        "{ vendor = 'a', model = 'x', from = 2026-02-01, rates.input = '1 usd / 1_000_000' },\n"
        "{ vendor = 'a', model = 'x', from = 2026-01-01, rates.input = '1 usd / 1_000_000' }]",
        "price_books.llm.overrides[1]",
        12,
        "the latest last",
    ),
    "model for credits": (
        "[price_books.llm]\noverrides = [{ vendor = 'a', model = 'x', rates.input = 5 }]",
        "price_books.llm.overrides[0].rates.input",
        10,
        "name the currency",
    ),
    "empty markup": (
        "[price_books.llm]\nmarkups = [{ vendor = 'a' }]",
        "price_books.llm.markups[0]",
        10,
        "what is added",
    ),
    "one name for two limits": (
        'limits = [{ name = "daily", feature = "chat", at_most = 1, every = "day" }]\n'
        '[plans.max]\nlimits = [{ name = "daily", feature = "image", at_most = 1, every = "day" }]',
        "plans.max.limits[0].name",
        11,
        "one name has one counter",
    ),
    "fallback for nothing": (
        "[price_books.llm]\nunknown_model = 'fallback'",
        "price_books.llm.unknown_model",
        10,
        "`fallback`",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_found_where_it_is(case: str) -> None:
    """One mistake, one line, one sentence that says what to do."""
    added, path, line, said = CASES[case]
    found = mistakes(SOUND + added)
    assert [(mistake.path, mistake.line or 0) for mistake in found] == [(path, line)], found
    assert said in found[0].problem
    assert found[0].file == "billing.toml"


def test_the_sound_beginning_is_sound() -> None:
    """Whatever is found above was added there; only what gives its credits is missing."""
    assert not Catalog.from_toml(SOUND + "allowances.credits = 5").warnings


def test_credits_that_features_cost_and_nothing_gives_are_doubted() -> None:
    """Nobody could ever pay with them, unless they are granted by hand."""
    (doubt,) = Catalog.from_toml(SOUND).warnings
    assert (doubt.path, doubt.line) == ("units.credits", 2)
    assert "no plan, pack, top-up, promotion or sign-up gives any" in doubt.problem


@pytest.mark.parametrize(
    ("added", "path", "said"),
    [
        ("[promotions.x]\nuntil = 'next week'\ngrants.credits = 5", "promotions.x.until", "a date"),
        ("[features.x]\nrate = '1 usdd'", "features.x.rate", "did you mean 'usd'?"),
        (
            "allowances.credits = { amount = 5, every = 'month', on_renewal = 'ad', cap = 9 }",
            "plans.pro.allowances.credits.on_renewal",
            "'reset' or 'add', not 'ad'",
        ),
        (
            "allowances.credits = { amount = 5, every = 'month', cap = 3 }",
            "plans.pro.allowances.credits.cap",
            "at a reset nothing is left",
        ),
        (
            "entitlements.seats = true\n[features.seats]\ntype = 'gauge'",
            "plans.pro.entitlements.seats",
            "not true",
        ),
        ("[features.x]\ncost.coins = 1", "features.x.cost.coins", "'x'. Or declare it"),
    ],
)
def test_one_slip_is_one_mistake_in_our_words(added: str, path: str, said: str) -> None:
    """Neither Python's words nor a second mistake that follows from the first."""
    (found,) = mistakes(SOUND + added)
    assert found.path == path
    assert said in found.problem


def test_a_limit_of_money_that_some_customers_never_meet_is_doubted() -> None:
    """It holds in its own currency alone."""
    doubts = Catalog.from_toml("""
        currency = "usd"
        limits = [{ spend = "5.00 usd", every = "month" }]
        [plans.free]
        [features.picture]
        rate = ["0.10 usd", "0.09 eur"]
    """).warnings
    assert [doubt.path for doubt in doubts if "limits" in doubt.path] == ["limits[0].spend"]
    assert any("sold in eur, too, and nothing limits" in doubt.problem for doubt in doubts)


@pytest.mark.parametrize("meter", ["max", "last", "count", "unique", "sum"])
def test_a_meter_by_which_nothing_is_paid_is_doubted(meter: str) -> None:
    """Whoever writes max beside a price may think that the bill follows it."""
    of = 'of = "user"\ndimensions = ["user"]' if meter == "unique" else ""
    text = f'currency = "usd"\n[features.seats]\nmeter = "{meter}"\n{of}\nrate = "1.00 usd"\n'
    doubts = [doubt.path for doubt in Catalog.from_toml(text + "[plans.free]").warnings]
    assert doubts == ([] if meter == "sum" else ["features.seats.meter"])


@pytest.mark.parametrize(("of_feature", "of_unit", "doubted"), [(6, 0, 1), (0, 0, 0), (6, 1, 0)])
def test_parts_that_cost_nothing_are_doubted(of_feature: int, of_unit: int, doubted: int) -> None:
    """Twenty halves of a use for nothing are no bargain that anybody meant."""
    text = f"[units.k]\nscale = {of_unit}\n[features.f]\nscale = {of_feature}\ncost = {{ k = 1 }}"
    doubts = Catalog.from_toml(text + '\n[plans.free]\nallowances.k = "5 / month"').warnings
    assert [doubt.path for doubt in doubts] == ["features.f.cost.k"] * doubted


def test_every_mistake_is_told_at_once() -> None:
    """What one value gets wrong hides nothing that stands elsewhere."""
    added = [
        "allowances.credits = true",
        "allowances.crdits = 5",
        'overage.imge = "1 usd"',
        "[units.x]",
        "scale = 13",
        "colour = 1",
        "[packs.y]",
        'price = "0.10 usd"',
        "grants.credits = 1",
    ]
    found = mistakes(SOUND + "\n".join(added))
    assert [mistake.line for mistake in found] == [9, 10, 11, 13, 14, 16]


def test_a_refused_entry_makes_no_other_mistakes() -> None:
    """A feature with a mistake is still a feature."""
    text = SOUND + 'overage.x = "1 usd"\n[features.x]\nscale = "many"'
    assert [mistake.path for mistake in mistakes(text)] == ["features.x.scale"]


@pytest.mark.parametrize(
    ("text", "line"), [("a = \n", 1), ("x = 1\n[a\n", 2), ('a = "b', 1), ("a = 1\na = 2\n", 2)]
)
def test_what_is_no_toml_says_where(text: str, line: int) -> None:
    """The place where the text stops being TOML."""
    (found,) = mistakes(text)
    assert (found.line, found.file) == (line, "billing.toml")
    assert "this is not TOML" in found.problem


@pytest.mark.parametrize(
    "text", ["a = " + "9" * 5000, "a = 1e" + "9" * 30, "a = " + "[" * 5000 + "]" * 5000]
)
def test_what_no_parser_can_bear(text: str) -> None:
    """Too many digits, too many brackets: refused like any other mistake."""
    (found,) = mistakes(text)
    assert "too long, or its brackets" in found.problem or "this is not TOML" in found.problem


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    """Named with its line, like everything else."""
    file = tmp_path / "billing.toml"
    file.write_bytes(b'currency = "usd"\n# caf\xe9\n')
    with pytest.raises(CatalogError, match=r"billing\.toml:2: this is not UTF-8"):
        Catalog.load(file)


def test_numbers_are_taken_as_they_are_written() -> None:
    """0.1 in a TOML file is a tenth, not the float nearest to it."""
    catalog = Catalog.from_toml("features.x = {}\nplans.a.allowances.x = 0.1")
    assert catalog.plans["a"].allowances["x"].amount == Decimal("0.1")


def test_a_python_catalog_has_the_same_checks() -> None:
    """Without lines, but with paths; a float is refused, since it is not what was written."""
    with pytest.raises(CatalogError) as caught:
        Catalog(features={"x": {"rate": 0.5}}, plans={"a": {"allowances": {"y": 1}}})
    paths = {mistake.path for mistake in caught.value.mistakes}
    assert paths == {"features.x.rate", "plans.a.allowances.y"}
    assert isinstance(caught.value, InvalidRequest)
    assert caught.value.code == "invalid_catalog"


def test_the_message_reads_well() -> None:
    """What a person sees in the terminal."""
    with pytest.raises(CatalogError) as caught:
        Catalog.from_toml(SOUND + 'overage.imge = "1 usd"', file="billing.toml")
    assert caught.value.message.splitlines() == [
        "billing.toml has 1 mistake:",
        "  billing.toml:9:1: plans.pro.overage.imge: there is no metered feature 'imge'; "
        "did you mean 'image'?",
    ]
