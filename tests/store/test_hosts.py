"""A host that lets Alembic write its migrations never finds our tables in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, create_engine, inspect, text

from tollkeeper.store.hosts import include_name, include_object, name_filter, object_filter
from tollkeeper.store.migrate import migrate

#: A host's env.py, as `alembic init` writes it, with filters and, on PostgreSQL, every schema.
ENVIRONMENT = """
from alembic import context
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    include_schemas=connection.dialect.name == "postgresql",
    **context.config.attributes["filters"],
)
with context.begin_transaction():
    context.run_migrations()
"""

#: The template of a migration, as far as it shows what Alembic proposes.
TEMPLATE = """revision, down_revision = ${repr(up_revision)}, ${repr(down_revision)}
def upgrade():
    ${upgrades if upgrades else "pass"}
"""

FILTERS = {
    "include_name": {"include_name": include_name},
    "include_object": {"include_object": include_object},
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database in which the host has a table that it no longer wants."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE unwanted (id integer PRIMARY KEY)"))
    yield engine
    engine.dispose()


def host_metadata() -> MetaData:
    """What the host's models say: one new table, whose name begins like our prefix."""
    metadata = MetaData()
    Table("tollkeeper_job", metadata, Column("id", Integer, primary_key=True), Column("a", Text))
    return metadata


def proposed(engine: Engine, folder: Path, **filters: Any) -> str:
    """Run `alembic revision --autogenerate` in the host's place, and read what it wrote."""
    (folder / "versions").mkdir(exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    (folder / "script.py.mako").write_text(TEMPLATE)
    config = Config()
    config.set_main_option("script_location", str(folder))
    with engine.begin() as connection:
        attributes = {"metadata": host_metadata(), "filters": filters, "connection": connection}
        config.attributes.update(attributes)
        command.revision(config, autogenerate=True)
    written = sorted((folder / "versions").glob("*.py"))
    assert len(written) == 1
    return written[0].read_text()


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS.keys())
def test_the_host_sees_its_own_changes_alone(
    engine: Engine, tmp_path: Path, filters: dict[str, Any]
) -> None:
    migrate(engine)
    proposal = proposed(engine, tmp_path, **filters)
    assert proposal.count("op.drop_") == 1
    assert "op.drop_table('unwanted')" in proposal
    assert proposal.count("op.create_") == 1
    assert "op.create_table('tollkeeper_job'" in proposal


def test_without_a_filter_it_would_drop_the_books(engine: Engine, tmp_path: Path) -> None:
    """So the test above tests something."""
    migrate(engine)
    proposal = proposed(engine, tmp_path)
    assert "drop_table('operation'" in proposal.replace("tollkeeper_", "")
    assert "drop_table('schema_version'" in proposal.replace("tollkeeper_", "")


@pytest.mark.parametrize("kind", ["include_name", "include_object"])
def test_another_schema_beside_the_hosts_own_filter(
    engine: Engine, tmp_path: Path, kind: str
) -> None:
    """The host's filter decides on what is not ours; here it wants to keep `unwanted`."""
    migrate(engine, "books")

    def keep_name(name: str | None, type_: Any, parents: Any) -> bool:
        return name != "unwanted"

    def keep_object(item: Any, name: str | None, type_: Any, reflected: Any, other: Any) -> bool:
        return name != "unwanted"

    made: dict[str, Any] = {
        "include_name": name_filter("books", also=keep_name),
        "include_object": object_filter("books", also=keep_object),
    }
    proposal = proposed(engine, tmp_path, **{kind: made[kind]})
    assert "op.drop_" not in proposal
    assert "op.create_table('tollkeeper_job'" in proposal


def test_the_filters_know_every_table(sqlite_url: str) -> None:
    """With what a migration makes, not with what the schema says."""
    engine = create_engine(sqlite_url)
    migrate(engine)
    found = inspect(engine).get_table_names()
    assert len(found) > 8
    assert not [n for n in found if include_name(n, "table", {"schema_name": None})]
    engine.dispose()
