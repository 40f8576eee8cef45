"""What tables say of the books: balances, entries, grants and customers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, moment, number
from tollkeeper.values.texts import canonical_json

if TYPE_CHECKING:
    from tollkeeper.values.books import Balance, Entry, Page
    from tollkeeper.values.customers import Customer
    from tollkeeper.values.grants import Grant


def balances(found: "Sequence[Balance]") -> list[Part]:
    """Show balances, a line a unit."""
    columns = (
        Column("Unit"),
        Column("Available", is_number=True),
        Column("Held", is_number=True),
        Column("Restricted", is_number=True, drop=1),
        Column("Debt", is_number=True),
        Column("Overdraft", is_number=True, drop=2),
    )
    rows = tuple(
        (
            balance.unit.currency or balance.unit.key,
            *(
                number(each, balance.unit)
                for each in (balance.available, balance.held, balance.restricted, balance.debt)
            ),
            _overdraft(balance),
        )
        for balance in found
    )
    return [Sheet(columns=columns, rows=rows, empty="No balances.")]


def history(page: "Page") -> list[Part]:
    """Show entries, newest first."""
    columns = (
        Column("Booked at"),
        Column("Kind"),
        Column("Unit", drop=2),
        Column("Change", is_number=True),
        Column("Available", is_number=True),
        Column("Held", is_number=True, drop=1),
        Column("Debt", is_number=True, drop=4),
        Column("Mark", drop=3),
        Column("Operation", drop=5),
    )
    rows = tuple(_entry(entry) for entry in page.entries)
    note = f"More: --cursor {page.next_cursor}" if page.next_cursor else None
    return [Sheet(columns=columns, rows=rows, empty="No entries.", note=note)]


def grants(found: "Sequence[Grant]") -> list[Part]:
    """Show grants, oldest first."""
    columns = (
        Column("Grant"),
        Column("Unit", drop=3),
        Column("Remaining", is_number=True),
        Column("Of", is_number=True, drop=1),
        Column("Source", drop=4),
        Column("Priority", is_number=True, drop=5),
        Column("Effective at", drop=6),
        Column("Expires at"),
        Column("Only for", drop=2),
    )
    rows = tuple(
        (
            grant.id,
            grant.unit.currency or grant.unit.key,
            number(grant.remaining, grant.unit),
            number(grant.amount, grant.unit),
            grant.source,
            str(grant.priority),
            moment(grant.effective_at),
            moment(grant.expires_at),
            ", ".join(grant.features),
        )
        for grant in found
    )
    return [Sheet(columns=columns, rows=rows, empty="No grants.")]


def customer(found: "Customer") -> list[Part]:
    """Show what is known of a customer, and nothing of what is not."""
    told: list[tuple[str, str | None]] = [
        ("customer", found.id),
        ("name", found.name),
        ("e-mail", found.email),
        ("currency", found.currency),
        ("zone", found.zone),
        ("organisation", found.organisation),
        ("merged into", found.merged_into),
        ("metadata", canonical_json(dict(found.metadata)) if found.metadata else None),
        ("created at", moment(found.created_at)),
        ("updated at", moment(found.updated_at)),
        ("erased at", moment(found.erased_at) if found.erased_at else None),
    ]
    return [Facts(tuple((name, text) for name, text in told if text))]


def _overdraft(balance: "Balance") -> str:
    """Write the account's own limit; nothing where it has none and the unit's counts."""
    limit = balance.overdraft
    return number(limit, balance.unit) if isinstance(limit, Decimal) else limit or ""


def _entry(entry: "Entry") -> tuple[str, ...]:
    return (
        moment(entry.created_at),
        entry.kind,
        entry.unit.currency or entry.unit.key,
        number(entry.amount, entry.unit, signed=True),
        number(entry.balance.available, entry.unit),
        number(entry.balance.held, entry.unit),
        number(entry.balance.debt, entry.unit),
        entry.mark or "",
        entry.operation_id,
    )
