"""What a table is, as plain data: titles and cells. Knows no terminal; `screen` draws it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from tollkeeper.values.currencies import currency
from tollkeeper.values.units import Unit

#: A column that stays however narrow the terminal is.
ALWAYS: Final = 0


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
