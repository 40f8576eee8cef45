"""What runs told: read from their lines, brought to medians and ratios, judged, told as tables.

Pure: reads no file, runs nothing. A ratio is one of medians over the rounds; the ratios within each
round stand beside it, because a noisy machine drifts from round to round.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.works import GOALS, TITLES, Goal, Work

_TRANSACTIONS_PER_SECOND = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)

Line = dict[str, Any]


class RunFailed(Exception):
    """A side's program did not tell a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One side's turn at one work in one round; latencies in milliseconds."""

    round: int
    work: str
    side: str
    per_second: float
    p50: float
    p95: float
    p99: float
    errors: int
    first_error: str | None = None
    #: Resident memory of our process in MB, from the beginning to the end; empty for others.
    memory_samples: tuple[float, ...] = ()

    @property
    def memory_mb(self) -> float | None:
        """The most memory that was seen."""
        return max(self.memory_samples, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a goal was met: the figure over all rounds, and in each."""

    goal: Goal
    measured: float | None
    by_round: tuple[float, ...] = ()

    @property
    def word(self) -> str:
        """Tell it in one word."""
        if self.measured is None:
            return "not measured"
        if self.goal.stretch is not None and self._reaches(self.goal.stretch):
            return "stretch"
        if self.goal.must is None:
            return "not yet"
        return "reached" if self._reaches(self.goal.must) else "MISSED"

    def _reaches(self, bound: float) -> bool:
        assert self.measured is not None
        return self.measured <= bound if self.goal.is_ceiling else self.measured >= bound


def read_line(text: str) -> Line:
    """Read the last line of JSON that a program printed.

    Raises:
        RunFailed: there is none.

    >>> read_line('{"per_second": 700}')
    {'per_second': 700}
    """
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if not lines:
        raise RunFailed(f"no line of JSON in: {text[-500:]!r}")
    told: Line = json.loads(lines[-1])
    return told


def read_pgbench(text: str, microseconds: Sequence[int]) -> Line:
    """Read pgbench's summary, with the latency of each transaction from its log.

    Raises:
        RunFailed: the summary names no transactions per second, or the log is empty.

    >>> read_pgbench("tps = 3966.2 (without initial connection time)", [250, 260, 900])["p50"]
    0.26
    """
    found = _TRANSACTIONS_PER_SECOND.search(text)
    if not found or not microseconds:
        raise RunFailed(f"pgbench told no result: {text[-500:]!r}")
    ordered = sorted(microseconds)
    marks = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    at = {
        name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000
        for name, share in marks.items()
    }
    return {"per_second": round(float(found[1])), **at, "errors": 0}


def run_of(line: Line, *, number: int, work: str, side: str) -> Run:
    """Make a run of what a side told."""
    return Run(
        round=number,
        work=work,
        side=side,
        **{name: line[name] for name in ("per_second", "p50", "p95", "p99", "errors")},
        first_error=line.get("firstError"),
        memory_samples=tuple(line.get("memory_samples", ())),
    )


def figure(runs: Iterable[Run], work: str, side: str, name: str) -> float | None:
    """Give the median of a figure over the rounds; of memory, the most."""
    found = [getattr(run, name) for run in runs if (run.work, run.side) == (work, side)]
    present = [float(value) for value in found if value is not None]
    if not present:
        return None
    return max(present) if name == "memory_mb" else median(present)


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide; nothing where one is missing or there is nothing to divide by."""
    return above / below if above is not None and below else None


def judge(runs: Sequence[Run], goal: Goal) -> Verdict:
    """Tell how a goal was met."""
    numbers = sorted({run.round for run in runs})
    each = [_measured([run for run in runs if run.round == n], goal) for n in numbers]
    return Verdict(
        goal=goal,
        measured=_measured(runs, goal),
        by_round=tuple(value for value in each if value is not None),
    )


def _measured(runs: Sequence[Run], goal: Goal) -> float | None:
    own = figure(runs, goal.work, goal.side, goal.figure)
    if goal.against is None:
        return own
    return ratio(own, figure(runs, goal.work, goal.against, goal.figure))


def verdicts(runs: Sequence[Run], works: Sequence[Work]) -> list[Verdict]:
    """Judge every goal of these works."""
    names = {work.name for work in works}
    return [judge(runs, goal) for goal in GOALS if goal.work in names]


def figures_table(runs: Sequence[Run], works: Sequence[Work]) -> str:
    """Tell the medians of every side at every work, with its ratio to the peer and the floor."""
    heads = ("work", "side", "per second", "× peer", "× floor", "p50 ms", "p99 ms", "memory MB")
    rows = [
        _figures_row(runs, work, side)
        for work in works
        for side in work.sides
        if figure(runs, work.name, side, "per_second") is not None
    ]
    return table(heads, rows)


def _figures_row(runs: Sequence[Run], work: Work, side: str) -> tuple[str, ...]:
    speed = figure(runs, work.name, side, "per_second")
    peer, floor = (figure(runs, work.name, other, "per_second") for other in ("peer", "floor"))
    times = (figure(runs, work.name, side, name) for name in ("p50", "p99"))
    return (
        work.title,
        TITLES[side],
        number(speed),
        number(ratio(speed, peer)),
        number(ratio(speed, floor)),
        *map(number, times),
        _memory([run for run in runs if (run.work, run.side) == (work.name, side)]),
    )


def _memory(runs: Sequence[Run]) -> str:
    """Tell the memory of the last round: at its beginning and at its end."""
    samples = runs[-1].memory_samples if runs else ()
    return f"{samples[0]:.0f} → {samples[-1]:.0f}" if samples else ""


def goals_table(found: Sequence[Verdict], works: Mapping[str, Work]) -> str:
    """Tell how every goal was met; memory once, by the run that needed most."""
    sizes = [v for v in found if v.goal.figure == "memory_mb" and v.goal.against is None]
    most = max(
        (verdict for verdict in sizes if verdict.measured is not None),
        key=lambda verdict: verdict.measured or 0,
        default=None,
    )
    told = [verdict for verdict in found if verdict not in sizes] + ([most] if most else [])
    heads = ("work", "side", "figure", "measured", "in each round", "must", "stretch", "verdict")
    return table(heads, [_goal_row(verdict, works) for verdict in told])


def _goal_row(verdict: Verdict, works: Mapping[str, Work]) -> tuple[str, ...]:
    goal = verdict.goal
    names = {"per_second": "per second", "p50": "p50", "memory_mb": "memory MB"}
    against = f" ÷ {TITLES[goal.against]}" if goal.against else ""
    sign = "≤ " if goal.is_ceiling else "≥ "
    return (
        works[goal.work].title,
        TITLES[goal.side],
        names[goal.figure] + against,
        number(verdict.measured),
        " ".join(map(number, verdict.by_round)),
        sign + number(goal.must) if goal.must is not None else "",
        sign + number(goal.stretch) if goal.stretch is not None else "",
        verdict.word,
    )


def number(value: float | None) -> str:
    """Write a figure with three digits that count; nothing where there is none.

    >>> number(22813.0), number(12.71), number(0.4162), number(None)
    ('22,813', '12.7', '0.416', '')
    """
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table whose columns line up.

    >>> print(table(("a", "b"), [("1", "22")]))
    | a | b  |
    | - | -- |
    | 1 | 22 |
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )
