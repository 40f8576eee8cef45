"""What is measured, and what it must reach. Data only: nothing here runs anything.

A work is done by several sides in turn. Those of ours differ in the database, in whether callers
are tasks or threads, in how many entries or usage events the books hold, and, where the work names
no operation, in what they do.
"""

from dataclasses import dataclass
from typing import Final

CUSTOMERS: Final = 10_000
ENTRIES: Final = 5_000_000
EVENTS: Final = 10_000_000

#: Of which programs the figures are; those of ours are told with their memory.
TITLES: Final = {
    "peer": "peer (TypeScript)",
    "floor": "floor (pgbench)",
    "ours": "ours, tasks",
    "ours_threads": "ours, threads",
    "sqlite": "ours on SQLite, tasks",
    "sqlite_threads": "ours on SQLite, threads",
    "small": "ours, few entries",
    "large": "ours, many entries",
    "sqlite_small": "ours on SQLite, few entries",
    "sqlite_large": "ours on SQLite, many entries",
    "charge_one": "charge, one source pays",
    "charge_three": "charge, three sources pay",
    "check": "ours, tasks",
    "check_threads": "ours, threads",
    "record": "ours, tasks; events",
    "usage": "ours, many events",
    "simulate_few": "simulate, an hour's events",
    "simulate_many": "simulate, a day's events",
}

#: What sides do that do one thing alone, whatever the work: the words after `tollkeeper bench`.
WORDS: Final = {
    "charge_one": ("charge", "--sources", "1"),
    "charge_three": ("charge", "--sources", "3"),
}

#: What sets up the books of sides that need more than credits: an operation that does it first.
SET_UP_BY: Final = {
    "charge_one": "check",
    "charge_three": "check",
    "check": "check",
    "check_threads": "check",
    "record": "record",
}

