"""Statements on metered calls: claim one, keep what is known of it, find what is due, sum up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    case,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgres
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from tollkeeper.store import bulk
from tollkeeper.store.columns import Col
from tollkeeper.store.database import Database
from tollkeeper.store.running import fetch
from tollkeeper.store.types import moment_text

Values = Mapping[str, Any]

_KEY = (Col("customer_id"), Col("id"))
#: What the end of a call changes; a release also takes its idempotency key away.
ENDED = (
    Col("status"),
    Col("quantity", "bigint"),
    Col("shares"),
    Col("marks"),
    Col("revenue", "bigint"),
    Col("revenue_currency"),
    Col("further"),
    Col("outcome"),
    Col("operation_id"),
    Col("usage"),
    Col("input_tokens", "bigint"),
    Col("output_tokens", "bigint"),
    Col("cost", "bigint"),
    Col("cost_currency"),
    Col("vendor"),
    Col("model"),
    Col("rates"),
    Col("closed_at", "timestamptz"),
    Col("next_attempt_at", "timestamptz"),
    Col("lease_until", "timestamptz"),
)
_RELEASED = (*ENDED, Col("idempotency_key"))
_RESULT = (*_KEY, Col("body"), Col("created_at", "timestamptz"))


def claim(connection: Connection, database: Database, values: Values) -> bool:
    """Write a new call; tell whether nobody has its key yet."""
    insert = insert_postgres if database.is_postgres else insert_sqlite
    statement = insert(_table(database)).values(**values).on_conflict_do_nothing()
    made = statement.returning(_table(database).c.id)
    return connection.execute(made).first() is not None


def change(
    connection: Connection,
    database: Database,
    key: tuple[str, str],
    statuses: Sequence[str],
    values: Values,
) -> bool:
    """Change a call that has one of these statuses; tell whether it has."""
    table = _table(database)
    statement = (
        table.update()
        .where(_is(table, key), table.c.status.in_(statuses))
        .values(**values)
        .returning(table.c.id)
    )
    return connection.execute(statement).first() is not None


def write_settled(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Close calls that are charged: key, then `ENDED`."""
    bulk.update(connection, database, "metered_call", _KEY, ENDED, rows)


