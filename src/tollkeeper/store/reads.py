"""Statements that only read: history, grants, entries in order. For the ledger alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from tollkeeper.store.database import Database
from tollkeeper.store.grants import COLUMNS as GRANT_COLUMNS
from tollkeeper.store.journal import COLUMNS


def entries_page(
    connection: Connection,
    database: Database,
    customer: str,
    unit: str,
    *,
    before: int | None,
    kinds: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    most: int,
) -> Sequence[Row[Any]]:
    """Read an account's newest entries below a version."""
    table = database.tables["operation"]
    query = _entries(database, customer, unit)
    if before is not None:
        query = query.where(table.c.version < before)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    if since is not None:
        query = query.where(table.c.created_at >= since)
    if until is not None:
        query = query.where(table.c.created_at < until)
    return connection.execute(query.order_by(table.c.version.desc()).limit(most)).all()


def entries_in_order(
    connection: Connection, database: Database, customer: str, unit: str, until: datetime | None
) -> Iterator[Row[Any]]:
    """Stream an account's entries in the order of their versions."""
    table = database.tables["operation"]
    query = _entries(database, customer, unit)
    if until is not None:
        query = query.where(table.c.created_at <= until)
    ordered = query.order_by(table.c.version).execution_options(yield_per=1000)
    yield from connection.execute(ordered)


def results_of(
    connection: Connection, database: Database, customer: str, ids: Sequence[str]
) -> Sequence[Row[Any]]:
    """Read reason, actor and metadata beside some operations."""
    table = database.tables["note"]
    query = select(table).where(table.c.customer_id == customer, table.c.operation_id.in_(ids))
    return connection.execute(query).all()


def facts_of(
    connection: Connection, database: Database, customer: str, unit: str | None
) -> Sequence[Row[Any]]:
    """Read the facts of a customer's grants, oldest first."""
    table = database.tables["grant_fact"]
    columns = [table.c[column.name] for column in GRANT_COLUMNS]
    query = select(*columns).where(table.c.customer_id == customer)
    if unit is not None:
        query = query.where(table.c.unit == unit)
    return connection.execute(query.order_by(table.c.created_at, table.c.id)).all()


def _entries(database: Database, customer: str, unit: str) -> Select[Any]:
    table = database.tables["operation"]
    columns = [table.c[column.name] for column in COLUMNS]
    return select(*columns).where(
        and_(
            table.c.customer_id == customer,
            table.c.unit == unit,
            table.c.version.is_not(None),
        )
    )
