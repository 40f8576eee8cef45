"""The benchmark reads what programs tell, divides rightly, and runs from end to end."""

import doctest
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import filling_usage, programs, results, simulating
from bench.counting import Counts, CountsAreWrong
from bench.filling_usage import fill_usage
from bench.programs import Watched
from bench.results import Run, RunFailed, Verdict
from bench.works import GOALS, SET_UP_BY, SIMULATED_HOURS, TITLES, WORDS, WORKS, Goal
from tollkeeper import Billing, Money
from tollkeeper.cli.bench import calling
from tollkeeper.cli.bench.selling import CALLS, EVENTS, IMAGES, POOL, bench_catalog

ROOT = Path(__file__).parent.parent
PGBENCH = """\
pgbench (15.18)
number of transactions actually processed: 4
latency average = 1.000 ms
tps = 3966.281250 (without initial connection time)
"""


def run_of(number: int, side: str, per_second: float, p50: float = 1.0) -> Run:
    """A run of the one work that these tests use."""
    line = {"per_second": per_second, "p50": p50, "p95": 2.0, "p99": 3.0, "errors": 0}
    return results.run_of(line, number=number, work="uniform_64", side=side)


def goal(**other: object) -> Goal:
    """A goal of that work."""
    return Goal(**{"work": "uniform_64", "side": "ours", **other})  # type: ignore[arg-type]  # as the tests need


@pytest.mark.parametrize("module", [results, programs, filling_usage, calling])
def test_examples_of_the_harness_hold(module: object) -> None:
    """What the docstrings say is so."""
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


def test_the_last_line_of_json_counts() -> None:
    """A program may warn before it tells its result."""
    told = 'a warning\n{"per_second": 1}\n{"per_second": 700, "firstError": null}\nbye\n'
    assert results.read_line(told)["per_second"] == 700


def test_a_program_without_a_result_has_failed() -> None:
    """Silence is never taken for a figure."""
    with pytest.raises(RunFailed, match="killed"):
        results.read_line("killed\n")
    with pytest.raises(RunFailed, match="aborted"):
        results.read_pgbench("aborted\n", [250])


def test_pgbench_is_told_in_milliseconds() -> None:
    """Its summary gives the speed, its log the latencies in microseconds."""
    line = results.read_pgbench(PGBENCH, [900, 250, 300, 260])
    assert (line["per_second"], line["p50"], line["p99"]) == (3966, 0.3, 0.9)


def test_a_ratio_is_one_of_medians() -> None:
    """One bad round moves neither side; the rounds stand beside it."""
    runs = [run_of(n, "peer", v) for n, v in enumerate((1000, 100, 1200), 1)]
    runs += [run_of(n, "ours", v) for n, v in enumerate((8000, 9000, 20), 1)]
    verdict = results.judge(runs, goal(against="peer", must=5, stretch=8))
    assert verdict.measured == 8.0
    assert list(verdict.by_round) == [8.0, 90.0, 20 / 1200]
    assert verdict.word == "stretch"


def test_of_times_less_is_better() -> None:
    """A p50 must not be above its bound; a speed must not be below."""
    slow, quick = Verdict(goal=goal(must=5), measured=4.9), Verdict(goal=goal(must=5), measured=5)
    assert (slow.word, quick.word) == ("MISSED", "reached")
    late = Verdict(goal=goal(figure="p50", must=0.7), measured=0.71)
    in_time = Verdict(goal=goal(figure="p50", must=0.7), measured=0.7)
    assert (late.word, in_time.word) == ("MISSED", "reached")


def test_a_missing_peer_gives_no_ratio() -> None:
    """What was not measured is neither reached nor missed."""
    verdict = results.judge([run_of(1, "ours", 8000)], goal(against="peer", must=5))
    assert (verdict.measured, verdict.word) == (None, "not measured")


def test_every_goal_belongs_to_a_work() -> None:
    """A goal names a side of its work, and compares it with another of them."""
    sides = {work.name: set(work.sides) for work in WORKS}
    assert all({g.side, g.against or g.side} <= sides[g.work] for g in GOALS)
    assert set().union(*sides.values()) == set(TITLES)


def test_memory_may_be_compared_as_well() -> None:
    """What grows with the books stands beside the most that anybody needed."""
    runs = [
        results.run_of(
            {
                **dict.fromkeys(("per_second", "p50", "p95", "p99", "errors"), 1),
                "memory_samples": m,
            },
            number=1,
            work="simulate",
            side=side,
        )
        for side, m in (("simulate_few", (80, 100)), ("simulate_many", (80, 120)))
    ]
    found = results.verdicts(runs, [work for work in WORKS if work.name == "simulate"])
    grown = next(verdict for verdict in found if verdict.goal.against == "simulate_few")
    assert (grown.measured, grown.word) == (1.2, "MISSED")
    told = results.goals_table(found, {work.name: work for work in WORKS})
    assert told.count("memory MB ") == 2


def test_what_is_said_of_sides_is_said_of_some() -> None:
    """No table names a side that takes part in nothing."""
    assert {*WORDS, *SET_UP_BY, *SIMULATED_HOURS} <= set(TITLES)


