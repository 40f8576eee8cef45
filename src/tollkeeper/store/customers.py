"""Statements on customers and their personal text."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from tollkeeper.store import bulk
from tollkeeper.store.bulk import Col
from tollkeeper.store.database import Database

NEW = (Col("customer_id"), Col("created_at", "timestamptz"), Col("updated_at", "timestamptz"))


def make_customers(
    connection: Connection, database: Database, customers: Iterable[str], now: datetime
) -> None:
    """Make the customers that do not exist yet, sorted."""
    rows = [(customer, now, now) for customer in sorted(customers)]
    bulk.insert(connection, database, "customer", NEW, rows, ignore=True)


def merged(
    connection: Connection, database: Database, customers: Iterable[str]
) -> Sequence[Row[str, str]]:
    """Find those of some customers who were merged into others."""
    table = database.tables["customer"]
    query = select(table.c.customer_id, table.c.merged_into).where(
        table.c.customer_id.in_(sorted(customers)), table.c.merged_into.is_not(None)
    )
    return connection.execute(query).all()


def read_customer(connection: Connection, database: Database, customer: str) -> Row[Any] | None:
    """Read a customer with the personal text."""
    main, text = database.tables["customer"], database.tables["profile"]
    query = (
        select(main, text.c.email, text.c.name, text.c.metadata)
        .outerjoin(text, text.c.customer_id == main.c.customer_id)
        .where(main.c.customer_id == customer)
    )
    return connection.execute(query).one_or_none()


def lock_customers(
    connection: Connection, database: Database, customers: Iterable[str]
) -> list[str]:
    """Lock customers in bytewise order; give those that exist."""
    table = database.tables["customer"]
    query = (
        select(table.c.customer_id)
        .where(table.c.customer_id.in_(sorted(customers)))
        .order_by(table.c.customer_id)
        .with_for_update()
    )
    return list(connection.execute(query).scalars())


def write_customer(
    connection: Connection, database: Database, customer: str, values: dict[str, Any]
) -> None:
    """Change fields of a customer."""
    table = database.tables["customer"]
    connection.execute(table.update().where(table.c.customer_id == customer).values(**values))


def write_profile(
    connection: Connection, database: Database, customer: str, values: dict[str, Any]
) -> None:
    """Change fields of a customer's personal text; the customer is locked already."""
    table = database.tables["profile"]
    match = table.c.customer_id == customer
    if connection.execute(select(table.c.customer_id).where(match)).first() is None:
        connection.execute(table.insert().values(customer_id=customer, **values))
    else:
        connection.execute(table.update().where(match).values(**values))


def erase_text(connection: Connection, database: Database, customer: str) -> None:
    """Delete a customer's personal text: the profile and the notes beside operations."""
    for name in ("profile", "note"):
        table = database.tables[name]
        connection.execute(table.delete().where(table.c.customer_id == customer))
