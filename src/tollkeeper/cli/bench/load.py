"""Puts load on a database: callers that call again as soon as they are answered.

Owns its own customers, all with the prefix below, and touches nobody else's.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from tollkeeper.cli.bench.latencies import Latencies
from tollkeeper.errors import TollkeeperError

PREFIX: Final = "bench_user_"
UNIT: Final = "bench_calls"
#: What each customer gets: more than any run can spend.
AMOUNT: Final = 1_000_000_000_000
#: How many customers are set up at once.
WAVE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be measured."""

    #: "consume", "balance", "charge", "check", "record" or "summary".
    operation: str
    #: How many call at the same time.
    callers: int
    #: How many customers they call for; all of them, or just the first where it is hot.
    customers: int
    is_hot: bool
    seconds: float
    #: How many sources pay each charge: one or three.
    sources: int = 1
    #: How many events each call records.
    batch: int = 1
    #: Of how many customers these are; 0 leaves each event to chance.
    among: int = 0
    #: Whether a summary begins and ends within an hour.
    cuts_hours: bool = False

    def customer(self) -> str:
        """Choose a customer."""
        number = 1 if self.is_hot else 1 + int(random.random() * self.customers)  # noqa: S311  # no secret
        return f"{PREFIX}{number}"

    def customers_of_batch(self) -> list[str]:
        """Choose whose each event of a batch is."""
        some = [self.customer() for _ in range(self.among or self.batch)]
        return [some[number % len(some)] for number in range(self.batch)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured."""

    latencies: Latencies
    #: How long it took, in seconds.
    elapsed: float
    errors: int
    first_error: str | None


class Tally:
    """Collects what the callers saw; a thread takes its turn by the lock."""

    def __init__(self) -> None:
        self.latencies = Latencies()
        self.errors = 0
        self.first_error: str | None = None
        self.lock = threading.Lock()

    def add(self, seconds: float, error: TollkeeperError | None) -> None:
        """Count one call; one that failed counts among the latencies too."""
        self.latencies.add(seconds)
        if error is not None:
            self.errors += 1
            self.first_error = self.first_error or f"{error.code}: {error.message}"

    def measured(self, elapsed: float) -> Measured:
        """Sum up."""
        return Measured(
            latencies=self.latencies,
            elapsed=elapsed,
            errors=self.errors,
            first_error=self.first_error,
        )


async def by_tasks(call: Callable[[], Awaitable[Any]], load: Load) -> Measured:
    """Let tasks call."""
    await asyncio.gather(*(_tried(call) for _ in range(load.callers)))
    tally, start = Tally(), time.perf_counter()
    end = start + load.seconds

    async def caller() -> None:
        while (before := time.perf_counter()) < end:
            error = None
            try:
                await call()
            except TollkeeperError as failed:
                error = failed
            tally.add(time.perf_counter() - before, error)

    await asyncio.gather(*(caller() for _ in range(load.callers)))
    return tally.measured(time.perf_counter() - start)


def by_threads(call: Callable[[], Any], load: Load) -> Measured:
    """Let threads call."""
    tally, gate = Tally(), threading.Barrier(load.callers + 1)
    stopped = threading.Event()
    end = float("inf")

    def caller() -> None:
        attempt(call)
        gate.wait()
        gate.wait()
        while (before := time.perf_counter()) < end and not stopped.is_set():
            error = attempt(call)
            seconds = time.perf_counter() - before
            with tally.lock:
                tally.add(seconds, error)

    threads = [threading.Thread(target=caller, daemon=True) for _ in range(load.callers)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    end = start + load.seconds
    gate.wait()
    try:
        for thread in threads:
            thread.join()
    finally:
        stopped.set()
    return tally.measured(time.perf_counter() - start)


def attempt(call: Callable[[], Any]) -> TollkeeperError | None:
    """Call once, and give the error if there was one."""
    try:
        call()
    except TollkeeperError as error:
        return error
    return None


async def _tried(call: Callable[[], Awaitable[Any]]) -> TollkeeperError | None:
    try:
        await call()
    except TollkeeperError as error:
        return error
    return None
