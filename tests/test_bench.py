"""The benchmark reads what programs tell, divides rightly, and runs from end to end."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import programs, results
from bench.results import Run, RunFailed, Verdict
from bench.works import GOALS, TITLES, WORKS, Goal

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


@pytest.mark.parametrize("module", [results, programs])
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
