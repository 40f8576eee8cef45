"""The writer's own conversation with PostgreSQL: whole exchanges, and failures that stay clear."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

from tollkeeper.errors import BrokenInvariant
from tollkeeper.store import wire_postgres
from tollkeeper.store.faults import Fault, fault_of
from tollkeeper.store.wire import close_wire, open_wire, wire_of
from tollkeeper.store.wire_postgres import PostgresWire

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    """A connection with a wire, and a table to write to."""
    engine = create_engine(postgres_url)
    with engine.connect() as opened:
        opened.execute(text("CREATE TABLE IF NOT EXISTS wired (id bigint PRIMARY KEY, words text)"))
        opened.execute(text("TRUNCATE wired"))
        opened.commit()
        open_wire(opened, BEGIN)
        yield opened
        close_wire(opened)
        opened.invalidate()
    engine.dispose()


@pytest.fixture
def wire(connection: Connection) -> PostgresWire:
    """Its wire."""
    found = wire_of(connection)
    assert isinstance(found, PostgresWire)
    return found


def put(wire: PostgresWire, number: int, words: str | None = None) -> None:
    """Have a row written, some time."""
    wire.run("INSERT INTO wired VALUES (:id, :words)", {"id": number, "words": words})


def seen(postgres_url: str) -> list[Any]:
    """Tell what everybody else sees of the table."""
    address = postgres_url.replace("+psycopg", "")
    with psycopg.connect(address) as other:
        return other.execute("SELECT id, words FROM wired ORDER BY id").fetchall()


def test_nothing_travels_before_it_must(
    wire: PostgresWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction is one exchange for each query, and one for all that is left at its end."""
    counted = []
    real = PostgresWire._exchange

    def counting(self: PostgresWire) -> Any:
        counted.append(1)
        return real(self)

    monkeypatch.setattr(PostgresWire, "_exchange", counting)
    for _ in range(3):
        counted.clear()
        wire.begin()
        assert wire.fetch("SELECT 1 WHERE :a = 'x'", {"a": "x"}) == [(1,)]
        wire.run("UPDATE wired SET words = :w WHERE id = :id", {"w": "x", "id": 1})
        wire.run("UPDATE wired SET words = :w WHERE id = :id", {"w": "y", "id": 2})
        wire.commit()
        assert len(counted) == 2


def test_what_is_read_has_pythons_types(wire: PostgresWire) -> None:
    """Numbers, texts, moments, truth and nothing come back as psycopg reads them."""
    wire.begin()
    sql = "SELECT 7::bigint, 'ä'::text, true, NULL::text, '2026-03-29 01:30+00'::timestamptz"
    number, words, truth, nothing, moment = wire.fetch(sql, {})[0]
    assert (number, words, truth, nothing) == (7, "ä", True, None)
    assert moment.isoformat() == "2026-03-29T01:30:00+00:00"
    wire.roll_back()


def test_a_commit_makes_it_true_for_all(wire: PostgresWire, postgres_url: str) -> None:
    """Until then nobody sees it; a rollback leaves nothing, sent or not."""
    wire.begin()
    put(wire, 1, "kept")
    wire.flush()
    put(wire, 2)
    assert seen(postgres_url) == []
    wire.commit()
    assert seen(postgres_url) == [(1, "kept"), (2, None)]
    wire.begin()
    put(wire, 3)
    wire.roll_back()
    wire.begin()
    put(wire, 4)
    wire.flush()
    wire.roll_back()
    assert seen(postgres_url) == [(1, "kept"), (2, None)]


def test_the_first_failure_is_what_is_told(wire: PostgresWire, postgres_url: str) -> None:
    """Nothing that follows it is done, the commit least of all; the connection lives on."""
    wire.begin()
    put(wire, 1)
    wire.commit()
    wire.begin()
    put(wire, 2)
    put(wire, 1)
    wire.run("SELECT no_such_function()", {})
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        wire.commit()
    assert fault_of(caught.value) is Fault.DUPLICATE
    wire.roll_back()
    wire.begin()
    put(wire, 3)
    wire.commit()
    assert seen(postgres_url) == [(1, None), (3, None)]


def test_a_failed_transaction_is_never_called_committed(
    wire: PostgresWire, postgres_url: str
) -> None:
    """PostgreSQL answers such a commit with a rollback, and no error."""
    wire.begin()
    put(wire, 1)
    with pytest.raises(psycopg.errors.UndefinedTable):
        wire.fetch("SELECT 1 FROM nowhere", {})
    with pytest.raises(BrokenInvariant, match="nothing was committed"):
        wire.commit()
    assert seen(postgres_url) == []


def test_more_than_the_network_holds_at_once(wire: PostgresWire, postgres_url: str) -> None:
    """Both sides may have more to say than fits between them."""
    wire.begin()
    words = "w" * 3_000_000
    for number in range(8):
        put(wire, number, words)
    back = wire.fetch("SELECT repeat(:part, 3000000), :other", {"part": "x", "other": words})
    assert back == [("x" * 3_000_000, words)]
    wire.commit()
    assert len(seen(postgres_url)) == 8


def much(wire: PostgresWire, number: int) -> None:
    """Have a row written that sets out at once."""
    put(wire, number, "w" * wire_postgres.SET_OUT_BYTES)


