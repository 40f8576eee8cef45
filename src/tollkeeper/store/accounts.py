"""Statements on accounts: lock them in order, make them, write them. For the ledger alone."""

import json
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from tollkeeper.store import arrays, bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch

KEY = (Col("customer_id"), Col("unit"))
STATE = (
    Col("available", "bigint"),
    Col("restricted", "bigint"),
    Col("held", "bigint"),
    Col("debt", "bigint"),
    Col("version", "bigint"),
    Col("overdraft", "bigint"),
    Col("merged_into"),
    Col("grants"),
    Col("due_at", "timestamptz"),
    Col("updated_at", "timestamptz"),
)
NEW = (
    *KEY,
    Col("available", "bigint"),
    Col("restricted", "bigint"),
    Col("held", "bigint"),
    Col("debt", "bigint"),
    Col("version", "bigint"),
    Col("grants"),
)
_STATE_BUT_DUE = tuple(column for column in STATE if column.name != "due_at")
#: Where a row tells when the account was last booked.
UPDATED_AT = len(KEY) + [column.name for column in STATE].index("updated_at")
_DUE = len(KEY) + [column.name for column in STATE].index("due_at")
#: What fills an account changes seldom, and is written only then.
ALLOWANCES = (Col("allowances"),)
_STATE_END = len(KEY) + len(STATE)
_COLUMNS = ", ".join(f"a.{column.name}" for column in KEY + STATE + ALLOWANCES)

#: Key first, then the state, then the allowances.
AccountRow = Sequence[Any]
Keys = Sequence[tuple[str, str]]


def lock_accounts(
    connection: Connection, database: Database, keys: Keys, *, skip_locked: bool
) -> Sequence[AccountRow]:
    """Lock accounts in bytewise order and give them as they are now; absent ones are left out.

    The lock and the row are the same one, so PostgreSQL gives the newest version after a wait; all
    else is loaded in later statements.
    """
    lock = "ORDER BY a.customer_id, a.unit FOR UPDATE OF a" if database.is_postgres else ""
    skip = " SKIP LOCKED" if database.is_postgres and skip_locked else ""
    return _read(connection, database, keys, lock + skip)


def read_accounts(connection: Connection, database: Database, keys: Keys) -> Sequence[AccountRow]:
    """Read accounts without a lock, all as they were at one moment; absent ones are left out."""
    return _read(connection, database, sorted(keys), "")


def _read(
    connection: Connection, database: Database, keys: Keys, lock: str
) -> Sequence[AccountRow]:
    if not keys:
        return []
    if len(keys) == 1:
        return _read_one(connection, database, keys[0], lock)
    if database.is_postgres and keys[0][0] == keys[-1][0]:  # they are sorted
        return _read_units(connection, database, keys, lock)
    columns = _COLUMNS if database.is_postgres else f"json_group_array(json_array({_COLUMNS}))"
    sql = f"""
        SELECT {columns}
        FROM {{given}}
        JOIN {database.name("account")} AS a
          ON a.customer_id = given.customer_id AND a.unit = given.unit
        {lock}"""  # noqa: S608  # names are ours
    rows = bulk.look_up(connection, database, sql, KEY, keys)
    # SQLite lets other threads run between two rows: here it gives all of them as one text.
    return rows if database.is_postgres else [tuple(row) for row in json.loads(rows[0][0])]


