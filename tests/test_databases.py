"""The databases that the other tests stand on are what they claim to be."""

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from tests.databases import PostgresServer, connect, start_private_postgres


@pytest.fixture
def engine(database_url: str) -> Engine:
    return create_engine(database_url)


@pytest.mark.parametrize("run", ["first", "second"])
def test_each_test_starts_with_an_empty_database(engine: Engine, run: str) -> None:
    """What one test writes, the next does not find."""
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (id integer)"))
    engine.dispose()


def test_postgres_is_as_durable_as_in_production(postgres: PostgresServer) -> None:
    """A number or a crash test would mean nothing on a server that does not sync."""
    if postgres.postmaster is None:
        return  # somebody else's server keeps their settings
    with connect(postgres.url()) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}".encode()).fetchone() == ("on",)


def test_a_killed_server_comes_back_with_what_was_committed() -> None:
    """Crash tests may kill a server of their own: committed rows stay, the others are gone."""
    server = start_private_postgres()
    try:
        database = server.create_database()
        with connect(database) as connection:
            connection.execute("CREATE TABLE kept (id integer)")
            connection.execute("INSERT INTO kept VALUES (1)")
        caught = connect(database)
        caught.execute("BEGIN; INSERT INTO kept VALUES (2)")
        before = server.pid
        server.kill9()
        with pytest.raises(psycopg.OperationalError):
            caught.execute("COMMIT")
        caught.close()
        server.start_again()
        assert server.pid != before
        with connect(database) as connection:
            assert connection.execute("SELECT id FROM kept").fetchall() == [(1,)]
    finally:
        server.stop()