def test_much_sets_out_before_its_answer_is_asked_for(
    wire: PostgresWire, connection: Connection, postgres_url: str
) -> None:
    """The server works on it while more is written; before the commit nobody sees it."""
    wire.begin()
    process = wire.fetch("SELECT pg_backend_pid()", {})[0][0]
    much(wire, 1)
    working = text("SELECT query FROM pg_stat_activity WHERE pid = :process")
    end, found = time.monotonic() + 10, ""
    with connection.engine.connect() as other:
        while not found.startswith("INSERT") and time.monotonic() < end:
            found = other.execute(working, {"process": process}).scalar_one()
            other.rollback()
            time.sleep(0.01)
    assert found.startswith("INSERT INTO wired")
    put(wire, 2)
    assert seen(postgres_url) == []
    wire.commit()
    assert [row[0] for row in seen(postgres_url)] == [1, 2]


def test_what_set_out_is_rolled_back(wire: PostgresWire, postgres_url: str) -> None:
    """Whether it went well or failed, and whether anything waits behind it."""
    for numbers in ((1,), (1, 1), (1, 2, 2)):
        wire.begin()
        for number in numbers:
            much(wire, number)
        put(wire, 9)
        wire.roll_back()
        wire.begin()
        assert wire.fetch("SELECT id FROM wired", {}) == []
        wire.commit()
    assert seen(postgres_url) == []


def test_a_failure_of_what_set_out_is_told_with_the_commit(
    wire: PostgresWire, postgres_url: str
) -> None:
    """Or with the next query; nothing that follows it is done."""
    for ends in (wire.commit, wire.flush, lambda: wire.fetch("SELECT 1", {})):
        wire.begin()
        much(wire, 1)
        much(wire, 1)
        put(wire, 2)
        with pytest.raises(psycopg.errors.UniqueViolation):
            ends()
        wire.roll_back()
        assert seen(postgres_url) == []


def test_statements_of_sqlalchemy_find_what_waits_done(
    connection: Connection, wire: PostgresWire
) -> None:
    """Whatever goes another way on this connection comes after what was said before."""
    wire.begin()
    put(wire, 1, "first")
    assert connection.execute(text("SELECT words FROM wired")).all() == [("first",)]
    connection.execute(text("UPDATE wired SET words = 'second'"))
    assert wire.fetch("SELECT words FROM wired", {}) == [("second",)]
    wire.roll_back()
    connection.rollback()
    wire.begin()
    assert wire.fetch("SELECT words FROM wired", {}) == []
    wire.roll_back()


def test_prepared_statements_that_the_server_forgot(
    wire: PostgresWire, connection: Connection
) -> None:
    """A conflict, so that the batch is tried again; the next try prepares them anew."""
    sql = "SELECT words FROM wired WHERE id = :id"
    wire.begin()
    wire.fetch(sql, {"id": 1})
    wire.commit()
    connection.execute(text("DEALLOCATE ALL"))
    connection.commit()
    wire.begin()
    with pytest.raises(psycopg.errors.InvalidSqlStatementName) as caught:
        wire.fetch(sql, {"id": 1})
    assert fault_of(caught.value) is Fault.CONFLICT
    wire.roll_back()
    wire.begin()
    assert wire.fetch(sql, {"id": 1}) == []
    wire.commit()


def test_what_was_prepared_outlives_a_failure(wire: PostgresWire) -> None:
    """Else each try would prepare anew, and the server keep them all."""
    named = []
    for number in range(6):
        wire.begin()
        put(wire, 1)
        put(wire, 1 if number else 2)
        wire.run("UPDATE wired SET words = :w", {"w": "x"})
        if number:
            with pytest.raises(psycopg.errors.UniqueViolation):
                wire.commit()
            wire.roll_back()
        else:
            wire.commit()
        named.append(wire._named)
    assert named[2:] == [named[2]] * 4


def test_statements_beyond_those_prepared(
    wire: PostgresWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They run all the same, and the server keeps nothing of them."""
    monkeypatch.setattr(wire_postgres, "MOST_PREPARED", 3)
    for number in range(10):
        wire.begin()
        assert wire.fetch(f"SELECT {number} WHERE :a = 'x'", {"a": "x"}) == [(number,)]
        wire.commit()
    wire.begin()
    names = wire.fetch("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql", {})
    assert names[0][0] <= 5
    wire.roll_back()


@pytest.mark.parametrize("words", ["few", "w" * 3_000_000], ids=["few", "many"])
def test_a_server_that_ends_the_connection(
    wire: PostgresWire, connection: Connection, words: str
) -> None:
    """It is told as a lost connection, whichever of the exchanges meets it."""
    wire.begin()
    process = wire.fetch("SELECT pg_backend_pid()", {})[0][0]
    with connection.engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})

    def written() -> None:
        put(wire, 1, words)
        wire.commit()

    with pytest.raises(psycopg.Error) as caught:
        written()
    assert fault_of(caught.value) is Fault.LOST
    wire.begin()
    with pytest.raises(psycopg.Error) as again:
        wire.fetch("SELECT 1", {})
    assert fault_of(again.value) is Fault.LOST
