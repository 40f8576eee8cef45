"""Counts what became of the calls: in all, and for each customer."""

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import TYPE_CHECKING

from tollkeeper.cli.replay.trace import RecordedCall
from tollkeeper.values.money import Money

if TYPE_CHECKING:
    from tollkeeper.values.receipts import Receipt


@dataclass(slots=True)
class Count:
    """What became of some calls."""

    charged: int = 0
    refused: int = 0
    #: Calls that an earlier run of the same name had charged already.
    replayed: int = 0
    #: Calls that cost more than was held.
    over_estimate: int = 0
    #: Tokens of the calls that were charged.
    context: int = 0
    generated: int = 0
    #: Tokens of the calls that were refused: the context alone, since nothing was generated.
    refused_context: int = 0
    deposited: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    #: What was used and nobody could pay.
    uncollected: Decimal = Decimal(0)
    #: What is left.
    available: Decimal = Decimal(0)

    @property
    def calls(self) -> int:
        """How many there were."""
        return self.charged + self.refused


@dataclass(slots=True)
class Tally:
    """The counts of a replay; its tasks share one loop, so nothing here needs a lock."""

    by_customer: dict[int, Count] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls are done."""
        return sum(count.calls for count in self.by_customer.values())

    def deposit(self, customer: int, receipt: "Receipt") -> None:
        """Count a customer's deposit."""
        count = self.by_customer[customer] = Count()
        count.deposited = receipt.amount
        count.available = receipt.amount

    def refuse(self, customer: int, row: RecordedCall) -> None:
        """Count a call that was refused."""
        count = self.by_customer[customer]
        count.refused += 1
        count.refused_context += row.context

    def charge(self, customer: int, row: RecordedCall, held: Money, settled: "Receipt") -> None:
        """Count a call that was charged."""
        count = self.by_customer[customer]
        cost, uncollected = settled.settled, settled.uncollected
        count.charged += 1
        count.replayed += settled.replayed
        count.over_estimate += cost > held.amount
        count.context += row.context
        count.generated += row.generated
        count.spent += cost - uncollected
        count.uncollected += uncollected
        count.available = settled.balance.available

    def total(self) -> Count:
        """Add up all customers."""
        total = Count()
        for count in self.by_customer.values():
            for each in fields(Count):
                setattr(total, each.name, getattr(total, each.name) + getattr(count, each.name))
        return total
