"""Make the ledger: units, customers, accounts, grants, holds, operations. Frozen."""

import sqlalchemy as sa
from alembic.operations import Operations

from tollkeeper.store.migrations.distribution import distribution
from tollkeeper.store.migrations.place import Place

revision = "0001"
down_revision = None


def upgrade(op: Operations, place: Place) -> None:
    """Make each table, and distribute it before the tables that refer to it."""
    for plain, make in _TABLES.items():
        make(op, place)
        for statement in distribution(place, plain):
            op.execute(sa.text(statement))


def _unit(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}unit",
        sa.Column("key", _name(), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scale", sa.SmallInteger, nullable=False),
        sa.Column("overdraft", sa.BigInteger),
        sa.Column("created_at", _moment(), nullable=False),
        schema=place.schema,
    )


def _customer(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}customer",
        sa.Column("customer_id", _name(), primary_key=True),
        sa.Column("zone", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("organisation", _name()),
        sa.Column("merged_into", _name()),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=False),
        sa.Column("erased_at", _moment()),
        schema=place.schema,
    )


def _profile(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}profile",
        sa.Column("customer_id", _name(), primary_key=True),
        sa.Column("email", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("metadata", sa.Text),
        schema=place.schema,
    )


def _account(op: Operations, place: Place) -> None:
    customer = f"{place.prefix}customer.customer_id"
    op.create_table(
        f"{place.prefix}account",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("unit", _name(), nullable=False),
        sa.Column("available", sa.BigInteger, nullable=False),
        sa.Column("restricted", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("debt", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("overdraft", sa.BigInteger),
        sa.Column("merged_into", _name()),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("due_at", _moment()),
        sa.Column("updated_at", _moment()),
        sa.PrimaryKeyConstraint("customer_id", "unit"),
        sa.ForeignKeyConstraint(
            ["customer_id"], [f"{place.schema}.{customer}" if place.schema else customer]
        ),
        schema=place.schema,
    )
    op.create_index(
        f"{place.prefix}account_due", f"{place.prefix}account", ["due_at"], schema=place.schema
    )
    if place.is_postgres:
        # Room on each page for the next version of a row that every change writes. SQLAlchemy
        # itself can say so only since 2.1.
        op.execute(sa.text(f"ALTER TABLE {place.name('account')} SET (fillfactor = 50)"))


def _grant_fact(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}grant_fact",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("unit", _name(), nullable=False),
        sa.Column("operation_id", _name(), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("paid", _flag(), nullable=False),
        sa.Column("effective_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment()),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("cost_currency", sa.Text),
        sa.Column("features", sa.Text),
        sa.Column("origin", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )


def _hold(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}hold",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("unit", _name(), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("drawn", sa.Text, nullable=False),
        sa.Column("feature", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment()),
        sa.Column("settled", sa.BigInteger),
        sa.Column("closed_by", _name()),
        sa.Column("closed_at", _moment()),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    op.create_index(
        f"{place.prefix}hold_open",
        f"{place.prefix}hold",
        ["customer_id", "unit", "expires_at"],
        schema=place.schema,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )


def _operation(op: Operations, place: Place) -> None:
    # On SQLite the id comes first: it grows with time, and each random page costs there.
    key = ("customer_id", "id", "part") if place.schema else ("id", "part", "customer_id")
    op.create_table(
        f"{place.prefix}operation",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("part", sa.SmallInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("idempotency_key", _name()),
        sa.Column("fingerprint", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("event_at", _moment()),
        sa.Column("unit", _name()),
        sa.Column("version", sa.BigInteger),
        sa.Column("available_change", sa.BigInteger),
        sa.Column("restricted_change", sa.BigInteger),
        sa.Column("held_change", sa.BigInteger),
        sa.Column("debt_change", sa.BigInteger),
        sa.Column("available", sa.BigInteger),
        sa.Column("restricted", sa.BigInteger),
        sa.Column("held", sa.BigInteger),
        sa.Column("debt", sa.BigInteger),
        sa.Column("lines", sa.Text),
        sa.Column("mark", sa.Text),
        sa.Column("result", sa.Text),
        sa.PrimaryKeyConstraint(*key),
        *_operation_keys(place.prefix),
        schema=place.schema,
    )


def _operation_keys(prefix: str) -> tuple[sa.UniqueConstraint, ...]:
    return (
        sa.UniqueConstraint("customer_id", "idempotency_key", name=f"{prefix}operation_key"),
        sa.UniqueConstraint("customer_id", "unit", "version", name=f"{prefix}operation_version"),
    )


def _note(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}note",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("operation_id", _name(), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("actor", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.PrimaryKeyConstraint("customer_id", "operation_id"),
        schema=place.schema,
    )


def _name() -> sa.Text:
    """Give text that is compared byte by byte."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    """Give a UTC moment: timestamptz, or sortable text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def _flag() -> sa.Boolean:
    return sa.Boolean(create_constraint=False)


_TABLES = {
    "unit": _unit,
    "customer": _customer,
    "profile": _profile,
    "account": _account,
    "grant_fact": _grant_fact,
    "hold": _hold,
    "operation": _operation,
    "note": _note,
}
