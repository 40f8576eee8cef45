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


def times(connection: Connection, database: Database, customer: str, promotion: str) -> int:
    """Tell how often a customer has used a promotion."""
    table = database.tables["redemption"]
    query = select(func.count()).where(
        table.c.customer_id == customer, table.c.promotion == promotion
    )
    return int(connection.execute(query).scalar_one())


def note(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    number: int,
    now: datetime,
) -> None:
    """Note that a customer has used a promotion for the so-manieth time."""
    rows = [(customer, promotion, number, now)]
    bulk.insert(connection, database, "redemption", _REDEMPTION, rows)
