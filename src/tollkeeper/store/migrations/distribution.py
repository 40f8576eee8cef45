"""How Citus distributes our tables: by `customer_id`, co-located. Designed for, not yet run.

The SQL is made by pure functions, so that it can be read and tested without a cluster.
"""

from sqlalchemy import Connection, text

from tollkeeper.errors import InvalidRequest, StoreError
from tollkeeper.store.migrations.place import Place

#: Tables that every node keeps whole.
REFERENCE = (
    "unit",
    "catalog_version",
    "catalog_application",
    "due_job",
    "promotion_count",
    "payment_claim",
)
#: The table with which all others are co-located.
ROOT = "customer"


def preparation(place: Place) -> list[str]:
    """List the SQL to run before tables are made and distributed in one transaction.

    Otherwise Citus works on a node through several connections, and refuses a foreign key to a
    table that another of them has just made.
    """
    return ["SET LOCAL citus.multi_shard_modify_mode TO 'sequential'"] if place.citus else []


def distribution(place: Place, plain: str) -> list[str]:
    """List the SQL to run as soon as a table is made, before the tables that refer to it."""
    if not place.citus:
        return []
    table = _literal(place.name(plain))
    if plain in REFERENCE:
        return [f"SELECT create_reference_table({table})"]
    if plain == ROOT:
        return [f"SELECT create_distributed_table({table}, 'customer_id')"]
    root = _literal(place.name(ROOT))
    return [f"SELECT create_distributed_table({table}, 'customer_id', colocate_with => {root})"]


def check_installed(connection: Connection, place: Place) -> None:
    """Do nothing where tables can be distributed.

    Raises:
        InvalidRequest: the database is not PostgreSQL.
        StoreError: the extension is not installed in it.
    """
    if not place.is_postgres:
        raise InvalidRequest("Citus is an extension of PostgreSQL; this database is SQLite.")
    if not is_installed(connection):
        raise StoreError(
            "Citus is not installed in this database; nothing was done. "
            "Run `CREATE EXTENSION citus` there first, or migrate without Citus."
        )


def is_installed(connection: Connection) -> bool:
    """Tell whether this database has what distributes tables."""
    query = "SELECT count(*) FROM pg_proc WHERE proname = 'create_distributed_table'"
    return bool(connection.scalar(text(query)))


def is_distributed(connection: Connection, place: Place) -> bool:
    """Tell whether our tables, which are there, are distributed."""
    if not place.is_postgres or not is_installed(connection):
        return False
    root = _literal(place.name(ROOT))
    query = f"SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = CAST({root} AS regclass)"  # noqa: S608  # the name is ours
    return bool(connection.scalar(text(query)))


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
