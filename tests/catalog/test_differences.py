"""What a new catalog changes, in words, before it is applied (D9)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.catalog.shop import SHOP, sections, shop
from tollkeeper.catalog import Catalog
from tollkeeper.catalog.differences import Difference

CARDS = """
[[rates.llm]]
from = 2026-01-01
rate = "2 usd / 1_000_000"
[[rates.llm]]
from = 2026-06-01
rate = "1 usd / 1_000_000"
"""


def changed(before: str, after: str, *, at: datetime | None = None) -> tuple[Difference, ...]:
    """What a change of the shop's text changes."""
    assert before in SHOP + CARDS
    old = Catalog.from_toml(SHOP + CARDS)
    return old.differences(Catalog.from_toml((SHOP + CARDS).replace(before, after)), at=at)


@given(sections(), sections())
def test_catalogs_differ_exactly_if_their_versions_do(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Nothing that changes the version is passed over, and nothing else is told."""
    old, new = Catalog(**one), Catalog(**other)
    assert old.differences(old) == ()
    assert bool(old.differences(new)) == (old.version != new.version)


@given(sections(), sections())
def test_back_and_forth_mirror_each_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What is added one way is removed the other."""
    old, new = Catalog(**one), Catalog(**other)
    there = {(each.path, each.before, each.after) for each in old.differences(new)}
    back = {(each.path, each.after, each.before) for each in new.differences(old)}
    assert there == back


@pytest.mark.parametrize(
    ("before", "after", "path", "kind", "effect"),
    [
        (
            '"20 usd / month"',
            '"25 usd / month"',
            'plans.pro.prices."usd / month"',
            "changed",
            "money",
        ),
        ('"200 usd / year", ', "", 'plans.pro.prices."usd / year"', "removed", "money"),
        (
            '"50 / month"',
            '"60 / month"',
            "plans.free.allowances.credits.amount",
            "changed",
            "balances",
        ),
        (
            "cost.credits = 10",
            "cost.credits = 9",
            "features.image.cost.credits",
            "changed",
            "money",
        ),
        ("sso = true, ", "", "plans.pro.entitlements.sso", "removed", "access"),
        (
            "at_most = 200",
            "at_most = 300",
            'plans.pro.limits."image:quantity:customer:day".at_most',
            "changed",
            "access",
        ),
        ("low_balance = 100", "low_balance = 9", "units.credits.low_balance", "changed", "notices"),
        ('name = "Pro"', 'name = "Plus"', "plans.pro.name", "changed", "display"),
        (
            "grants.credits = 500",
            "grants.credits = 600",
            "packs.starter.grants.credits",
            "changed",
            "money",
        ),
        ("maximum = 10_000", "maximum = 9_000", "top_ups.credits.maximum", "changed", "money"),
        ('default_plan = "free"', "", "default_plan", "removed", "access"),
        ("[price_books.llm]", "[policies]\ngrace = '3 days'", "policies.grace", "changed", "money"),
    ],
)
def test_what_a_change_means(before: str, after: str, path: str, kind: str, effect: str) -> None:
    """One change, one difference, with what it touches and a sentence."""
    found = {each.path: each for each in changed(before, after)}
    assert (found[path].kind, found[path].effect) == (kind, effect)
    assert found[path].meaning
    assert not found[path].is_refused


def test_it_says_for_whom_it_holds() -> None:
    """Whoever has a plan keeps what was sold to him, and that is what is said (D9)."""
    found = {each.path: each.meaning for each in changed('"50 / month"', '"60 / month"')}
    (meaning,) = found.values()
    assert meaning.endswith("who subscribes from now on, and others keep what was sold to them")
    found = {e.path: e.meaning for e in changed("cost.credits = 10", "cost.credits = 9")}
    assert found["features.image.cost.credits"].endswith(
        "who has a plan keeps what was sold to him"
    )
    assert "migrated" not in str(shop().differences(shop(plans={}, default_plan=None)))


def test_a_new_feature_says_what_it_is_for() -> None:
    """A gauge is not charged."""
    old = Catalog.from_toml("[features.chat]\n")
    new = Catalog.from_toml("[features.chat]\n[features.seats]\ntype = 'gauge'\n")
    (found,) = old.differences(new)
    assert found.meaning == "plans can say how many there may be"


def test_a_gift_that_is_gone_says_so() -> None:
    """New customers are given nothing then."""
    text = "[units.credits]\n[features.chat]\ncost.credits = 1\n"
    old = Catalog.from_toml(text + "[sign_up]\ncredits = 5\n")
    (found,) = old.differences(Catalog.from_toml(text))
    assert found.meaning == "new customers are not given it any more"


def test_a_line_shows_the_beginning_of_what_is_long() -> None:
    """The first catalog does not fill the screen; `after` has it whole."""
    (found,) = Catalog.from_toml("").differences(
        Catalog.from_toml("[plans.pro]\nhighlights = ['" + "x" * 500 + "']\n")
    )
    assert len(str(found)) < 200
    assert "x" * 500 in (found.after or "")


def test_whole_things_come_and_go() -> None:
    """A plan is told once, not field by field."""
    gone = shop(plans={}, default_plan=None)
    paths = [each.path for each in shop().differences(gone)]
    assert [path for path in paths if path.startswith("plans")] == [
        "plans.boost",
        "plans.free",
        "plans.pro",
    ]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("low_balance = 100", "low_balance = 100\nscale = 2", "units.credits.scale"),
        ('name = "API calls"', "scale = 0", "features.calls.scale"),
        ('name = "Image"', 'name = "Image"\nscale = 0', "features.image.scale"),
    ],
)
def test_another_scale_is_refused(before: str, after: str, path: str) -> None:
    """What is kept in the books would mean something else."""
    (refused,) = [each for each in changed(before, after) if each.is_refused]
    assert refused.path == path
    assert "declare another" in refused.meaning
    assert str(refused).startswith(f"~ {path}: 6 → ")


def test_rate_cards_are_append_only() -> None:
    """What has begun stays as it is; what begins later may be rewritten; new cards are appended."""
    spring = datetime(2026, 3, 1, tzinfo=UTC)
    later = '"1 usd / 1_000_000"'
    assert [each.is_refused for each in changed(later, '"3 usd"', at=spring)] == [False]
    assert [each.is_refused for each in changed(later, '"3 usd"')] == [True]
    past = changed('"2 usd / 1_000_000"', '"3 usd"', at=spring)
    assert [(each.path, each.is_refused) for each in past] == [("rates.llm.2026-01-01", True)]
    between = "[[rates.llm]]\nfrom = 2026-02-01\nrate = '5 usd'\n[[rates.llm]]\nfrom = 2026-06-01"
    inserted = changed("[[rates.llm]]\nfrom = 2026-06-01", between, at=spring)
    assert [(each.kind, each.is_refused) for each in inserted] == [("added", True)]
    appended = Catalog.from_toml(SHOP + CARDS).differences(
        Catalog.from_toml(SHOP + CARDS + "[[rates.llm]]\nfrom = 2027-01-01\nrate = '1 usd'\n"),
        at=spring,
    )
    assert [(each.kind, each.is_refused) for each in appended] == [("added", False)]
