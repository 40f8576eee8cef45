"""The room of jobs: what can be done ahead of the next call, so that nobody has to wait for it."""

import logging
from collections import Counter
from collections.abc import Sequence

from tollkeeper.decisions.sweeping import Sweep
from tollkeeper.errors import InvalidRequest
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import sweep
from tollkeeper.ledger.sweep import DueAccount
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import PlainDoor, Result
from tollkeeper.values.findings import DueReport

logger = logging.getLogger("tollkeeper")

#: The most accounts of one call.
MAXIMUM_ACCOUNTS = 1_000_000
#: How many accounts are handed to the writer at once.
BATCH = 250


class Jobs:
    """What a worker, cron or a task queue may call; several at once are safe."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def run_due(self, *, limit: int = 1000) -> DueReport:
        """Book what time did: grants that expired or became effective, holds that lapsed.

        Balances do not need it to be right: every look at an account, and every change of it, knows
        what time did. It makes the entries prompt, for at most `limit` accounts, longest due first.
        Call it as often as you like, from as many processes as you like: each thing is booked once.

        >>> from datetime import UTC, datetime
        >>> from tollkeeper import Billing
        >>> from tollkeeper.clock import FixedClock
        >>> clock = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))
        >>> with Billing("sqlite://", clock=clock) as billing:
        ...     _ = billing.migrate()
        ...     july = datetime(2026, 7, 1, tzinfo=UTC)
        ...     _ = billing.credits.grant("user_1", "api_calls", 100, expires_at=july)
        ...     _ = clock.set(july)
        ...     billing.jobs.run_due().expired
        1
        """
        if type(limit) is not int or not 1 <= limit <= MAXIMUM_ACCOUNTS:
            raise InvalidRequest(f"limit must be a whole number from 1 to {MAXIMUM_ACCOUNTS}.")
        return self._desk.door.perform(lambda door: self._swept(door, limit))

    def _swept(self, door: PlainDoor, limit: int) -> DueReport:
        """Sweep batch by batch; every account is met once, even if it stays due."""
        counts: Counter[str] = Counter()
        last: DueAccount | None = None
        left = limit
        while left:
            found = self._due(door, min(left, BATCH), last)
            if not found:
                break
            last, left = found[-1], left - len(found)
            _count(door.change_all([_sweep(account) for account in found]), counts)
        is_done = bool(left) or not self._due(door, 1, last)
        return _report(counts, is_done=is_done)

    def _due(self, door: PlainDoor, most: int, after: DueAccount | None) -> list[DueAccount]:
        ledger, now = self._desk.ledger, self._desk.clock.now()
        return door.read(lambda connection: sweep.due(ledger, connection, now, most, after))


def _sweep(account: DueAccount) -> Sweep:
    return Sweep(id=new_id(OPERATION), customer=account.customer, unit=account.unit)


def _count(results: Sequence[Result], counts: Counter[str]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            logger.warning("An account could not be swept now: %s", result)
            counts["skipped"] += 1
        elif result.result:
            counts["accounts"] += 1
            counts.update({kind: result.result.get(kind, 0) for kind in ("expire", "activate")})
            counts["lapse"] += result.result.get("lapse", 0)


def _report(counts: Counter[str], *, is_done: bool) -> DueReport:
    return DueReport(
        accounts=counts["accounts"],
        expired=counts["expire"],
        activated=counts["activate"],
        lapsed=counts["lapse"],
        skipped=counts["skipped"],
        is_done=is_done and not counts["skipped"],
    )
