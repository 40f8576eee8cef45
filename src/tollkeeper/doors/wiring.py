"""What a front door stands on: an engine, the ledger, the writer, the door of threads.

It knows no room and no verb; `Billing` and `AsyncBilling` open the rooms over it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine

from tollkeeper.catalog.in_force import InForce
from tollkeeper.clock import Clock, SystemClock
from tollkeeper.doors.engines import Opened, open_engine
from tollkeeper.doors.threads import ThreadDoor
from tollkeeper.doors.writer import Writer
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.catalogs import tell
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.units import Units
from tollkeeper.store.database import Database, describe
from tollkeeper.store.faults import translated
from tollkeeper.store.migrate import Migrated, migrate
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


class Wired:
    """What both front doors are made of."""

    def __init__(
        self,
        database: str | URL | Engine | Any,
        *,
        catalog: "Catalog | str | Path | None",
        clock: Clock | None,
        units: Iterable[Unit],
        schema: str,
        lock_timeout_seconds: float,
        prepare_statements: bool,
        postgres_lanes: int,
    ) -> None:
        self.schema = schema
        self.catalog = _loaded(catalog)
        self.opened: Opened = open_engine(
            database, busy_seconds=lock_timeout_seconds, prepare_statements=prepare_statements
        )
        self.engine = self.opened.engine
        names = describe(self.engine.dialect.name, schema)
        self.ledger = _ledger(names, clock, units, self.catalog)
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


def _loaded(catalog: "Catalog | str | Path | None") -> "Catalog | None":
    """Take a catalog, or read it from its file; what reads it is imported only where there is one.

    Raises:
        CatalogError: it has mistakes; each is named with its line.
        InvalidRequest: it is no catalog, and no file of one.
    """
    if catalog is None:
        return None
    from tollkeeper.catalog.catalog import Catalog

    if isinstance(catalog, Catalog):
        return catalog
    if not isinstance(catalog, str | Path):
        raise InvalidRequest(
            f"catalog is a Catalog or the path of one, not {type(catalog).__name__}."
        )
    try:
        return Catalog.load(catalog)
    except OSError as error:
        raise InvalidRequest(f"The catalog {str(catalog)!r} cannot be read: {error}.") from error


def _ledger(
    names: Database, clock: Clock | None, units: Iterable[Unit], catalog: "Catalog | None"
) -> Ledger:
    if catalog is None:
        return Ledger(names, clock or SystemClock(), Units(units), InForce())
    declared = {unit.key: unit for unit in (*catalog.declared_units(), *units)}
    known = Units(declared.values(), is_complete=True)
    ledger = Ledger(names, clock or SystemClock(), known, InForce(catalog))
    tell(ledger.outbox, catalog)
    return ledger
