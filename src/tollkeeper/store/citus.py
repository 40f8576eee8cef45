"""Whether Citus distributes our tables, which then keep a transaction to one customer.

It only asks; `migrations/distribution.py` distributes.
"""

from sqlalchemy import Connection, text

from tollkeeper.store.database import Database


def is_distributed(connection: Connection, database: Database) -> bool:
    """Tell whether Citus distributes our tables."""
    if connection.execute(text("SELECT to_regclass('pg_dist_partition')")).scalar() is None:
        return False
    sql = "SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = to_regclass(:name)"
    found = connection.execute(text(sql), {"name": database.name("operation")})
    return bool(found.scalar())
