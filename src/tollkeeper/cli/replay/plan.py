"""Prepares a replay: reads the whole trace once, checks it, and works out who gets which deposit.

Pure but for reading the file; nothing is written before every row was found right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

from tollkeeper.cli.replay.pricing import Prices
from tollkeeper.cli.replay.trace import RecordedCall, read_trace
from tollkeeper.cli.screen import Moved
from tollkeeper.values.amounts import POWERS_OF_TEN
from tollkeeper.values.money import Money

#: What the customers' deposits are, in percent of what their calls cost; they take turns. Those
#: with less than 100 run dry, those with 100 just about.
LEVELS: Final = (200, 120, 100, 50)

FIRST_CUSTOMER: Final = 1

#: Decimal digits of a deposit, so that people can read it.
DEPOSIT_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is going to be replayed."""

    path: Path
    #: Names the run; its customers' ids and its keys begin with it.
    run: str
    limit: int | None
    customers: int
    prices: Prices
    calls: int
    first_at: datetime
    last_at: datetime
    #: What each customer that has calls gets to begin with, by number; the first gets something
    #: in any case.
    deposits: dict[int, Money]
    #: The same for two plans only if they charge the same calls at the same prices.
    digest: str

    def rows(self) -> Iterator[RecordedCall]:
        """Read the trace again."""
        return read_trace(self.path, self.limit)

    def customer(self, number: int) -> str:
        """Give a customer's id."""
        return f"{self.run}/{number}"


def prepare(
    path: Path,
    *,
    run: str,
    limit: int | None,
    customers: int,
    prices: Prices,
    moved: Moved,
) -> Plan:
    """Read and check every row, and add up what each customer's calls cost."""
    costs: dict[int, int] = {FIRST_CUSTOMER: 0}
    first = last = None
    for row in read_trace(path, limit):
        first, last = first or row, row
        customer = customer_of(row.number, customers)
        cost = prices.cost(row.context, row.generated)
        costs[customer] = costs.get(customer, 0) + cost.scaled
        if row.number % 1000 == 0:
            moved(row.number)
    assert first, "a trace without calls was refused by the reader"
    assert last, "and so it has a last one"
    return Plan(
        path=path,
        run=run,
        limit=limit,
        customers=customers,
        prices=prices,
        calls=last.number,
        first_at=first.at,
        last_at=last.at,
        deposits={each: deposit(each, costs[each], prices) for each in sorted(costs)},
        digest=_short_hash(repr((prices, customers, last.number, sorted(costs.items())))),
    )


def customer_of(number: int, customers: int) -> int:
    """Choose a call's customer: evenly, and the same in every run.

    >>> [customer_of(number, 10) for number in range(1, 6)] == [
    ...     customer_of(number, 10) for number in range(1, 6)
    ... ]
    True
    """
    return FIRST_CUSTOMER + int(_short_hash(str(number)), 16) % customers


def deposit(customer: int, cost: int, prices: Prices) -> Money:
    """Work out a customer's deposit from what its calls cost, in whole steps; never nothing."""
    step = POWERS_OF_TEN[prices.unit.scale - DEPOSIT_DIGITS]
    steps = cost * LEVELS[customer % len(LEVELS)] // (100 * step)
    return prices.money(max(1, steps) * step)


def _short_hash(text: str) -> str:
    """Hash a text to 64 bits, the same in every process."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
