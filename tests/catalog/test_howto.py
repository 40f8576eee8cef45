"""The price lists in the documents are sound, block after block."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tollkeeper.catalog import Catalog

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "how-to" / "price-list.md"

BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another, as the page builds one file up."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], dict) and isinstance(other[key], dict):
            both[key] = merged(one[key], other[key])
    return both


def up_to(count: int) -> dict[str, Any]:
    """What the first blocks say together; the page tells to name a default currency."""
    data: dict[str, Any] = {"currency": "usd"}
    for block in BLOCKS[:count]:
        data = merged(data, tomllib.loads(block, parse_float=Decimal))
    return data


@pytest.mark.parametrize("count", range(1, len(BLOCKS) + 1))
def test_the_price_list_is_sound_after_each_step(count: int) -> None:
    """And nothing in it is doubtful."""
    assert Catalog(**up_to(count)).warnings == ()


def test_the_page_shows_every_section() -> None:
    """Of what an app would write first."""
    told = {"units", "features", "plans", "packs", "top_ups", "rates", "price_books"}
    assert told <= set(up_to(len(BLOCKS)))
