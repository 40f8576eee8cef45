"""The statement that finds grants by their end, so that somebody can be warned before it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from tollkeeper.store.database import Database


def grants_expiring(
    connection: Connection,
    database: Database,
    after: tuple[datetime, str, str],
    until: datetime,
    most: int,
) -> Sequence[Any]:
    """Find grants that expire after a place in the queue and by a moment: end, customer, id, unit.

    Whether anything is left of them stands in their accounts.
    """
    table = database.tables["grant_fact"]
    order = (table.c.expires_at, table.c.customer_id, table.c.id)
    query = (
        select(*order, table.c.unit)
        .where(table.c.expires_at <= until, tuple_(*order) > after)
        .order_by(*order)
        .limit(most)
    )
    return connection.execute(query).all()
