"""However many entries there are, an audit takes the same memory."""

import json
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from tests.audit import measuring
from tests.audit.histories import UNIT
from tollkeeper import Billing

CUSTOMERS = 100
ENTRIES = 200_000
MEGABYTE = 1024 * 1024
#: What SQLite's cache and a cursor's rows may take; the entries themselves are 60 MB and more.
MOST_GROWN = 16 * MEGABYTE

#: Repeats each customer's one consume, so that 1 is taken from the grant each time.
COPIES = """
    WITH RECURSIVE turn(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM turn
                                    WHERE number < {copies})
    INSERT INTO {operation} (customer_id, id, part, kind, created_at, unit, version,
      available_change, available, lines)
    SELECT o.customer_id, o.id || '_' || turn.number, 0, o.kind, o.created_at, o.unit,
      o.version + turn.number, o.available_change,
      o.available + o.available_change * turn.number, o.lines
    FROM {operation} AS o CROSS JOIN turn
    WHERE o.kind = 'consume'"""
ACCOUNTS = """
    UPDATE {account}
    SET version = version + {copies}, available = available - {copies} * 1000000,
      grants = replace(grants, ',999999000000,',
        ',' || (999999000000 - {copies} * 1000000) || ',')"""


def fill(connection: Connection, copies: int) -> None:
    """Write many entries without a fault."""
    prefix = "tollkeeper." if connection.dialect.name == "postgresql" else "tollkeeper_"
    for sql in (COPIES, ACCOUNTS):
        names = {name: prefix + name for name in ("operation", "account")}
        connection.execute(text(sql.format(**names, copies=copies)))


def test_an_audit_of_a_large_book_takes_little_memory(database_url: str) -> None:
    """Two hundred thousand entries stream by."""
    with Billing(database_url) as billing:
        billing.migrate()
        for number in range(CUSTOMERS):
            billing.credits.grant(f"user_{number}", UNIT, 1_000_000)
            billing.credits.consume(f"user_{number}", UNIT, 1)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        fill(connection, ENTRIES // CUSTOMERS)
    engine.dispose()
    assert measured(database_url) < MOST_GROWN


def measured(url: str) -> int:
    """Audit in a process of its own; give how much memory it took more than before, in bytes."""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-m", measuring.__name__, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    told = json.loads(done.stdout)
    assert told["ok"]
    assert told["entries"] > ENTRIES
    return int(told["grown"])
