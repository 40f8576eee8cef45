"""`bench charge`, `check`, `record`, `summary`: what they print, and that their books hold."""

from contextlib import closing
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from bench.counting import Counts
from bench.works import WORDS, WORKS
from tests.cli.conftest import Command
from tests.cli.test_work import FIELDS
from tollkeeper import Billing
from tollkeeper.cli.bench.load import PREFIX
from tollkeeper.cli.bench.selling import EVENTS, IMAGES, POOL, bench_catalog
from tollkeeper.cli.bench.setting_up import EVENTS_EACH
from tollkeeper.cli.bench.waves import PAID, check_paid
from tollkeeper.errors import BrokenInvariant

CUSTOMERS = 10
SMALL = ("--callers", "4", "--customers", str(CUSTOMERS), "--seconds", "0.2", "--json")
NAMES = [f"{PREFIX}{number}" for number in range(1, CUSTOMERS + 1)]


def counted(url: str) -> int:
    """Compare every count of every customer with the events; tell how many events there are."""
    with closing(Counts(url)) as counts:
        return sum(counts.check(name) for name in NAMES)


def asked(url: str, sql: str) -> list[Any]:
    """Ask the tables themselves; `@` stands before their names."""
    engine = create_engine(make_url(url))
    before = "tollkeeper_" if engine.dialect.name == "sqlite" else "tollkeeper."
    with engine.connect() as connection:
        found = [row[0] for row in connection.execute(text(sql.replace("@", before)))]
    engine.dispose()
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("charge",),
        ("charge", "--sources", "3"),
        ("charge", "--distribution", "hot", "--mode", "threads"),
        ("check",),
        ("record", "--batch", "20"),
        ("summary", "--hours", "cut"),
    ],
    ids=" ".join,
)
def test_every_operation_prints_the_same_line(
    tollkeeper: Command, database_url: str, words: tuple[str, ...]
) -> None:
    """No errors, the fields of `consume`, and counts and books that hold afterwards."""
    line = tollkeeper("bench", *words, *SMALL).data
    assert set(line) == FIELDS, line
    assert (line["operation"], line["concurrency"]) == (words[0], 4)
    assert (line["errors"], line["firstError"]) == (0, None)
    assert line["per_second"] > 0
    assert 0 < line["p50"] <= line["p95"] <= line["p99"]
    assert counted(database_url) > 0 or words == ("check",)
    assert tollkeeper("audit").code == 0


def test_three_sources_pay_every_charge(on_sqlite: Command, sqlite_url: str) -> None:
    """Each event of the books says so, and everybody is charged equally often but for one."""
    assert on_sqlite("bench", "charge", "--sources", "3", *SMALL).data["errors"] == 0
    thirds = f"SELECT count(*) FROM @usage_event WHERE feature = '{IMAGES}' AND credits = 2000000"
    every = f"SELECT count(*) FROM @usage_event WHERE feature = '{IMAGES}' GROUP BY customer_id"
    found = asked(sqlite_url, every)
    assert asked(sqlite_url, thirds) == [sum(found)]
    # The first callers call once before the clock starts; the last wave may have been cut short.
    assert len(found) == CUSTOMERS
    assert max(found) - min(found) <= 2


def test_a_stock_that_was_left_over_is_set_right(on_sqlite: Command, sqlite_url: str) -> None:
    """A run that was broken off, or a grant in between, does not spoil the next."""
    assert on_sqlite("bench", "check", *SMALL).code == 0
    with Billing(sqlite_url, catalog=bench_catalog()) as billing:
        billing.credits.grant(NAMES[3], IMAGES, 7)
        billing.credits.set_balance(NAMES[4], POOL, 0)
    assert on_sqlite("bench", "charge", "--sources", "3", *SMALL).data["errors"] == 0
    counted(sqlite_url)


def test_a_charge_paid_by_others_is_told() -> None:
    """A figure of three sources must not be one of two."""
    shares = [SimpleNamespace(source=source, quantity=quantity) for source, quantity in PAID]
    receipt: Any = SimpleNamespace(operation_id="op_1", customer="user_1", shares=shares)
    check_paid(receipt, PAID)
    shares[1].quantity = Decimal("1.5")
    with pytest.raises(BrokenInvariant, match="op_1"):
        check_paid(receipt, PAID)
    del shares[1]
    with pytest.raises(BrokenInvariant, match="was to be paid by"):
        check_paid(receipt, PAID)


@pytest.mark.parametrize("words", [("--distribution", "hot"), ("--mode", "threads")], ids=" ".join)
def test_three_sources_need_many_customers(on_sqlite: Command, words: tuple[str, ...]) -> None:
    """What cannot be measured is refused, and says what can."""
    answer = on_sqlite("bench", "charge", "--sources", "3", *words, *SMALL)
    assert answer.code == 2
    assert "leave --distribution at uniform" in answer.err


def test_record_tells_events_and_not_batches(on_sqlite: Command, sqlite_url: str) -> None:
    """All batches are whole, and the set-up is one event of each."""
    line = on_sqlite("bench", "record", "--batch", "7", *SMALL).data
    events = asked(sqlite_url, f"SELECT count(*) FROM @usage_event WHERE feature = '{EVENTS}'")[0]
    batches, rest = divmod(events - CUSTOMERS, 7)
    assert (rest, batches > 4) == (0, True)
    # Each caller's first batch came before the clock started.
    assert line["per_second"] <= (batches - 4) * 7 / 0.2


def test_what_is_set_up_stays(on_sqlite: Command, sqlite_url: str) -> None:
    """A second run finds the customers of the first; looking changes nothing."""
    count = "SELECT count(*) FROM @operation UNION ALL SELECT count(*) FROM @usage_event"
    for operation in ("check", "summary"):
        assert on_sqlite("bench", operation, *SMALL).code == 0
    before = asked(sqlite_url, count)
    for operation in ("check", "summary"):
        assert on_sqlite("bench", operation, *SMALL).code == 0
    assert asked(sqlite_url, count) == before
    assert before[1] == CUSTOMERS * EVENTS_EACH


def test_the_app_s_own_catalog_is_left_alone(
    on_sqlite: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial has its own, and does not even read the other."""
    monkeypatch.setenv("TOLLKEEPER_CATALOG", "/nowhere/at/all.toml")
    for operation in ("charge", "consume"):
        assert on_sqlite("bench", operation, *SMALL).code == 0


@pytest.mark.parametrize(
    "words",
    sorted(
        {
            (WORDS.get(side) or (work.operation, *work.options))
            for work in WORKS
            for side in work.sides
            if side not in ("peer", "floor") and work.operation != "simulate"
        }
    ),
    ids=" ".join,
)
def test_the_comparison_asks_for_what_there_is(command: Command, words: tuple[str, ...]) -> None:
    """What the comparison runs is what the command takes."""
    assert command("bench", *words, "--help").code == 0
