"""The second page of the schema: what charging, limits, usage, notices and metered calls keep.

The same conventions as the first page (`tables`): `customer_id` comes first in every key that
belongs to a customer, quantities and amounts are BIGINT at their scale, ids and times come from the
application. What belongs to nobody is a reference table.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from tollkeeper.store.types import Name, Utc


def tally(metadata: MetaData, prefix: str) -> None:
    """Hold a customer's running counts, and those of his members, keys and tags.

    The row is what a charge locks first. `state` is JSON: live plans, windows of limits, headroom
    that holds took, the running hour (see `ledger.tallies`).
    """
    Table(
        f"{prefix}tally",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("subject", Name(), nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("updated_at", Utc()),
        PrimaryKeyConstraint("customer_id", "subject"),
    )


def usage_event(metadata: MetaData, prefix: str) -> None:
    """Hold the immutable facts of use; a charge's has the operation's id, a recorded one its own.

    `counted_at` is the time that it counts by, `event_at` the time of use where that is another
    (NULL where it is the same). Of the quantity, `included`, `credits` and `wallet` were paid at
    once, and nobody could pay `unpaid` (NULL is 0); the rest is the later bill's. `spent` is the
    money that wallets paid, `owed` what the later bill asks. `amends` names the event that it takes
    the place of, `backfill` the backfill with which it came.
    """
    Table(
        f"{prefix}usage_event",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("feature", Name(), nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("counted_at", Utc(), nullable=False),
        Column("event_at", Utc()),
        Column("member", Name()),
        Column("api_key", Name()),
        Column("tags", Text),
        Column("dimensions", Text),
        Column("included", BigInteger),
        Column("credits", BigInteger),
        Column("wallet", BigInteger),
        Column("unpaid", BigInteger),
        Column("spent", BigInteger),
        Column("owed", BigInteger),
        Column("currency", Text),
        Column("amends", Name()),
        Column("backfill", Name()),
        Column("mark", Text),
        Column("fingerprint", Text),
        Column("created_at", Utc(), nullable=False),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(f"{prefix}usage_event_at", "customer_id", "feature", "counted_at"),
        Index(
            f"{prefix}usage_event_amends",
            "customer_id",
            "amends",
            unique=True,
            sqlite_where=text("amends IS NOT NULL"),
            postgresql_where=text("amends IS NOT NULL"),
        ),
        Index(
            f"{prefix}usage_event_backfill",
            "customer_id",
            "backfill",
            sqlite_where=text("backfill IS NOT NULL"),
            postgresql_where=text("backfill IS NOT NULL"),
        ),
    )


def usage_total(metadata: MetaData, prefix: str) -> None:
    """Hold what was used of a feature in one hour (UTC), and who paid which part of it.

    Use that cost money stands apart by its currency; "" is use that cost none. `maximum`, `last`
    and `last_at` are NULL where something of the hour was taken back: its events tell them.
    """
    Table(
        f"{prefix}usage_total",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("feature", Name(), nullable=False),
        Column("hour", Utc(), nullable=False),
        Column("currency", Name(), nullable=False),
        Column("events", BigInteger, nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("maximum", BigInteger),
        Column("last", BigInteger),
        Column("last_at", Utc()),
        Column("included", BigInteger, nullable=False),
        Column("credits", BigInteger, nullable=False),
        Column("wallet", BigInteger, nullable=False),
        Column("billed", BigInteger, nullable=False),
        Column("spent", BigInteger, nullable=False),
        Column("owed", BigInteger, nullable=False),
        PrimaryKeyConstraint("customer_id", "feature", "hour", "currency"),
    )


def backfill(metadata: MetaData, prefix: str) -> None:
    """Hold each customer's part of a backfill: open and unseen, closed and counted, or undone."""
    Table(
        f"{prefix}backfill",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("status", Text, nullable=False),
        Column("opened_at", Utc(), nullable=False),
        Column("closed_at", Utc()),
        Column("undone_at", Utc()),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(f"{prefix}backfill_id", "id"),
    )