#: How many of the last hours each simulation plays again.
SIMULATED_HOURS: Final = {"simulate_few": 1, "simulate_many": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One load, and who does it in turn."""

    name: str
    title: str
    sides: tuple[str, ...]
    callers: int
    distribution: str = "uniform"
    operation: str = "consume"
    #: Further options of the operation.
    options: tuple[str, ...] = ()
    #: The most seconds of a turn: some works tell all that they can in a few.
    most_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a side must reach in one figure: by itself, or as a ratio to another side's."""

    work: str
    side: str
    figure: str = "per_second"
    against: str | None = None
    must: float | None = None
    stretch: float | None = None

    @property
    def is_ceiling(self) -> bool:
        """Tell whether less is better: of times and of memory it is."""
        return self.figure != "per_second"


_ALL = ("peer", "floor", "ours")
_BOTH = ("sqlite", "sqlite_threads")
_HISTORY = ("small", "large", "sqlite_small", "sqlite_large")
#: The first is `consume`, by the same build and in the same turns.
_CHARGES = ("ours", "charge_one", "charge_three")

WORKS: Final = (
    Work(
        name="uniform_64",
        title="PostgreSQL, 10,000 customers, 64 callers",
        sides=(*_ALL, "ours_threads"),
        callers=64,
    ),
    Work(
        name="uniform_1024",
        title="PostgreSQL, 10,000 customers, 1,024 callers",
        sides=_ALL,
        callers=1024,
    ),
    Work(
        name="hot_64",
        title="PostgreSQL, one hot customer, 64 callers",
        sides=_ALL,
        callers=64,
        distribution="hot",
    ),
    Work(
        name="lone",
        title="PostgreSQL, a lone caller",
        sides=(*_ALL, "ours_threads"),
        callers=1,
    ),
    Work(name="sqlite_64", title="SQLite, 64 callers", sides=_BOTH, callers=64),
    Work(name="sqlite_lone", title="SQLite, a lone caller", sides=_BOTH, callers=1),
    # Balances before consumes, which make the small books larger.
    Work(
        name="history_balance",
        title="balance(), few and many entries",
        sides=_HISTORY,
        callers=1,
        operation="balance",
    ),
    Work(
        name="history_64",
        title="64 callers, few and many entries",
        sides=_HISTORY,
        callers=64,
    ),
    Work(
        name="charge_64",
        title="charge against consume, 64 callers",
        sides=_CHARGES,
        callers=64,
    ),
    Work(
        name="charge_1024",
        title="charge against consume, 1,024 callers",
        sides=_CHARGES,
        callers=1024,
    ),
    Work(
        name="check",
        title="check, a lone caller",
        sides=("check", "check_threads"),
        callers=1,
        operation="check",
        most_seconds=5,
    ),
    Work(
        name="record",
        title="record_many, batches of 1,000 events of as many customers",
        sides=("record",),
        callers=1,
        operation="record",
    ),
    Work(
        name="record_100",
        title="record_many, batches of 1,000 events of 100 customers",
        sides=("record",),
        callers=1,
        operation="record",
        options=("--among", "100"),
    ),
    Work(
        name="summary",
        title="summary of 30 days, whole hours",
        sides=("usage",),
        callers=1,
        distribution="hot",
        operation="summary",
        most_seconds=5,
    ),
    Work(
        name="summary_cut",
        title="summary of 30 days, cut hours",
        sides=("usage",),
        callers=1,
        distribution="hot",
        operation="summary",
        options=("--hours", "cut"),
        most_seconds=5,
    ),
    Work(
        name="simulate",
        title="simulate under another catalog",
        sides=("simulate_few", "simulate_many"),
        callers=1,
        operation="simulate",
    ),
)

GOALS: Final = (
    Goal(work="uniform_64", side="ours", against="peer", must=5, stretch=8),
    Goal(work="uniform_1024", side="ours", against="peer", must=7, stretch=12),
    Goal(work="hot_64", side="ours", against="peer", must=12, stretch=20),
    Goal(work="lone", side="ours", figure="p50", against="peer", must=1),
    Goal(work="lone", side="ours_threads", figure="p50", against="peer", must=1),
    Goal(work="lone", side="ours_threads", figure="p50", against="floor", stretch=2),
    Goal(work="sqlite_64", side="sqlite", must=8_000, stretch=15_000),
    Goal(work="sqlite_64", side="sqlite_threads", must=8_000, stretch=15_000),
    Goal(work="sqlite_lone", side="sqlite", figure="p50", must=0.7, stretch=0.4),
    Goal(work="sqlite_lone", side="sqlite_threads", figure="p50", must=0.7, stretch=0.4),
    Goal(work="history_64", side="large", against="small", must=0.65, stretch=0.8),
    Goal(work="history_64", side="sqlite_large", against="sqlite_small", must=0.65, stretch=0.8),
    *(Goal(work="history_balance", side=side, figure="p50", must=1) for side in _HISTORY),
    *(
        Goal(work=work, side=side, against="ours", must=must, stretch=stretch)
        for work in ("charge_64", "charge_1024")
        for side, must, stretch in (("charge_one", 0.40, 0.60), ("charge_three", 0.25, 0.40))
    ),
    Goal(work="check", side="check", figure="p50", must=1),
    Goal(work="check", side="check_threads", figure="p50", must=1),
    Goal(work="record", side="record", must=30_000),
    Goal(work="record_100", side="record", must=30_000),
    Goal(work="summary", side="usage", figure="p50", must=20),
    Goal(work="summary_cut", side="usage", figure="p50", must=20),
    Goal(work="simulate", side="simulate_many", must=15_000),
    # Constant memory: many events need no more than few, but for what a machine does by chance.
    Goal(
        work="simulate",
        side="simulate_many",
        figure="memory_mb",
        against="simulate_few",
        must=1.1,
    ),
    *(
        Goal(work=work.name, side=side, figure="memory_mb", must=150)
        for work in WORKS
        for side in work.sides
        if side not in ("peer", "floor")
    ),
)
