"""Any number of rows in as few statements as there are sizes: all of them arrive, none twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, select

from tollkeeper.ids import new_id
from tollkeeper.store import bulk, journal, marks
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database, describe
from tollkeeper.store.migrate import migrate

TEXTS = st.none() | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\"\\{},'NULL"), max_size=6
)
ROWS = st.integers(0, 150) | st.sampled_from([1, 4, 16, 63, 64, 65, 84, 128, 148])


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connections to migrated books, as a host has them."""
    made = create_engine(database_url)
    migrate(made)
    yield made
    made.dispose()


def notes(connection: Connection, database: Database, customer: str) -> list[tuple[Any, ...]]:
    """Read a customer's notes in the order of their operations."""
    table = database.tables["note"]
    columns = (table.c.operation_id, table.c.reason, table.c.actor)
    query = select(*columns).where(table.c.customer_id == customer)
    return sorted(tuple(row) for row in connection.execute(query))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(count=ROWS, texts=st.lists(TEXTS, min_size=1, max_size=9), actor=TEXTS)
def test_rows_of_every_number_are_written_and_updated(
    engine: Engine, count: int, texts: list[str | None], actor: str | None
) -> None:
    """Insert n rows, update every second one: what is read is what was given."""
    database, customer = describe(engine.dialect.name), new_id("cus")
    rows = [(customer, f"{n:04}", texts[n % len(texts)], actor, None) for n in range(count)]
    with engine.connect() as connection:
        journal.append_notes(connection, database, rows)
        assert notes(connection, database, customer) == [row[1:4] for row in rows]
        changed = [
            (customer, f"{n:04}", f"{n}!", texts[(n + 1) % len(texts)]) for n in range(0, count, 2)
        ]
        keys, columns = (Col("customer_id"), Col("operation_id")), (Col("reason"), Col("actor"))
        bulk.update(connection, database, "note", keys, columns, changed)
        expected = {row[1]: row[1:4] for row in rows} | {row[1]: row[1:4] for row in changed}
        assert notes(connection, database, customer) == sorted(expected.values())
        connection.rollback()


@given(count=st.integers(0, 400))
def test_few_sizes_make_up_any_number(count: int) -> None:
    """Every row once, in order, in as many statements as it takes."""
    parts = list(marks.in_sizes([range(count), range(count)]))
    assert [cell for _, cells in parts for cell in cells[::2]] == list(range(count))
    assert all(len(cells) == 2 * size and size in marks.SIZES for size, cells in parts)
    assert len(parts) <= count // 64 + 9
