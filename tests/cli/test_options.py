"""What all commands share: where the database is named, tables that fit, readable help."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from tests.cli.conftest import Command
from tollkeeper.cli import parsing
from tollkeeper.cli.screen import fitted
from tollkeeper.cli.sheets import Column, Sheet

BALANCE = ("credits", "balance", "user_1", "api_calls")


def test_the_database_may_stand_anywhere(
    command: Command, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the noun, behind the verb, or in the environment; so may --json."""
    named = ("--database", sqlite_url)
    assert command(*named, "migrate").code == 0
    before = command(*named, "--json", *BALANCE)
    behind = command(*BALANCE, *named, "--json")
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", sqlite_url)
    around = command("--json", *BALANCE)
    assert before.data == behind.data == around.data


def test_the_nearer_name_wins(
    command: Command, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the verb before the noun, and both before the environment."""
    nowhere = "sqlite:////nowhere/at/all.db"
    assert command("--database", nowhere, "migrate", "--database", sqlite_url).code == 0
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", nowhere)
    assert command("--database", sqlite_url, *BALANCE).code == 0


def test_another_schema(command: Command, database_url: str) -> None:
    """Two sets of tables stand side by side in one database."""
    named = ("--database", database_url)
    assert command(*named, "--schema", "billing", "migrate").code == 0
    assert command(*named, *BALANCE).code == 4
    assert command(*named, *BALANCE, "--schema", "billing").code == 0


def test_migrate_may_be_repeated(command: Command, database_url: str) -> None:
    """The second time there is nothing to do, and it says so."""
    named = ("--database", database_url, "migrate", "--json")
    first, again = command(*named).data, command(*named).data
    assert (first["before"], again["before"]) == (None, first["after"])
    assert (bool(first["applied"]), again["applied"]) == (True, [])


def test_times_are_utc_unless_they_say_otherwise() -> None:
    """A date is its first moment."""
    assert parsing.moment("2026-06-01") == datetime(2026, 6, 1, tzinfo=UTC)
    assert parsing.moment("2026-06-01T12:00:00-05:00").hour == 17
    for wrong in ("", "tomorrow", "2026-13-01", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(typer.BadParameter):
            parsing.moment(wrong)


def test_spans() -> None:
    """Seconds, minutes, hours, days; nothing else."""
    assert parsing.span("1d") == timedelta(days=1)
    for wrong in ("", "5", "-5m", "1.5h", "5M", "99999999999s"):
        with pytest.raises(typer.BadParameter):
            parsing.span(wrong)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_tables_fit_the_terminal(
    on_sqlite: Command, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Columns that can be missed are left out; nothing is broken over two lines."""
    monkeypatch.setenv("COLUMNS", str(width))
    far = "2099-01-01"
    for unit in ("api_calls", "images"):
        on_sqlite("credits", "grant", "user_1", unit, "1234567.891", "--expires-at", far)
    on_sqlite("credits", "consume", "user_1", "images", "0.000001")
    for words in (("history", "user_1"), ("grants", "user_1"), ("balances", "user_1")):
        lines = on_sqlite("credits", *words).out.splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= 5


def test_a_pipe_gets_every_column(on_sqlite: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no terminal nothing is left out."""
    monkeypatch.delenv("COLUMNS")
    on_sqlite("credits", "grant", "user_1", "api_calls", "5")
    header = on_sqlite("credits", "history", "user_1").out.splitlines()[0].split()
    assert header[-1] == "Operation"


def test_columns_that_say_nothing_are_left_out() -> None:
    """A column that must stay stays, however narrow the terminal is."""
    columns = (Column("Name"), Column("Held", is_number=True, drop=1), Column("Note", drop=2))
    sheet = Sheet(columns=columns, rows=(("a" * 50, "0.00", "x" * 50),))
    assert [column.title for column in fitted(sheet, 200).columns] == ["Name", "Note"]
    assert [column.title for column in fitted(sheet, 20).columns] == ["Name"]


def test_texts_are_shown_as_they_are(on_sqlite: Command) -> None:
    """What looks like markup is not taken for it, and no control sequence reaches the terminal."""
    on_sqlite("customers", "create", "user_1", "--name", "[bold red]Ann\x9b31m[/]")
    assert "[bold red]Ann\ufffd31m[/]" in on_sqlite("customers", "get", "user_1").out
    refused = on_sqlite("customers", "create", "user_2", "--name", "\x1b[31mred")
    assert refused.code == 2
    assert "\x1b" not in refused.err


@pytest.mark.parametrize("noun", ["credits", "wallet", "customers", "bench"])
def test_every_verb_has_a_sentence(command: Command, noun: str) -> None:
    """Help is there without a database, and each verb says what it does."""
    answer = command(noun, "--help")
    assert answer.code == 0
    assert "\u2502 grant" in answer.out or noun not in ("credits", "wallet")


def test_the_version(command: Command) -> None:
    """It needs no database."""
    assert command("version", "--json").data == {"version": "0.1.0"}


def test_the_version_is_an_option_too(command: Command) -> None:
    """Every program is asked so first."""
    answer = command("--version")
    assert (answer.code, answer.out, answer.err) == (0, "tollkeeper 0.1.0\n", "")


@pytest.mark.parametrize("words", [(), ("credits",), ("credits", "grant")])
def test_help_has_a_short_name(command: Command, words: tuple[str, ...]) -> None:
    """At every height."""
    short, long = command(*words, "-h"), command(*words, "--help")
    assert (short.code, short.out) == (0, long.out)


def test_help_names_a_customer_as_the_reference_does(command: Command) -> None:
    """In capitals, like all that is to be filled in."""
    assert " CUSTOMER " in command("credits", "balances", "--help").out