def _read_one(
    connection: Connection, database: Database, key: tuple[str, str], lock: str
) -> Sequence[AccountRow]:
    sql = f"""
        SELECT {_COLUMNS}
        FROM {database.name("account")} AS a
        WHERE a.customer_id = :customer AND a.unit = :unit
        {lock}"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": key[0], "unit": key[1]})


def _read_units(
    connection: Connection, database: Database, keys: Keys, lock: str
) -> Sequence[AccountRow]:
    """Read accounts of one customer, who is named by itself: Citus locks only what it can route."""
    sql = f"""
        SELECT {_COLUMNS}
        FROM {database.name("account")} AS a
        WHERE a.customer_id = :customer AND a.unit = ANY (CAST(CAST(:units AS text) AS text[]))
        {lock}"""  # noqa: S608  # names are ours
    units = arrays.texts([unit for _, unit in keys])
    return fetch(connection, sql, {"customer": keys[0][0], "units": units})


def existing(connection: Connection, database: Database, keys: Keys) -> set[tuple[str, str]]:
    """Tell which of these accounts exist, locked or not."""
    sql = f"""
        SELECT a.customer_id, a.unit
        FROM {{given}}
        JOIN {database.name("account")} AS a
          ON a.customer_id = given.customer_id AND a.unit = given.unit"""  # noqa: S608  # names are ours
    rows = bulk.look_up(connection, database, sql, KEY, keys)
    return {(row[0], row[1]) for row in rows}


def make_accounts(connection: Connection, database: Database, keys: Keys) -> None:
    """Make the accounts that do not exist yet, sorted, empty."""
    rows = [(customer, unit, 0, 0, 0, 0, 0, "[]") for customer, unit in sorted(keys)]
    bulk.insert(connection, database, "account", NEW, rows, ignore=True)


def write_accounts(
    connection: Connection,
    database: Database,
    rows: Sequence[Any],
    rescheduled: Set[tuple[str, str]],
) -> None:
    """Write the new state of accounts that were locked: key first, then the state.

    SQLite would take a row out of the index of what is due and put it back, even where it stays:
    there that column is written only for the `rescheduled`.
    """
    if database.is_postgres:
        states = [row[:_STATE_END] for row in rows]
        bulk.update(connection, database, "account", KEY, STATE, states)
        return
    moved = [row[:_STATE_END] for row in rows if row[:2] in rescheduled]
    still = [row[:_DUE] + row[_DUE + 1 : _STATE_END] for row in rows if row[:2] not in rescheduled]
    bulk.update(connection, database, "account", KEY, STATE, moved)
    bulk.update(connection, database, "account", KEY, _STATE_BUT_DUE, still)


def write_allowances(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write what fills accounts, from their whole rows."""
    some = [(*row[:2], row[_STATE_END]) for row in rows]
    bulk.update(connection, database, "account", KEY, ALLOWANCES, some)


def accounts_of(connection: Connection, database: Database, customer: str) -> Sequence[AccountRow]:
    """Read every account of a customer."""
    sql = f"""
        SELECT {_COLUMNS}
        FROM {database.name("account")} AS a
        WHERE a.customer_id = :customer
        ORDER BY a.unit"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer})


def read_account(
    connection: Connection, database: Database, customer: str, unit: str
) -> AccountRow | None:
    """Read one account without a lock."""
    rows = _read_one(connection, database, (customer, unit), "")
    return rows[0] if rows else None


def due_accounts(
    connection: Connection,
    database: Database,
    now: datetime,
    most: int,
    after: tuple[datetime, str, str] | None = None,
) -> Sequence[Any]:
    """Find accounts in which something is due: since when, and the key; longest due first.

    `after` is the last row of the page before, so that who stays due is met only once.
    """
    table = database.tables["account"]
    order = (table.c.due_at, table.c.customer_id, table.c.unit)
    query = select(*order).where(table.c.due_at <= now)
    if after is not None:
        query = query.where(tuple_(*order) > after)
    return connection.execute(query.order_by(*order).limit(most)).all()


def holdings(connection: Connection, database: Database, units: Sequence[str]) -> Sequence[Any]:
    """Sum what customers hold of some units: key, how many hold some, how much in all."""
    sql = f"""
        SELECT a.unit, count(*), sum(a.available + a.restricted + a.held)
        FROM {{given}}
        JOIN {database.name("account")} AS a ON a.unit = given.unit
        WHERE a.available + a.restricted + a.held > 0
        GROUP BY a.unit
        ORDER BY a.unit"""  # noqa: S608  # names are ours
    rows = [(unit,) for unit in units]
    return bulk.look_up(connection, database, sql, (Col("unit"),), rows)
