"""Statements on promotions: how often each was used, and by whom."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

_COUNT = (Col("promotion"), Col("used", "bigint"))
_REDEMPTION = (
    Col("customer_id"),
    Col("promotion"),
    Col("number", "bigint"),
    Col("redeemed_at", "timestamptz"),
    Col("idempotency_key"),
)


def count_use(
    connection: Connection, database: Database, promotion: str, at_most: int | None
) -> bool:
    """Count one use more, under the lock of the promotion; false where there are none left."""
    bulk.insert(connection, database, "promotion_count", _COUNT, [(promotion, 0)], ignore=True)
    table = database.tables["promotion_count"]
    change = table.update().where(table.c.promotion == promotion).values(used=table.c.used + 1)
    if at_most is not None:
        change = change.where(table.c.used < at_most)
    return connection.execute(change).rowcount == 1


def uncount_use(connection: Connection, database: Database, promotion: str) -> None:
    """Take back one use that was counted in this transaction."""
    table = database.tables["promotion_count"]
    change = table.update().where(table.c.promotion == promotion).values(used=table.c.used - 1)
    connection.execute(change)


def times(connection: Connection, database: Database, customer: str, promotion: str) -> int:
    """Tell how often a customer has used a promotion."""
    table = database.tables["redemption"]
    query = select(func.count()).where(
        table.c.customer_id == customer, table.c.promotion == promotion
    )
    return int(connection.execute(query).scalar_one())


def keyed(
    connection: Connection, database: Database, customer: str, idempotency_key: str
) -> tuple[str, int] | None:
    """Tell which promotion a customer used under a key, and which time that was."""
    table = database.tables["redemption"]
    query = select(table.c.promotion, table.c.number).where(
        table.c.customer_id == customer, table.c.idempotency_key == idempotency_key
    )
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1])


def key_of(
    connection: Connection, database: Database, customer: str, promotion: str, number: int
) -> str | None:
    """Tell under which key a promotion was used; None where there was none."""
    table = database.tables["redemption"]
    query = select(table.c.idempotency_key).where(
        table.c.customer_id == customer,
        table.c.promotion == promotion,
        table.c.number == number,
    )
    key: str | None = connection.execute(query).scalar_one()
    return key


def note(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    number: int,
    now: datetime,
    idempotency_key: str | None,
) -> None:
    """Note that a customer has used a promotion for the so-manieth time."""
    rows = [(customer, promotion, number, now, idempotency_key)]
    bulk.insert(connection, database, "redemption", _REDEMPTION, rows)
