"""Statements on tallies: lock them in order, make them, write them. For the ledger alone."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch

KEY = (Col("customer_id"), Col("subject"))
STATE = (
    Col("version", "bigint"),
    Col("state"),
    Col("updated_at", "timestamptz"),
)
NEW = (*KEY, Col("version", "bigint"), Col("state"))

#: What a tally that nothing was ever counted in holds.
EMPTY = "{}"

#: The customer's own facts come with it: they are read, not locked.
_COLUMNS = (
    "t.customer_id, t.subject, t.version, t.state, t.updated_at, c.zone, c.currency, c.merged_into"
)

#: Key, version, state, when it was written; then the customer's zone, currency, and who took it.
TallyRow = Sequence[Any]
Keys = Sequence[tuple[str, str]]


def lock_tallies(
    connection: Connection, database: Database, keys: Keys, *, skip_locked: bool
) -> Sequence[TallyRow]:
    """Lock tallies in bytewise order and give them as they are now; absent ones are left out."""
    lock = "ORDER BY t.customer_id, t.subject FOR UPDATE OF t" if database.is_postgres else ""
    skip = " SKIP LOCKED" if database.is_postgres and skip_locked else ""
    return _read(connection, database, keys, lock + skip)


def read_tallies(connection: Connection, database: Database, keys: Keys) -> Sequence[TallyRow]:
    """Read tallies without a lock."""
    return _read(connection, database, keys, "")


def make_tallies(connection: Connection, database: Database, keys: Keys) -> None:
    """Make the tallies that do not exist yet, sorted, empty."""
    rows = [(customer, subject, 0, EMPTY) for customer, subject in sorted(keys)]
    bulk.insert(connection, database, "tally", NEW, rows, ignore=True)


def write_tallies(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write tallies that were locked: key first, then the state."""
    bulk.update(connection, database, "tally", KEY, STATE, rows)


def existing(connection: Connection, database: Database, keys: Iterable[Any]) -> set[Any]:
    """Tell which of these tallies exist, locked or not."""
    sql = f"""
        SELECT t.customer_id, t.subject
        FROM {{given}}
        JOIN {database.name("tally")} AS t
          ON t.customer_id = given.customer_id AND t.subject = given.subject"""  # noqa: S608  # names are ours
    rows = bulk.look_up(connection, database, sql, KEY, sorted(keys))
    return {(row[0], row[1]) for row in rows}


def _read(connection: Connection, database: Database, keys: Keys, lock: str) -> Sequence[TallyRow]:
    if not keys:
        return []
    if len(keys) == 1:
        return _read_one(connection, database, keys[0], lock)
    columns = _COLUMNS if database.is_postgres else f"json_group_array(json_array({_COLUMNS}))"
    sql = f"""
        SELECT {columns}
        FROM {{given}}
        JOIN {database.name("tally")} AS t
          ON t.customer_id = given.customer_id AND t.subject = given.subject
        JOIN {database.name("customer")} AS c ON c.customer_id = t.customer_id
        {lock}"""  # noqa: S608  # names are ours
    rows = bulk.look_up(connection, database, sql, KEY, keys)
    # SQLite lets other threads run between two rows: here it gives all of them as one text.
    return rows if database.is_postgres else [tuple(row) for row in json.loads(rows[0][0])]


def _read_one(
    connection: Connection, database: Database, key: tuple[str, str], lock: str
) -> Sequence[TallyRow]:
    sql = f"""
        SELECT {_COLUMNS}
        FROM {database.name("tally")} AS t
        JOIN {database.name("customer")} AS c ON c.customer_id = t.customer_id
        WHERE t.customer_id = :customer AND t.subject = :subject
        {lock}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": key[0], "subject": key[1]})
