"""The comparison: every side does every work in turn, round by round, on one server.

Owns the server, the databases and the files of the run, and removes them; the figures go to the
terminal and, as JSON, to a file.

    python bench/run.py
    python bench/run.py --quick --only uniform_64
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The root, so that `bench` and `tests` can be imported; and not this folder, whose `profile` would
# stand before Python's own.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import machine, results, works  # noqa: E402  # the path is set just above
from bench.asking import Asked, read_arguments  # noqa: E402  # the path is set just above
from bench.copies import copies_of_file, copies_on  # noqa: E402  # the path is set just above
from bench.filling import fill  # noqa: E402  # the path is set just above
from bench.filling_usage import FillingTooSlow, fill_usage  # noqa: E402  # the path is set just above
from bench.proving import BooksAreWrong, Proof, prove  # noqa: E402  # the path is set just above
from bench.results import Run, RunFailed  # noqa: E402  # the path is set just above
from bench.server import Server, open_server  # noqa: E402  # the path is set just above
from bench.sides import (  # noqa: E402  # the path is set just above
    Missing,
    Ours,
    Side,
    open_floor,
    open_peer,
    set_up_ours,
)
from bench.simulating import Simulation, open_simulation  # noqa: E402  # the path is set just above
from bench.works import WORKS, Work  # noqa: E402  # the path is set just above


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
    #: Books that several sides begin with, by the operation that set them up.
    originals: dict[str, str] = field(default_factory=dict)
    #: The books with many usage events, once they are filled.
    usage: str | None = None
    #: How many seconds filling took, by what was filled.
    filled_seconds: dict[str, float] = field(default_factory=dict)

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
        seconds = min(self.asked.seconds, work.most_seconds or self.asked.seconds)
        line = self.sides[name].measure(work, seconds)
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
        if name in works.SIMULATED_HOURS:
            return self._simulation(works.SIMULATED_HOURS[name])
        if name == "usage":
            return Ours(self._usage_books(), self.asked.customers)
        return self._ours(name)

    def _ours(self, name: str) -> Ours:
        mode = "threads" if name.endswith("_threads") else "tasks"
        ours = Ours("", self.asked.customers, mode, works.WORDS.get(name, ()))
        if name.endswith("large"):
            ours.database = set_up_ours(self._database(name), self.asked.customers)
            _say(f"filling {self.asked.entries:,} entries into its books")
            with self._timed(name):
                fill(ours.database, customers=self.asked.customers, entries=self.asked.entries)
        elif name.startswith("sqlite"):
            ours.database = set_up_ours(self._database(name), self.asked.customers)
            ours.copies = copies_of_file(ours.database)
        else:
            ours.database = self._original(works.SET_UP_BY.get(name, "balance"))
            ours.copies = copies_on(self._server, ours.database)
        return ours

    def _original(self, operation: str) -> str:
        """Give books on the server as this operation sets them up; sides have copies of them."""
        if operation not in self.originals:
            database = self._server.create_database()
            self.originals[operation] = set_up_ours(database, self.asked.customers, operation)
        return self.originals[operation]

    def _usage_books(self) -> str:
        """Fill the books with many usage events, when they are first asked for."""
        if self.usage is None:
            database = self._server.create_database()
            _say(f"filling {self.asked.events:,} usage events into books")
            with self._timed("usage"):
                fill_usage(database, customers=self.asked.customers, events=self.asked.events)
            _say(f"that took {self.filled_seconds['usage']:.0f} seconds")
            self.usage = database
        return self.usage

    def _simulation(self, hours: int) -> Simulation:
        return open_simulation(self._usage_books, self.folder, hours, self.asked.events)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.filled_seconds[what] = round(time.monotonic() - begun, 1)

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
            "filled_seconds": self.filled_seconds,
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
            events = sum(proof.events for proof in self.proofs.values())
            print(f"An audit of {entries:,} entries of some customers found that every law holds;")
            print(f"totals, counters and charges agree with their {events:,} usage events.")
        if self.asked.customers != works.CUSTOMERS:
            print("A quick run shows that everything works; its figures mean nothing.")
        for name, reason in self.missing.items():
            print(f"*** NO COLUMN FOR {works.TITLES[name].upper()}: {reason} ***")


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
        except (RunFailed, BooksAreWrong, FillingTooSlow) as error:
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
