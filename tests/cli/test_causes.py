"""Why the database failed: the driver's own words, and no password in them."""

import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from tests.cli.conftest import Command
from tollkeeper.cli.causes import LONGEST, explained, masked
from tollkeeper.errors import StoreError, StoreUnavailable

TRACE = str(files("tollkeeper") / "data" / "azure_llm_trace_excerpt.csv")
BALANCE = ("credits", "balance", "user_1", "api_calls")


def test_each_reason_has_its_own_words(command: Command, postgres_url: str) -> None:
    """A wrong port, a missing database and an unknown host look alike only in our own sentence."""
    here = make_url(postgres_url)
    wrong = {
        "port 1 failed": make_url("postgresql://ann@127.0.0.1:1/app"),
        '"nosuch" does not exist': here.set(database="nosuch"),
        "nohost.invalid": make_url("postgresql://ann@nohost.invalid/app"),
    }
    for words, url in wrong.items():
        name = url.render_as_string(hide_password=False)
        for verb in (("migrate",), BALANCE):
            answer = command("--database", name, *verb, "--json")
            first, second = answer.err.splitlines()
            error = answer.data["error"]
            assert (answer.code, error["code"]) == (4, "store_unavailable")
            assert first == f"error: store_unavailable: {error['message']}"
            assert second == f"cause: {error['details']['cause']}"
            assert words in second


@pytest.mark.parametrize("verb", [("migrate",), ("bench", "consume", "--seconds", "0.1")])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_password_is_never_shown(command: Command, verb: tuple[str, ...], place: str) -> None:
    """I3: not even where its own signs made the driver take it for a part of the host's name."""
    named = ("--database", "postgresql://ann:pass@word@127.0.0.1:1/app")
    words = (*verb, *named) if place == "behind" else (*named, *verb)
    answer = command(*words, "--json")
    assert answer.code == 4
    assert "cause: " in answer.err
    assert "word@" not in answer.err + answer.out


def test_a_password_of_the_environment_is_never_shown(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3: wherever the URL was named."""
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", "postgresql://ann:pass@word@127.0.0.1:1/app")
    answer = command(*BALANCE)
    assert ("cause: " in answer.err, "word@" in answer.err) == (True, False)


@pytest.mark.parametrize(
    ("url", "text", "told"),
    [
        ("postgresql://ann:s3cret@db/app", 'password "s3cret" of "ann"', 'password "***" of "ann"'),
        ("postgresql://ann:s%40cret@db/app", "s@cret s%40cret", "*** ***"),
        ("postgresql://db/app?user=ann&password=s%2Fcret", "it is s/cret", "it is ***"),
        ("postgresql://ann:a@db/app", "a database of ann's: a", "*** database of ann's: ***"),
        ("postgresql://ann:test@db/test_2", 'database "test_2"', 'database "test_2"'),
        ("postgresql://ann@db:5432/app", "db, port 5432", "db, port 5432"),
        ("sqlite:///app.db", "app.db", "app.db"),
        (None, "nothing", "nothing"),
    ],
)
def test_passwords_are_masked(url: str | None, text: str, told: str) -> None:
    """I3: as they are written and as they are meant; a longer word that has one in it stays."""
    assert masked(text, [url]) == told


def test_neither_sql_nor_rows_are_told() -> None:
    """I3: a server's complaint repeats statement and row; only its first sentence is shown."""

    class Diagnosis:
        message_primary = "duplicate key value"

    class Complaint(Exception):
        diag = Diagnosis()

    raw = Complaint("duplicate key value\nDETAIL: Key (customer)=(ann) already exists.")
    with pytest.raises(StoreError) as raised, explained():
        raise StoreUnavailable from OperationalError("SELECT 1", {}, raw)
    assert raised.value.details == {"cause": "duplicate key value"}


def test_the_toolkit_s_own_errors_are_errors_of_the_database() -> None:
    """What no room has said in our words is said here, without its statement."""
    with pytest.raises(StoreError) as raised, explained():
        raise OperationalError("SELECT 1", {"name": "ann"}, Exception("x" * 5000))
    assert raised.value.cause == "x" * LONGEST
    with pytest.raises(ValueError, match="no database"), explained():
        raise ValueError("no database")


def test_one_call_of_many_tells_its_cause(on_sqlite: Command, sqlite_url: str) -> None:
    """A replay's callers run side by side; the first failure keeps its driver's words."""
    assert on_sqlite("version").code == 0
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON tollkeeper_hold "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    answer = on_sqlite("replay", TRACE, "--limit", "30", "--customers", "5")
    assert answer.code == 4
    assert answer.err.splitlines()[1:] == ["cause: the disk is full"]
