"""`tollkeeper replay`: real calls, charged exactly once, the same in every run."""

import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from decimal import Decimal
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import wait_until
from tollkeeper import Billing
from tollkeeper.cli.program import run
from tollkeeper.cli.replay.estimate import LARGEST, Estimate
from tollkeeper.cli.replay.plan import customer_of
from tollkeeper.cli.replay.pricing import Prices, price
from tollkeeper.errors import InvalidRequest

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
EXCERPT = Path(str(files("tollkeeper") / "data" / "azure_llm_trace_excerpt.csv"))
#: A run of which it is known what comes out.
FIRST = ("replay", str(EXCERPT), "--limit", "600", "--customers", "10", "--run", "first")
#: What differs from run to run: how long it took, and when the audit read.
TIMES = ("seconds", "calls_per_second", "replayed", "audit")


def trace(folder: Path, *rows: str, header: str = HEADER, name: str = "trace.csv") -> str:
    """Write a trace, and give its path."""
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


def lasting(data: dict[str, Any]) -> dict[str, Any]:
    """Take a summary without what differs from run to run."""
    top = [
        {name: value for name, value in each.items() if name != "replayed"}
        for each in data["top_customers"]
    ]
    return {name: data[name] for name in data if name not in TIMES} | {"top_customers": top}


