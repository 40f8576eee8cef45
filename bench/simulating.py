"""A side that asks what would have been: `tollkeeper simulate` over the books with many events.

Speed is that of the simulation by itself, as the command tells it; latencies are of the whole
command, its start included. Memory is watched from its beginning to its end, over few events and
over many.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.programs import Watched, run, watch
from bench.results import Line, RunFailed, read_line
from bench.sides import Missing
from bench.works import Work
from tollkeeper.cli.bench.selling import catalog_text

#: How many events a second the bench waits for at least.
SLOWEST_PER_SECOND: Final = 2_000
START_SECONDS: Final = 60
#: The other catalog's price of a recorded event; the bench's own is a tenth of a cent.
OTHER_PRICE: Final = "0.002"


@dataclass(slots=True)
class Simulation:
    """The last hours of some books, played again under another catalog."""

    database: str
    catalog: Path
    hours: int
    #: About how many events there are; no more than the books hold.
    events: int

    def begin_work(self) -> None:
        """Need nothing: it changes no books."""

    def measure(self, work: Work, seconds: float) -> Line:  # noqa: ARG002  # every side is asked so
        """Simulate once, however long the turns of others are."""
        limit = START_SECONDS + self.events / SLOWEST_PER_SECOND
        begun = time.perf_counter()
        told = watch(self._command(), seconds=limit, last_seconds=limit)
        return line_of(told, time.perf_counter() - begun)

    def _command(self) -> list[str]:
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        since = until - timedelta(hours=self.hours)
        span = ["--since", since.isoformat(), "--until", until.isoformat()]
        catalog = ["--catalog", str(self.catalog), "--database", self.database]
        return [sys.executable, "-m", "tollkeeper.cli", "simulate", *catalog, *span, "--json"]


def line_of(told: Watched, whole_seconds: float) -> Line:
    """Make a line of what the command told.

    Raises:
        RunFailed: it told of no events, or of less time than none.
    """
    line = read_line(told.text)
    events, seconds = line.get("events", 0), line.get("seconds", 0)
    if not events or not 0 < seconds <= whole_seconds:
        raise RunFailed(
            f"simulate told of {events} events in {seconds} seconds, and took {whole_seconds:.1f}"
        )
    return {
        "per_second": round(events / seconds),
        **dict.fromkeys(("p50", "p95", "p99"), round(whole_seconds * 1000, 1)),
        "errors": 0,
        "memory_samples": told.memory_mb,
    }


def open_simulation(books: Callable[[], str], folder: Path, hours: int, events: int) -> Simulation:
    """See that the command can be asked, write the other catalog, and have the books filled.

    Raises:
        Missing: this build has no `tollkeeper simulate`.
    """
    try:
        run([sys.executable, "-m", "tollkeeper.cli", "simulate", "--help"], seconds=START_SECONDS)
    except RunFailed as error:
        raise Missing("this build has no `tollkeeper simulate`") from error
    catalog = folder / "other.toml"
    catalog.write_text(catalog_text(price=OTHER_PRICE))
    return Simulation(books(), catalog, hours, events)