def test_a_simulation_is_told_by_its_own_time() -> None:
    """Its start is not counted; without events, or in no time, its speed would be any number."""
    told = Watched(text='{"events": 30000, "seconds": 2.0}', memory_mb=(90.0, 91.0))
    line = simulating.line_of(told, 3.5)
    assert (line["per_second"], line["p50"], line["memory_samples"]) == (15_000, 3500.0, (90, 91))
    for wrong in ('{"events": 0, "seconds": 1}', '{"events": 9}', '{"events": 9, "seconds": 4}'):
        with pytest.raises(RunFailed, match="simulate told of"):
            simulating.line_of(Watched(text=wrong, memory_mb=()), 3.5)


def test_filled_events_are_counted_rightly(postgres_url: str) -> None:
    """A busy customer has half of them, all have some, and totals say what the events say."""
    filled = fill_usage(postgres_url, customers=12, events=600, hours=60)
    with closing(Counts(postgres_url)) as counts:
        found = [counts.check(f"bench_user_{number}") for number in range(1, 13)]
    # Filled rows and the real event of everybody.
    assert (sum(found), found[0], min(found) > 1) == (filled, 301, True)
    assert filled >= 600
    until = datetime.now(UTC) + timedelta(hours=2)
    since = until - timedelta(days=4)
    with Billing(postgres_url, catalog=bench_catalog()) as billing:
        for number in (1, 7):
            name = f"bench_user_{number}"
            totals = billing.usage.summary(name, EVENTS, since=since, until=until)
            scanned = billing.usage.summary(
                name, EVENTS, since=since, until=until, group_by="model"
            )
            assert totals.events == found[number - 1]
            assert (totals.total, totals.scanned) == (scanned.total, False)


@pytest.fixture
def charged(sqlite_url: str) -> Iterator[Counts]:
    """Books in which one was charged: once by one source, once by three."""
    with Billing(sqlite_url, catalog=bench_catalog()) as billing:
        billing.migrate()
        for unit, amount in ((CALLS, 1_000), (IMAGES, 1), (POOL, 10)):
            billing.credits.grant("user_1", unit, amount)
        billing.wallet.deposit("user_1", Money("5.00", "usd"))
        billing.charge("user_1", CALLS, 2)
        billing.charge("user_1", IMAGES, 3)
    with closing(Counts(sqlite_url)) as counts:
        yield counts


def test_counts_that_agree_are_told(charged: Counts) -> None:
    """Two charges are two events."""
    assert (charged.check("user_1"), charged.check("nobody")) == (2, 0)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("UPDATE tollkeeper_usage_event SET quantity = quantity + 1", "totals"),
        ("DELETE FROM tollkeeper_usage_event WHERE feature = 'bench_calls'", "totals"),
        ("UPDATE tollkeeper_tally SET state = replace(state, '000000],[', '000001],[')", "counter"),
        ("UPDATE tollkeeper_usage_event SET id = 'x' || id", "charges without an event"),
        (
            "INSERT INTO tollkeeper_usage_total SELECT customer_id, 'other', counted_at, '', 1, 1,"
            " 1, 1, counted_at, 0, 0, 0, 1, 0, 0 FROM tollkeeper_usage_event LIMIT 1",
            "totals",
        ),
        (
            "UPDATE tollkeeper_usage_event SET credits = 1000000, included = 1000000"
            " WHERE feature = 'bench_images'",
            "totals",
        ),
        ("DELETE FROM tollkeeper_operation WHERE kind = 'consume'", "events without a charge"),
        ("DELETE FROM tollkeeper_operation WHERE part = 2", "without an entry of each source"),
    ],
)
def test_counts_that_differ_are_found(
    charged: Counts, tmp_path: Path, harm: str, says: str
) -> None:
    """A proof that could not fail would be none."""
    with closing(sqlite3.connect(tmp_path / "tollkeeper.db")) as connection:
        for table in ("usage_event", "operation"):
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
            for (name,) in connection.execute(triggers, (f"tollkeeper_{table}",)).fetchall():
                connection.execute(f'DROP TRIGGER "{name}"')
        assert connection.execute(harm).rowcount
        connection.commit()
    with pytest.raises(CountsAreWrong, match=says):
        charged.check("user_1")


def test_three_sources_are_told_from_two(charged: Counts, sqlite_url: str) -> None:
    """A charge of three that two sources paid is not taken for one of three."""
    with Billing(sqlite_url, catalog=bench_catalog()) as billing:
        billing.charge("user_1", IMAGES, 3)
    with pytest.raises(CountsAreWrong, match="three sources did not pay"):
        charged.check("user_1")


def test_a_quick_run_measures_and_audits(tmp_path: Path) -> None:
    """The whole way, on SQLite: two sides take their turn, and their books hold."""
    output = tmp_path / "results.json"
    words = ["--quick", "--only", "sqlite_lone", "--output", str(output)]
    command = [sys.executable, str(ROOT / "bench" / "run.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(output.read_text())
    assert [run["side"] for run in told["runs"]] == ["sqlite", "sqlite_threads"]
    assert all(run["per_second"] > 0 and not run["errors"] for run in told["runs"])
    assert all(run["memory_samples"] for run in told["runs"])
    assert all(proof["entries"] > proof["customers"] for proof in told["audited"].values())
