"""Measures one load from beginning to end: opens the database, sets up customers, lets call."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tollkeeper.cli import screen
from tollkeeper.cli.bench.calling import call_of
from tollkeeper.cli.bench.load import Load, Measured, by_tasks
from tollkeeper.cli.bench.load import by_threads as load_by_threads
from tollkeeper.cli.bench.selling import CALLS, bench_catalog
from tollkeeper.cli.bench.setting_up import set_up
from tollkeeper.cli.bench.waves import by_waves, check_paid
from tollkeeper.cli.calls import Call
from tollkeeper.cli.opening import opened
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, Billing

__all__ = ["Load", "Measured", "measure"]

B = TypeVar("B")

#: What is measured without a catalog.
_PLAIN: Final = ("consume", "balance")


def measure(call: Call, load: Load, *, by_threads: bool) -> Measured:
    """Set up what is missing, then measure.

    Raises:
        InvalidRequest: three sources are to pay for one customer alone, or for threads.
        BrokenInvariant: a charge was paid by others than it was to be.
    """
    if load.sources > 1 and (load.is_hot or by_threads):
        raise InvalidRequest(
            "Where three sources pay, each customer is charged once before all are set up again: "
            "leave --distribution at uniform, and --mode at tasks."
        )
    asyncio.run(_set_up(call, load))
    if not by_threads:
        return asyncio.run(_by_tasks(call, load))
    with _threads(call, load) as billing:
        return load_by_threads(call_of(billing, load), load)


async def _by_tasks(call: Call, load: Load) -> Measured:
    async with _tasks(call, load) as billing:
        if load.sources > 1:
            return await by_waves(billing, load)
        if load.operation == "charge":
            # A sample is enough here: own credits without end pay every charge alike.
            check_paid(await call_of(billing, load)(), ((CALLS, Decimal(1)),))
        return await by_tasks(call_of(billing, load), load)


async def _set_up(call: Call, load: Load) -> None:
    with screen.progress("Setting up customers", load.customers) as moved:
        async with _tasks(call, load) as billing:
            await set_up(billing, load, moved)


def _threads(call: Call, load: Load) -> "Billing":
    from tollkeeper import Billing

    return _opened(Billing, call, load)


def _tasks(call: Call, load: Load) -> "AsyncBilling":
    from tollkeeper import AsyncBilling

    return _opened(AsyncBilling, call, load)


def _opened(kind: Callable[..., B], call: Call, load: Load) -> B:
    """Open the database with the bench's own catalog, whatever catalog the app has."""
    catalog = None if load.operation in _PLAIN else bench_catalog()

    def open_with(url: str, *, schema: str, **_: Any) -> B:
        return kind(url, schema=schema, catalog=catalog)

    return opened(open_with, call.url(), call.schema, None, makes_file=call.makes_file)
