"""The third page of the schema: what was sold and given away, and under which catalog.

The same conventions as the first page (`tables`). What must be known of all customers together,
such as how often a code was used or whose a payment is, stands in reference tables.
"""

from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table, Text

from tollkeeper.store.types import Flag, Name, Utc


def subscription(metadata: MetaData, prefix: str) -> None:
    """Hold which plans a customer has or had, from when to when, and what each gives him.

    `allowances` is JSON: what was sold, by unit, as it began; so is `moved_in`, the period in which
    the customer last moved to another zone, and `left_over`, what an end at once took back of the
    running period's allowances (see `ledger.subscriptions`).
    """
    Table(
        f"{prefix}subscription",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("id", Name(), nullable=False),
        Column("plan", Name(), nullable=False),
        Column("plan_group", Text, nullable=False),
        Column("is_add_on", Flag(), nullable=False),
        Column("is_free", Flag(), nullable=False),
        Column("price_interval", Text),
        Column("quantity", BigInteger, nullable=False),
        Column("catalog_version", Text, nullable=False),
        Column("anchor", Utc(), nullable=False),
        Column("zone", Text),
        Column("started_at", Utc(), nullable=False),
        Column("ends_at", Utc()),
        Column("payment_id", Text),
        Column("allowances", Text, nullable=False),
        Column("moved_in", Text),
        Column("left_over", Text),
        Column("created_at", Utc(), nullable=False),
        Column("updated_at", Utc(), nullable=False),
        PrimaryKeyConstraint("customer_id", "id"),
        Index(f"{prefix}subscription_plan", "plan", "customer_id", "id"),
        Index(f"{prefix}subscription_end", "ends_at", "customer_id", "id"),
    )


def redemption(metadata: MetaData, prefix: str) -> None:
    """Hold how often, and when, a customer has used each promotion."""
    Table(
        f"{prefix}redemption",
        metadata,
        Column("customer_id", Name(), nullable=False),
        Column("promotion", Name(), nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("redeemed_at", Utc(), nullable=False),
        Column("idempotency_key", Name()),
        PrimaryKeyConstraint("customer_id", "promotion", "number"),
    )


def promotion_count(metadata: MetaData, prefix: str) -> None:
    """Hold how often each promotion was used in all; a reference table."""
    Table(
        f"{prefix}promotion_count",
        metadata,
        Column("promotion", Name(), primary_key=True),
        Column("used", BigInteger, nullable=False),
    )


def payment_claim(metadata: MetaData, prefix: str) -> None:
    """Hold whose each payment is that bought something: one grant in all books (E3).

    A reference table: a payment is not a customer's before he has claimed it.
    """
    Table(
        f"{prefix}payment_claim",
        metadata,
        Column("payment_id", Name(), primary_key=True),
        Column("customer_id", Name(), nullable=False),
        Column("subscription_id", Name(), nullable=False),
        Column("claimed_at", Utc(), nullable=False),
    )


def catalog_version(metadata: MetaData, prefix: str) -> None:
    """Hold every catalog that anything was sold under, by the hash of its content."""
    Table(
        f"{prefix}catalog_version",
        metadata,
        Column("version", Name(), primary_key=True),
        Column("content", Text, nullable=False),
        Column("kept_at", Utc(), nullable=False),
    )


def catalog_application(metadata: MetaData, prefix: str) -> None:
    """Hold when each catalog was put into force, by whom and why; the last one holds."""
    Table(
        f"{prefix}catalog_application",
        metadata,
        Column("applied_at", Utc(), primary_key=True),
        Column("version", Name(), nullable=False),
        Column("actor", Text),
        Column("reason", Text),
    )


TABLES = (
    subscription,
    redemption,
    promotion_count,
    payment_claim,
    catalog_version,
    catalog_application,
)
