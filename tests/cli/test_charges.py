"""`tollkeeper charges list, get`: what a customer has set aside, as people and scripts read it."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Command, Ended


@pytest.fixture
def holding(tollkeeper: Command) -> Command:
    """`tollkeeper` on books in which a customer has 500 tokens."""
    assert tollkeeper("credits", "grant", "user_1", "tokens", "500").code == 0
    return tollkeeper


def hold(command: Command, *words: str) -> str:
    """Set some tokens aside; give the hold's id."""
    made: dict[str, str] = told(command("charges", "hold", "user_1", "tokens", *words, "--json"))
    return made["id"]


def told(ended: Ended) -> Any:
    """Read what a command said in JSON."""
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_open_holds_are_listed_newest_first_by_pages(holding: Command) -> None:
    names = [hold(holding, quantity) for quantity in ("4", "5", "6")]
    first = told(holding("charges", "list", "user_1", "--limit", "2", "--json"))
    assert [held["id"] for held in first["holds"]] == [names[2], names[1]]
    again = ("--cursor", first["next_cursor"], "--limit", "2", "--json")
    second = told(holding("charges", "list", "user_1", *again))
    assert [held["quantity"] for held in second["holds"]] == ["4"]
    assert second["next_cursor"] is None
    page = holding("charges", "list", "user_1", "--limit", "2").out
    assert "6 tokens" in page
    assert f"More: --cursor {first['next_cursor']}" in page


def test_lists_by_status_and_feature(holding: Command) -> None:
    settled, released, opened = (hold(holding, "5") for _ in range(3))
    assert holding("charges", "settle", "user_1", settled, "3").code == 0
    assert holding("charges", "release", "user_1", released).code == 0
    expected = {
        (): [opened],
        ("--status", "settled"): [settled],
        ("--status", "released"): [released],
        ("--status", "lapsed"): [],
        ("--status", "all"): [opened, released, settled],
        ("--status", "all", "--feature", "image"): [],
    }
    for words, names in expected.items():
        found = told(holding("charges", "list", "user_1", *words, "--json"))
        assert [held["id"] for held in found["holds"]] == names
    assert "No holds." in holding("charges", "list", "user_2").out
    assert holding("charges", "list", "user_1", "--status", "closed").code == 2
    assert holding("charges", "list", "user_1", "--cursor", "2").code == 2


def test_one_hold_is_shown_with_all_that_was_said_of_it(holding: Command) -> None:
    said = ("--member", "ann", "--tag", "night", "--api-key", "k1", "--dimension", "model=small")
    name = hold(holding, "40", *said, "--pay-from", "credits")
    shown = holding("charges", "get", "user_1", name).out
    for text in (name, "open", "40", "ann", "night", "k1", "model=small", "credits", "Held by"):
        assert text in shown
    assert holding("charges", "settle", "user_1", name, "25").code == 0
    found = told(holding("charges", "get", "user_1", name, "--json"))
    assert (found["status"], found["settled"]) == ("settled", "25")
    assert found["closed_by"] in holding("charges", "get", "user_1", name).out
    missing = holding("charges", "get", "user_2", name)
    assert missing.code == holding("credits", "release", "user_2", name).code
    assert "hold_not_found" in missing.err
