"""The comparison: every side does every work in turn, round by round, on one server.

Owns the server, the databases and the files of the run, and removes them; the figures go to the
terminal and, as JSON, to a file.

    python bench/run.py
    python bench/run.py --quick --only uniform_64
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The root, so that `bench` and `tests` can be imported; and not this folder, whose `profile` would
# stand before Python's own.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import machine, results, works  # noqa: E402  # the path is set just above
from bench.copies import copies_of_file, copies_on  # noqa: E402  # the path is set just above
from bench.filling import fill  # noqa: E402  # the path is set just above
from bench.proving import BooksAreWrong, Proof, prove  # noqa: E402  # the path is set just above
from bench.results import Run, RunFailed  # noqa: E402  # the path is set just above
from bench.server import Server, open_server  # noqa: E402  # the path is set just above
from bench.sides import (  # noqa: E402  # the path is set just above
    ROOT,
    Missing,
    Ours,
    Side,
    open_floor,
    open_peer,
    set_up_ours,
)
from bench.works import WORKS, Work  # noqa: E402  # the path is set just above

#: Where the figures go unless the caller says otherwise; not in the repository's history.
OUTPUT = ROOT / "build" / "bench" / "results.json"
#: A quick run shows that everything works; its figures mean nothing.
QUICK_SECONDS = 1.0
QUICK_CUSTOMERS = 1_000
QUICK_ENTRIES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    works: tuple[Work, ...]
    rounds: int
    seconds: float
    customers: int
    entries: int
    output: Path


@dataclass(slots=True)
class Comparison:
    """One whole run: who takes part, and what was measured so far."""

    asked: Asked
    server: Server | None
    folder: Path
    sides: dict[str, Side] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    #: How often a second the disk wrote through, at the beginning of each round: it drifts.
    fsyncs: list[float | None] = field(default_factory=list)
    #: What was audited after the last round, by side.
    proofs: dict[str, Proof] = field(default_factory=dict)

    def prepare(self) -> None:
        """Let every side that some work names make its tables."""
        for name in dict.fromkeys(side for work in self.asked.works for side in work.sides):
            _say(f"preparing {works.TITLES[name]}")
            try:
                self.sides[name] = self._open(name)
            except Missing as error:
                self.missing[name] = str(error)
                _say(f"*** NO COLUMN FOR {works.TITLES[name].upper()}: {error} ***")

    def measure(self) -> None:
        """Take turns, another side first in each round."""
        # What the fillings left must not be written while somebody is measured.
        os.sync()
        for number in range(1, self.asked.rounds + 1):
            if self.server is not None:
                self.fsyncs.append(self.server.fsyncs_per_second())
            for work in self.asked.works:
                names = [name for name in work.sides if name in self.sides]
                for name in names:
                    self.sides[name].begin_work()
                if self.server is not None:
                    self.server.checkpoint()
                os.sync()
                shift = (number - 1) % max(1, len(names))
                for name in names[shift:] + names[:shift]:
                    self._turn(number, work, name)

    def prove(self) -> None:
        """Audit our books after all that was done to them."""
        for name, side in self.sides.items():
            if isinstance(side, Ours):
                self.proofs[name] = prove(side.database, self.asked.customers)

    def _turn(self, number: int, work: Work, name: str) -> None:
        line = self.sides[name].measure(work, self.asked.seconds)
        run = results.run_of(line, number=number, work=work.name, side=name)
        self.runs.append(run)
        speed = f"{results.number(run.per_second)}/s, p50 {results.number(run.p50)} ms"
        _say(f"round {number}, {work.title}, {works.TITLES[name]}: {speed}")
        if run.errors:
            _say(f"*** {run.errors} ERRORS, the first: {run.first_error} ***")

    def _open(self, name: str) -> Side:
        if name == "peer":
            return open_peer(self._server)
        if name == "floor":
            return open_floor(self._server, self.folder)
        mode = "threads" if name.endswith("_threads") else "tasks"
        ours = Ours(self._database(name), self.asked.customers, mode)
        set_up_ours(ours.database, self.asked.customers)
        if name.endswith("large"):
            _say(f"filling {self.asked.entries:,} entries into its books")
            fill(ours.database, customers=self.asked.customers, entries=self.asked.entries)
        elif name.startswith("sqlite"):
            ours.copies = copies_of_file(ours.database)
        else:
            ours.copies = copies_on(self._server, ours.database)
        return ours

    def _database(self, name: str) -> str:
        """Give an empty database of its own: a file's name, or one on the server."""
        if not name.startswith("sqlite"):
            return self._server.create_database()
        return f"sqlite:///{tempfile.mkdtemp(dir=self.folder)}/tollkeeper.db"

    @property
    def _server(self) -> Server:
        assert self.server is not None
        return self.server

    def told(self, described: dict[str, Any]) -> dict[str, Any]:
        """Tell everything, as JSON takes it."""
        found = results.verdicts(self.runs, self.asked.works)
        return {
            "machine": described,
            "asked": {**asdict(self.asked), "output": str(self.asked.output)},
            "missing": self.missing,
            "audited": {name: asdict(proof) for name, proof in self.proofs.items()},
            "runs": [asdict(run) for run in self.runs],
            "goals": [
                {**asdict(v.goal), "measured": v.measured, "by_round": v.by_round, "is": v.word}
                for v in found
            ],
        }

    def report(self, described: dict[str, Any]) -> None:
        """Print the tables, and what must be known to read them."""
        print("\n" + "\n".join(f"{name}: {value}" for name, value in described.items()) + "\n")
        print(results.figures_table(self.runs, self.asked.works), end="\n\n")
        found = results.verdicts(self.runs, self.asked.works)
        print(results.goals_table(found, {work.name: work for work in WORKS}), end="\n\n")
        if self.proofs:
            entries = sum(proof.entries for proof in self.proofs.values())
            print(f"An audit of {entries:,} entries of some customers found that every law holds.")
        if self.asked.customers != works.CUSTOMERS:
            print("A quick run shows that everything works; its figures mean nothing.")
        for name, reason in self.missing.items():
            print(f"*** NO COLUMN FOR {works.TITLES[name].upper()}: {reason} ***")


