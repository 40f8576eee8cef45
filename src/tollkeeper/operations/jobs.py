"""The room of jobs: what can be done ahead of the next call, so that nobody has to wait for it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from tollkeeper.decisions.sweeping import Sweep
from tollkeeper.errors import InvalidRequest, StoreBusy
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import sweep
from tollkeeper.ledger.sweep import DueAccount
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import PlainDoor, Result
from tollkeeper.store import due_jobs
from tollkeeper.values.findings import DueReport

logger = logging.getLogger("tollkeeper")

#: The most accounts of one call.
MAXIMUM_ACCOUNTS = 1_000_000
#: How many accounts are handed to the writer at once.
BATCH = 250
#: What the first entry of a renewal is.
RENEWING: Final = ("forgive", "grant")
#: Under which name a run of all that is due is noted.
RUN_DUE: Final = "run_due"
#: How often a process notes that it runs, at most.
HEARTBEAT: Final = timedelta(seconds=30)


class Done(NamedTuple):
    """What a job did: how much of what, and whether nothing is left that is due now."""

    counts: Mapping[str, int] = {}
    is_done: bool = True


#: Does a job through a plain door, for at most so many of whatever it works on.
Work = Callable[[PlainDoor, int], Done]


class Job(Protocol):
    """Something else that may be due, done by `run_due` after the sweep. Safe at several places."""

    def begin(self) -> Work:
        """Give what does it; this is asked where `run_due` was called, on a task's loop perhaps."""
        ...


@dataclass(slots=True)
class Agenda:
    """The jobs of one `Billing`, and when it last noted that they ran."""

    jobs: list[Job] = field(default_factory=list)
    noted_at: datetime | None = None

    def add(self, job: Job) -> None:
        """Have a job done with the others, after them."""
        self.jobs.append(job)


class Jobs:
    """What a worker, cron or a task queue may call; several at once are safe."""

    def __init__(self, desk: Desk, agenda: Agenda | None = None) -> None:
        self._desk = desk
        #: None within a host's transaction: there only the books are brought up to date.
        self._agenda = agenda

    def run_due(self, *, limit: int = 1000) -> DueReport:
        """Do what is due: book what time did, and tell the app what happened.

        Booked are grants that expired or became effective, holds that lapsed, and allowances that
        were renewed, for at most `limit` accounts, longest due first. Balances do not need it to be
        right: every look at an account, and every change of it, knows what time did. Told are the
        notices that wait, to the
        functions of this process (`billing.on`), at most `limit` of them; warnings of grants that
        expire soon are written, as are the ends of subscriptions, and notices that are kept no
        longer are cleared.
        Call it as often as you like, from as many processes as you like: each thing is done once.
        Inside `billing.using` only the books are brought up to date.

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
        begun = [job.begin() for job in self._agenda.jobs] if self._agenda else []
        return self._desk.door.perform(lambda door: self._run(door, limit, begun))

    def last_run(self) -> datetime | None:
        """Tell when anybody last ran what is due (UTC), to half a minute; None is never.

        A run inside `billing.using` does not count, since it tells nobody anything.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     before = billing.jobs.last_run()
        ...     _ = billing.jobs.run_due()
        ...     before, billing.jobs.last_run() is not None
        (None, True)
        """
        database = self._desk.ledger.database
        return self._desk.door.read(
            lambda connection: due_jobs.ran_at(connection, database, RUN_DUE)
        )

    def _run(self, door: PlainDoor, limit: int, begun: Sequence[Work]) -> DueReport:
        """Sweep, then do every job, even if one of them fails; then raise what failed first."""
        report, failure = self._swept(door, limit), None
        counts: Counter[str] = Counter()
        for work in begun:
            try:
                done = work(door, limit)
            except StoreBusy:  # the next run finds it as it was
                done = Done(is_done=False)
            except Exception as error:  # noqa: BLE001  # one that fails must not keep others from running
                logger.warning("A job failed: %s", error)
                failure = failure or error
                continue
            counts.update(done.counts)
            report = report.joined(is_done=done.is_done)
        self._note(door)
        if failure is not None:
            raise failure
        return report.joined(counts)

    def _note(self, door: PlainDoor) -> None:
        """Note that there is a runner, so that its absence can be told."""
        agenda, now = self._agenda, self._desk.clock.now()
        if agenda is None or (agenda.noted_at and now < agenda.noted_at + HEARTBEAT):
            return
        database = self._desk.ledger.database
        with suppress(StoreBusy):  # it is noted soon enough by the next run
            door.transact(lambda connection: due_jobs.note_run(connection, database, RUN_DUE, now))
            agenda.noted_at = now

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
            counts["renew"] += sum(result.result.get(kind, 0) for kind in RENEWING)


def _report(counts: Counter[str], *, is_done: bool) -> DueReport:
    return DueReport(
        accounts=counts["accounts"],
        expired=counts["expire"],
        activated=counts["activate"],
        lapsed=counts["lapse"],
        renewed=counts["renew"],
        skipped=counts["skipped"],
        is_done=is_done and not counts["skipped"],
    )
