"""A version says what a catalog says, and nothing about how it was written."""

import pickle
from typing import Any

from hypothesis import given

from tests.catalog.shop import SHOP, plain, sections, shop
from tollkeeper.catalog import Catalog


@given(sections())
def test_canonical_text_is_read_back(written: dict[str, Any]) -> None:
    """What the database keeps is the catalog, and writing it again gives the same text."""
    catalog = Catalog(**written)
    kept = Catalog.from_canonical(catalog.canonical())
    assert kept == catalog
    assert kept.canonical() == catalog.canonical()
    assert kept.version == catalog.version


@given(sections())
def test_order_and_spelling_of_numbers_do_not_matter(written: dict[str, Any]) -> None:
    """Other order of keys, 5.00 for 5: the same version."""
    assert Catalog(**plain(written)).version == Catalog(**written).version


def test_comments_and_formatting_do_not_matter() -> None:
    """Nor do tables written inline, grouped digits, upper-case currencies, or equal spans."""
    first = Catalog.from_toml(
        'features.x = {}\n[plans.a]\nprices = "1000 usd / year"\nallowances.x = 1000\n'
    )
    second = Catalog.from_toml(
        "# a comment\n[plans]\na = { allowances = { x = { amount = 1_000.0, every = '1 month' } }, "
        "prices = [{ amount = '1_000.00 USD', every = '12 months' }] }\n[features.x]\n"
    )
    assert first.version == second.version
    assert first == second


def test_a_default_written_out_does_not_matter() -> None:
    """So a later release can add a setting without giving every catalog another version."""
    assert shop(policies={"cancel": "keep"}).version == shop().version
    assert shop(policies={"cancel": "revoke"}).version != shop().version


def test_what_is_not_said_is_not_kept() -> None:
    """The text holds what was written and no default of today's."""
    catalog = Catalog.from_toml('features.x = {}\nplans.a.prices = "5 usd / month"')
    assert catalog.canonical() == (
        '{"features":{"x":{}},"plans":{"a":{"prices":[{"amount":"5.00 usd","every":"month"}]}}}'
    )


def test_a_catalog_from_python_equals_the_one_from_toml() -> None:
    """One set of models serves both."""
    assert Catalog(features={"x": {"cost": {"y": 2}}}, units={"y": {}}) == Catalog.from_toml(
        "units.y = {}\nfeatures.x.cost.y = 2"
    )


def test_where_it_was_written_does_not_matter() -> None:
    """Warnings know lines; equality does not."""
    assert Catalog.from_toml(SHOP, file="a.toml") == Catalog.from_toml("\n" + SHOP, file="b.toml")


def test_what_was_accepted_once_can_be_read_for_ever() -> None:
    """Later checks do not undo what was sold: the canonical text is not judged again."""
    kept = Catalog.from_canonical('{"plans":{"old":{"prices":[{"amount":"0.10 usd"}]}}}')
    assert kept.plans["old"].prices[0].amount.minor == 10


def test_a_price_paid_once_is_written_in_two_ways() -> None:
    """`99 usd` and `99 usd once`."""
    one, other = (Catalog(plans={"p": {"prices": text}}) for text in ("99 usd", "99 usd once"))
    assert one == other
    assert one.plans["p"].prices[0].every is None


def test_a_catalog_travels_to_another_process() -> None:
    """With or without what was worked out, and equal catalogs are one key."""
    catalog = shop()
    catalog.terms("image", ("pro",))
    copy = pickle.loads(pickle.dumps(catalog))
    assert copy == catalog
    assert {catalog: 1}[copy] == 1
    assert copy.terms("image", ("pro",)) == catalog.terms("image", ("pro",))
