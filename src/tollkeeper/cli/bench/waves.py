"""Charges that three sources pay: waves, in each of which every customer is charged once.

Before a wave, off the clock, everybody's stock is set: one of the feature's own unit, and credits
of the pool for one more; there is money without end. A charge for three then takes one from each
source, and empties the first two. The first receipts of every wave must say so.

The clock runs from a wave's first call to its last answer, so nothing is left out; with fewer calls
under way at its end, a wave is never quicker than calls without end would be.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tollkeeper.cli.bench.calling import new_key
from tollkeeper.cli.bench.load import PREFIX, WAVE, Load, Measured, Tally
from tollkeeper.cli.bench.selling import IMAGES, POOL, POOL_COST
from tollkeeper.errors import BrokenInvariant, TollkeeperError

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, ChargeReceipt

#: Sources of payment, and which part of a quantity each pays.
Paid = tuple[tuple[str, Decimal], ...]

#: What is charged for, and who pays it.
QUANTITY: Final = 3
PAID: Final[Paid] = tuple((source, Decimal(1)) for source in (IMAGES, POOL, "wallet"))
#: How many receipts of each wave are looked at.
SAMPLE: Final = 20


@dataclass(slots=True)
class Wave:
    """One wave under way: who is still to be charged, and the receipts that are looked at."""

    names: Iterator[str]
    end: float
    receipts: list["ChargeReceipt"] = field(default_factory=list)


async def by_waves(billing: "AsyncBilling", load: Load) -> Measured:
    """Let tasks charge everybody once, again and again until the time is over.

    Raises:
        BrokenInvariant: a charge was not paid by all three sources.
    """
    names = [f"{PREFIX}{number}" for number in range(1, load.customers + 1)]
    await _stock(billing, names)
    # Every caller calls once before the clock starts.
    await _run(billing, load.callers, names[: load.callers], load.seconds, Tally())
    tally, elapsed = Tally(), 0.0
    while elapsed < load.seconds:
        await _stock(billing, names)
        random.shuffle(names)
        elapsed += await _run(billing, load.callers, names, load.seconds - elapsed, tally)
    return tally.measured(elapsed)


def check_paid(receipt: "ChargeReceipt", paid: Paid) -> None:
    """See that each source paid of a charge what it was to pay.

    Raises:
        BrokenInvariant: it did not.
    """
    found = tuple((share.source, share.quantity) for share in receipt.shares)
    if found != paid:
        raise BrokenInvariant(
            f"The charge {receipt.operation_id} of {receipt.customer!r} was to be paid by "
            f"{paid}, and was paid by {found}: its customer was set up wrongly, or somebody else "
            "works on this database."
        )


async def _stock(billing: "AsyncBilling", names: Sequence[str]) -> None:
    """Set what each has of the first two sources, whatever it was."""
    for begin in range(0, len(names), WAVE):
        some = names[begin : begin + WAVE]
        own = [billing.credits.set_balance(name, IMAGES, 1) for name in some]
        pool = [billing.credits.set_balance(name, POOL, POOL_COST) for name in some]
        await asyncio.gather(*own, *pool)


async def _run(
    billing: "AsyncBilling", callers: int, names: Sequence[str], seconds: float, tally: Tally
) -> float:
    """Charge each once, until the time is over; tell how long it took."""
    start = time.perf_counter()
    wave = Wave(iter(names), start + seconds)
    await asyncio.gather(*(_caller(billing, wave, tally) for _ in range(callers)))
    elapsed = time.perf_counter() - start
    for receipt in wave.receipts:
        check_paid(receipt, PAID)
    return elapsed


async def _caller(billing: "AsyncBilling", wave: Wave, tally: Tally) -> None:
    charge = billing.charge
    for name in wave.names:
        before, error = time.perf_counter(), None
        if before >= wave.end:
            return
        try:
            receipt = await charge(name, IMAGES, QUANTITY, idempotency_key=new_key())
        except TollkeeperError as failed:
            error = failed
        else:
            if len(wave.receipts) < SAMPLE:
                wave.receipts.append(receipt)
        tally.add(time.perf_counter() - before, error)