def books(url: str) -> list[str]:
    """Everything that the books say of the run's customers, in a form that can be compared."""
    with Billing(url) as billing:
        pages = [billing.wallet.history(f"first/{n}", limit=1000).to_dict() for n in range(1, 11)]
    return [str(page) for page in pages]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The summary of a run that nothing disturbed."""
    url = f"sqlite:///{tmp_path_factory.mktemp('played') / 'books.db'}"
    with Billing(url) as billing:
        billing.migrate()
    printed = StringIO()
    with redirect_stdout(printed):
        assert run(["--database", url, *FIRST, "--json"]) == 0
    summary: dict[str, Any] = json.loads(printed.getvalue())
    return summary


def test_the_books_agree_with_the_trace(tollkeeper: Command) -> None:
    """Deposited is spent and left; every call is charged or refused; the audit finds nothing."""
    words = ("replay", str(EXCERPT), "--limit", "200", "--customers", "10", "--json")
    answer = tollkeeper(*words)
    told = answer.data
    assert (answer.code, told["calls"]) == (0, 200)
    assert told["charged"] + told["refused"] == 200
    assert told["refused"] > 0, "some wallets run dry"
    assert Decimal(told["deposited"]) == Decimal(told["spent"]) + Decimal(told["available"])
    assert (told["audit"]["ok"], told["audit"]["checked"]["open_holds"]) == (True, 0)


def test_a_second_run_changes_nothing(on_sqlite: Command, sqlite_url: str) -> None:
    """The same name again replays: the same summary, and not one entry more."""
    first = on_sqlite(*FIRST, "--json").data
    before = books(sqlite_url)
    again = on_sqlite(*FIRST, "--json").data
    assert lasting(first) == lasting(again)
    assert (first["replayed"], again["replayed"]) == (0, first["charged"])
    assert before == books(sqlite_url)


@pytest.mark.parametrize("callers", ["1", "3", "64"])
def test_the_outcome_does_not_depend_on_the_callers(
    on_sqlite: Command, played: dict[str, Any], callers: str
) -> None:
    """A customer's calls are charged in their order, however many run side by side."""
    assert lasting(on_sqlite(*FIRST, "--callers", callers, "--json").data) == lasting(played)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_run_that_was_broken_off_goes_on(
    on_sqlite: Command, sqlite_url: str, played: dict[str, Any], ending: signal.Signals
) -> None:
    """Whenever it ends, the next run of the name comes to what it would have come to."""
    running = subprocess.Popen(
        (
            sys.executable,
            "-m",
            "tollkeeper.cli",
            "--database",
            sqlite_url,
            *FIRST,
            "--callers",
            "1",
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    wait_until(lambda: entries(sqlite_url) > 60)
    running.send_signal(ending)
    _, err = running.communicate(timeout=30)
    assert running.returncode in (130, -signal.SIGKILL)
    assert "Traceback" not in err
    whole = played["audit"]["checked"]["entries"]
    assert entries(sqlite_url) < whole, "it was over before it could be broken off"
    assert on_sqlite("audit").code == 0
    assert lasting(on_sqlite(*FIRST, "--json").data) == lasting(played)
    assert entries(sqlite_url) == whole


def entries(url: str) -> int:
    """Count what the run has written so far."""
    with Billing(url) as billing:
        pages = [billing.wallet.history(f"first/{n}", limit=1000) for n in range(1, 11)]
    return sum(len(page.entries) for page in pages)


def test_a_name_stands_for_one_plan(on_sqlite: Command, sqlite_url: str) -> None:
    """Other prices, customers or calls under the same name are refused before anything else."""
    words = ("replay", str(EXCERPT), "--limit", "50", "--customers", "10", "--run", "first")
    assert on_sqlite(*words).code == 0
    before = books(sqlite_url)
    for other in (
        ("--price-per-token", "0.5"),
        ("--price-per-generated-token", "0.5"),
        ("--customers", "11"),
        ("--limit", "51"),
        ("--currency", "eur"),
    ):
        answer = on_sqlite(*words, *other)
        assert answer.code in (2, 3)
        assert answer.err.startswith("error: ")
    assert books(sqlite_url) == before
    assert on_sqlite("audit", "--json").data["checked"]["customers"] <= 10
    assert on_sqlite(*words[:-1], "second").code == 0


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        (("2023-11-16 18:15:46,5,5", "2023-11-16 18:15:46,-5,5"), 3, "ContextTokens '-5'"),
        (("2023-11-16 18:15:46,5,",), 2, "GeneratedTokens ''"),
        (("2023-11-16 18:15:46,5",), 2, "GeneratedTokens ''"),
        (("2023-11-16 18:15:46,5,5.5",), 2, "GeneratedTokens '5.5'"),
        (("2023-11-16 18:15:46,5,٣",), 2, "GeneratedTokens"),
        (("2023-11-16 18:15:46,5,9999999999",), 2, "GeneratedTokens"),
        (("yesterday,5,5",), 2, "TIMESTAMP 'yesterday'"),
        (("", "", "2023-11-16 18:15:46,5,x"), 4, "GeneratedTokens 'x'"),
        (('2023-11-16 18:15:46,5,"5', "5"), 3, "CSV"),
        (("x" * 20_000,), 2, "10000 characters"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(
    on_sqlite: Command, tmp_path: Path, rows: tuple[str, ...], line: int, says: str
) -> None:
    """The whole file is read before the first call is charged."""
    answer = on_sqlite("replay", trace(tmp_path, *rows), "--json")
    assert answer.code == 2
    assert (answer.data["error"]["details"]["line"], says in answer.err) == (line, True)
    assert on_sqlite("audit", "--json").data["checked"]["entries"] == 0


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("TIMESTAMP,ContextTokens", "GeneratedTokens"),
        ("a,b,c", "TIMESTAMP and one ContextTokens and one GeneratedTokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens,ContextTokens", "ContextTokens"),
    ],
)
def test_a_missing_column_is_named(
    on_sqlite: Command, tmp_path: Path, header: str, says: str
) -> None:
    """Each column must be there, once."""
    answer = on_sqlite("replay", trace(tmp_path, "1,2,3", header=header))
    assert answer.code == 2
    assert f"line 1: there must be one column {says}" in answer.err


def test_files_that_are_no_traces(on_sqlite: Command, tmp_path: Path) -> None:
    """Empty, without calls, binary, a folder: bad usage, in one line."""
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01" * 10)
    trace(tmp_path, name="header.csv")
    for name in ("empty.csv", "binary.csv", "header.csv", ""):
        answer = on_sqlite("replay", str(tmp_path / name), "--run", "x")
        assert (answer.code, answer.err.count("\n")) == (2, 1)


def test_other_columns_and_orders_are_welcome(on_sqlite: Command, tmp_path: Path) -> None:
    """A byte order mark, Windows line ends, more columns, blank lines."""
    path = tmp_path / "trace.csv"
    rows = "model,GeneratedTokens,TIMESTAMP,ContextTokens\r\nx,7,2023-11-16 18:15:46,5\r\n\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + rows.encode())
    told = on_sqlite("replay", str(path), "--customers", "1", "--json").data
    assert (told["calls"], told["charged"] + told["refused"]) == (1, 1)


def test_calls_that_cost_nothing_are_recorded(on_sqlite: Command, tmp_path: Path) -> None:
    """A settle of zero is an entry, never dropped; only the first guess was too high to hold."""
    path = trace(tmp_path, *["2023-11-16 18:15:46,0,0"] * 3)
    told = on_sqlite("replay", path, "--customers", "1", "--json").data
    assert (told["charged"], told["refused"], told["spent"]) == (2, 1, "0")


@pytest.mark.parametrize("bad", ["-1", "NaN", "Infinity", "cheap", "1e-30", "1e30"])
def test_a_price_is_a_price(on_sqlite: Command, bad: str) -> None:
    """Anything else is refused."""
    assert on_sqlite("replay", str(EXCERPT), "--price-per-token", bad).code == 2


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_a_run_s_name_can_be_part_of_an_id(on_sqlite: Command, name: str) -> None:
    """It begins the ids of the run's customers."""
    assert on_sqlite("replay", str(EXCERPT), "--run", name).code == 2


def test_without_a_database_it_works_in_a_temporary_one(command: Command, temporary: Path) -> None:
    """Nothing is left behind, and the tables tell the outcome."""
    answer = command("replay", str(EXCERPT), "--limit", "30", "--customers", "5")
    assert answer.code == 0
    assert "Audit: every law holds" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 100
    assert not list(temporary.iterdir())


def test_a_cost_is_rounded_once() -> None:
    """Half-even, to the wallet's nine digits; the sum of the parts is exact."""
    prices = Prices(currency="usd", context=price("0.0000000005", ""), generated=price("0", ""))
    assert [prices.cost(tokens, 0).scaled for tokens in (1, 2, 3, 5)] == [0, 1, 2, 2]
    mixed = Prices(
        currency="usd", context=price("0.00000000025", ""), generated=price("0.00000000025", "")
    )
    assert mixed.cost(3, 3).scaled == 2
    with pytest.raises(InvalidRequest):
        price("-1", "--price-per-token")


def test_the_estimate_is_the_95th_percentile() -> None:
    """At every moment at least 95 % of what was seen lies at or below it, and no less would do."""
    estimate = Estimate()
    seen: list[int] = []
    for number in range(500):
        tokens = (number * 7919) % 1000 + (LARGEST if number % 97 == 0 else 0)
        estimate.add(tokens)
        seen.append(min(tokens, LARGEST))
        guess = estimate.tokens
        assert sum(each <= guess for each in seen) * 100 >= 95 * len(seen)
        assert sum(each < guess for each in seen) * 100 < 95 * len(seen)


def test_calls_are_spread_evenly() -> None:
    """Every customer has a fair share, the same in every process."""
    counts = [0] * 11
    for number in range(1, 10_001):
        counts[customer_of(number, 10)] += 1
    assert counts[0] == 0
    assert 900 < min(counts[1:]) <= max(counts) < 1100
