"""The front door: `Billing` and `AsyncBilling` take engine, clock and units, and open the rooms.

What stands under the rooms is wired in `doors.wiring`. No verb of business lives here.
"""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from sqlalchemy import URL, Engine

from tollkeeper.clock import Clock
from tollkeeper.delivery.listening import Listening
from tollkeeper.delivery.runner import Runner
from tollkeeper.delivery.running import INTERVAL_SECONDS
from tollkeeper.delivery.task_runner import TaskRunner
from tollkeeper.doors.awaiting import Awaited
from tollkeeper.doors.hosts import join
from tollkeeper.doors.joined import JoinedDoor
from tollkeeper.doors.joined_rooms import JoinedRoom
from tollkeeper.doors.tasks import TaskDoor
from tollkeeper.doors.wiring import Wired
from tollkeeper.ledger.change import Ledger
from tollkeeper.metering.calls.meter import Meter
from tollkeeper.notices import Notice
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import Door
from tollkeeper.rooms import AwaitedRooms, Rooms
from tollkeeper.store.database import DEFAULT_SCHEMA
from tollkeeper.store.migrate import Migrated
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from pathlib import Path

    from tollkeeper.awaited.estimating import AsyncEstimating
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.metering.books import PriceBook

N = TypeVar("N", bound=Notice)
R = TypeVar("R")

#: How many transactions of one `Billing` run side by side on PostgreSQL.
POSTGRES_LANES = 2


