"""What a front door stands on: an engine, the ledger, the writer, the door of threads.

It knows no room and no verb; `Billing` and `AsyncBilling` open the rooms over it.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import URL, Engine

from tollkeeper.clock import Clock, SystemClock
from tollkeeper.doors.engines import Opened, open_engine
from tollkeeper.doors.threads import ThreadDoor
from tollkeeper.doors.writer import Writer
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.units import Units
from tollkeeper.store.database import describe
from tollkeeper.store.faults import translated
from tollkeeper.store.migrate import Migrated, migrate
from tollkeeper.values.units import Unit


class Wired:
    """What both front doors are made of."""

    def __init__(
        self,
        database: str | URL | Engine | Any,
        *,
        clock: Clock | None,
        units: Iterable[Unit],
        schema: str,
        lock_timeout_seconds: float,
        prepare_statements: bool,
        postgres_lanes: int,
    ) -> None:
        self.schema = schema
        self.opened: Opened = open_engine(
            database, busy_seconds=lock_timeout_seconds, prepare_statements=prepare_statements
        )
        self.engine = self.opened.engine
        names = describe(self.engine.dialect.name, schema)
        self.ledger = Ledger(names, clock or SystemClock(), Units(units))
        self.writer = Writer(
            self.engine,
            self.ledger,
            lanes=postgres_lanes if names.is_postgres else 1,
            lock_timeout_seconds=lock_timeout_seconds,
            keep_connections=not self.opened.is_shared,
            owns_connections=self.opened.is_ours and prepare_statements,
        )
        self.threads = ThreadDoor(
            self.engine, self.ledger, self.writer, owns_engine=self.opened.is_ours
        )

    def migrate(self, *, citus: bool) -> Migrated:
        """Make our tables, or bring them up to date."""
        with translated():
            return migrate(self.engine, self.schema, citus=citus)

    def close(self) -> None:
        """Answer what was taken, then let go of the database."""
        self.writer.close()
        if self.opened.is_ours:
            self.engine.dispose()
