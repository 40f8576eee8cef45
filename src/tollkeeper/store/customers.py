"""Statements on customers and their personal text."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, exists, select

from tollkeeper.store import bulk, tallies
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database

KEY = (Col("customer_id"),)
NEW = (*KEY, Col("created_at", "timestamptz"), Col("updated_at", "timestamptz"))


class Standing(NamedTuple):
    """What decides whether a customer may open an account."""

    #: The customer into whom this one was merged.
    merged_into: str | None
    #: The one currency of the wallet; None until it is chosen.
    currency: str | None


def make_customers(
    connection: Connection, database: Database, customers: Iterable[str], now: datetime
) -> None:
    """Make the customers that do not exist yet, sorted, each with the tally of his own.

    Each charge locks that tally: one that the first charge had to make would be decided twice.
    """
    names = sorted(customers)
    rows = [(name, now, now) for name in names]
    bulk.insert(connection, database, "customer", NEW, rows, ignore=True)
    tallies.make_tallies(connection, database, [(name, "") for name in names])


def standings(
    connection: Connection,
    database: Database,
    customers: Iterable[str],
    *,
    lock: bool = False,
    skip_locked: bool = False,
) -> dict[str, Standing]:
    """Read who was merged and which currency a wallet has, locked in bytewise order if asked.

    Customers that do not exist are left out, and with `skip_locked` those that others have locked.
    SQLite has one writer, and needs no lock.
    """
    # NO KEY: what merely refers to a customer's key need not wait.
    rights = "FOR NO KEY UPDATE OF c" if lock and database.is_postgres else ""
    skip = " SKIP LOCKED" if rights and skip_locked else ""
    sql = f"""
        SELECT c.customer_id, c.merged_into, c.currency
        FROM {{given}}
        JOIN {database.name("customer")} AS c ON c.customer_id = given.customer_id
        ORDER BY c.customer_id
        {rights}{skip}"""  # noqa: S608  # names are ours
    rows = bulk.look_up(connection, database, sql, KEY, [(name,) for name in sorted(customers)])
    return {row[0]: Standing(row[1], row[2]) for row in rows}


def read_customers(
    connection: Connection, database: Database, customers: Iterable[str]
) -> Sequence[Row[Any]]:
    """Read customers with their personal text; tell whether they have any, and a wallet."""
    main, text = database.tables["customer"], database.tables["profile"]
    account = database.tables["account"]
    wallet = (
        exists()
        .where(account.c.customer_id == main.c.customer_id, account.c.unit.startswith("money:"))
        .correlate(main)
    )
    query = (
        select(
            main,
            text.c.email,
            text.c.name,
            text.c.metadata,
            text.c.customer_id.is_not(None).label("has_profile"),
            wallet.label("has_wallet"),
        )
        .outerjoin(text, text.c.customer_id == main.c.customer_id)
        .where(main.c.customer_id.in_(sorted(customers)))
    )
    return connection.execute(query).all()


def write_currencies(
    connection: Connection, database: Database, currencies: Mapping[str, str | None]
) -> None:
    """Write the currencies of customers' wallets, the new ones and those that stay."""
    rows = sorted(currencies.items())
    bulk.update(connection, database, "customer", KEY, (Col("currency"),), rows)


def write_customer(
    connection: Connection, database: Database, customer: str, values: Mapping[str, Any]
) -> None:
    """Change fields of a customer."""
    table = database.tables["customer"]
    connection.execute(table.update().where(table.c.customer_id == customer).values(**values))


def write_profile(
    connection: Connection, database: Database, customer: str, values: Mapping[str, Any]
) -> None:
    """Change fields of a customer's personal text; the customer is locked already."""
    table = database.tables["profile"]
    match = table.c.customer_id == customer
    if connection.execute(select(table.c.customer_id).where(match)).first() is None:
        connection.execute(table.insert().values(customer_id=customer, **values))
    else:
        connection.execute(table.update().where(match).values(**values))


def erase_text(connection: Connection, database: Database, customer: str) -> None:
    """Delete a customer's personal text: profile, notes beside operations, vendors' answers."""
    for name in ("profile", "note", "metered_result"):
        table = database.tables[name]
        connection.execute(table.delete().where(table.c.customer_id == customer))
