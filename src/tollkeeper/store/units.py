"""Statements on units: read all, register."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.values.units import Unit

COLUMNS = (
    Col("key"),
    Col("kind"),
    Col("scale", "smallint"),
    Col("overdraft", "bigint"),
    Col("created_at", "timestamptz"),
)


def all_units(connection: Connection, database: Database) -> list[Unit]:
    """Read every unit there is: they are few."""
    table = database.tables["unit"]
    rows = connection.execute(select(table.c.key, table.c.kind, table.c.scale, table.c.overdraft))
    return [Unit(key=r.key, kind=r.kind, scale=r.scale, overdraft=r.overdraft) for r in rows]


def register_units(
    connection: Connection, database: Database, units: Sequence[Unit], now: datetime
) -> None:
    """Write the units that are new; those that exist stay as they are."""
    rows = [(u.key, u.kind, u.scale, u.overdraft, now) for u in sorted(units, key=lambda u: u.key)]
    bulk.insert(connection, database, "unit", COLUMNS, rows, ignore=True)
