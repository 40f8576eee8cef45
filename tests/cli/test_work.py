"""`bench`, `demo` and `audit`: what they print, and what they leave behind."""

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.cli.conftest import Command
from tollkeeper.cli.bench.latencies import Latencies

FIELDS = {
    "operation",
    "concurrency",
    "distribution",
    "per_second",
    "p50",
    "p95",
    "p99",
    "errors",
    "firstError",
    "memory_mb",
}
SMALL = ("--callers", "4", "--customers", "10", "--seconds", "0.3")


@pytest.mark.parametrize("mode", ["tasks", "threads"])
@pytest.mark.parametrize("operation", ["consume", "balance"])
def test_bench_prints_the_peer_s_fields(tollkeeper: Command, operation: str, mode: str) -> None:
    """One line of JSON, no errors, and the books are right afterwards."""
    words = ("bench", operation, *SMALL, "--distribution", "hot", "--mode", mode, "--json")
    line = tollkeeper(*words).data
    assert set(line) == FIELDS
    assert (line["operation"], line["concurrency"], line["distribution"]) == (operation, 4, "hot")
    assert (line["errors"], line["firstError"]) == (0, None)
    assert line["per_second"] > 0
    assert 0 < line["p50"] <= line["p95"] <= line["p99"]
    assert tollkeeper("audit").code == 0


def test_bench_sets_its_customers_up_once(on_sqlite: Command) -> None:
    """A second run finds them; each consume is one entry."""
    on_sqlite("bench", "balance", *SMALL)
    before = on_sqlite("audit", "--json").data["checked"]["entries"]
    on_sqlite("bench", "balance", *SMALL)
    assert on_sqlite("audit", "--json").data["checked"]["entries"] == before == 11


def test_bench_works_without_a_database(command: Command, temporary: Path) -> None:
    """In a temporary file, which is gone afterwards."""
    answer = command("bench", "consume", *SMALL)
    assert (answer.code, "per second" in answer.out) == (0, True)
    assert not list(temporary.iterdir())


def test_latencies_are_counted_in_bounded_memory() -> None:
    """To the microsecond up to 100 ms, to the millisecond beyond, and a minute is the last."""
    seen = Latencies()
    for milliseconds in range(1, 101):
        seen.add(milliseconds / 1000)
    assert (seen.at(0.5), seen.at(0.95), seen.at(0.99)) == (51.0, 96.0, 100.0)
    seen.add(3600)
    assert seen.at(1.0) == 59_999.0


def test_the_demo_tells_what_happened(command: Command, temporary: Path) -> None:
    """Every scene's outcome, as JSON, and no database left behind."""
    answer = command("demo", "--json")
    told = answer.data
    assert answer.code == 0
    assert [share["source"] for share in told["charged"]["shares"]] == ["credits", "wallet"]
    assert told["limited"] == {"code": "limit_reached", "left": "1"}
    assert told["heard"] == ["limit_approaching"]
    assert told["metered"]["quantity"] == "620"
    assert [line["amount"] for line in told["burnt"]] == ["20", "15"]
    assert told["refused"]["code"] == "insufficient_balance"
    assert told["settled"]["balance"]["available"] == "53"
    assert told["replayed"] == {"replayed": True, "changed": False}
    assert told["race"] == {"granted": 6, "refused": 14}
    assert (told["recorded"]["calls"], told["audit"]["ok"]) == (1000, True)
    assert not list(temporary.iterdir())


def test_the_demo_fits_eighty_columns(command: Command) -> None:
    """Thirteen scenes, none of them broken over the edge; it touches no database of the user's."""
    answer = command("--database", "sqlite:////nowhere/at/all.db", "demo")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert sum(re.match(r"\d+\. ", line) is not None for line in lines) == 13


def test_a_broken_law_is_exit_code_1(on_sqlite: Command, sqlite_url: str) -> None:
    """The audit says which law, where, what was expected and what stands there."""
    on_sqlite("credits", "grant", "user_1", "api_calls", "100")
    on_sqlite("credits", "grant", "user_2", "api_calls", "100")
    path = make_url(sqlite_url).database
    assert path
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE tollkeeper_account SET available = available + 1000000"
            " WHERE customer_id = 'user_1'"
        )
    connection.close()
    broken = on_sqlite("audit")
    assert (broken.code, "BROKEN" in broken.out, "user_1" in broken.out) == (1, True, True)
    told = on_sqlite("audit", "--json")
    assert (told.code, told.data["ok"]) == (1, False)
    assert told.data["findings"][0]["customer"] == "user_1"
    assert on_sqlite("audit", "--customer", "user_2").code == 0


def test_an_audit_may_be_of_one_customer(tollkeeper: Command) -> None:
    """It says how much it looked at."""
    for customer in ("user_1", "user_2"):
        tollkeeper("credits", "grant", customer, "api_calls", "100")
    told = tollkeeper("audit", "--customer", "user_1", "--json").data
    assert (told["ok"], told["customer"], told["checked"]["entries"]) == (True, "user_1", 1)


def test_an_audit_of_nobody_is_refused(tollkeeper: Command) -> None:
    """A check must not pass because its customer's id has a typo."""
    tollkeeper("customers", "create", "user_1")
    assert tollkeeper("audit", "--customer", "user_1").code == 0
    answer = tollkeeper("audit", "--customer", "nosuch")
    assert (answer.code, answer.out) == (3, "")
    assert answer.err.startswith("error: customer_not_found: ")


def test_an_audit_counts_in_words(on_sqlite: Command) -> None:
    """One of a thing is not several."""
    on_sqlite("credits", "grant", "user_1", "api_calls", "100")
    assert "over 1 entry, 1 grant and 1 customer." in on_sqlite("audit").out
    on_sqlite("credits", "grant", "user_2", "api_calls", "100")
    assert "over 2 entries, 2 grants and 2 customers." in on_sqlite("audit").out
