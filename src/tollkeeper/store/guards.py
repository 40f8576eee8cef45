"""Which guards of append-only tables are missing (law 8).

It only looks; `migrations/guard.py` puts them there.
"""

from sqlalchemy import Connection, text

from tollkeeper.store.citus import is_distributed
from tollkeeper.store.database import Database
from tollkeeper.store.migrations.guard import APPEND_ONLY


def missing_guards(connection: Connection, database: Database) -> list[str]:
    """Name the guards of append-only tables that are not there, or switched off (law 8).

    Where Citus distributes the tables, privileges stand guard, and there is none to be missing.
    """
    if not database.is_postgres:
        return _missing_on_sqlite(connection, database)
    if is_distributed(connection, database):
        return []
    names = {f"t{number}": database.name(table) for number, table in enumerate(APPEND_ONLY)}
    tables = ", ".join(f"to_regclass(:{name})" for name in names)
    sql = f"""
        SELECT c.relname, t.tgname
        FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.oid IN ({tables}) AND t.tgenabled IN ('O', 'A')"""  # noqa: S608  # names are ours
    found = {(row[0], row[1]) for row in connection.execute(text(sql), names)}
    wanted = [
        (table, guard) for table in APPEND_ONLY for guard in ("append_only", "append_only_truncate")
    ]
    return [f"{guard} on {table}" for table, guard in wanted if (table, guard) not in found]


def _missing_on_sqlite(connection: Connection, database: Database) -> list[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    found = {row[0] for row in connection.execute(text(sql))}
    wanted = [
        f"{database.name(table)}_refuses_{change}"
        for table in APPEND_ONLY
        for change in ("update", "delete")
    ]
    return [guard for guard in wanted if guard not in found]