def write_released(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Close calls that are not charged, and free their keys: key, `ENDED`, no key."""
    bulk.update(connection, database, "metered_call", _KEY, _RELEASED, rows)


def put_results(connection: Connection, database: Database, rows: Sequence[Any]) -> None:
    """Keep what vendors answered, once a call: key, body, when."""
    bulk.insert(connection, database, "metered_result", _RESULT, rows, ignore=True)


def forget(connection: Connection, database: Database, key: tuple[str, str]) -> None:
    """Delete a call that was refused before anything was held."""
    table = _table(database)
    connection.execute(table.delete().where(_is(table, key), table.c.status == "open"))


def by_id(connection: Connection, database: Database, key: tuple[str, str]) -> Row[Any] | None:
    """Read one call."""
    table = _table(database)
    return connection.execute(select(table).where(_is(table, key))).first()


def by_key(connection: Connection, database: Database, customer: str, name: str) -> Row[Any] | None:
    """Read the call that has an idempotency key."""
    table = _table(database)
    query = select(table).where(table.c.customer_id == customer, table.c.idempotency_key == name)
    return connection.execute(query).first()


def lease(
    connection: Connection, database: Database, now: datetime, until: datetime, most: int
) -> Sequence[tuple[str, str]]:
    """Take calls that are due and that nobody else is at, longest due first."""
    name = database.name("metered_call")
    sql = f"""
        UPDATE {name}
        SET lease_until = :until
        WHERE next_attempt_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
          AND (customer_id, id) IN (
            SELECT c.customer_id, c.id
            FROM {name} AS c
            WHERE c.next_attempt_at <= :now AND (c.lease_until IS NULL OR c.lease_until <= :now)
            ORDER BY c.next_attempt_at
            LIMIT :most
          )
        RETURNING customer_id, id"""  # noqa: S608  # names are ours
    values = {"now": _at(database, now), "until": _at(database, until), "most": most}
    return [(row[0], row[1]) for row in fetch(connection, sql, values)]


def recent_usages(
    connection: Connection, database: Database, feature: str, model: tuple[str, str], most: int
) -> Sequence[Any]:
    """Read what the last delivered calls of a feature and model used, latest first."""
    sql = f"""
        SELECT c.usage, c.quantity
        FROM {database.name("metered_call")} AS c
        WHERE c.feature = :feature AND c.vendor = :vendor AND c.asked_model = :model
          AND c.outcome = 'delivered' AND c.usage IS NOT NULL AND c.status = 'settled'
        ORDER BY c.created_at DESC
        LIMIT :most"""  # noqa: S608  # names are ours
    values = {"feature": feature, "vendor": model[0], "model": model[1], "most": most}
    return fetch(connection, sql, values)


def page(
    connection: Connection,
    database: Database,
    wanted: Values,
    before: tuple[datetime, str, str] | None,
    most: int,
) -> Sequence[Row[Any]]:
    """Read calls, newest first; `wanted` gives columns and what they must hold."""
    table = _table(database)
    order = (table.c.created_at, table.c.customer_id, table.c.id)
    query = select(table).where(*(table.c[name] == value for name, value in wanted.items()))
    if before is not None:
        query = query.where(tuple_(*order) < before)
    ordered = query.order_by(*(column.desc() for column in order)).limit(most)
    return connection.execute(ordered).all()


def sums(
    connection: Connection,
    database: Database,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    wanted: Values,
) -> Sequence[Row[Any]]:
    """Sum the closed calls of a span: by group, and by the currencies of cost and revenue."""
    table = _table(database)
    groups = [_group(table, name, database) for name in by]
    currencies = [table.c.cost_currency, table.c.revenue_currency]
    query = select(
        *groups,
        *currencies,
        func.count(),
        _count(table.c.marks.like("%estimated%")),
        _count(table.c.cost.is_(None) & (table.c.status == "settled")),
        func.coalesce(func.sum(table.c.input_tokens), 0),
        func.coalesce(func.sum(table.c.output_tokens), 0),
        func.coalesce(func.sum(table.c.cost), 0),
        func.coalesce(func.sum(table.c.revenue), 0),
    )
    return connection.execute(
        _in_span(query, table, since, until, wanted).group_by(*groups, *currencies)
    ).all()


def further(
    connection: Connection,
    database: Database,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    wanted: Values,
) -> Sequence[Row[Any]]:
    """Read the revenue in further currencies of the closed calls of a span; few have any."""
    table = _table(database)
    query = select(*(_group(table, name, database) for name in by), table.c.further)
    spanned = _in_span(query, table, since, until, wanted)
    return connection.execute(spanned.where(table.c.further.is_not(None))).all()


def put_result(
    connection: Connection, database: Database, key: tuple[str, str], body: str, now: datetime
) -> None:
    """Keep what a vendor answered, once."""
    table = database.tables["metered_result"]
    insert = insert_postgres if database.is_postgres else insert_sqlite
    values = {"customer_id": key[0], "id": key[1], "body": body, "created_at": now}
    connection.execute(insert(table).values(**values).on_conflict_do_nothing())


def result_of(connection: Connection, database: Database, key: tuple[str, str]) -> str | None:
    """Read what a vendor answered."""
    table = database.tables["metered_result"]
    query = select(table.c.body).where(table.c.customer_id == key[0], table.c.id == key[1])
    row = connection.execute(query).first()
    return row[0] if row else None


def _table(database: Database) -> Table:
    return database.tables["metered_call"]


def _is(table: Table, key: tuple[str, str]) -> ColumnElement[bool]:
    return (table.c.customer_id == key[0]) & (table.c.id == key[1])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _group(table: Table, name: str, database: Database) -> ColumnElement[Any]:
    if name == "customer":
        return table.c.customer_id
    if name != "day":
        return table.c[name]
    if database.is_postgres:
        moment = func.timezone(literal_column("'UTC'"), table.c.created_at)
        return func.to_char(moment, literal_column("'YYYY-MM-DD'"))
    return func.substr(table.c.created_at, literal_column("1"), literal_column("10"))


def _in_span(
    query: Select[Any], table: Table, since: datetime, until: datetime, wanted: Values
) -> Select[Any]:
    conditions = [table.c[name] == value for name, value in wanted.items()]
    return query.where(
        table.c.created_at >= since,
        table.c.created_at < until,
        table.c.status.in_(("settled", "released")),
        *conditions,
    )


def _at(database: Database, moment: datetime) -> Any:
    return moment if database.is_postgres else moment_text(moment)