def notice(metadata: MetaData, prefix: str) -> None:
    """Hold what the app is told, until it was; one row for each endpoint that is to hear of it.

    The order of a queue, which is all that one endpoint waits for of one customer, is `created_at`,
    `position`, `id`; who holds the lease of its first row holds the queue.
    """
    Table(
        f"{prefix}notice",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("endpoint", Name(), nullable=False),
        Column("kind", Name(), nullable=False),
        Column("payload", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("created_at", Utc(), nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("next_attempt_at", Utc()),
        Column("lease_until", Utc()),
        Column("leased_by", Text),
        Column("heard", Text),
        Column("error", Text),
        Column("concluded_at", Utc()),
        Column("keep_until", Utc(), nullable=False),
        PrimaryKeyConstraint("customer_id", "id", "endpoint"),
        Index(
            f"{prefix}notice_queue",
            "customer_id",
            "endpoint",
            "created_at",
            "position",
            "id",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            f"{prefix}notice_due",
            "endpoint",
            "kind",
            "next_attempt_at",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(f"{prefix}notice_keep", "keep_until"),
    )


def due_job(metadata: MetaData, prefix: str) -> None:
    """Hold when each job of a runner last ran, and how far it came; a reference table."""
    Table(
        f"{prefix}due_job",
        metadata,
        Column("name", Name(), primary_key=True),
        Column("ran_at", Utc()),
        Column("mark", Text),
        Column("lease_until", Utc()),
        Column("leased_by", Text),
    )


def charge_hold(metadata: MetaData, prefix: str) -> None:
    """Hold the charges that are set aside: pinned terms, and the part of each source of payment."""
    Table(
        f"{prefix}charge_hold",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("status", Text, nullable=False),
        Column("feature", Name(), nullable=False),
        Column("terms", Text, nullable=False),
        Column("parts", Text, nullable=False),
        Column("said", Text),
        Column("created_at", Utc(), nullable=False),
        Column("expires_at", Utc(), nullable=False),
        Column("settled", BigInteger),
        Column("closed_by", Name()),
        Column("closed_at", Utc()),
        PrimaryKeyConstraint("customer_id", "id"),
        # What is open lapses later than now: a list of it looks at no hold of the past.
        Index(f"{prefix}charge_hold_expires", "customer_id", "expires_at"),
    )


def metered_call(metadata: MetaData, prefix: str) -> None:
    """Hold each metered call of an AI vendor: its hold, what it used, cost and earned.

    `usage`, `rates`, `shares`, `said` and `further` are JSON (see `ledger.metered_calls`). `cost`
    is the vendor's, `revenue` what the customer's own money paid, each at its currency's scale;
    revenue in other currencies stands in `further`. `next_attempt_at` is when a job looks after a
    call that its process did not conclude; NULL is never.
    """
    Table(
        f"{prefix}metered_call",
        metadata,
        *_metered_columns(),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(
            f"{prefix}metered_call_key",
            "customer_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(f"{prefix}metered_call_model", "feature", "vendor", "asked_model", "created_at"),
        Index(f"{prefix}metered_call_created", "created_at"),
        Index(
            f"{prefix}metered_call_due",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
    )


def _metered_columns() -> list[Column[Any]]:
    """List what is kept of a metered call."""
    return [
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("idempotency_key", Name()),
        Column("fingerprint", Text),
        Column("feature", Name(), nullable=False),
        Column("vendor", Name()),
        Column("model", Name()),
        Column("asked_model", Name()),
        Column("member", Name()),
        Column("status", Text, nullable=False),
        Column("outcome", Text),
        Column("hold_id", Name(), nullable=False),
        Column("operation_id", Name()),
        Column("said", Text),
        Column("rates", Text),
        Column("usage", Text),
        Column("input_tokens", BigInteger),
        Column("output_tokens", BigInteger),
        Column("estimate", BigInteger, nullable=False),
        Column("quantity", BigInteger),
        Column("shares", Text),
        Column("cost", BigInteger),
        Column("cost_currency", Text),
        Column("revenue", BigInteger),
        Column("revenue_currency", Text),
        Column("further", Text),
        Column("marks", Text),
        Column("attempts", Integer, nullable=False),
        Column("created_at", Utc(), nullable=False),
        Column("next_attempt_at", Utc()),
        Column("lease_until", Utc()),
        Column("closed_at", Utc()),
    ]


def metered_result(metadata: MetaData, prefix: str) -> None:
    """Hold what a vendor answered to a metered call that may be replayed; personal, erasable."""
    Table(
        f"{prefix}metered_result",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", Utc(), nullable=False),
        PrimaryKeyConstraint("customer_id", "id"),
    )


TABLES = (
    tally,
    usage_event,
    usage_total,
    backfill,
    notice,
    due_job,
    charge_hold,
    metered_call,
    metered_result,
)
