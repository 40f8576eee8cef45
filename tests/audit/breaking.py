"""Breaks the books by hand, as no verb of the product can: raw SQL with the guards taken away.

All happens in one transaction, which the audit joins and which is rolled back: one history serves
many tests. The guards are put back before, so that an audit reports what was broken and not how.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, make_url, text

from tollkeeper import Billing
from tollkeeper.store.migrations import guard
from tollkeeper.store.migrations.place import Place
from tollkeeper.values.findings import AuditReport

TABLES = ("account", "customer", "grant_fact", "hold", "note", "operation", "unit", "usage_event")


class Raw:
    """A raw connection: SQL writes our tables as {operation}, {account} and so on."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self.connection = connection
        self._place = place
        self.is_postgres = connection.dialect.name == "postgresql"
        prefix = "tollkeeper." if self.is_postgres else "tollkeeper_"
        self.names = {table: prefix + table for table in TABLES}

    def run(self, sql: str, **values: Any) -> int:
        """Run a statement; give the number of rows."""
        return self.connection.execute(text(sql.format(**self.names)), values).rowcount

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """Run a query."""
        return list(self.connection.execute(text(sql.format(**self.names)), values))

    def audit(self, billing: Billing, *, guarded: bool = True) -> AuditReport:
        """Put the guards back and audit what was broken, inside the same transaction."""
        if guarded:
            for statement in guard.statements(self._place):
                self.connection.exec_driver_sql(statement.replace("%", "%%"))
        return billing.using(self.connection).books.audit()

    def take_guards_away(self) -> None:
        """Let facts be changed."""
        if self.is_postgres:
            for table in guard.APPEND_ONLY:
                for name in ("append_only", "append_only_truncate"):
                    self.run(f"DROP TRIGGER {name} ON {{{table}}}")
        else:
            found = self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in found:
                self.run(f"DROP TRIGGER {name}")

    def grants(self, customer: str, change: Callable[[list[Any]], list[Any]]) -> None:
        """Change what a customer's one account says of its open grants."""
        where = "WHERE customer_id = :customer"
        [(before,)] = self.rows(f"SELECT grants FROM {{account}} {where}", customer=customer)
        after = json.dumps(change(json.loads(before)), separators=(",", ":"))
        assert after != before
        self.run(
            f"UPDATE {{account}} SET grants = :grants {where}", grants=after, customer=customer
        )

    def forget_unique_keys(self) -> None:
        """Let a key stand twice."""
        if self.is_postgres:
            self.run("ALTER TABLE {operation} DROP CONSTRAINT operation_key")
            return
        [(made,)] = self.rows("SELECT sql FROM sqlite_master WHERE name = 'tollkeeper_operation'")
        lines = [line for line in made.splitlines() if "tollkeeper_operation_key" not in line]
        loose = "\n".join(lines).replace("tollkeeper_operation", "loose", 1)
        assert "operation_key" not in loose
        self.connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
        self.connection.exec_driver_sql(loose)
        self.run("INSERT INTO loose SELECT * FROM {operation}")
        self.run("DROP TABLE {operation}")
        self.run("ALTER TABLE loose RENAME TO {operation}")

    def forget_foreign_keys(self) -> None:
        """Let an account stand without its customer."""
        if self.is_postgres:
            self.run("ALTER TABLE {account} DROP CONSTRAINT account_customer_id_fkey")


@contextmanager
def broken(url: str) -> Iterator[Raw]:
    """Open the books without their guards; whatever is done to them is undone at the end."""
    is_postgres = make_url(url).get_backend_name() == "postgresql"
    level = {"isolation_level": "REPEATABLE READ"} if is_postgres else {}
    engine = create_engine(url, **level)
    try:
        with engine.connect() as connection:
            raw = Raw(connection, _place(is_postgres=is_postgres))
            if not is_postgres:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            raw.take_guards_away()
            yield raw
            connection.rollback()
    finally:
        engine.dispose()


def _place(*, is_postgres: bool) -> Place:
    if is_postgres:
        return Place(dialect="postgresql", schema="tollkeeper", prefix="")
    return Place(dialect="sqlite", schema=None, prefix="tollkeeper_")
