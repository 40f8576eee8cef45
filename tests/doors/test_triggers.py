"""A host's own triggers on our tables, which SQLite runs within our statements."""

import sqlite3
from pathlib import Path

import pytest

from tests.doors.scenes import UNIT
from tollkeeper import Billing

SEEN = "CREATE TABLE seen (customer TEXT PRIMARY KEY, available INTEGER, calls INTEGER DEFAULT 0);"
ON_ACCOUNT = "CREATE TRIGGER host AFTER UPDATE ON tollkeeper_account BEGIN {} END"
ON_OPERATION = "CREATE TRIGGER host AFTER INSERT ON tollkeeper_operation BEGIN {} END"
TRIGGERS = [
    ON_ACCOUNT.format("INSERT OR REPLACE INTO seen VALUES (new.customer_id, new.available, 1);"),
    ON_ACCOUNT.format(
        "INSERT INTO seen VALUES (new.customer_id, new.available, 1) "
        "ON CONFLICT (customer) DO UPDATE SET calls = calls + 1;"
    ),
    ON_OPERATION.format("INSERT OR IGNORE INTO seen (customer) VALUES (new.customer_id);"),
    ON_OPERATION.format("REPLACE INTO seen (customer) VALUES (new.customer_id);"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Books of their own: a trigger on the shared ones would see every test."""
    made = tmp_path / "books.db"
    with Billing(f"sqlite:///{made}") as billing:
        billing.migrate()
        billing.credits.grant("user_1", UNIT, 10)
    return made


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_what_a_trigger_says_of_conflicts_holds(path: Path, trigger: str) -> None:
    """Its own `OR REPLACE` and `OR IGNORE` mean what they say, call after call."""
    host = sqlite3.connect(path)
    host.executescript(SEEN + trigger)
    with Billing(f"sqlite:///{path}") as billing:
        for _ in range(3):
            billing.credits.consume("user_1", UNIT, 1)
        billing.using(host).credits.consume("user_1", UNIT, 1)
        host.commit()
        assert billing.credits.balance("user_1", UNIT).available == 6
        assert billing.books.audit().findings == ()
    assert host.execute("SELECT count(*) FROM seen").fetchall() == [(1,)]
    host.close()
