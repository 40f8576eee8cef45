"""Statements on subscriptions: write and read them, count them; claim the payments behind them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch
from tollkeeper.store.types import moment_text

COLUMNS = (
    Col("customer_id"),
    Col("id"),
    Col("plan"),
    Col("plan_group"),
    Col("is_add_on", "boolean"),
    Col("is_free", "boolean"),
    Col("price_interval"),
    Col("quantity", "bigint"),
    Col("catalog_version"),
    Col("anchor", "timestamptz"),
    Col("zone"),
    Col("started_at", "timestamptz"),
    Col("ends_at", "timestamptz"),
    Col("payment_id"),
    Col("allowances"),
    Col("moved_in"),
    Col("left_over"),
    Col("created_at", "timestamptz"),
    Col("updated_at", "timestamptz"),
)
#: What may change of a subscription that is there.
CHANGING = ("zone", "ends_at", "allowances", "moved_in", "left_over", "updated_at")

#: A payment that bought something.
CLAIM = (
    Col("payment_id"),
    Col("customer_id"),
    Col("subscription_id"),
    Col("claimed_at", "timestamptz"),
)

_SELECTED = ", ".join(f"s.{column.name}" for column in COLUMNS)


def write_subscriptions(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Write subscriptions as they are now: new ones, and those that changed."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in CHANGING)
    merging = f"ON CONFLICT (customer_id, id) DO UPDATE SET {changes}"
    bulk.merge(connection, database, "subscription", COLUMNS, rows, merging)


def claim_payments(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Claim payments; the key refuses one that another transaction has claimed meanwhile."""
    bulk.insert(connection, database, "payment_claim", CLAIM, rows)


def claimed_by(connection: Connection, database: Database, payment: str) -> str | None:
    """Tell which customer has claimed a payment; None where nobody has."""
    sql = f"""
        SELECT p.customer_id
        FROM {database.name("payment_claim")} AS p
        WHERE p.payment_id = :payment"""  # noqa: S608  # names are ours
    rows = fetch(connection, sql, {"payment": payment})
    return str(rows[0][0]) if rows else None


def of_customer(connection: Connection, database: Database, customer: str) -> Sequence[Any]:
    """Read every subscription that a customer has or had, the first taken first."""
    sql = f"""
        SELECT {_SELECTED}
        FROM {database.name("subscription")} AS s
        WHERE s.customer_id = :customer
        ORDER BY s.id"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"customer": customer})


def by_ids(
    connection: Connection, database: Database, keys: Sequence[tuple[str, str]]
) -> Sequence[Sequence[Any]]:
    """Read subscriptions by (customer, id); behind each stands the customer's own currency."""
    sql = f"""
        SELECT {_SELECTED}, c.currency
        FROM {{given}}
        JOIN {database.name("subscription")} AS s
          ON s.customer_id = given.customer_id AND s.id = given.id
        JOIN {database.name("customer")} AS c ON c.customer_id = s.customer_id"""  # noqa: S608  # names are ours
    return bulk.look_up(connection, database, sql, (Col("customer_id"), Col("id")), keys)


def page(
    connection: Connection,
    database: Database,
    now: datetime,
    *,
    plans: Sequence[str],
    after: tuple[str, str],
    most: int,
) -> Sequence[Any]:
    """Read live subscriptions of some plans, customer by customer, after a key."""
    marks = ", ".join(f":plan{number}" for number in range(len(plans)))
    sql = f"""
        SELECT {_SELECTED}
        FROM {database.name("subscription")} AS s
        WHERE s.plan IN ({marks})
          AND (s.ends_at IS NULL OR s.ends_at > :now)
          AND (s.customer_id, s.id) > (:customer, :subscription)
        ORDER BY s.customer_id, s.id
        LIMIT {int(most)}"""  # noqa: S608  # names are ours
    values = {f"plan{number}": plan for number, plan in enumerate(plans)}
    given = {"now": _at(database, now), "customer": after[0], "subscription": after[1]}
    return fetch(connection, sql, values | given)


def ended(
    connection: Connection,
    database: Database,
    after: tuple[datetime, str, str],
    until: datetime,
    most: int,
) -> list[tuple[datetime, str, str]]:
    """Find subscriptions that ended after a place in their order, and by a moment."""
    table = database.tables["subscription"]
    order = (table.c.ends_at, table.c.customer_id, table.c.id)
    query = (
        select(*order)
        .where(table.c.ends_at <= until, tuple_(*order) > after)
        .order_by(*order)
        .limit(most)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def counts(connection: Connection, database: Database, now: datetime) -> Sequence[Any]:
    """Count live subscriptions by plan, catalog version, interval, quantity and own currency."""
    sql = f"""
        SELECT s.plan, s.catalog_version, s.price_interval, s.quantity, c.currency, count(*)
        FROM {database.name("subscription")} AS s
        JOIN {database.name("customer")} AS c ON c.customer_id = s.customer_id
        WHERE s.ends_at IS NULL OR s.ends_at > :now
        GROUP BY s.plan, s.catalog_version, s.price_interval, s.quantity, c.currency
        ORDER BY s.plan, s.catalog_version"""  # noqa: S608  # names are ours
    return fetch(connection, sql, {"now": _at(database, now)})


def _at(database: Database, moment: datetime) -> Any:
    return moment if database.is_postgres else moment_text(moment)


def customers(
    connection: Connection, database: Database, now: datetime, *, plans: Sequence[str]
) -> int:
    """Count the customers with a live subscription of some plans."""
    marks = ", ".join(f":plan{number}" for number in range(len(plans)))
    sql = f"""
        SELECT count(DISTINCT s.customer_id)
        FROM {database.name("subscription")} AS s
        WHERE s.plan IN ({marks}) AND (s.ends_at IS NULL OR s.ends_at > :now)"""  # noqa: S608  # names are ours
    values = {f"plan{number}": plan for number, plan in enumerate(plans)}
    return int(fetch(connection, sql, values | {"now": _at(database, now)})[0][0])
