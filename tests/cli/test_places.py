"""Where a command works: on the database that was named, and never on one that was not meant."""

import signal
from importlib.resources import files
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import BACKGROUND, LONG_BENCH, SHELL, stopped

BENCH = ("bench", "consume", "--callers", "4", "--customers", "10", "--seconds", "0.2")
TRACE = str(files("tollkeeper") / "data" / "azure_llm_trace_excerpt.csv")
REPLAY = ("replay", TRACE, "--limit", "30", "--customers", "5")
BALANCE = ("credits", "balance", "user_1", "api_calls")


@pytest.mark.parametrize("words", [BENCH, REPLAY], ids=["bench", "replay"])
def test_a_trial_leaves_the_app_s_books_alone(
    on_sqlite: Command,
    command: Command,
    sqlite_url: str,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    """What it writes stays for ever, so that only --database names where."""
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", sqlite_url)
    assert command(*words).code == 0
    assert on_sqlite("audit", "--json").data["checked"]["entries"] == 0
    assert not list(temporary.iterdir())
    assert on_sqlite(*words).code == 0
    assert on_sqlite("audit", "--json").data["checked"]["entries"] > 0


@pytest.mark.parametrize("words", [("replay",), ("bench", "consume"), ("bench", "balance")])
def test_a_trial_s_help_says_so(command: Command, words: tuple[str, ...]) -> None:
    """Where people look before they type."""
    told = " ".join(command(*words, "--help").out.replace("\u2502", " ").split())
    assert "TOLLKEEPER_DATABASE_URL is not read" in told
    assert "TOLLKEEPER_DATABASE_URL names it" not in told


@pytest.mark.parametrize("option", ["--database", "--schema"])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_an_empty_name_is_no_name(
    on_sqlite: Command,
    command: Command,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    place: str,
) -> None:
    """A shell makes an empty text of a variable that is not set; it must not mean another."""
    assert on_sqlite("version").code == 0
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", sqlite_url)
    empty = (option, "")
    answer = command(*BALANCE, *empty) if place == "behind" else command(*empty, *BALANCE)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: invalid_request: {option} is empty")


@pytest.mark.parametrize(
    "words",
    [BALANCE, ("history", "user_1"), ("audit",), ("credits", "grant", "user_1", "a", "1"), REPLAY],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_file_that_is_not_there_is_not_made(
    command: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A slip in its name would leave an empty file behind, and hide itself."""
    path = tmp_path / "ap.db"
    answer = command("--database", f"sqlite:///{path}", *words)
    assert answer.code == 4
    assert answer.err.startswith(f"error: store_unavailable: The file {path} does not exist")
    assert not list(tmp_path.iterdir())


def test_those_that_make_tables_make_the_file(command: Command, tmp_path: Path) -> None:
    """`migrate` and `bench` begin with nothing."""
    for name, words in (("a.db", ("migrate",)), ("b.db", BENCH)):
        assert command("--database", f"sqlite:///{tmp_path / name}", *words).code == 0
    assert command("--database", "sqlite://", "audit").code == 4


@pytest.mark.parametrize("mode", ["tasks", "threads"])
@pytest.mark.parametrize("program", [SHELL, BACKGROUND], ids=["foreground", "background"])
def test_a_terminated_trial_leaves_nothing_behind(
    tmp_path: Path, mode: str, program: tuple[str, ...]
) -> None:
    """It ends by the signal, as its sender expects; a background job ignores Ctrl-C, not this."""
    words = (*LONG_BENCH, "--mode", mode)
    ended = stopped(signal.SIGTERM, tmp_path, *words, program=program, seconds=1)
    assert (ended.code, ended.out, ended.err) == (-signal.SIGTERM, "", "")
    assert not list(tmp_path.iterdir())


def test_a_terminated_replay_leaves_nothing_behind(tmp_path: Path) -> None:
    """Nor does the other trial."""
    ended = stopped(signal.SIGTERM, tmp_path, "replay", TRACE, "--callers", "1")
    assert (ended.code, ended.err) == (-signal.SIGTERM, "")
    assert not list(tmp_path.iterdir())
