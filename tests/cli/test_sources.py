"""Where value comes from, as people type it: a slip is told, and never makes a promotion."""

import pytest

from tests.cli.conftest import Command
from tollkeeper.cli.sources import SOURCES
from tollkeeper.decisions import granting

GRANT = ("credits", "grant", "user_1", "api_calls", "5")
DEPOSIT = ("wallet", "deposit", "user_1", "5", "usd")


def test_the_known_sources_are_those_with_defaults() -> None:
    """The command line and the decisions know the same words."""
    assert sorted(SOURCES) == sorted(granting.SOURCES)


@pytest.mark.parametrize("words", [GRANT, DEPOSIT], ids=["grant", "deposit"])
def test_a_slip_in_a_source_is_told(on_sqlite: Command, words: tuple[str, ...]) -> None:
    """It would have made a promotion of what was bought; nothing is written."""
    answer = on_sqlite(*words, "--source", "purchse", "--json")
    assert (answer.code, answer.data["error"]["code"]) == (2, "invalid_request")
    assert "did you mean 'purchase'?" in answer.err
    assert on_sqlite("customers", "get", "user_1").code == 3
    assert "promotion, allowance" in on_sqlite(*words, "--source", "xyz").err


@pytest.mark.parametrize("source", SOURCES)
def test_a_known_source_needs_no_more_words(on_sqlite: Command, source: str) -> None:
    """Its defaults are its own."""
    assert on_sqlite(*GRANT, "--source", source).code == 0
    (grant,) = on_sqlite("credits", "grants", "user_1", "--json").data["grants"]
    expected = granting.SOURCES[source]
    assert (grant["source"], grant["priority"], grant["paid"]) == (source, *expected)


@pytest.mark.parametrize(("word", "paid"), [("--paid", True), ("--unpaid", False)])
def test_a_source_of_the_app_s_own_says_what_it_is(
    on_sqlite: Command, word: str, *, paid: bool
) -> None:
    """Whether it was paid for is said, and not guessed."""
    assert on_sqlite(*GRANT, "--source", "referral", word).code == 0
    (grant,) = on_sqlite("credits", "grants", "user_1", "--json").data["grants"]
    assert (grant["source"], grant["paid"], grant["priority"]) == ("referral", paid, 40)
