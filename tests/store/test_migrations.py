"""Migrations make the schema of `store.tables`, once, whoever calls them and however often."""

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.databases import connect
from tollkeeper.errors import InvalidRequest, NotMigrated, NoTransaction, StoreBusy, StoreError
from tollkeeper.store.database import describe
from tollkeeper.store.migrate import (
    HEAD,
    Migrated,
    check_migrated,
    citus_statements,
    current_version,
    migrate,
)
from tollkeeper.store.migrations import locking
from tollkeeper.store.migrations.distribution import REFERENCE
from tollkeeper.store.migrations.guard import APPEND_ONLY
from tollkeeper.store.migrations.place import VERSION_TABLE, Place
from tollkeeper.store.migrations.revisions import FOLDER
from tollkeeper.store.views import VIEWS

NEW = Migrated(before=None, after=HEAD, applied=("0001", "0002"))
UP_TO_DATE = Migrated(before=HEAD, after=HEAD, applied=())

#: What one of many processes does when all are told to start.
PROCESS = """
import sys
from sqlalchemy import create_engine
from tollkeeper.store.migrate import migrate
from tollkeeper.store.migrations import revisions
engine = create_engine(sys.argv[1], isolation_level="SERIALIZABLE")
print("ready", flush=True)
sys.stdin.readline()
print(len(migrate(engine).applied), flush=True)
"""

#: A host's env.py, as `alembic init` writes it, without its comments.
HOST_ENVIRONMENT = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""

#: A host's migration that brings our tables along, between two statements of its own.
HOST_REVISION = """
import sqlalchemy as sa
from alembic import context, op
from tollkeeper.store.migrate import migrate
revision, down_revision = "a1", None
def upgrade():
    op.create_table("job", sa.Column("id", sa.Integer, primary_key=True))
    migrate(op.get_bind())
    op.add_column("job", sa.Column("name", sa.Text))
    assert context.config.attributes
"""

#: What Citus would bring, as far as a migration needs it: each call is written down.
PRETENDED_CITUS = """
CREATE TABLE called (statement text);
CREATE TABLE pg_dist_partition (logicalrelid regclass);
CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql AS
  $$ INSERT INTO called VALUES (format('reference %s', name)) $$;
CREATE FUNCTION create_distributed_table(name regclass, key text, colocate_with text DEFAULT '')
  RETURNS void LANGUAGE sql AS $$
    INSERT INTO called VALUES (format('distributed %s by %s %s', name, key, colocate_with));
    INSERT INTO pg_dist_partition VALUES (name) $$;
"""

TABLES = [
    *("unit", "customer", "profile", "account", "grant_fact", "hold", "operation", "note"),
    *("tally", "subscription", "usage_event", "usage_total", "backfill", "notice"),
    *("due_job", "charge_hold", "metered_call", "metered_result"),
    *("redemption", "promotion_count", "payment_claim"),
    *("catalog_version", "catalog_application"),
]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


def version_of(engine: Engine, schema: str = "tollkeeper") -> str | None:
    with engine.connect() as connection:
        return current_version(connection, schema)


def write_version(engine: Engine, version: str) -> None:
    table = "tollkeeper.schema_version"
    if engine.dialect.name == "sqlite":
        table = "tollkeeper_schema_version"
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET version_num = '{version}'"))


def names(engine: Engine) -> set[str]:
    """Every table and view that the default and our schema hold."""
    found = inspect(engine)
    schemas = [None, "tollkeeper"] if "tollkeeper" in found.get_schema_names() else [None]
    return {
        name
        for schema in schemas
        for name in found.get_table_names(schema) + found.get_view_names(schema)
    }


# The revisions say what store.tables says.


def test_a_new_database_is_brought_to_the_newest_version(engine: Engine) -> None:
    assert version_of(engine) is None
    assert migrate(engine) == NEW
    assert version_of(engine) == HEAD


def test_repeating_a_migration_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    before = written(engine)
    assert migrate(engine) == UP_TO_DATE
    assert written(engine) == before


def test_the_newest_revision_is_the_one_we_say() -> None:
    scripts = ScriptDirectory(str(FOLDER))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert scripts.get_heads() == [HEAD]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]


def test_revisions_are_frozen() -> None:
    """What they do must not follow the newest schema."""
    sources = [path.read_text() for path in (FOLDER / "versions").glob("*.py")]
    assert sources
    assert not [source for source in sources if re.search(r"store(\.| import )tables", source)]


