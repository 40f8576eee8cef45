"""The noun `bench`: how many calls a second this database answers, and how quickly.

Its line of JSON has the fields of the peer's benchmark, so that both can be laid side by side.
"""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.places import database_or_temporary
from tollkeeper.cli.sheets import Facts, Part

if TYPE_CHECKING:
    from tollkeeper.cli.bench.load import Load, Measured

app: Final = typer.Typer(
    help="Measure how many calls a second the database answers.", no_args_is_help=True
)


class Distribution(StrEnum):
    """Whom the callers call for."""

    uniform = "uniform"
    hot = "hot"


class Mode(StrEnum):
    """What a caller is."""

    tasks = "tasks"
    threads = "threads"


class Sources(StrEnum):
    """How many sources pay each charge."""

    one = "1"
    three = "3"


class Hours(StrEnum):
    """Where a summary begins and ends."""

    whole = "whole"
    cut = "cut"


Callers = Annotated[
    int, typer.Option(metavar="N", min=1, max=10_000, help="How many call at the same time.")
]
Customers = Annotated[
    int, typer.Option(metavar="N", min=1, max=1_000_000, help="How many customers there are.")
]
Spread = Annotated[
    Distribution, typer.Option(help="Calls for all customers alike, or all for a single one.")
]
Seconds = Annotated[
    float, typer.Option(metavar="S", min=0.1, max=3600, help="How long to measure.")
]
Kind = Annotated[Mode, typer.Option(help="Tasks call AsyncBilling, threads call Billing.")]
Payers = Annotated[Sources, typer.Option(help="How many sources pay each charge.")]
Batch = Annotated[
    int, typer.Option(metavar="N", min=1, max=10_000, help="How many events a call records.")
]
Among = Annotated[
    int,
    typer.Option(
        metavar="N", min=0, max=10_000, help="Of how many customers each batch is; 0 is by chance."
    ),
]
Bounds = Annotated[
    Hours, typer.Option(help="Whether the thirty days are whole hours, or cut two of them.")
]


@verb(app, "consume", is_trial=True, makes_file=True)
def consume(
    call: Call,
    *,
    callers: Callers = 64,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
) -> None:
    """Measure `consume`, each call with an idempotency key of its own.

    It writes customers and entries of its own into the database, which it migrates first: take one
    made for this. Only --database names it; TOLLKEEPER_DATABASE_URL is not read. Without --database
    it is a SQLite file that is deleted afterwards.
    """
    _bench(call, "consume", callers, distribution, customers, seconds, mode)


@verb(app, "balance", is_trial=True, makes_file=True)
def balance(
    call: Call,
    *,
    callers: Callers = 64,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
) -> None:
    """Measure `balance`, on the same customers as `bench consume`.

    Only --database names the database, as there; TOLLKEEPER_DATABASE_URL is not read.
    """
    _bench(call, "balance", callers, distribution, customers, seconds, mode)


@verb(app, "charge", is_trial=True, makes_file=True)
def charge(
    call: Call,
    *,
    callers: Callers = 64,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
    sources: Payers = Sources.one,
) -> None:
    """Measure `charge` through a waterfall of three sources, under one limit a day.

    With --sources 1 the feature's own credits pay all of it. With --sources 3 own credits, a pool
    and the wallet pay a part each; everybody's credits are set anew off the clock whenever all
    customers were charged. The catalog is the bench's own; TOLLKEEPER_CATALOG and
    TOLLKEEPER_DATABASE_URL are not read.
    """
    paid_by = int(sources)
    _bench(call, "charge", callers, distribution, customers, seconds, mode, sources=paid_by)


@verb(app, "check", is_trial=True, makes_file=True)
def check(
    call: Call,
    *,
    callers: Callers = 1,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
) -> None:
    """Measure `check`, on the same customers and with the same catalog as `bench charge`.

    Only --database names the database, as there; TOLLKEEPER_DATABASE_URL is not read.
    """
    _bench(call, "check", callers, distribution, customers, seconds, mode)


@verb(app, "record", is_trial=True, makes_file=True)
def record(
    call: Call,
    *,
    callers: Callers = 1,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
    batch: Batch = 1_000,
    among: Among = 0,
) -> None:
    """Measure `usage.record_many`: events a second, and how long a batch takes.

    Each event has an idempotency key and a dimension of its own, and is rated for the later bill.
    By chance a batch of 1,000 is of some 950 of 10,000 customers; each costs, so --among 100 is
    quicker. Only --database names the database; TOLLKEEPER_DATABASE_URL is not read.
    """
    _bench(
        *(call, "record", callers, distribution, customers, seconds, mode),
        batch=batch,
        among=among,
    )


@verb(app, "summary", is_trial=True, makes_file=True)
def summary(
    call: Call,
    *,
    callers: Callers = 1,
    distribution: Spread = Distribution.uniform,
    customers: Customers = 10_000,
    seconds: Seconds = 10,
    mode: Kind = Mode.tasks,
    hours: Bounds = Hours.whole,
) -> None:
    """Measure `usage.summary` of one customer's use of a feature over thirty days.

    Whole hours are read off their totals; of hours that are cut, each event is looked at. Only
    --database names the database; TOLLKEEPER_DATABASE_URL is not read.
    """
    cut = hours is Hours.cut
    _bench(call, "summary", callers, distribution, customers, seconds, mode, cuts_hours=cut)


def _bench(
    call: Call,
    operation: str,
    callers: int,
    distribution: Distribution,
    customers: int,
    seconds: float,
    mode: Mode,
    **further: int,
) -> None:
    from tollkeeper.cli.bench.measuring import Load, measure

    load = Load(
        operation=operation,
        callers=callers,
        customers=customers,
        is_hot=distribution is Distribution.hot,
        seconds=seconds,
        **further,  # type: ignore[arg-type]  # a truth is a number too
    )
    with database_or_temporary(call) as there:
        measured = measure(there, load, by_threads=mode is Mode.threads)
    line = _line(load, measured, distribution)
    answers.show(call, line, lambda: _facts(line))


def _line(load: "Load", measured: "Measured", distribution: Distribution) -> dict[str, Any]:
    seen = measured.latencies
    return {
        "operation": load.operation,
        "concurrency": load.callers,
        "distribution": str(distribution),
        "per_second": round(seen.count * load.batch / measured.elapsed),
        "p50": seen.at(0.5),
        "p95": seen.at(0.95),
        "p99": seen.at(0.99),
        "errors": measured.errors,
        "firstError": measured.first_error,
        "memory_mb": _memory_mb(),
    }


def _memory_mb() -> float | None:
    """Give the most memory that this process ever had, where the system tells it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def _facts(line: dict[str, Any]) -> list[Part]:
    pairs = [
        ("operation", line["operation"]),
        ("callers", f"{line['concurrency']}, {line['distribution']}"),
        ("per second", f"{line['per_second']:,}"),
        ("latency", f"p50 {line['p50']} ms, p95 {line['p95']} ms, p99 {line['p99']} ms"),
        ("errors", f"{line['errors']} {line['firstError'] or ''}".strip()),
        ("memory", f"{line['memory_mb']} MB at most"),
    ]
    return [Facts(tuple(pairs))]
