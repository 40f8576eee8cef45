"""The command `worker`: runs what is due until it is told to stop, with the app's functions."""

import asyncio
import importlib
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tollkeeper.cli import answers, run_due
from tollkeeper.cli.calls import Call
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, Billing
    from tollkeeper.values.findings import DueReport

#: After so many runs a worker that is to end by itself does, whatever is left.
MOST_RUNS: Final = 10_000
#: What ends a worker: Ctrl-C, and what a supervisor sends.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

App = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="MODULE:NAME",
        help="The app's own Billing or AsyncBilling, whose functions are told.",
    ),
]
Interval = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", min=0.01, max=3600, help="How long it sleeps when nothing is due."
    ),
]
Once = Annotated[bool, typer.Option("--once", help="End as soon as nothing is due.")]


def worker(call: Call, *, app: App = None, interval: Interval = 1.0, once: Once = False) -> None:
    """Run what is due until it is stopped: book what time did, and tell the app's functions.

    Without --app it keeps the books prompt, warns and clears, and leaves the notices to a process
    that has the functions. Ctrl-C or SIGTERM ends it once what is under way is done; a second one
    ends it at once. As many as you like may run, on one machine or on several.
    """
    billing = call.billing() if app is None else _loaded(call, app)
    work = _until_done if once else _until_stopped
    run = asyncio.run if _is_awaited(billing) else _plainly
    report = run(work(call, billing, interval))
    if report is not None:
        answers.show(call, report.to_dict(), lambda: run_due.parts(report))


async def _until_done(_: Call, billing: "Billing | AsyncBilling", __: float) -> "DueReport | None":
    """Run what is due until nothing is."""
    total: DueReport | None = None
    try:
        for _run in range(MOST_RUNS):
            report = await _awaited(billing.jobs.run_due())
            counts = {n: v for n, v in report.to_dict().items() if type(v) is int}
            counts |= report.others
            total = report if total is None else total.joined(counts)
            if report.is_done or not any(counts.values()):
                break
    finally:
        await _awaited(billing.close())
    return total


async def _until_stopped(
    call: Call, billing: "Billing | AsyncBilling", interval: float
) -> "DueReport | None":
    """Run what is due once, so that what is wrong is told at once; then again and again."""
    stop = threading.Event()
    try:
        with _stopped_by_signals(stop):
            await _awaited(billing.jobs.run_due())
            billing.start(interval)
            if not call.as_json:
                sys.stderr.write("Running what is due; Ctrl-C stops.\n")
                sys.stderr.flush()
            while not stop.is_set():
                await _sleep(billing, stop)
    finally:
        await _awaited(billing.close())
    return None


async def _sleep(billing: "Billing | AsyncBilling", stop: threading.Event) -> None:
    """Wait a moment: a task's loop goes on meanwhile, a thread wakes for a signal."""
    if _is_awaited(billing):
        await asyncio.sleep(0.1)
    else:
        stop.wait(0.5)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """End gently at the first signal, and as any program at the second."""
    before = {each: signal.getsignal(each) for each in _SIGNALS}

    def handle(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)

    try:
        for each in _SIGNALS:
            signal.signal(each, handle)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _is_awaited(billing: object) -> bool:
    from tollkeeper import AsyncBilling

    return isinstance(billing, AsyncBilling)


async def _awaited(answer: Any) -> Any:
    """Give what a verb answers, whichever front door it is of."""
    return await answer if hasattr(answer, "__await__") else answer


def _plainly(work: "Coroutine[Any, Any, DueReport | None]") -> "DueReport | None":
    """Run a coroutine that never waits for anything, without a loop."""
    try:
        work.send(None)
    except StopIteration as done:
        report: DueReport | None = done.value
        return report
    raise RuntimeError("A Billing has to be awaited.")


def _loaded(call: Call, named: str) -> "Billing | AsyncBilling":
    """Import the app's own front door, as `python` would from this folder."""
    from tollkeeper import AsyncBilling, Billing

    if call.database is not None:
        raise InvalidRequest("Name --app or --database: the app's Billing has its own database.")
    module, _, name = named.partition(":")
    if not module or not name:
        raise InvalidRequest("--app is MODULE:NAME, such as shop.billing:billing.")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidRequest(f"--app {named} cannot be imported: {error}.") from error
    if not isinstance(found, Billing | AsyncBilling):
        raise InvalidRequest(f"--app {named} is no Billing and no AsyncBilling.")
    return found