class Billing(Rooms):
    """Credits, money and usage in your own database, for threads.

    Args:
        database: a URL such as "sqlite:///app.db" or "postgresql://…", or an SQLAlchemy Engine.
        catalog: what things cost: a `Catalog`, or the path of its TOML file; without one, any unit
            and any feature is good, and a feature is paid from the unit of its own name.
        clock: what time it is; the system's clock unless given.
        units: units whose scale or overdraft limit is not the default (scale 6, no overdraft).
        schema: our PostgreSQL schema; on SQLite our tables' prefix.
        lock_timeout_seconds: how long a call waits for a customer whom another transaction locks.
        prepare_statements: turn off behind PgBouncer in transaction mode.
        notices: the kinds that are written whoever listens; all but one a call unless given.
        price_books: price books of your own for AI calls, by the names that the catalog gives them.

    >>> with Billing("sqlite://") as billing:
    ...     _ = billing.migrate()
    ...     _ = billing.credits.grant("user_1", "api_calls", 1000)
    ...     billing.credits.consume("user_1", "api_calls", 3).balance.available
    Decimal('997')
    """

    def __init__(
        self,
        database: str | URL | Engine | Any,
        *,
        catalog: "Catalog | str | Path | None" = None,
        clock: Clock | None = None,
        units: Iterable[Unit] = (),
        schema: str = DEFAULT_SCHEMA,
        lock_timeout_seconds: float = 10.0,
        prepare_statements: bool = True,
        notices: Iterable[type[Notice]] | None = None,
        price_books: "Mapping[str, PriceBook] | None" = None,
    ) -> None:
        self._wired = Wired(
            database,
            catalog=catalog,
            clock=clock,
            units=units,
            schema=schema,
            lock_timeout_seconds=lock_timeout_seconds,
            prepare_statements=prepare_statements,
            postgres_lanes=POSTGRES_LANES,
        )
        self._listening = Listening(self._wired.ledger, notices, may_await=False)
        super().__init__(Desk(self._wired.threads, self._wired.ledger), self._listening.agenda)
        self._runner = Runner(self.jobs, self._wired.ledger.outbox)
        threads = self._wired.threads
        self._meter = Meter(
            self._wired.ledger, threads, threads.perform, is_async=False, price_books=price_books
        )
        self._listening.agenda.add(self._meter.endings)
        self.metered, self.meter = self._meter.metered, self._meter.meter
        self.wrap, self.calling = self._meter.wrap, self._meter.calling
        estimating = self._meter.estimating
        self.estimate_call, self.model_rates = estimating.estimate_call, estimating.model_rates

    def migrate(self, *, citus: bool = False) -> Migrated:
        """Make our tables, or bring them up to date; safe to repeat and to race."""
        return self._wired.migrate(citus=citus)

    def using(self, connection: Any) -> "Joined":
        """Run verbs inside the transaction of a connection or session that the app hands over."""
        wired = self._wired
        source, ledger = join(connection, wired.ledger.database.dialect), wired.ledger.apart()
        return Joined(JoinedDoor(source, ledger, wired.threads.learn), ledger)

    def on(self, *kinds: type[N]) -> Callable[[Callable[[N], R]], Callable[[N], R]]:
        """Have a function called with each notice of these kinds, after the commit (H1).

        `Notice` is every kind. The function is called by whatever runs what is due: `start()`,
        `jobs.run_due()` or `tollkeeper worker`, at least once for each notice and in order for each
        customer; what it raises undoes no money, and it is tried again. Register the same functions
        in every process that runs what is due.

        Raises:
            InvalidRequest: this is no kind of notice, or the function is to be awaited.

        >>> from tollkeeper.notices import CreditsGranted
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     @billing.on(CreditsGranted)
        ...     def greet(notice: CreditsGranted) -> None:
        ...         print(notice.customer, notice.amount)
        ...     _ = billing.credits.grant("user_1", "api_calls", 1000)
        ...     _ = billing.jobs.run_due()
        user_1 1000
        """
        return self._listening.on(*kinds)

    def start(self, interval_seconds: float = INTERVAL_SECONDS) -> Runner:
        """Run what is due on a thread of its own, at once after each change made here.

        It ends with `close()`, with `stop()` of what this gives, or with its `with` block. To start
        it again changes nothing; a forked child starts its own.

        Raises:
            InvalidRequest: the interval is not from 0.01 seconds to an hour.
        """
        return self._runner.start(interval_seconds)

    def close(self) -> None:
        """Answer the calls under way, then let go of the database."""
        self._runner.stop()
        self._meter.endings.close()
        self._wired.close()

    def __enter__(self) -> Self:
        """Use it as a context manager, which closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class AsyncBilling(AwaitedRooms):
    """The same for tasks: every verb is awaited. See `Billing` for the arguments.

    >>> import asyncio
    >>> async def main():
    ...     async with AsyncBilling("sqlite://") as billing:
    ...         await billing.migrate()
    ...         await billing.credits.grant("user_1", "api_calls", 1000)
    ...         return (await billing.credits.consume("user_1", "api_calls", 3)).balance.available
    >>> asyncio.run(main())
    Decimal('997')
    """

    def __init__(
        self,
        database: str | URL | Engine | Any,
        *,
        catalog: "Catalog | str | Path | None" = None,
        clock: Clock | None = None,
        units: Iterable[Unit] = (),
        schema: str = DEFAULT_SCHEMA,
        lock_timeout_seconds: float = 10.0,
        prepare_statements: bool = True,
        notices: Iterable[type[Notice]] | None = None,
        price_books: "Mapping[str, PriceBook] | None" = None,
    ) -> None:
        self._wired = Wired(
            database,
            catalog=catalog,
            clock=clock,
            units=units,
            schema=schema,
            lock_timeout_seconds=lock_timeout_seconds,
            prepare_statements=prepare_statements,
            postgres_lanes=POSTGRES_LANES,
        )
        self._door = TaskDoor(self._wired.threads, self._wired.writer)
        self._listening = Listening(self._wired.ledger, may_await=True)
        if notices is not None:
            self._wired.ledger.outbox.choose(notices)
        desk = Desk(self._door, self._wired.ledger)
        super().__init__(lambda room: Awaited(room(desk), self._door), self._listening.agenda)
        self._runner = TaskRunner(self.jobs.run_due, self._wired.ledger.outbox)
        self._meter = Meter(
            self._wired.ledger,
            self._door,
            self._wired.threads.perform,
            is_async=True,
            price_books=price_books,
        )
        self._listening.agenda.add(self._meter.endings)
        self.metered, self.meter = self._meter.metered, self._meter.meter
        self.wrap, self.calling = self._meter.wrap, self._meter.calling
        estimating = cast("AsyncEstimating", self._meter.estimating)
        self.estimate_call, self.model_rates = estimating.estimate_call, estimating.model_rates

    async def migrate(self, *, citus: bool = False) -> Migrated:
        """Make our tables, or bring them up to date; safe to repeat and to race."""
        return await self._door.run(lambda: self._wired.migrate(citus=citus))

    def using(self, connection: Any) -> "AwaitedJoined":
        """Run verbs inside the transaction of a connection or session that the app hands over."""
        return AwaitedJoined(connection, self._wired)

    def on(self, *kinds: type[N]) -> Callable[[Callable[[N], R]], Callable[[N], R]]:
        """Have a function called with each notice of these kinds, after the commit.

        As `Billing.on`; the function may be a coroutine function, which runs on the loop of whoever
        runs what is due. A plain one runs on a thread beside the loop.
        """
        return self._listening.on(*kinds)

    def start(self, interval_seconds: float = INTERVAL_SECONDS) -> TaskRunner:
        """Run what is due in a task of the running loop, at once after each change made here.

        It ends with `close()`, or with `stop()` of what this gives, awaited.
        """
        return self._runner.start(interval_seconds)

    async def close(self) -> None:
        """Answer the calls under way, then let go of the database."""
        await self._runner.stop()
        if not self._door.is_closed:
            await self._door.run(self._meter.endings.close)
            await self._door.run(self._wired.close)
            self._door.close()

    async def __aenter__(self) -> Self:
        """Use it as a context manager, which closes it."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()


class Joined(Rooms):
    """The rooms inside one transaction of the host's."""

    def __init__(self, door: Door, ledger: Ledger) -> None:
        super().__init__(Desk(door, ledger))


class AwaitedJoined(AwaitedRooms):
    """The rooms inside one transaction of a host's tasks."""

    def __init__(self, host: Any, wired: Wired) -> None:
        super().__init__(lambda room: JoinedRoom(host, wired, room))
