"""Our side of the comparison: one load, in a process of its own, told as one line of JSON.

Goes through the front door only, as an app would, and knows nothing of the other sides. The line
has the fields that the peer's program prints, and the memory of this process beside them.

    python bench/ours.py setup --database URL
    python bench/ours.py consume --database URL --callers 64 --seconds 10
"""

import argparse
import asyncio
import json
import random
import threading
import time
import uuid
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from tollkeeper import AsyncBilling, Billing
from tollkeeper.errors import TollkeeperError

UNIT = "api_calls"
#: What each customer starts with: as good as endless.
PLENTY = 1_000_000
OPERATIONS = ("consume", "balance")
STYLES = ("tasks", "threads")
#: How many customers are given their credits side by side.
SETUP_CALLERS = 500
#: How often a run notes the memory of the process.
MEMORY_SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run asks for."""

    operation: str
    database: str
    callers: int = 64
    distribution: str = "uniform"
    customers: int = 10_000
    seconds: float = 10.0
    style: str = "tasks"

    def customer(self) -> str:
        """Choose whose turn it is; the names are the peer's."""
        if self.distribution == "hot":
            return "user_1"
        return f"user_{random.randint(1, self.customers)}"  # noqa: S311  # a load, not a secret


@dataclass(slots=True)
class Tally:
    """What the callers saw."""

    #: One a call, in milliseconds, in four bytes each, so that a long run needs little memory.
    latencies: "array[float]" = field(default_factory=lambda: array("f"))
    errors: int = 0
    first_error: str | None = None

    def count(self, begun: float) -> None:
        """Note a call that began at this moment of the performance counter."""
        self.latencies.append((time.perf_counter() - begun) * 1000)

    def refuse(self, error: TollkeeperError) -> None:
        """Note an error."""
        self.errors += 1
        self.first_error = self.first_error or f"{error.code}: {error}"

    def add(self, other: "Tally") -> None:
        """Take in what another caller saw."""
        self.latencies.extend(other.latencies)
        self.errors += other.errors
        self.first_error = self.first_error or other.first_error


@dataclass(slots=True)
class Memory:
    """The process's resident memory in MB, from the beginning of the timed part to its end."""

    seconds: float
    samples: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Memory":
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the last sample."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._sample()

    def _watch(self) -> None:
        self._sample()
        for _ in range(MEMORY_SAMPLES - 1):
            if self._ended.wait(self.seconds / MEMORY_SAMPLES):
                return
            self._sample()

    def _sample(self) -> None:
        self.samples.append(round(psutil.Process().memory_info().rss / 1e6, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run, as it was."""

    load: Load
    tally: Tally
    elapsed_seconds: float
    memory_mb: list[float]
    processor_seconds: float

    def line(self) -> dict[str, Any]:
        """Tell it with the peer's names."""
        ordered = sorted(self.tally.latencies)
        return {
            "operation": self.load.operation,
            "concurrency": self.load.callers,
            "distribution": self.load.distribution,
            "per_second": round(len(ordered) / self.elapsed_seconds),
            "p50": percentile(ordered, 0.50),
            "p95": percentile(ordered, 0.95),
            "p99": percentile(ordered, 0.99),
            "errors": self.tally.errors,
            "first_error": self.tally.first_error,
            "style": self.load.style,
            "memory_mb": self.memory_mb,
            "processor_share": round(self.processor_seconds / self.elapsed_seconds, 2),
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the latency below which this share of the calls lies, as the peer's program does.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    3.0
    """
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def measure(load: Load) -> Measured:
    """Run a load for its time: every caller once to warm up, then all of them until it ends."""
    return _with_threads(load) if load.style == "threads" else asyncio.run(_with_tasks(load))


async def _with_tasks(load: Load) -> Measured:
    async with AsyncBilling(load.database) as billing:
        ask = _asking(load, billing)
        await asyncio.gather(*(ask() for _ in range(load.callers)))
        tally = Tally()
        with Memory(load.seconds) as memory:
            begun, busy = time.perf_counter(), time.process_time()
            end = begun + load.seconds
            await asyncio.gather(*(_call(ask, end, tally) for _ in range(load.callers)))
            elapsed, busy = time.perf_counter() - begun, time.process_time() - busy
    return _measured(load, tally, elapsed, memory, busy)


async def _call(ask: Callable[[], Awaitable[Any]], end: float, tally: Tally) -> None:
    while (begun := time.perf_counter()) < end:
        try:
            await ask()
        except TollkeeperError as error:
            tally.refuse(error)
        tally.count(begun)


def _with_threads(load: Load) -> Measured:
    with Billing(load.database) as billing:
        ask = _asking(load, billing)
        tallies = [Tally() for _ in range(load.callers)]
        ready = threading.Barrier(load.callers + 1)
        callers = [
            threading.Thread(target=_call_in_thread, args=(ask, ready, load.seconds, tally))
            for tally in tallies
        ]
        for caller in callers:
            caller.start()
        ready.wait()
        with Memory(load.seconds) as memory:
            begun, busy = time.perf_counter(), time.process_time()
            for caller in callers:
                caller.join()
            elapsed, busy = time.perf_counter() - begun, time.process_time() - busy
    together = Tally()
    for tally in tallies:
        together.add(tally)
    return _measured(load, together, elapsed, memory, busy)


def _call_in_thread(
    ask: Callable[[], Any], ready: threading.Barrier, seconds: float, tally: Tally
) -> None:
    ask()
    ready.wait()
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        try:
            ask()
        except TollkeeperError as error:
            tally.refuse(error)
        tally.count(begun)


def _asking(load: Load, billing: Any) -> Callable[[], Any]:
    """Give the one call that is measured; tasks await what it answers."""
    room = billing.credits
    if load.operation == "balance":
        return lambda: room.balance(load.customer(), UNIT)
    return lambda: room.consume(load.customer(), UNIT, 1, idempotency_key=str(uuid.uuid4()))


def _measured(
    load: Load, tally: Tally, elapsed_seconds: float, memory: Memory, processor_seconds: float
) -> Measured:
    return Measured(
        load=load,
        tally=tally,
        elapsed_seconds=elapsed_seconds,
        memory_mb=memory.samples,
        processor_seconds=processor_seconds,
    )


async def setup(database: str, customers: int) -> None:
    """Make the tables, and give each customer plenty; repeating it changes nothing."""
    async with AsyncBilling(database) as billing:
        await billing.migrate()
        names = [f"user_{number}" for number in range(1, customers + 1)]
        for begin in range(0, customers, SETUP_CALLERS):
            some = names[begin : begin + SETUP_CALLERS]
            await asyncio.gather(*(_give(billing.credits, name) for name in some))


async def _give(room: Any, name: str) -> None:
    key = f"bench:{name}"
    await room.grant(name, UNIT, PLENTY, source="purchase", idempotency_key=key)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; the options are those of `tollkeeper bench`."""
    parser = argparse.ArgumentParser(description="Run one load and print one line of JSON.")
    parser.add_argument("operation", choices=["setup", *OPERATIONS])
    parser.add_argument("--database", required=True, help="URL of the database")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--distribution", choices=["uniform", "hot"], default="uniform")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--style", choices=STYLES, default="tasks")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    asked = vars(arguments(words))
    if asked["operation"] == "setup":
        asyncio.run(setup(asked["database"], asked["customers"]))
        return
    print(json.dumps(measure(Load(**asked)).line()))


if __name__ == "__main__":
    main()
