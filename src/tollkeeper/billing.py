"""The front door: `Billing` and `AsyncBilling` take engine, clock and units, and open the rooms.

What stands under the rooms is wired in `doors.wiring`. No verb of business lives here.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import URL, Engine

from tollkeeper.clock import Clock
from tollkeeper.doors.awaiting import Awaited
from tollkeeper.doors.hosts import join
from tollkeeper.doors.joined import JoinedDoor
from tollkeeper.doors.joined_rooms import JoinedRoom
from tollkeeper.doors.tasks import TaskDoor
from tollkeeper.doors.wiring import Wired
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.books import Books
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.door import Door
from tollkeeper.operations.jobs import Jobs
from tollkeeper.operations.wallet import Wallet
from tollkeeper.store.database import DEFAULT_SCHEMA
from tollkeeper.store.migrate import Migrated
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.awaited.books import AsyncBooks
    from tollkeeper.awaited.credits import AsyncCredits
    from tollkeeper.awaited.customers import AsyncCustomers
    from tollkeeper.awaited.jobs import AsyncJobs
    from tollkeeper.awaited.wallet import AsyncWallet

#: How many transactions of one `Billing` run side by side on PostgreSQL.
POSTGRES_LANES = 2


class Billing:
    """Credits, money and usage in your own database, for threads.

    Args:
        database: a URL such as "sqlite:///app.db" or "postgresql://…", or an SQLAlchemy Engine.
        clock: what time it is; the system's clock unless given.
        units: units whose scale or overdraft limit is not the default (scale 6, no overdraft).
        schema: our PostgreSQL schema; on SQLite our tables' prefix.
        lock_timeout_seconds: how long a call waits for a customer whom another transaction locks.
        prepare_statements: turn off behind PgBouncer in transaction mode.

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
        clock: Clock | None = None,
        units: Iterable[Unit] = (),
        schema: str = DEFAULT_SCHEMA,
        lock_timeout_seconds: float = 10.0,
        prepare_statements: bool = True,
    ) -> None:
        self._wired = Wired(
            database,
            clock=clock,
            units=units,
            schema=schema,
            lock_timeout_seconds=lock_timeout_seconds,
            prepare_statements=prepare_statements,
            postgres_lanes=POSTGRES_LANES,
        )
        self._open(Desk(self._wired.threads, self._wired.ledger))

    def _open(self, desk: Desk) -> None:
        self.credits = Credits(desk)
        self.wallet = Wallet(desk)
        self.customers = Customers(desk)
        self.books = Books(desk)
        self.jobs = Jobs(desk)

    def migrate(self, *, citus: bool = False) -> Migrated:
        """Make our tables, or bring them up to date; safe to repeat and to race."""
        return self._wired.migrate(citus=citus)

    def using(self, connection: Any) -> "Joined":
        """Run verbs inside the transaction of a connection or session that the app hands over."""
        wired = self._wired
        source, ledger = join(connection, wired.ledger.database.dialect), wired.ledger.apart()
        return Joined(JoinedDoor(source, ledger, wired.threads.learn_unit), ledger)

    def close(self) -> None:
        """Answer the calls under way, then let go of the database."""
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


class AsyncBilling:
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
        clock: Clock | None = None,
        units: Iterable[Unit] = (),
        schema: str = DEFAULT_SCHEMA,
        lock_timeout_seconds: float = 10.0,
        prepare_statements: bool = True,
    ) -> None:
        self._wired = Wired(
            database,
            clock=clock,
            units=units,
            schema=schema,
            lock_timeout_seconds=lock_timeout_seconds,
            prepare_statements=prepare_statements,
            postgres_lanes=POSTGRES_LANES,
        )
        self._door = TaskDoor(self._wired.threads, self._wired.writer)
        desk = Desk(self._door, self._wired.ledger)
        self.credits = cast("AsyncCredits", Awaited(Credits(desk), self._door))
        self.wallet = cast("AsyncWallet", Awaited(Wallet(desk), self._door))
        self.customers = cast("AsyncCustomers", Awaited(Customers(desk), self._door))
        self.books = cast("AsyncBooks", Awaited(Books(desk), self._door))
        self.jobs = cast("AsyncJobs", Awaited(Jobs(desk), self._door))

    async def migrate(self, *, citus: bool = False) -> Migrated:
        """Make our tables, or bring them up to date; safe to repeat and to race."""
        return await self._door.run(lambda: self._wired.migrate(citus=citus))

    def using(self, connection: Any) -> "AwaitedJoined":
        """Run verbs inside the transaction of a connection or session that the app hands over."""
        return AwaitedJoined(connection, self._wired)

    async def close(self) -> None:
        """Answer the calls under way, then let go of the database."""
        if not self._door.is_closed:
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


class Joined:
    """The rooms inside one transaction of the host's."""

    def __init__(self, door: Door, ledger: Ledger) -> None:
        desk = Desk(door, ledger)
        self.credits = Credits(desk)
        self.wallet = Wallet(desk)
        self.customers = Customers(desk)
        self.books = Books(desk)
        self.jobs = Jobs(desk)


class AwaitedJoined:
    """The rooms inside one transaction of a host's tasks."""

    def __init__(self, host: Any, wired: Wired) -> None:
        self.credits = cast("AsyncCredits", JoinedRoom(host, wired, Credits))
        self.wallet = cast("AsyncWallet", JoinedRoom(host, wired, Wallet))
        self.customers = cast("AsyncCustomers", JoinedRoom(host, wired, Customers))
        self.books = cast("AsyncBooks", JoinedRoom(host, wired, Books))
        self.jobs = cast("AsyncJobs", JoinedRoom(host, wired, Jobs))
