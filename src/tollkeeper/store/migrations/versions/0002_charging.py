"""Make what charging keeps: tallies, plans, usage, notices, metered calls, catalogs. Frozen."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from tollkeeper.store.migrations.distribution import distribution
from tollkeeper.store.migrations.place import Place

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations, place: Place) -> None:
    """Make each table, and distribute it; let accounts keep the allowances that fill them."""
    account = f"{place.prefix}account"
    op.add_column(account, sa.Column("allowances", sa.Text), schema=place.schema)
    for plain, make in _TABLES.items():
        make(op, place)
        for statement in distribution(place, plain):
            op.execute(sa.text(statement))
    _fill_tallies(op, place)


def _fill_tallies(op: Operations, place: Place) -> None:
    """Give every customer who is there the tally of his own that new ones are made with."""
    tally, customer = place.name("tally"), place.name("customer")
    columns = "customer_id, subject, version, state"
    sql = f"INSERT INTO {tally} ({columns}) SELECT customer_id, '', 0, '{{}}' FROM {customer}"  # noqa: S608  # names are ours
    op.execute(sa.text(sql))


def _tally(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}tally",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("subject", _name(), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("updated_at", _moment()),
        sa.PrimaryKeyConstraint("customer_id", "subject"),
        schema=place.schema,
    )
    if place.is_postgres:
        # Every charge writes the row anew: room on its page for the next version.
        op.execute(sa.text(f"ALTER TABLE {place.name('tally')} SET (fillfactor = 50)"))


def _subscription(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}subscription",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("plan", _name(), nullable=False),
        sa.Column("plan_group", sa.Text, nullable=False),
        sa.Column("is_add_on", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("is_free", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("price_interval", sa.Text),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("catalog_version", sa.Text, nullable=False),
        sa.Column("anchor", _moment(), nullable=False),
        sa.Column("zone", sa.Text),
        sa.Column("started_at", _moment(), nullable=False),
        sa.Column("ends_at", _moment()),
        sa.Column("payment_id", sa.Text),
        sa.Column("allowances", sa.Text, nullable=False),
        sa.Column("moved_in", sa.Text),
        sa.Column("left_over", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    _index(op, place, "subscription", "plan", ["plan", "customer_id", "id"])
    _index(op, place, "subscription", "end", ["ends_at", "customer_id", "id"])


def _usage_event(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}usage_event",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("feature", _name(), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("counted_at", _moment(), nullable=False),
        sa.Column("event_at", _moment()),
        sa.Column("member", _name()),
        sa.Column("api_key", _name()),
        sa.Column("tags", sa.Text),
        sa.Column("dimensions", sa.Text),
        sa.Column("included", sa.BigInteger),
        sa.Column("credits", sa.BigInteger),
        sa.Column("wallet", sa.BigInteger),
        sa.Column("unpaid", sa.BigInteger),
        sa.Column("spent", sa.BigInteger),
        sa.Column("owed", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("amends", _name()),
        sa.Column("backfill", _name()),
        sa.Column("mark", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    _index(op, place, "usage_event", "at", ["customer_id", "feature", "counted_at"])
    for name, unique in (("amends", True), ("backfill", False)):
        _index(
            op,
            place,
            "usage_event",
            name,
            ["customer_id", name],
            unique=unique,
            where=f"{name} IS NOT NULL",
        )


def _usage_total(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}usage_total",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("feature", _name(), nullable=False),
        sa.Column("hour", _moment(), nullable=False),
        sa.Column("currency", _name(), nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("maximum", sa.BigInteger),
        sa.Column("last", sa.BigInteger),
        sa.Column("last_at", _moment()),
        sa.Column("included", sa.BigInteger, nullable=False),
        sa.Column("credits", sa.BigInteger, nullable=False),
        sa.Column("wallet", sa.BigInteger, nullable=False),
        sa.Column("billed", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("owed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "feature", "hour", "currency"),
        schema=place.schema,
    )


def _backfill(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}backfill",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("opened_at", _moment(), nullable=False),
        sa.Column("closed_at", _moment()),
        sa.Column("undone_at", _moment()),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    _index(op, place, "backfill", "id", ["id"])


def _notice(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}notice",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("endpoint", _name(), nullable=False),
        sa.Column("kind", _name(), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("next_attempt_at", _moment()),
        sa.Column("lease_until", _moment()),
        sa.Column("leased_by", sa.Text),
        sa.Column("heard", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("concluded_at", _moment()),
        sa.Column("keep_until", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id", "endpoint"),
        schema=place.schema,
    )
    queue = ["customer_id", "endpoint", "created_at", "position", "id"]
    for name, columns in (("queue", queue), ("due", ["endpoint", "kind", "next_attempt_at"])):
        _index(op, place, "notice", name, columns, where="status = 'waiting'")
    _index(op, place, "notice", "keep", ["keep_until"])


def _due_job(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}due_job",
        sa.Column("name", _name(), primary_key=True),
        sa.Column("ran_at", _moment()),
        sa.Column("mark", sa.Text),
        sa.Column("lease_until", _moment()),
        sa.Column("leased_by", sa.Text),
        schema=place.schema,
    )
    # A warning before a grant's end finds the grants by it.
    _index(op, place, "grant_fact", "expiring", ["expires_at"], where="expires_at IS NOT NULL")


def _charge_hold(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}charge_hold",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("feature", _name(), nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("said", sa.Text),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("expires_at", _moment(), nullable=False),
        sa.Column("settled", sa.BigInteger),
        sa.Column("closed_by", _name()),
        sa.Column("closed_at", _moment()),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    _index(op, place, "charge_hold", "expires", ["customer_id", "expires_at"])


def _metered_call(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}metered_call",
        *_metered_columns(),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )
    _metered_indexes(op, place)


def _metered_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("idempotency_key", _name()),
        sa.Column("fingerprint", sa.Text),
        sa.Column("feature", _name(), nullable=False),
        sa.Column("vendor", _name()),
        sa.Column("model", _name()),
        sa.Column("asked_model", _name()),
        sa.Column("member", _name()),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("hold_id", _name(), nullable=False),
        sa.Column("operation_id", _name()),
        sa.Column("said", sa.Text),
        sa.Column("rates", sa.Text),
        sa.Column("usage", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("estimate", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("shares", sa.Text),
        sa.Column("cost", sa.BigInteger),
        sa.Column("cost_currency", sa.Text),
        sa.Column("revenue", sa.BigInteger),
        sa.Column("revenue_currency", sa.Text),
        sa.Column("further", sa.Text),
        sa.Column("marks", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("next_attempt_at", _moment()),
        sa.Column("lease_until", _moment()),
        sa.Column("closed_at", _moment()),
    ]


def _metered_indexes(op: Operations, place: Place) -> None:
    _index(
        op,
        place,
        "metered_call",
        "key",
        ["customer_id", "idempotency_key"],
        unique=True,
        where="idempotency_key IS NOT NULL",
    )
    _index(op, place, "metered_call", "model", ["feature", "vendor", "asked_model", "created_at"])
    _index(op, place, "metered_call", "created", ["created_at"])
    _index(
        op, place, "metered_call", "due", ["next_attempt_at"], where="next_attempt_at IS NOT NULL"
    )


def _metered_result(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}metered_result",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("id", _name(), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id"),
        schema=place.schema,
    )


def _redemption(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}redemption",
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("promotion", _name(), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("redeemed_at", _moment(), nullable=False),
        sa.Column("idempotency_key", _name()),
        sa.PrimaryKeyConstraint("customer_id", "promotion", "number"),
        schema=place.schema,
    )


def _promotion_count(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}promotion_count",
        sa.Column("promotion", _name(), primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
        schema=place.schema,
    )


def _payment_claim(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}payment_claim",
        sa.Column("payment_id", _name(), primary_key=True),
        sa.Column("customer_id", _name(), nullable=False),
        sa.Column("subscription_id", _name(), nullable=False),
        sa.Column("claimed_at", _moment(), nullable=False),
        schema=place.schema,
    )


def _catalog_version(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}catalog_version",
        sa.Column("version", _name(), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("kept_at", _moment(), nullable=False),
        schema=place.schema,
    )


def _catalog_application(op: Operations, place: Place) -> None:
    op.create_table(
        f"{place.prefix}catalog_application",
        sa.Column("applied_at", _moment(), primary_key=True),
        sa.Column("version", _name(), nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("reason", sa.Text),
        schema=place.schema,
    )


def _index(
    op: Operations,
    place: Place,
    table: str,
    name: str,
    columns: list[str],
    *,
    unique: bool = False,
    where: str | None = None,
) -> None:
    """Make an index, perhaps of some rows alone."""
    only = None if where is None else sa.text(where)
    op.create_index(
        f"{place.prefix}{table}_{name}",
        f"{place.prefix}{table}",
        columns,
        schema=place.schema,
        unique=unique,
        sqlite_where=only,
        postgresql_where=only,
    )


def _name() -> sa.Text:
    """Give text that is compared byte by byte."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    """Give a UTC moment: timestamptz, or sortable text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


_TABLES = {
    "tally": _tally,
    "subscription": _subscription,
    "usage_event": _usage_event,
    "usage_total": _usage_total,
    "backfill": _backfill,
    "notice": _notice,
    "due_job": _due_job,
    "charge_hold": _charge_hold,
    "metered_call": _metered_call,
    "metered_result": _metered_result,
    "redemption": _redemption,
    "promotion_count": _promotion_count,
    "payment_claim": _payment_claim,
    "catalog_version": _catalog_version,
    "catalog_application": _catalog_application,
}
