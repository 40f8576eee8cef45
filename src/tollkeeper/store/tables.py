"""The ledger's schema on one page; `charging_tables` and `sales_tables` are the others.

`store/migrations` makes them.
`customer_id` comes first in every key that belongs to a customer, so that the same schema can be
distributed by it (but for one key on SQLite, which is never distributed). Amounts are BIGINT at
their unit's scale; ids and times come from the application. In `operation` a NULL change or balance
means zero: absent numbers cost no bytes.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

from tollkeeper.store import charging_tables, sales_tables
from tollkeeper.store.types import Flag, Name, Utc


@dataclass(frozen=True, slots=True)
class Tables:
    """Our tables under one PostgreSQL schema or one SQLite prefix."""

    metadata: MetaData
    prefix: str
    schema: str | None

    def __getitem__(self, name: str) -> Table:
        """Give a table by its plain name."""
        key = f"{self.prefix}{name}"
        return self.metadata.tables[f"{self.schema}.{key}" if self.schema else key]


def define(schema: str | None, prefix: str) -> Tables:
    """Describe the schema under the given names."""
    metadata = MetaData(schema=schema)
    tables = Tables(metadata, prefix, schema)
    ledger = (_unit, _customer, _profile, _account, _grant, _hold, _operation, _note)
    for make in (*ledger, *charging_tables.TABLES, *sales_tables.TABLES):
        make(metadata, prefix)
    return tables


def _unit(metadata: MetaData, prefix: str) -> None:
    """Hold what amounts count; a reference table. No overdraft limit means unlimited."""
    Table(
        f"{prefix}unit",
        metadata,
        Column("key", Name(), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("scale", SmallInteger, nullable=False),
        Column("overdraft", BigInteger),
        Column("created_at", Utc(), nullable=False),
    )


def _customer(metadata: MetaData, prefix: str) -> None:
    """Hold whoever's balances we keep."""
    Table(
        f"{prefix}customer",
        metadata,
        Column("customer_id", Name(), primary_key=True),
        Column("zone", Text),
        Column("currency", Text),
        Column("organisation", Name()),
        Column("merged_into", Name()),
        Column("created_at", Utc(), nullable=False),
        Column("updated_at", Utc(), nullable=False),
        Column("erased_at", Utc()),
    )


def _profile(metadata: MetaData, prefix: str) -> None:
    """Hold a customer's personal text, apart, so that it can be erased."""
    Table(
        f"{prefix}profile",
        metadata,
        Column("customer_id", Name(), primary_key=True),
        Column("email", Text),
        Column("name", Text),
        Column("metadata", Text),
    )


def _account(metadata: MetaData, prefix: str) -> None:
    """Hold a customer's balance in one unit, with what remains of each open grant."""
    Table(
        f"{prefix}account",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("unit", Name(), nullable=False),
        Column("available", BigInteger, nullable=False),
        Column("restricted", BigInteger, nullable=False),
        Column("held", BigInteger, nullable=False),
        Column("debt", BigInteger, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("overdraft", BigInteger),
        Column("merged_into", Name()),
        Column("grants", Text, nullable=False),
        Column("due_at", Utc()),
        Column("updated_at", Utc()),
        Column("allowances", Text),
        PrimaryKeyConstraint("customer_id", "unit"),
        ForeignKeyConstraint(["customer_id"], [f"{_full(metadata, prefix)}customer.customer_id"]),
        Index(f"{prefix}account_due", "due_at"),
    )


def _grant(metadata: MetaData, prefix: str) -> None:
    """Hold what each grant is, for ever; what remains of it stands in its account."""
    Table(
        f"{prefix}grant_fact",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("unit", Name(), nullable=False),
        Column("operation_id", Name(), nullable=False),
        Column("amount", BigInteger, nullable=False),
        Column("source", Text, nullable=False),
        Column("source_id", Text),
        Column("priority", Integer, nullable=False),
        Column("paid", Flag(), nullable=False),
        Column("effective_at", Utc(), nullable=False),
        Column("expires_at", Utc()),
        Column("cost", BigInteger, nullable=False),
        Column("cost_currency", Text),
        Column("features", Text),
        Column("origin", Text),
        Column("created_at", Utc(), nullable=False),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(
            f"{prefix}grant_fact_expiring",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL"),
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
    )


def _hold(metadata: MetaData, prefix: str) -> None:
    """Hold what is set aside, and from which grants."""
    Table(
        f"{prefix}hold",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("unit", Name(), nullable=False),
        Column("status", Text, nullable=False),
        Column("drawn", Text, nullable=False),
        Column("feature", Text),
        Column("created_at", Utc(), nullable=False),
        Column("expires_at", Utc()),
        Column("settled", BigInteger),
        Column("closed_by", Name()),
        Column("closed_at", Utc()),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(
            f"{prefix}hold_open",
            "customer_id",
            "unit",
            "expires_at",
            sqlite_where=_open(),
            postgresql_where=_open(),
        ),
    )


def _operation(metadata: MetaData, prefix: str) -> None:
    """Hold operations and their entries, append-only: one row an entry, part 0 heads the operation.

    A row without a version is an operation that changed no balance.
    """
    Table(
        f"{prefix}operation",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("part", SmallInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("idempotency_key", Name()),
        Column("fingerprint", Text),
        Column("created_at", Utc(), nullable=False),
        Column("event_at", Utc()),
        Column("unit", Name()),
        Column("version", BigInteger),
        Column("available_change", BigInteger),
        Column("restricted_change", BigInteger),
        Column("held_change", BigInteger),
        Column("debt_change", BigInteger),
        Column("available", BigInteger),
        Column("restricted", BigInteger),
        Column("held", BigInteger),
        Column("debt", BigInteger),
        Column("lines", Text),
        Column("mark", Text),
        Column("result", Text),
        PrimaryKeyConstraint(*_operation_key(metadata)),
        UniqueConstraint("customer_id", "idempotency_key", name=f"{prefix}operation_key"),
        UniqueConstraint("customer_id", "unit", "version", name=f"{prefix}operation_version"),
    )


def _operation_key(metadata: MetaData) -> tuple[str, ...]:
    """Begin with the id on SQLite, where it grows with time: a random page costs most there."""
    if metadata.schema is None:
        return ("id", "part", "customer_id")
    return ("customer_id", "id", "part")


def _note(metadata: MetaData, prefix: str) -> None:
    """Hold the personal text beside an operation, apart, so that it can be erased."""
    Table(
        f"{prefix}note",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("operation_id", Name(), nullable=False),
        Column("reason", Text),
        Column("actor", Text),
        Column("metadata", Text),
        PrimaryKeyConstraint("customer_id", "operation_id"),
    )


def _full(metadata: MetaData, prefix: str) -> str:
    return f"{metadata.schema}.{prefix}" if metadata.schema else prefix


def _open() -> TextClause:
    return text("status = 'open'")
