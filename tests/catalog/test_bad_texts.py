"""Whatever is written, a catalog is made or every mistake is told; nothing else comes out."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.catalog.shop import SHOP
from tollkeeper.catalog import Catalog, Mistake
from tollkeeper.errors import CatalogError, InvalidRequest

#: Something of everything; it is sound.
WHOLE = (
    SHOP
    + """
overrides = [{ vendor = "acme", model = "x-*", from = 2026-01-01, rates = { input = "1 usd" } }]
[units.gems]
scale = 2
[features.answer]
rate = { by = "model", rates = { large = { card = "llm" } }, otherwise = "1 usd / 1_000" }
[[rates.llm]]
from = 2026-01-01
rate = { package = 1_000, each = "2 usd" }
[[rates.llm]]
from = 2026-02-01T00:00:00Z
rate.volume = [{ up_to = 10, each = "1 usd" }, { from = 11, each = "0.5 usd", flat = "2 usd" }]
[promotions.welcome]
code = "HELLO"
grants.gems = 5
until = 2027-01-01
[policies]
grace = "3 days"
warn_at = [50, 80]
[live.plans.pro]
prices = "21 usd / month"
ids = { stripe = "prod_1" }
[test.top_ups.credits]
rate = "0.02 usd"
"""
)
PIECES = st.sampled_from(
    [
        "=",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        ",",
        ".",
        "#",
        "0",
        "-1",
        "nan",
        "1e999",
        "true",
        "usd",
        "from",
        "card",
        "by",
        "volume",
        "wallet",
        "own",
        "plan",
        "month",
        "\n",
        "1970-01-01",
        "[[x]]",
        "_",
        " ",
    ]
)
KEYS = st.sampled_from(
    [*Catalog.model_fields, "pro", "image", "credits", "rate", "by", "each", "volume", "from", ""]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=8),
    st.sampled_from(["1 usd", "20 usd / month", "x" * 100_000, "1e99999", "image", "20 %"]),
    st.binary(max_size=3),
)
DATA: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def mistakes(error: CatalogError) -> tuple[Mistake, ...]:
    """What an error tells: at least one mistake, and never Python's own words."""
    found: tuple[Mistake, ...] = error.mistakes
    assert found
    for mistake in found:
        assert mistake.problem
        assert "Value error" not in mistake.problem
        assert "pydantic" not in mistake.problem
    return found


def test_the_whole_text_is_sound() -> None:
    """So that what is told below is of the damage."""
    assert Catalog.from_canonical(Catalog.from_toml(WHOLE).canonical()) == Catalog.from_toml(WHOLE)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_text(data: st.DataObject) -> None:
    """Lines dropped, doubled and swapped, and pieces put in and taken out anywhere."""
    lines = WHOLE.splitlines()
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = data.draw(st.sampled_from([[], [lines[at]] * 2, ["", lines[0]]]))
    text = "\n".join(lines)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 5))
        text = text[:at] + data.draw(PIECES) + text[at + length :]
    try:
        catalog = Catalog.from_toml(text, file="x.toml")
    except CatalogError as error:
        found = mistakes(error)
        assert all(mistake.file == "x.toml" for mistake in found)
        assert all(mistake.line is None or mistake.line >= 1 for mistake in found)
    else:
        assert Catalog.from_canonical(catalog.canonical()) == catalog


@settings(max_examples=300)
@given(st.dictionaries(KEYS, DATA, max_size=5))
@example({"plans": {"a": {"prices": [{"amount": "1 usd", "every": 5}]}}})
@example({"features": {"x": {"rate": {"by": "a", "rates": {"b": {"by": "c", "rates": {}}}}}}})
@example({"rates": {"x": []}, "features": {"y": {"rate": {"card": "x"}}}})
@example({"top_ups": {"wallet": {"auto": {"below": "1 usd", "buy": "1 usd", "at_most": 1}}}})
@example({"test": {"plans": {"x": {"prices": []}}}})
@example({"features": {"x": {"rate": "1 usd"}}, "rates": {"x": {"from": "2026-01-01"}}})
@example({"units": {"x": {"overdraft": Decimal("NaN")}}})
def test_any_data_from_python(sections: dict[str, Any]) -> None:
    """Of any type, at any place."""
    try:
        catalog = Catalog(**sections)
    except CatalogError as error:
        mistakes(error)
    else:
        assert Catalog.from_canonical(catalog.canonical()) == catalog


@pytest.mark.parametrize("text", [None, b"features.image = {}", 5, ["features.image = {}"]])
def test_what_is_no_text_is_refused_with_what_to_do(text: Any) -> None:
    """Bytes are a common slip: they are to be decoded, or read from a file."""
    with pytest.raises(InvalidRequest, match="takes the text of a catalog"):
        Catalog.from_toml(text)
