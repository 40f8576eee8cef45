"""Sets up the customers of a load, once: a later run finds them, a broken-off one is resumed.

Everything comes through the front door. What a load needs beyond credits follows from what it does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tollkeeper.cli.bench.load import AMOUNT, PREFIX, UNIT, WAVE, Load
from tollkeeper.cli.bench.selling import CURRENCY, EVENTS, POOL, POOL_COST
from tollkeeper.cli.screen import Moved

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling

#: What each wallet gets: more than any run can spend.
MONEY: Final = 1_000_000
#: How many events each customer has whose usage is summed up, and over what time they lie.
EVENTS_EACH: Final = 10
EVENTS_SPAN: Final = timedelta(days=2)
_KEY: Final = "bench:set-up"

Some = Callable[["AsyncBilling", Sequence[str]], Awaitable[None]]


async def set_up(billing: "AsyncBilling", load: Load, moved: Moved) -> None:
    """Make the tables and the customers, unless an earlier run did."""
    await billing.migrate()
    kit, some = _KITS[load.operation]
    done = marker(load.customers, kit)
    if await billing.credits.has(done, UNIT, 1):
        return
    for first in range(1, load.customers + 1, WAVE):
        last = min(first + WAVE - 1, load.customers)
        await some(billing, [f"{PREFIX}{number}" for number in range(first, last + 1)])
        moved(last)
    await grant(billing, done)


def marker(customers: int, kit: str = "") -> str:
    """Name the customer who tells that so many others are set up; each kit has its own."""
    return f"{PREFIX}set_up_{kit}{customers}"


async def grant(billing: "AsyncBilling", customer: str) -> None:
    """Give a customer more credits than any run can spend."""
    await billing.credits.grant(customer, UNIT, AMOUNT, idempotency_key=_KEY)


async def _with_credits(billing: "AsyncBilling", names: Sequence[str]) -> None:
    """Give what consumes need."""
    await asyncio.gather(*(grant(billing, name) for name in names))


async def _with_three_sources(billing: "AsyncBilling", names: Sequence[str]) -> None:
    """Give what charges need: own credits without end, some of the pool, money without end."""
    from tollkeeper import Money

    money, key = Money(MONEY, CURRENCY), f"{_KEY}:wallet"
    await _with_credits(billing, names)
    pool: list[Awaitable[Any]] = [
        billing.credits.grant(name, POOL, POOL_COST, idempotency_key=f"{_KEY}:{POOL}")
        for name in names
    ]
    wallets = [billing.wallet.deposit(name, money, idempotency_key=key) for name in names]
    await asyncio.gather(*pool, *wallets)


async def _with_an_event(billing: "AsyncBilling", names: Sequence[str]) -> None:
    """Record one event of each, so that their tallies are there."""
    await billing.usage.record_many(
        [{"customer": name, "feature": EVENTS, "idempotency_key": _KEY} for name in names]
    )


async def _with_events(billing: "AsyncBilling", names: Sequence[str]) -> None:
    """Record some events of each over the last days, those of long ago first."""
    now = datetime.now(UTC)
    for number in range(EVENTS_EACH, 0, -1):
        at = now - EVENTS_SPAN * number / EVENTS_EACH
        key = f"{_KEY}:{number}"
        await billing.usage.record_many(
            [
                {"customer": name, "feature": EVENTS, "event_at": at, "idempotency_key": key}
                for name in names
            ]
        )


#: By operation: what its customers' kit is called, and how some customers get it.
_KITS: Final[dict[str, tuple[str, Some]]] = {
    "consume": ("", _with_credits),
    "balance": ("", _with_credits),
    "charge": ("charge_", _with_three_sources),
    "check": ("charge_", _with_three_sources),
    "record": ("record_", _with_an_event),
    "summary": ("summary_", _with_events),
}
