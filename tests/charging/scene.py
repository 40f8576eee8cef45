"""What the tests of charging look at: whole tables before and after, tallies, usage rows, plans.

Everything here reads or writes the tables themselves, so that no door of the product stands between
a test and the truth.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, text

from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import TollkeeperError
from tollkeeper.store.database import describe
from tollkeeper.values.moments import from_microseconds

START = datetime(2026, 3, 10, 12, tzinfo=UTC)

#: Every table that a charge may write to.
TABLES = (
    "unit",
    "customer",
    "profile",
    "account",
    "grant_fact",
    "hold",
    "operation",
    "note",
    "tally",
    "usage_event",
    "usage_total",
    "notice",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """Books on one database, with a clock that each test sets."""

    billing: Billing
    engine: Engine
    clock: FixedClock
    url: str

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def table(self, name: str) -> str:
        """Name a table in SQL."""
        return f"tollkeeper_{name}" if self.is_sqlite else f"tollkeeper.{name}"

    def rows(self, name: str, customer: str | None = None) -> list[Row]:
        """Read a table, or one customer's part of it."""
        only = "" if customer is None else "WHERE customer_id = :customer"
        with self.engine.connect() as connection:
            found = connection.execute(
                text(f"SELECT * FROM {self.table(name)} {only}"),
                {"customer": customer} if customer else {},
            )
            return [dict(row) for row in found.mappings()]

    def everything(self, customer: str) -> dict[str, list[str]]:
        """Read all that the tables hold of a customer, as texts in order, and the units."""
        found = {name: self.rows(name, customer) for name in TABLES if name != "unit"}
        found["unit"] = self.rows("unit")
        return {name: sorted(map(repr, rows)) for name, rows in found.items()}

    def money(self, customer: str) -> Decimal:
        """What there is in his wallet."""
        balance = self.billing.wallet.balance(customer)
        return balance.available if balance else Decimal(0)

    @contextmanager
    def nothing_is_written(self, *customers: str) -> Iterator[None]:
        """Whatever happens inside leaves every row of these customers as it was."""
        before = [self.everything(customer) for customer in customers]
        yield
        assert [self.everything(customer) for customer in customers] == before

    def state(self, customer: str, subject: str = "") -> dict[str, Any]:
        """Read what a tally holds; nothing where there is none."""
        for row in self.rows("tally", customer):
            if row["subject"] == subject:
                state: dict[str, Any] = json.loads(row["state"])
                return state
        return {}

    def counters(self, customer: str, subject: str = "") -> dict[str, int]:
        """Read how much each counter of a tally has, whether its window is over or not."""
        return {name: used for name, _, _, used in self.state(customer, subject).get("c", ())}

    def put_on(self, customer: str, *plans: tuple[str, int, int] | str) -> None:
        """Put a customer on plans: keys, or keys with when they begin and end (0 for never).

        The anchor is the first of the month in UTC, so that billing periods are months.
        """
        anchor = micro(START.replace(day=1, hour=0))
        cells = [(plan, anchor, 0) if isinstance(plan, str) else plan for plan in plans]
        made = [[key, f"sub_{key}", "", began, "month", 0, 0, ends] for key, began, ends in cells]
        state = self.state(customer) | {"p": made}
        name = self.table("tally")
        with self.engine.begin() as connection:
            self._make_customer(connection, customer)
            change = f"UPDATE {name} SET state = :state, version = version + 1"
            values = {"state": json.dumps(state), "customer": customer}
            where = "WHERE customer_id = :customer AND subject = ''"
            connection.execute(text(f"{change} {where}"), values)
            self._sell(connection, customer, cells)

    def _sell(self, connection: Any, customer: str, plans: list[tuple[str, int, int]]) -> None:
        """Write the subscriptions that the tally tells of: each plan is sold, and fills nothing."""
        table = describe(self.engine.dialect.name).tables["subscription"]
        connection.execute(delete(table).where(table.c.customer_id == customer))
        for key, began, ends in plans:
            start = from_microseconds(began)
            sold = {
                "customer_id": customer,
                "id": f"sub_{key}",
                "plan": key,
                "plan_group": key,
                "is_add_on": False,
                "is_free": False,
                "price_interval": "month",
                "quantity": 1,
                "catalog_version": "",
                "anchor": start,
                "started_at": start,
                "ends_at": from_microseconds(ends) if ends else None,
                "allowances": "[]",
                "created_at": start,
                "updated_at": start,
            }
            connection.execute(insert(table).values(sold))

    def _make_customer(self, connection: Any, customer: str) -> None:
        there = f"SELECT 1 FROM {self.table('customer')} WHERE customer_id = :customer"
        if connection.execute(text(there), {"customer": customer}).first() is None:
            self.billing.customers.create(customer)

    def audited(self, *customers: str) -> None:
        """Prove customers' books: by the audit, and by what their usage rows add up to."""
        for customer in customers:
            report = self.billing.books.audit(customer=customer)
            assert report.ok, report.findings
            assert self.totals(customer) == self.by_events(customer)
            for event in self.rows("usage_event", customer):
                parts = [event[part] or 0 for part in ("included", "credits", "wallet")]
                assert min(parts) >= 0
                assert sum(parts) <= event["quantity"]

    def totals(self, customer: str) -> Counter[tuple[Any, ...]]:
        """Sum what is kept of the hours that are over, and what runs."""
        summed: Counter[tuple[Any, ...]] = Counter()
        for row in self.rows("usage_total", customer):
            hour = micro(moment(row["hour"]))
            _add(summed, hour, row["feature"], [row[name] for name in SUMS])
        hour, running = self.state(customer).get("t", (0, ()))
        for feature, events, quantity, _, _, _, *sums, _ in running:
            _add(summed, hour, feature, [events, quantity, *sums])
        return summed

    def by_events(self, customer: str) -> Counter[tuple[Any, ...]]:
        """Sum the same from the events themselves."""
        summed: Counter[tuple[Any, ...]] = Counter()
        for row in self.rows("usage_event", customer):
            at = micro(moment(row["counted_at"]))
            named = ("included", "credits", "wallet", "spent", "owed")
            included, credited, wallet, spent, owed = (row[name] or 0 for name in named)
            billed = row["quantity"] - included - credited - wallet - (row["unpaid"] or 0)
            cells = [1, row["quantity"], included, credited, wallet, billed, spent, owed]
            _add(summed, at - at % HOUR, row["feature"], cells)
        return summed


HOUR = 3_600_000_000
SUMS = ("events", "quantity", "included", "credits", "wallet", "billed", "spent", "owed")


def _add(summed: Counter[tuple[Any, ...]], hour: int, feature: str, cells: Sequence[int]) -> None:
    for name, amount in zip(SUMS, cells, strict=True):
        if amount:
            summed[(hour, feature, name)] += amount


def moment(value: Any) -> datetime:
    """Read a moment as either database gives it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    made: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
    return made


def micro(at: datetime) -> int:
    """Count the microseconds since 1970."""
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 + at.microsecond


def paid(receipt: Any) -> list[tuple[str, Any, Any]]:
    """List who paid which quantity, with which amount."""
    return [(share.source, share.quantity, share.amount) for share in receipt.shares]


def refused(code: str, call: Callable[..., Any], *given: Any, **options: Any) -> TollkeeperError:
    """Make a call that must be refused, with this code and a message for people."""
    with pytest.raises(TollkeeperError) as refusal:
        call(*given, **options)
    error = refusal.value
    assert error.code == code, f"{error!r} has the code {error.code}"
    assert error.message
    assert len(error.message) < 500
    return error