def read_arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure Tollkeeper, its peer and their floor.")
    names = [work.name for work in WORKS]
    parser.add_argument("--only", action="append", choices=names, help="one work; repeat for more")
    parser.add_argument("--rounds", type=int, help="how often everybody takes a turn (3)")
    parser.add_argument("--seconds", type=float, help="how long a turn takes (10)")
    parser.add_argument("--entries", type=int, help="entries in the large books (5,000,000)")
    parser.add_argument("--quick", action="store_true", help="only show that everything works")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file for the figures as JSON")
    asked = parser.parse_args(words)
    quick = asked.quick
    return Asked(
        works=tuple(work for work in WORKS if not asked.only or work.name in asked.only),
        rounds=asked.rounds or (1 if quick else 3),
        seconds=asked.seconds or (QUICK_SECONDS if quick else 10.0),
        customers=QUICK_CUSTOMERS if quick else works.CUSTOMERS,
        entries=asked.entries or (QUICK_ENTRIES if quick else works.ENTRIES),
        output=asked.output,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Compare, tell, and leave nothing behind but the figures."""
    asked = read_arguments(words)
    # An ended run must end its server and remove its files as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    described, failure = machine.describe(), None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tollkeeper-bench-")))
        server = stack.enter_context(open_server()) if _need_server(asked.works) else None
        if server is not None:
            described["postgresql"] = server.version
        comparison = Comparison(asked, server, folder)
        try:
            comparison.prepare()
            comparison.measure()
            comparison.prove()
        except (RunFailed, BooksAreWrong) as error:
            # What was measured before is told all the same.
            failure = f"*** THE COMPARISON ENDED EARLY: {error} ***"
    described["fdatasync_per_second"] = comparison.fsyncs
    comparison.report(described)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(comparison.told(described), indent=1) + "\n")
    print(f"All figures are in {asked.output}.")
    if failure:
        sys.exit(failure)


def _need_server(chosen: Sequence[Work]) -> bool:
    return any(not side.startswith("sqlite") for work in chosen for side in work.sides)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main()
