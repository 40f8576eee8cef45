"""What no answer tells (I3): a database's password, SQL, another customer's data; all bounded."""

import logging
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from sqlalchemy import make_url
from typer.main import get_command

from tests.cli.conftest import BY_HAND, Command, Ended
from tollkeeper import cli
from tollkeeper.cli.failures import LONGEST
from tollkeeper.cli.program import app

PASSWORD = "correct-horse"
TRACE = str(files("tollkeeper") / "data" / "azure_llm_trace_excerpt.csv")
#: What stands for each argument of a command; every other option has a default.
ARGUMENTS = {
    "customer": "user_1",
    "feature": "image",
    "quantity": "2",
    "file": "billing.toml",
    "event": "request-81",
    "name": "june",
    "vendor": "openai",
    "model": "gpt-4o",
    "plan": "pro",
    "subscription": "sub_1",
    "code": "WELCOME",
    "by": "1",
    "to": "1",
    "unit": "api_calls",
    "amount": "5",
    "currency": "usd",
    "hold": "hld_1",
    "notice": "ntc_1",
    "operation": "op_1",
    "limit": "5",
    "trace": TRACE,
}
#: Options without which a command is not understood.
NEEDED = {"transfer": ("--to", "user_2"), "merge": ("--into", "user_2")}
#: Commands that work on no database of the user's.
WITHOUT = {("version",), ("demo",), ("catalog", "check"), ("catalog", "schema")}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the program, with something for each of its arguments."""
    for name, verb in getattr(command, "commands", {}).items():
        yield from commands(verb, (*path, name))
    if not hasattr(command, "commands") and path not in WITHOUT:
        named = [each for each in command.params if each.param_type_name == "argument"]
        why = BY_HAND if any(each.name == "reason" for each in command.params) else ()
        yield (*path, *(ARGUMENTS[each.name] for each in named), *NEEDED.get(path[-1], ()), *why)


COMMANDS = list(commands(get_command(app)))
#: Why a database cannot be worked on, each with the password in its URL.
FAILURES = {
    "nothing listens": f"postgresql://ann:{PASSWORD}@127.0.0.1:1/app",
    "no such host": f"postgresql://ann:{PASSWORD}@nohost.invalid/app",
    "a password with signs": f"postgresql://ann:{PASSWORD}@x:y/z@127.0.0.1:1/app",
    "a password in the query": f"postgresql://127.0.0.1:1/app?user=ann&password={PASSWORD}",
    "a port that is none": f"postgresql://ann:{PASSWORD}@127.0.0.1:port/app",
    "another database": f"mysql://ann:{PASSWORD}@127.0.0.1/app",
    "a driver nobody has": f"postgresql+nosuch://ann:{PASSWORD}@127.0.0.1/app",
    "a file with a host": f"sqlite://ann:{PASSWORD}@host/app.db",
}


def test_every_command_is_tried() -> None:
    """The list of commands is read from the program itself."""
    assert len(COMMANDS) > 35
    assert {"run-due", "migrate", "audit"} <= {words[0] for words in COMMANDS}


def told(answer: Ended, caplog: pytest.LogCaptureFixture) -> str:
    """All that a command printed and logged."""
    return answer.out + answer.err + caplog.text


@pytest.mark.parametrize("why", FAILURES)
def test_no_command_tells_a_database_s_password(
    command: Command,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
) -> None:
    """I3: no output and no log has it, whichever command fails, and wherever the URL was named."""
    caplog.set_level(logging.DEBUG)
    url = FAILURES[why]
    for words in COMMANDS:
        answer = command("--database", url, *words, "--json")
        assert answer.code in (2, 4), words
        assert PASSWORD not in told(answer, caplog)
    assert PASSWORD not in told(command("audit", "--database", url), caplog)
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", url)
    assert PASSWORD not in told(command("audit"), caplog)


@pytest.mark.parametrize(
    "words",
    [
        ("migrate", "URL"),
        ("URL", "migrate"),
        ("audit", "--databse", "URL"),
        ("audit", "--database=URL", "--colour"),
        ("customers", "get", "URL"),
        ("credits", "balance", "user_1", "URL"),
        ("credits", "grant", "user_1", "api_calls", "1", "--source", "URL"),
        ("credits", "grant", "user_1", "api_calls", "1", "--expires-at", "URL"),
        ("wallet", "deposit", "user_1", "1", "URL"),
        ("history", "user_1", "--kind", "URL"),
        ("audit", "--schema", "URL"),
        ("replay", "URL"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("user", ["ann", "a_user_whose_name_is_rather_long_"])
def test_a_url_in_the_wrong_place_keeps_its_password(
    on_sqlite: Command, caplog: pytest.LogCaptureFixture, words: tuple[str, ...], user: str
) -> None:
    """I3: what repeats a slip in the command, whole or in part, hides the password in it."""
    caplog.set_level(logging.DEBUG)
    url = f"postgresql://{user}:{PASSWORD}@db/app"
    answer = on_sqlite(*(word.replace("URL", url) for word in words), "--json")
    assert answer.code in (2, 3, 4)
    assert PASSWORD[:4] not in told(answer, caplog)


def test_a_bug_of_ours_keeps_the_password(
    on_sqlite: Command, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3: nobody can know what an error says that nobody expected."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot use {url}")

    url = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/app"
    monkeypatch.setattr(cli.calls, "opened", fail)
    answer = on_sqlite("audit", "--database", url, "--json")
    assert (answer.code, sqlite_url in answer.err) == (70, False)
    assert PASSWORD not in answer.out + answer.err


def test_a_refusal_s_numbers_are_no_passwords(
    command: Command, monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    """A short password may be a number by chance; a script still reads the number."""
    assert command("--database", sqlite_url, "migrate").code == 0
    monkeypatch.setenv("TOLLKEEPER_DATABASE_URL", "postgresql://ann:10@127.0.0.1:1/app")
    command("--database", sqlite_url, "credits", "grant", "user_1", "api_calls", "10")
    words = ("credits", "consume", "user_1", "api_calls", "11", "--json")
    details = command("--database", sqlite_url, *words).data["error"]["details"]
    assert (details["available"], details["required"]) == ("10", "11")


@pytest.fixture
def other(tollkeeper: Command) -> dict[str, str]:
    """What another customer has: ids that somebody may guess, and texts that nobody may see."""
    said = ("--reason", "their secret", "--actor", "somebody", "--metadata", '{"private": "data"}')
    person = ("--name", "Olga", "--email", "olga@example.com")
    tollkeeper("customers", "create", "user_2", *person)
    granted = tollkeeper("credits", "grant", "user_2", "api_calls", "777.125", *said, "--json").data
    held = tollkeeper("credits", "hold", "user_2", "api_calls", "33.37519", *said, "--json").data
    money = tollkeeper("wallet", "deposit", "user_2", "55.62519", "chf", *said, "--json").data
    kept = tollkeeper("wallet", "hold", "user_2", "4.25719", "chf", *said, "--json").data
    key = ("--idempotency-key", "k1")
    spent = tollkeeper("credits", "consume", "user_2", "api_calls", "2", *key, "--json").data
    tollkeeper("credits", "grant", "user_1", "api_calls", "10")
    return {
        "GRANT": granted["result"]["grant"],
        "HOLD": held["result"]["hold"],
        "DEPOSIT": money["operation_id"],
        "KEPT": kept["result"]["hold"],
        "SPENT": spent["operation_id"],
    }


#: What user_1 asks about what is user_2's, and the answer's code.
STRANGERS = [
    (("credits", "settle", "user_1", "HOLD"), "hold_not_found"),
    (("credits", "extend", "user_1", "HOLD", "1"), "hold_not_found"),
    (("credits", "release", "user_1", "HOLD"), "hold_not_found"),
    (("wallet", "settle", "user_1", "KEPT"), "hold_not_found"),
    (("wallet", "release", "user_1", "KEPT"), "hold_not_found"),
    (("credits", "revoke", "user_1", "api_calls", "--grant", "GRANT", *BY_HAND), "grant_not_found"),
    (("credits", "reverse", "user_1", "SPENT", *BY_HAND), "operation_not_found"),
    (("wallet", "reverse", "user_1", "DEPOSIT", *BY_HAND), "operation_not_found"),
    (("credits", "consume", "user_1", "api_calls", "100"), "insufficient_balance"),
    (("wallet", "spend", "user_1", "100", "chf"), "insufficient_balance"),
    (
        ("credits", "transfer", "user_1", "api_calls", "11", "--to", "user_2", *BY_HAND),
        "insufficient_balance",
    ),
    (
        ("credits", "consume", "user_1", "images", "1", "--idempotency-key", "k1"),
        "insufficient_balance",
    ),
]
THEIRS = (
    *("their secret", "somebody", "private", "Olga", "olga@"),
    *("777.125", "741.74981", "743.74981", "33.37519", "55.62519", "51.368", "4.25719"),
)


def test_no_refusal_tells_what_is_another_customer_s(
    tollkeeper: Command, other: dict[str, str]
) -> None:
    """I3: not even that it is there; what nobody has is answered in the same words."""
    nothing = {name: f"{name.partition('_')[0]}_none" for name in other.values()}
    for words, code in STRANGERS:
        asked = [other.get(word, word) for word in words]
        answer = tollkeeper(*asked, "--json")
        assert (answer.code, answer.data["error"]["code"]) == (3, code), words
        without_ids = answer.out + answer.err
        for name in other.values():
            without_ids = without_ids.replace(name, "")
        assert not [text for text in THEIRS if text in without_ids], words
        made_up = tollkeeper(*(nothing.get(word, word) for word in asked), "--json").out
        for name in other.values():
            made_up = made_up.replace(nothing[name], name) if name in asked else made_up
        assert made_up == answer.out


def test_a_cursor_of_another_customer_s_leads_to_one_s_own(
    tollkeeper: Command, other: dict[str, str]
) -> None:
    """I3: a cursor is a place, and no permission."""
    assert other
    page = tollkeeper("credits", "history", "user_2", "--limit", "1", "--json").data
    cursor = ("--cursor", page["next_cursor"])
    mine = tollkeeper("credits", "history", "user_1", *cursor, "--json").out
    assert "user_2" not in mine
    assert not [text for text in THEIRS if text in mine]


#: Inputs without end; the last word of each is what is too long or too many.
ENDLESS = {
    "customer": ("credits", "balances", "x" * 256),
    "unit": ("credits", "grant", "user_1", "x" * 65, "1"),
    "amount": ("credits", "grant", "user_1", "api_calls", "9" * 5000),
    "key": ("credits", "grant", "user_1", "a", "1", "--idempotency-key", "x" * 256),
    "reason": ("credits", "grant", "user_1", "a", "1", "--reason", "x" * 2001),
    "actor": ("credits", "grant", "user_1", "a", "1", "--actor", "x" * 256),
    "source": ("credits", "grant", "user_1", "a", "1", "--unpaid", "--source", "x" * 256),
    "metadata": ("credits", "grant", "user_1", "a", "1", "--metadata", f'{{"a":"{"x" * 16384}"}}'),
    "deep": ("credits", "grant", "user_1", "a", "1", "--metadata", '{"a":' * 50_000),
    "number": ("credits", "grant", "user_1", "a", "1", "--metadata", f'{{"a":{"9" * 5000}}}'),
    "features": (
        *("credits", "grant", "user_1", "a", "1"),
        *(word for number in range(101) for word in ("--feature", str(number))),
    ),
    "time": ("credits", "grant", "user_1", "a", "1", "--expires-at", "x" * 100_000),
    "email": ("customers", "create", "user_1", "--email", f"{'x' * 320}@example.com"),
    "page": ("credits", "history", "user_1", "--limit", "1001"),
    "money's page": ("wallet", "history", "user_1", "--limit", "1001"),
    "both pages": ("history", "user_1", "--limit", "1001"),
    "cursor": ("credits", "history", "user_1", "--cursor", "x" * 100_000),
    "findings": ("audit", "--most", "1001"),
    "verb": ("x" * 100_000,),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_refused(on_sqlite: Command, what: str) -> None:
    """I3: sizes, pages and metadata are bounded, and so is what the refusal repeats of them."""
    answer = on_sqlite(*ENDLESS[what], "--json")
    assert answer.code == 2
    assert len(answer.err) < LONGEST + 100
    assert len(answer.out) < 3 * LONGEST
    assert on_sqlite("customers", "get", "user_1").code == 3


def test_no_refusal_tells_the_key_of_a_currency(tollkeeper: Command) -> None:
    """A wallet's unit is its currency, in every answer and in every refusal."""
    deposit = tollkeeper("wallet", "deposit", "user_1", "10", "usd", "--json")
    held = tollkeeper("wallet", "hold", "user_1", "2", "usd", "--json")
    hold = held.data["result"]["hold"]
    tollkeeper("customers", "create", "user_2")
    wallet = [
        deposit,
        held,
        tollkeeper("wallet", "spend", "user_1", "100", "usd", "--json"),
        tollkeeper("wallet", "hold", "user_1", "100", "usd", "--json"),
        tollkeeper("wallet", "extend", "user_1", hold, "100", "usd", "--json"),
        tollkeeper(
            "wallet", "settle", "user_1", hold, "100", "usd", "--excess", "refuse", "--json"
        ),
        tollkeeper("wallet", "deposit", "user_1", "9223372036", "usd", "--json"),
        tollkeeper("credits", "settle", "user_1", hold, "--json"),
        tollkeeper("customers", "merge", "user_1", "--into", "user_2", *BY_HAND, "--json"),
        tollkeeper("wallet", "balance", "user_1", "--json"),
        tollkeeper("wallet", "grants", "user_1", "--json"),
        tollkeeper("wallet", "history", "user_1", "--json"),
        tollkeeper("history", "user_1", "--json"),
        tollkeeper("wallet", "spend", "user_1", "100", "usd"),
    ]
    assert [answer.code for answer in wallet].count(0) == 6
    assert not [answer for answer in wallet if "money:" in answer.out + answer.err]
    refused = [answer.data["error"] for answer in wallet[:-1] if answer.code]
    units = {error["code"]: error["details"].get("unit") for error in refused}
    refusals = {"insufficient_balance", "balance_overflow", "beyond_hold", "holds_open"}
    assert set(units) == {*refusals, "unit_mismatch"}
    assert set(units.values()) == {"usd"}
    assert "100 usd required, 8 available" in wallet[-1].err


def test_no_failure_tells_sql(on_sqlite: Command, sqlite_url: str) -> None:
    """I3: a table that is gone is told in the driver's words, without the statement."""
    grant = ("credits", "grant", "user_1", "api_calls", "1")
    assert on_sqlite(*grant).code == 0
    path = make_url(sqlite_url).database
    assert path
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE tollkeeper_operation")
    connection.close()
    for words in (grant, ("history", "user_1")):
        answer = on_sqlite(*words, "--json")
        printed = answer.out + answer.err
        assert answer.code == 4
        assert not [word for word in ("SELECT", "INSERT", "[SQL", "Traceback") if word in printed]
