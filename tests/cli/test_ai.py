"""`tollkeeper ai prices`: what a model costs and what customers pay, as vendors quote it."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

CATALOG = """
currency = "usd"

[features.chat]
price_book = "llm"

[price_books.llm]
source = "none"
markup = "20 %"
markups = [{ vendor = "acme", model = "dear", markup = "10 %", add = "0.50 usd / 1_000_000" }]

[[price_books.llm.overrides]]
vendor = "acme"
model = "*"

[price_books.llm.overrides.rates]
web_searches = "10 usd / 1000"
output = { volume = [
  { up_to = 200_000, each = "0.00000015 usd" },
  { each = "0.30 usd / 1_000_000" },
] }
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A catalog's file."""
    path = tmp_path / "billing.toml"
    path.write_text(CATALOG, "utf-8")
    return str(path)


def test_prices_are_those_of_a_million_with_the_markup(on_sqlite: Command, file: str) -> None:
    words = ("ai", "prices", "acme", "small", "--feature", "chat", "--catalog", file)
    lines = [" ".join(line.split()) for line in on_sqlite(*words).out.splitlines()]
    assert "output 1,000,000 0.15 0.18" in lines
    assert "output 1,000,000 0.3 0.36 above 200,000 tokens" in lines
    assert "web_searches 1,000 10 12" in lines
    assert "markup 20 %" in lines


def test_a_fixed_addition_is_told(on_sqlite: Command, file: str) -> None:
    words = ("ai", "prices", "acme", "dear", "--feature", "chat", "--catalog", file)
    lines = [" ".join(line.split()) for line in on_sqlite(*words).out.splitlines()]
    assert "markup 10 % and 0.5 usd / 1,000,000 tokens" in lines
    assert "output 1,000,000 0.15 0.665" in lines


def test_json_has_them_too(on_sqlite: Command, file: str) -> None:
    words = ("ai", "prices", "acme", "small", "--feature", "chat", "--catalog", file)
    data = on_sqlite("--json", *words).data
    assert data["rates"]["output"]["each"] == "0.00000015"
    quoted = {(row["kind"], row["above"]): row for row in data["quoted"]}
    assert quoted["output", 0] == {
        "kind": "output",
        "per": 1_000_000,
        "cost": "0.15",
        "price": "0.18",
        "above": 0,
    }
