"""How commands fail: the exit codes, one line on stderr, JSON on stdout, never a traceback."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import LONG_BENCH, shell, stopped

LINE = re.compile(r"error: [a-z_]+: .+\n")


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("credits", "consume", "user_1", "api_calls", "11"), 3, "insufficient_balance"),
        (("credits", "settle", "user_1", "hld_1", "5"), 3, "hold_not_found"),
        (("customers", "get", "nobody"), 3, "customer_not_found"),
        (("credits", "consume", "user_1", "api_calls", "NaN"), 2, "invalid_amount"),
        (("credits", "consume", "user_1", "api_calls", "0"), 2, "invalid_amount"),
        (("credits", "consume", "user_1", "api_calls", "1e30"), 2, "invalid_amount"),
        (("credits", "consume", "user_1", "money:usd", "1"), 2, "unit_mismatch"),
        (("credits", "consume", "\udcff", "api_calls", "1"), 2, "invalid_text"),
        (("credits", "consume", "", "api_calls", "1"), 2, "invalid_text"),
        (("credits", "history", "user_1", "--cursor", "x"), 2, "invalid_request"),
        (("wallet", "deposit", "user_1", "1", "xyz"), 2, "unknown_currency"),
        (("credits", "consume", "user_1", "api_calls"), 2, "usage"),
        (("credits", "consume", "user_1", "api_calls", "1", "--colour", "red"), 2, "usage"),
        (("credits", "hold", "user_1", "api_calls", "1", "--lifetime", "1x"), 2, "usage"),
        (("credits", "grant", "user_1", "api_calls", "1", "--expires-at", "soon"), 2, "usage"),
        (("credits", "grant", "user_1", "api_calls", "1", "--metadata", "[]"), 2, "usage"),
        (("credits", "balance", "user_1", "api_calls", "--at", "10000-01-01"), 2, "usage"),
        (("credits", "credit"), 2, "usage"),
        (("credit",), 2, "usage"),
        ((), 2, "usage"),
        (("\udcff",), 2, "usage"),
        (("replay", "missing.csv"), 2, "invalid_request"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_failure_is_one_line_and_a_code(
    on_sqlite: Command, words: tuple[str, ...], code: int, name: str
) -> None:
    """Each family of errors has its exit code; `--json` says the same on stdout."""
    on_sqlite("credits", "grant", "user_1", "api_calls", "10")
    plain, told = on_sqlite(*words), on_sqlite("--json", *words)
    assert (plain.code, told.code) == (code, code)
    assert LINE.fullmatch(plain.err.splitlines(keepends=True)[-1])
    assert plain.err.startswith(f"error: {name}: ")
    error = told.data["error"]
    assert (error["code"], set(error)) == (name, {"code", "details", "message"})
    assert told.err == f"error: {name}: {error['message']}\n"


def test_a_refusal_carries_its_numbers(tollkeeper: Command) -> None:
    """A script reads what was available and what was required."""
    tollkeeper("credits", "grant", "user_1", "api_calls", "10.5")
    details = tollkeeper("credits", "consume", "user_1", "api_calls", "11", "--json").data
    told = details["error"]["details"]
    assert (told["available"], told["required"], told["unit"]) == ("10.5", "11", "api_calls")


@pytest.mark.parametrize("verb", [("migrate",), ("credits", "balance", "user_1", "api_calls")])
@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1:1/none", "sqlite:////nowhere/at/all.db"], ids=["server", "file"]
)
def test_a_database_out_of_reach_is_exit_code_4(
    command: Command, verb: tuple[str, ...], url: str
) -> None:
    """Whatever the command, and whatever the database."""
    answer = command("--database", url, *verb)
    assert answer.code == 4
    first, *more = answer.err.splitlines(keepends=True)
    assert LINE.fullmatch(first)
    assert [line[:7] for line in more] in ([], ["cause: "])


def test_missing_tables_are_exit_code_4(
    command: Command, database_url: str, tmp_path: Path
) -> None:
    """The error says which command makes them."""
    (tmp_path / "tollkeeper.db").touch()
    answer = command("credits", "balance", "user_1", "api_calls", "--database", database_url)
    assert (answer.code, answer.err.split(":")[1]) == (4, " not_migrated")
    assert "tollkeeper migrate" in answer.err


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "postgresql://host:port/name"])
def test_a_url_that_names_no_database_of_ours_is_bad_usage(command: Command, url: str) -> None:
    """The error says how to write it."""
    answer = command("--database", url, "credits", "balance", "user_1", "api_calls")
    assert (answer.code, answer.err.split(":")[1]) == (2, " invalid_request")


def test_no_database_is_bad_usage(command: Command) -> None:
    """The error names the option and the variable."""
    answer = command("credits", "balance", "user_1", "api_calls")
    assert answer.code == 2
    assert "TOLLKEEPER_DATABASE_URL" in answer.err


def test_a_process_ends_with_the_same_codes(on_sqlite: Command, sqlite_url: str) -> None:
    """What the shell sees: a refusal, an answer of no, a database out of reach."""
    assert on_sqlite("version").code == 0
    here = {"TOLLKEEPER_DATABASE_URL": sqlite_url}
    consumed = shell("credits", "consume", "user_1", "api_calls", "1", "--json", **here)
    assert (consumed.returncode, consumed.stdout.count("\n")) == (3, 1)
    assert LINE.fullmatch(consumed.stderr)
    assert shell("credits", "has", "user_1", "api_calls", "1", **here).returncode == 1
    assert shell("audit", TOLLKEEPER_DATABASE_URL="postgresql://127.0.0.1:1/x").returncode == 4


@pytest.mark.parametrize("words", ["credits --help", "credits grants user_1", "audit --json"])
def test_a_reader_that_has_seen_enough_is_no_failure(
    on_sqlite: Command, sqlite_url: str, words: str
) -> None:
    """`tollkeeper … | head` ends quietly, whoever prints."""
    assert on_sqlite("version").code == 0
    named = {**os.environ, "TOLLKEEPER_DATABASE_URL": sqlite_url}
    script = f"{sys.executable} -m tollkeeper.cli {words} | true; echo ${{PIPESTATUS[0]}}"
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True, env=named
    )
    assert (answer.stdout, answer.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    ("word", "text"),
    [("-5", "-5 was read as an option"), ("-.5", "above zero"), ("--colour", "No such option")],
)
def test_an_amount_below_zero_is_no_unknown_option(command: Command, word: str, text: str) -> None:
    """The parser's words would tell of an option that nobody gave."""
    answer = command("credits", "grant", "user_1", "api_calls", word)
    assert (answer.code, text in answer.err) == (2, True)


@pytest.mark.parametrize("mode", ["tasks", "threads"])
def test_ctrl_c_ends_a_long_command(tmp_path: Path, mode: str) -> None:
    """Exit code 130, one line, no traceback, and no files left behind."""
    ended = stopped(signal.SIGINT, tmp_path, *LONG_BENCH, "--mode", mode, seconds=1)
    assert (ended.code, ended.out) == (130, "")
    assert LINE.fullmatch(ended.err)
    assert not list(tmp_path.iterdir())
