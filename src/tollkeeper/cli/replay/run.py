"""Charges the calls of a trace: for each a hold of an estimate, then a settle of what it did cost.

The calls of one customer are charged one after the other, those of different customers side by
side. So the outcome is the same in every run, however quick the machine is.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from tollkeeper.cli.replay.estimate import Estimate
from tollkeeper.cli.replay.plan import FIRST_CUSTOMER, Plan, customer_of
from tollkeeper.cli.replay.tally import Tally
from tollkeeper.cli.replay.trace import RecordedCall
from tollkeeper.cli.screen import Moved
from tollkeeper.errors import IdempotencyConflict, InsufficientBalance
from tollkeeper.values.money import Money

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling

#: How many calls wait for each caller at most.
QUEUE: Final = 16
#: How many calls lie between two moves of the progress bar.
STEP: Final = 50

#: A call, its customer's number, and what is to be held for it; None ends a caller.
_Task = tuple[RecordedCall, int, Money] | None


async def charge_all(billing: "AsyncBilling", plan: Plan, callers: int, moved: Moved) -> Tally:
    """Charge every call of the plan, at most `callers` at a time."""
    replay = _Replay(billing, plan, moved)
    await replay.claim()
    queues: list[asyncio.Queue[_Task]] = [asyncio.Queue(QUEUE) for _ in range(callers)]
    try:
        async with asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(replay.work(queue))
            group.create_task(replay.hand_out(queues))
    except BaseExceptionGroup as errors:
        first = _first(errors)
        raise first from first.__cause__ or errors
    return replay.tally


class _Replay:
    """One replay under way."""

    def __init__(self, billing: "AsyncBilling", plan: Plan, moved: Moved) -> None:
        self.tally = Tally()
        self._wallet = billing.wallet
        self._plan = plan
        self._moved = moved
        self._done = 0

    async def claim(self) -> None:
        """Make the first deposit, which says what the run charges; a name stands for one plan only.

        Raises:
            IdempotencyConflict: the name is taken; nothing was written.
        """
        try:
            await self._deposit(FIRST_CUSTOMER)
        except IdempotencyConflict as error:
            raise IdempotencyConflict(
                f"The run {self._plan.run!r} is in the books already, with other calls, prices or "
                "customers; give this one another --run.",
                run=self._plan.run,
            ) from error

    async def hand_out(self, queues: list[asyncio.Queue[_Task]]) -> None:
        """Read the trace; a customer's calls all go to the same caller, and so in their order."""
        estimate, prices = Estimate(), self._plan.prices
        for row in self._plan.rows():
            customer = customer_of(row.number, self._plan.customers)
            guess = prices.cost(row.context, estimate.tokens)
            await queues[customer % len(queues)].put((row, customer, guess))
            estimate.add(row.generated)
        for queue in queues:
            await queue.put(None)

    async def work(self, queue: asyncio.Queue[_Task]) -> None:
        """Charge what comes, until the end."""
        while (task := await queue.get()) is not None:
            row, customer, guess = task
            if customer not in self.tally.by_customer:
                await self._deposit(customer)
            await self._charge(row, customer, guess)
            self._done += 1
            if self._done % STEP == 0:
                self._moved(self._done)

    async def _deposit(self, customer: int) -> None:
        name = self._plan.customer(customer)
        key = f"replay:{self._plan.run}:deposit"
        money = self._plan.deposits[customer]
        self.tally.deposit(customer, await self._wallet.deposit(name, money, idempotency_key=key))

    async def _charge(self, row: RecordedCall, customer: int, guess: Money) -> None:
        """Hold the guess, then settle the cost; what was not refused is charged exactly once."""
        name, key = self._plan.customer(customer), f"replay:{self._plan.run}:{row.number}"
        held = guess if guess.scaled else self._plan.prices.money(1)
        try:
            hold = await self._wallet.hold(name, held, idempotency_key=f"{key}:hold")
        except InsufficientBalance:
            self.tally.refuse(customer, row)
            return
        cost = self._plan.prices.cost(row.context, row.generated)
        settled = await self._wallet.settle(name, hold, cost, idempotency_key=f"{key}:settle")
        self.tally.charge(customer, row, held, settled)


def _first(errors: BaseException) -> BaseException:
    """Find the error that ended the others."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
