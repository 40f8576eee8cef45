"""Locking accounts: those asked for and no others, in bytewise order, in every way to ask."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from tollkeeper.store import accounts
from tollkeeper.store.database import describe
from tollkeeper.store.migrate import migrate

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ODD = "k\"äu\\{fer},日本'%s:x"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to migrated books."""
    made = create_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [(ODD, "b")],
        [(ODD, "B"), (ODD, "a"), (ODD, "b")],
        [(ODD, "B"), (ODD, "b"), ("z", "a")],
        [(ODD, "absent"), (ODD, "b"), ("nobody", "b")],
    ],
)
@pytest.mark.parametrize("skip", [False, True])
def test_what_is_locked(engine: Engine, keys: list[tuple[str, str]], *, skip: bool) -> None:
    """One, several of one customer, several customers' accounts; absent ones are left out."""
    database = describe(engine.dialect.name)
    there = [(ODD, "B"), (ODD, "a"), (ODD, "b"), ("z", "a"), ("z", "b")]
    with engine.connect() as connection:
        for name in (ODD, "z"):
            table = database.tables["customer"]
            row = {"customer_id": name, "created_at": NOW, "updated_at": NOW}
            connection.execute(table.insert(), [row])
        for key in reversed(there):
            accounts.make_accounts(connection, database, [key])
        connection.commit()
        rows = accounts.lock_accounts(connection, database, keys, skip_locked=skip)
        assert is_locked(engine, keys)
        assert [tuple(row[:2]) for row in rows] == [key for key in keys if key in there]
        assert all(row[2:9] == (0, 0, 0, 0, 0, None, None) and row[9] == "[]" for row in rows)
        connection.rollback()


def is_locked(engine: Engine, keys: list[tuple[str, str]]) -> bool:
    """Tell whether nobody else gets any of these accounts; SQLite locks the whole file first."""
    if engine.dialect.name == "sqlite" or not keys:
        return True
    database = describe(engine.dialect.name)
    with engine.connect() as other:
        passed = accounts.lock_accounts(other, database, keys, skip_locked=True)
        other.rollback()
    return not passed


def test_one_customers_accounts_can_be_routed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distributed table locks rows only of a customer who is named by an equality."""
    said: list[str] = []

    def fetch(_connection: Any, sql: str, _values: Any) -> list[Any]:
        said.append(sql)
        return []

    monkeypatch.setattr(accounts, "fetch", fetch)
    connection: Any = None
    for keys in ([("a", "x")], [("a", "x"), ("a", "y")]):
        accounts.lock_accounts(connection, describe("postgresql"), keys, skip_locked=True)
    assert len(said) == 2
    assert all("WHERE a.customer_id = :customer" in sql and "SKIP LOCKED" in sql for sql in said)
