"""Measures one load from beginning to end: opens the database, sets up customers, lets call."""

import asyncio

from tollkeeper.cli import screen
from tollkeeper.cli.bench.load import Load, Measured, by_tasks, set_up
from tollkeeper.cli.bench.load import by_threads as load_by_threads
from tollkeeper.cli.calls import Call

__all__ = ["Load", "Measured", "measure"]


def measure(call: Call, load: Load, *, by_threads: bool) -> Measured:
    """Set up what is missing, then measure."""
    asyncio.run(_set_up(call, load))
    if not by_threads:
        return asyncio.run(_by_tasks(call, load))
    with call.billing() as billing:
        return load_by_threads(billing, load)


async def _by_tasks(call: Call, load: Load) -> Measured:
    async with call.async_billing() as billing:
        return await by_tasks(billing, load)


async def _set_up(call: Call, load: Load) -> None:
    with screen.progress("Setting up customers", load.customers) as moved:
        async with call.async_billing() as billing:
            await set_up(billing, load, moved)
