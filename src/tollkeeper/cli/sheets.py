"""What a table says, as plain data: titles and cells. Knows no terminal; `screen` draws it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tollkeeper.values.amounts import MAXIMUM, from_scaled
from tollkeeper.values.currencies import currency
from tollkeeper.values.texts import canonical_json
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.values.books import Balance, Entry, Grant, Page
    from tollkeeper.values.customers import Customer
    from tollkeeper.values.receipts import Receipt

#: A column that stays however narrow the terminal is.
ALWAYS: Final = 0
#: Verbs that go up or down; of all others the verb tells the direction.
CORRECTIONS: Final = ("adjust", "set_balance", "reverse")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; of a table that is too wide, those with the highest `drop` are left out first."""

    title: str
    #: Whether it holds numbers, which are set to the right.
    is_number: bool = False
    drop: int = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: columns, rows of texts, and a line below it."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    #: Stands instead of the table where there are no rows.
    empty: str = "Nothing."
    #: Stands below the table.
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, one a line."""

    pairs: tuple[tuple[str, str], ...]


Part = Sheet | Facts | str


def number(amount: Decimal, unit: Unit | None = None, *, signed: bool = False) -> str:
    """Write an amount for people: thousands apart, money with its cents, never an exponent.

    >>> number(Decimal("12345.50")), number(Decimal("3"), signed=True)
    ('12,345.5', '+3')
    >>> from tollkeeper.values.units import currency_unit
    >>> number(Decimal("2.5"), currency_unit("eur"))
    '2.50'
    """
    text = f"{amount:+,f}" if signed else f"{amount:,f}"
    whole, _, decimals = text.partition(".")
    least = currency(unit.currency).exponent if unit and unit.currency else 0
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


def counted(count: int, one: str, many: str) -> str:
    """Write how many there are.

    >>> counted(1, "entry", "entries"), counted(2000, "entry", "entries")
    ('1 entry', '2,000 entries')
    """
    return f"{count:,} {one if count == 1 else many}"


def moment(value: datetime | None) -> str:
    """Write a time in UTC to the second.

    >>> moment(datetime(2026, 6, 1, 12, tzinfo=UTC)), moment(None)
    ('2026-06-01 12:00:00Z', 'never')
    """
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if value else "never"


def receipt(answer: "Receipt") -> list[Part]:
    """Show a receipt: what was done, the balance after it, and which grants it touched."""
    pairs = [("operation", answer.operation_id), ("kind", answer.kind)]
    pairs += [("customer", answer.customer)]
    if answer.balance:
        pairs += [_done(answer, answer.balance.unit)]
        pairs += _told(answer, answer.balance.unit)
        pairs += _amounts(answer.balance)
    pairs += [("booked at", moment(answer.created_at))]
    return [Facts(tuple(pairs)), *_touched(answer)]


def balances(found: "Sequence[Balance]") -> list[Part]:
    """Show balances, a line a unit."""
    columns = (
        Column("Unit"),
        Column("Available", is_number=True),
        Column("Held", is_number=True),
        Column("Restricted", is_number=True, drop=1),
        Column("Debt", is_number=True),
    )
    rows = tuple(
        (
            balance.unit.currency or balance.unit.key,
            *(
                number(each, balance.unit)
                for each in (balance.available, balance.held, balance.restricted, balance.debt)
            ),
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


def without_blank_columns(sheet: Sheet) -> Sheet:
    """Leave out the columns that say nothing in any row; those that always stay do stay."""
    kept = [
        place
        for place, column in enumerate(sheet.columns)
        if column.drop == ALWAYS or any(row[place].strip("+0.") for row in sheet.rows)
    ]
    return _chosen(sheet, kept)


def without_widest_need(sheet: Sheet) -> Sheet | None:
    """Leave out the column that can be missed first; None where all must stay."""
    most = max((column.drop for column in sheet.columns), default=ALWAYS)
    if most == ALWAYS:
        return None
    return _chosen(sheet, [n for n, column in enumerate(sheet.columns) if column.drop != most])


def _chosen(sheet: Sheet, kept: Iterable[int]) -> Sheet:
    places = list(kept)
    return Sheet(
        columns=tuple(sheet.columns[place] for place in places),
        rows=tuple(tuple(row[place] for place in places) for row in sheet.rows),
        empty=sheet.empty,
        note=sheet.note,
    )


def _entry(entry: "Entry") -> tuple[str, ...]:
    return (
        moment(entry.created_at),
        entry.kind,
        entry.unit.currency or entry.unit.key,
        number(_moved(entry), entry.unit, signed=True),
        number(entry.balance.available, entry.unit),
        number(entry.balance.held, entry.unit),
        number(entry.balance.debt, entry.unit),
        entry.mark or "",
        entry.operation_id,
    )


def _moved(entry: "Entry") -> Decimal:
    """Give an entry's signed change: of a settle what was spent, not what came back of the hold."""
    change = entry.changed
    given = change.available + change.restricted
    return given + change.held if entry.kind == "settle" else given or change.held or -change.debt


def _done(answer: "Receipt", unit: Unit) -> tuple[str, str]:
    """Name what was done: a limit, a correction with its sign, else the amount."""
    if answer.kind == "set_overdraft":
        return "overdraft", _limit(answer, unit)
    if answer.kind in CORRECTIONS:
        moved = _moved(answer.entries[0]) if answer.entries else Decimal(0)
        return "change", f"{number(moved, unit, signed=bool(moved))} {answer.unit}"
    return "amount", f"{number(answer.amount, unit)} {answer.unit}"


def _limit(answer: "Receipt", unit: Unit) -> str:
    """Write an overdraft limit as it is asked for."""
    limit = answer.result["overdraft"]
    if limit is None:
        return "default"
    if limit == MAXIMUM:
        return "unlimited"
    return f"{number(from_scaled(limit, unit.scale), unit)} {answer.unit}"


def _told(answer: "Receipt", unit: Unit) -> list[tuple[str, str]]:
    """Give what the verb tells beyond its entries, where it is more than nothing."""
    told = [("grant", answer.grant_id or "")]
    if "hold" in answer.result:
        told += [("hold", str(answer.result["hold"])), ("status", str(answer.result["status"]))]
        lapses = answer.result.get("expires_at")
        told += [("lapses at", moment(datetime.fromisoformat(lapses)))] if lapses else []
    if answer.uncollected:
        told += [("uncollected", number(answer.uncollected, unit))]
    if answer.late:
        told += [("late", "the hold had lapsed; it was charged anew")]
    return [(name, text) for name, text in told if text]


def _amounts(balance: "Balance") -> list[tuple[str, str]]:
    """Give the balance: what is available and held, and what else there is."""
    amounts = {"available": balance.available, "held": balance.held}
    amounts |= {"restricted": balance.restricted} if balance.restricted else {}
    amounts |= {"debt": balance.debt} if balance.debt else {}
    return [(name, number(amount, balance.unit)) for name, amount in amounts.items()]


def _touched(answer: "Receipt") -> list[Part]:
    """List the grants in the order in which they were touched."""
    if not answer.lines or not answer.balance:
        return []
    unit = answer.balance.unit
    columns = (
        Column("Grant"),
        Column("Remaining", is_number=True),
        Column("Held", is_number=True, drop=1),
    )
    rows = tuple(
        (
            line.grant_id or "overdraft",
            number(line.remaining, unit, signed=True),
            number(line.held, unit, signed=True),
        )
        for line in answer.lines
    )
    return [Sheet(columns=columns, rows=rows)]