def test_alembic_finds_no_difference_to_the_tables(engine: Engine) -> None:
    migrate(engine)
    tables = describe(engine.dialect.name).tables

    def is_ours(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "schema" or name == tables.schema

    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_schemas": tables.schema is not None,
            "include_name": is_ours,
            "version_table": f"{tables.prefix}schema_version",
            "version_table_schema": tables.schema,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_the_catalog_is_what_the_tables_would_make(engine: Engine, tmp_path: Path) -> None:
    """Alembic compares no collations, keys' columns or conditions of indexes."""
    migrate(engine)
    if engine.dialect.name == "sqlite":
        wanted = create_engine(f"sqlite:///{tmp_path / 'wanted.db'}")
        describe("sqlite").tables.metadata.create_all(wanted)
        assert written(engine, "table", "index") == written(wanted, "table", "index")
        wanted.dispose()
    else:
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA wanted"))
            describe("postgresql", "wanted").tables.metadata.create_all(connection)
            assert catalog(connection, "tollkeeper") == catalog(connection, "wanted")


def written(engine: Engine, *kinds: str) -> list[str]:
    """What the database itself says of our tables, the version's apart."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return catalog(connection, "tollkeeper")
        query = "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
        rows = connection.execute(text(query)).all()
    kept = [sql for kind, sql in rows if (not kinds or kind in kinds) and "version_num" not in sql]
    # A column that was added later stands on the line of the one before.
    return [" ".join(sql.split()) for sql in kept]


def catalog(connection: Connection, schema: str) -> list[str]:
    """What PostgreSQL knows of the tables in a schema, line by line."""
    queries = [
        """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
          a.attnotnull, l.collname, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind = 'r'
        """,
        """
        SELECT conname, CAST(conrelid AS regclass), pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = CAST(:schema AS regnamespace)
        """,
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = :schema",
    ]
    rows = [row for q in queries for row in connection.execute(text(q), {"schema": schema})]
    lines = sorted(str(tuple(row)).replace(f"{schema}.", "") for row in rows)
    assert any('COLLATE "C"' in line or "'C'" in line for line in lines)
    return [line for line in lines if "schema_version" not in line]


def test_accounts_keep_room_for_their_next_version(postgres_engine: Engine) -> None:
    migrate(postgres_engine)
    query = "SELECT reloptions FROM pg_class WHERE oid = CAST('tollkeeper.account' AS regclass)"
    with postgres_engine.connect() as connection:
        assert connection.scalar(text(query)) == ["fillfactor=50"]


# Whoever calls them, and however often.


def test_eight_processes_migrate_at_once(database_url: str) -> None:
    """One of them does it; the others wait, and find it done. Their isolation is the strictest."""
    arguments = [sys.executable, "-c", PROCESS, database_url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(arguments, **pipes) for _ in range(8)]
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = sorted(process.communicate(timeout=60)[0] for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert answers == ["0\n"] * 7 + ["2\n"]


def test_a_failed_migration_leaves_nothing(engine: Engine) -> None:
    tables = describe(engine.dialect.name).tables
    in_the_way = tables["note"].fullname
    with engine.begin() as connection:
        if tables.schema:
            connection.execute(text("CREATE SCHEMA tollkeeper"))
        connection.execute(text(f"CREATE TABLE {in_the_way} (ours integer)"))
    with pytest.raises(DBAPIError):
        migrate(engine)
    assert names(engine) == {tables["note"].name}
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {in_the_way}"))
    assert migrate(engine) == NEW


def test_who_was_there_before_tallies_gets_one(engine: Engine) -> None:
    tables = describe(engine.dialect.name).tables
    place = Place(dialect=engine.dialect.name, schema=tables.schema, prefix=tables.prefix)
    with engine.begin() as connection:
        if place.schema:
            connection.execute(text(f"CREATE SCHEMA {place.schema}"))
        names = {
            "version_table": place.prefix + VERSION_TABLE,
            "version_table_schema": place.schema,
        }
        context = MigrationContext.configure(connection, opts=names)
        scripts = ScriptDirectory(str(FOLDER))
        scripts.get_revision("0001").module.upgrade(Operations(context), place)
        context.stamp(scripts, "0001")
        customer = f"INSERT INTO {place.name('customer')} (customer_id, created_at, updated_at)"
        connection.execute(text(f"{customer} VALUES ('user_1', '2026-01-01', '2026-01-01')"))
    assert migrate(engine) == Migrated(before="0001", after=HEAD, applied=("0002",))
    with engine.connect() as connection:
        tallies = f"SELECT customer_id, subject, version, state FROM {place.name('tally')}"
        assert connection.execute(text(tallies)).all() == [("user_1", "", 0, "{}")]


def test_a_callers_transaction_decides(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert migrate(connection) == NEW
        connection.rollback()
        assert version_of(engine) is None
        with connection.begin():
            assert migrate(connection) == NEW
    assert migrate(engine) == UP_TO_DATE


def test_a_connection_without_a_transaction_gets_one(engine: Engine) -> None:
    with engine.connect() as connection:
        assert migrate(connection) == NEW
        assert not connection.in_transaction()
    assert migrate(engine) == UP_TO_DATE


def test_engines_in_autocommit_mode_migrate_in_one_transaction(database_url: str) -> None:
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    tables = describe(engine.dialect.name).tables
    with engine.connect() as connection:
        if tables.schema:
            connection.execute(text("CREATE SCHEMA tollkeeper"))
        connection.execute(text(f"CREATE TABLE {tables['note'].fullname} (ours integer)"))
    with pytest.raises(DBAPIError):
        migrate(engine)
    assert names(engine) == {tables["note"].name}
    with engine.connect() as connection:
        connection.execute(text(f"DROP TABLE {tables['note'].fullname}"))
    assert migrate(engine) == NEW
    engine.dispose()


def test_a_connection_in_autocommit_mode_is_refused(postgres_url: str) -> None:
    """No lock would last there, and a failure would leave half of the tables."""
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(NoTransaction):
        migrate(connection)
    assert names(engine) == set()
    engine.dispose()


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
def test_a_host_that_begins_by_itself_on_sqlite(sqlite_url: str, begin: str) -> None:
    """SQLAlchemy's manual advises hosts to open each transaction in an event."""
    engine = create_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin_ourselves(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    assert migrate(engine) == NEW
    assert migrate(engine) == UP_TO_DATE
    assert "tollkeeper_migrating" not in names(engine)
    engine.dispose()


def test_async_connections(database_url: str) -> None:
    url = database_url.replace("sqlite:", "sqlite+aiosqlite:").replace("+psycopg:", "+asyncpg:")

    async def run() -> list[Migrated]:
        engine = create_async_engine(url.split("?")[0], connect_args=asyncpg_place(url))
        async with engine.begin() as connection:
            done = [await connection.run_sync(migrate), await connection.run_sync(migrate)]
        async with engine.connect() as connection:
            done.append(await connection.run_sync(migrate))
            await connection.run_sync(check_migrated)
        await engine.dispose()
        return done

    assert asyncio.run(run()) == [NEW, UP_TO_DATE, UP_TO_DATE]


def asyncpg_place(url: str) -> dict[str, Any]:
    """The folder of the server's socket, which asyncpg wants apart from the URL."""
    query = create_engine(url.replace("+asyncpg", "+psycopg")).url.query
    return {name: query[name] for name in ("host", "port") if name in query}


def test_two_schemas_stand_side_by_side(engine: Engine) -> None:
    """Neither meets the other's tables; a name that statements would have to quote is refused."""
    assert migrate(engine) == migrate(engine, "order_books") == NEW
    assert migrate(engine, "order_books") == UP_TO_DATE
    assert version_of(engine, "order_books") == HEAD
    with pytest.raises(InvalidRequest, match="schema is"):
        migrate(engine, "Other-Books")


def test_a_role_that_may_not_make_schemas_uses_the_one_it_was_given(
    postgres_engine: Engine,
) -> None:
    with postgres_engine.begin() as connection:
        connection.execute(text("CREATE ROLE tollkeeper_test_app"))
        connection.execute(text("CREATE SCHEMA tollkeeper AUTHORIZATION tollkeeper_test_app"))
    try:
        with postgres_engine.begin() as connection:
            connection.execute(text("SET LOCAL ROLE tollkeeper_test_app"))
            assert migrate(connection) == NEW
    finally:
        with postgres_engine.begin() as connection:
            connection.execute(text("DROP OWNED BY tollkeeper_test_app CASCADE"))
            connection.execute(text("DROP ROLE tollkeeper_test_app"))


def test_a_hosts_own_migration_may_bring_ours_along(engine: Engine, tmp_path: Path) -> None:
    """Alembic's `op` and `context` are global: ours must not take the host's away."""
    folder = tmp_path / "host"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(HOST_ENVIRONMENT)
    (folder / "versions" / "a1_job.py").write_text(HOST_REVISION)
    config = Config()
    config.set_main_option("script_location", str(folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    assert [column["name"] for column in inspect(engine).get_columns("job")] == ["id", "name"]
    assert migrate(engine) == UP_TO_DATE
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "a1"


def test_a_file_of_sqlite_gets_its_log(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    migrate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    engine.dispose()


def test_a_file_that_is_written_to_is_waited_for(sqlite_url: str) -> None:
    """SQLite itself would refuse at once to change the log of a file with a writer."""
    engine = create_engine(sqlite_url)
    writer = sqlite3.connect(engine.url.database or "", check_same_thread=False)
    writer.execute("CREATE TABLE job (id integer)")
    writer.execute("INSERT INTO job VALUES (1)")
    timer = Timer(0.3, writer.commit)
    timer.start()
    assert migrate(engine) == NEW
    timer.join()
    writer.close()
    engine.dispose()


def test_a_file_that_is_always_written_to_is_busy(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with closing(sqlite3.connect(engine.url.database or "")) as writer, engine.connect() as ours:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            locking.use_wal(ours, tries=2)
    engine.dispose()


def test_a_database_in_memory_needs_none() -> None:
    engine = create_engine("sqlite://")
    assert migrate(engine) == NEW
    assert migrate(engine) == UP_TO_DATE
    engine.dispose()


def test_reading_the_version_does_not_load_alembic() -> None:
    """Importing it takes longer than everything else together."""
    program = (
        "import sys, tollkeeper, tollkeeper.store.migrate, tollkeeper.store.hosts\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Versions that do not fit.


def test_a_newer_database_is_left_alone(engine: Engine) -> None:
    migrate(engine)
    write_version(engine, "9999")
    before = written(engine)
    with pytest.raises(NotMigrated, match=r"9999.* upgrade Tollkeeper") as caught:
        migrate(engine)
    assert caught.value.details == {"found": "9999", "needed": HEAD}
    assert written(engine) == before
    assert version_of(engine) == "9999"


@pytest.mark.parametrize(
    ("found", "message"),
    [("0000", "of version 0000.* run `tollkeeper migrate`"), ("9999", "upgrade Tollkeeper")],
)
def test_a_check_tells_which_version_is_there(engine: Engine, found: str, message: str) -> None:
    migrate(engine)
    write_version(engine, found)
    with engine.connect() as connection, pytest.raises(NotMigrated, match=message):
        check_migrated(connection)


def test_a_check_of_an_empty_database_leaves_the_transaction_usable(engine: Engine) -> None:
    """A failed SELECT would end it on PostgreSQL."""
    with engine.connect() as connection:
        with pytest.raises(NotMigrated, match="missing"):
            check_migrated(connection)
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_check_of_a_migrated_database_says_nothing(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        check_migrated(connection)


# Law 8: facts are never changed or deleted.


@pytest.fixture
def facts(engine: Engine) -> Engine:
    """A database with one row in each table of facts."""
    migrate(engine)
    tables = describe(engine.dialect.name).tables
    moment = "2026-06-01 00:00:00+00:00"
    with engine.begin() as connection:
        for name in APPEND_ONLY:
            row: dict[str, Any] = {
                column.name: moment if column.name.endswith("_at") else 1
                for column in tables[name].columns
                if not column.nullable
            }
            texts = {key for key in row if key in ("customer_id", "id", "kind", "unit", "source")}
            row |= dict.fromkeys(texts | (row.keys() & {"operation_id"}), "a")
            values = ", ".join(f"'{v}'" for v in row.values())
            sql = f"INSERT INTO {tables[name].fullname} ({', '.join(row)}) VALUES ({values})"
            connection.execute(text(sql.replace(":00:00", r"\:00\:00")))
    return engine


@pytest.mark.parametrize("name", APPEND_ONLY)
@pytest.mark.parametrize(
    ("change", "sql"),
    [
        ("UPDATE", "UPDATE {} SET created_at = created_at"),
        (
            "UPDATE",
            "INSERT INTO {0} SELECT * FROM {0} WHERE true ON CONFLICT {1} DO UPDATE SET id = ''",
        ),
        ("DELETE", "DELETE FROM {} WHERE customer_id = 'a'"),
        ("DELETE", "DELETE FROM {}"),
        ("TRUNCATE", "TRUNCATE {}"),
    ],
)
def test_facts_are_never_changed_or_deleted(
    facts: Engine, name: str, change: str, sql: str
) -> None:
    if change == "TRUNCATE" and facts.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    table = describe(facts.dialect.name).tables[name]
    keys = "(customer_id, id, part)" if name == "operation" else "(customer_id, id)"
    if name == "operation" and facts.dialect.name == "sqlite":
        keys = "(id, part, customer_id)"
    with (
        facts.connect() as connection,
        pytest.raises(IntegrityError, match=f"refuses {change} on {name}: rows are never"),
    ):
        connection.execute(text(sql.format(table.fullname, keys)))
    with facts.connect() as connection:
        assert connection.scalar(text(f"SELECT count(*) FROM {table.fullname}")) == 1


def test_what_is_no_fact_may_change(facts: Engine) -> None:
    table = describe(facts.dialect.name).tables["profile"]
    with facts.begin() as connection:
        connection.execute(insert(table).values(customer_id="u1", email="a@example.com"))
        connection.execute(table.update().values(email=None))
        assert connection.execute(table.delete()).rowcount == 1


# Citus: designed for, not yet run; what can be checked without a cluster.


def test_citus_distributes_each_table_before_those_that_refer_to_it() -> None:
    statements = citus_statements()
    steps = [
        step for sql in statements if (step := re.search(r"CREATE TABLE \S+|create_\w+\(.*", sql))
    ]
    told = [step.group().replace("tollkeeper.", "") for step in steps]
    others = [name for name in TABLES if name not in ("unit", "customer")]
    assert told == [
        "CREATE TABLE unit",
        "create_reference_table('unit')",
        "CREATE TABLE customer",
        "create_distributed_table('customer', 'customer_id')",
        *(
            step
            for name in others
            for step in (
                f"CREATE TABLE {name}",
                f"create_reference_table('{name}')"
                if name in REFERENCE
                else f"create_distributed_table('{name}', 'customer_id', "
                "colocate_with => 'customer')",
            )
        ),
    ]


def test_citus_gets_every_table_and_view_but_no_trigger() -> None:
    statements = citus_statements("books")
    assert statements[0] == "CREATE SCHEMA books"
    made = re.findall(r"CREATE TABLE books\.(\w+)", "".join(statements))
    tables = describe("postgresql").tables.metadata.tables.values()
    assert sorted(made) == sorted(table.name for table in tables)
    assert not [sql for sql in statements if "TRIGGER" in sql or "FUNCTION" in sql]
    kinds = [sql.startswith("CREATE OR REPLACE VIEW") for sql in statements]
    assert sum(kinds) == len(VIEWS)
    assert kinds == sorted(kinds)


def test_citus_keys_begin_with_the_customer() -> None:
    """Citus takes no key, and no foreign key, without the column that it distributes by."""
    tables = describe("postgresql").tables.metadata.tables.values()
    for table in (table for table in tables if table.name not in REFERENCE):
        constraints = [c for c in table.constraints if hasattr(c, "columns") and len(c.columns)]
        assert {next(iter(c.columns)).name for c in constraints} == {"customer_id"}


def test_citus_is_refused_where_it_is_missing(engine: Engine) -> None:
    wanted = InvalidRequest if engine.dialect.name == "sqlite" else StoreError
    with pytest.raises(wanted, match="Citus is"):
        migrate(engine, citus=True)
    assert names(engine) == set()


def pretend_citus(engine: Engine) -> None:
    with connect(engine.url.render_as_string(hide_password=False)) as connection:
        connection.execute(PRETENDED_CITUS)


def test_citus_is_refused_where_plain_tables_are_there(postgres_engine: Engine) -> None:
    migrate(postgres_engine)
    pretend_citus(postgres_engine)
    with pytest.raises(StoreError, match="Citus does not distribute them"):
        migrate(postgres_engine, citus=True)
    assert migrate(postgres_engine) == UP_TO_DATE


def test_citus_runs_what_was_listed(postgres_engine: Engine) -> None:
    """Functions of the same names stand in for Citus: the statements do run, in their order."""
    pretend_citus(postgres_engine)
    sent: list[str] = []

    @event.listens_for(postgres_engine, "before_cursor_execute")
    def note(c: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(" ".join(statement.split()))

    assert migrate(postgres_engine, citus=True) == NEW
    listed = [" ".join(statement.split()) for statement in citus_statements()]
    assert [statement for statement in sent if statement in listed] == listed
    with postgres_engine.connect() as connection:
        called = connection.execute(text("SELECT statement FROM called")).scalars().all()
        assert (
            connection.scalar(text("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")) == 0
        )
    assert called[:3] == [
        "reference tollkeeper.unit",
        "distributed tollkeeper.customer by customer_id ",
        "distributed tollkeeper.profile by customer_id tollkeeper.customer",
    ]
    assert len(called) == len(TABLES)
    assert migrate(postgres_engine, citus=True) == migrate(postgres_engine) == UP_TO_DATE
