"""Rows as PostgreSQL takes many at once: one array a column, written as text.

Drivers send text fastest, and PostgreSQL reads the arrays itself. Runs nothing.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from tollkeeper.store.columns import Col

Values = Sequence[Any]

#: A control character: texts from callers are refused where they have one.
_SEPARATOR = "\x01"


@lru_cache(maxsize=256)
def insert(table: str, columns: tuple[Col, ...], *, ignore: bool) -> str:
    """Write the statement that inserts rows; with `ignore`, only those that are not there."""
    names = ", ".join(column.name for column in columns)
    order = "ORDER BY 1, 2" if ignore else ""
    conflict = "ON CONFLICT DO NOTHING" if ignore else ""
    given = f"unnest({casts(columns)})"
    return f"INSERT INTO {table} ({names}) SELECT * FROM {given} {order} {conflict}"  # noqa: S608  # names are ours


@lru_cache(maxsize=256)
def update(table: str, keys: int, columns: tuple[Col, ...]) -> str:
    """Write the statement that updates rows found by their first columns."""
    names = ", ".join(column.name for column in columns)
    sets = ", ".join(f"{column.name} = given.{column.name}" for column in columns[keys:])
    match = " AND ".join(f"target.{key.name} = given.{key.name}" for key in columns[:keys])
    given = f"unnest({casts(columns)}) AS given({names})"
    return f"UPDATE {table} AS target SET {sets} FROM {given} WHERE {match}"  # noqa: S608  # names are ours


def casts(columns: Iterable[Col]) -> str:
    """Cast from text twice, so that every driver sends text and PostgreSQL reads the array."""
    return ", ".join(
        f"CAST(CAST(:p{number} AS text) AS {column.type}[])"
        for number, column in enumerate(columns)
    )


def written(
    columns: Sequence[Col], rows: Sequence[Values], *, leave_out: bool = True
) -> tuple[tuple[Col, ...], dict[str, str]]:
    """Write rows as one array a column; columns that are NULL throughout may be left out."""
    size = len(rows)
    given: list[Col] = []
    values: dict[str, str] = {}
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        first = cells[0]
        alike = cells.count(first) == size
        if leave_out and alike and first is None:
            continue
        name = f"p{len(given)}"
        if alike:
            values[name] = "{" + ",".join([_cell(column.type, first)] * size) + "}"
        else:
            values[name] = _array(column.type, cells)
        given.append(column)
    return tuple(given), values


def _array(kind: str, cells: Sequence[Any]) -> str:
    """Write one column as PostgreSQL's array text."""
    if kind == "bigint" and None not in cells:
        return "{" + ",".join(map(str, cells)) + "}"
    if kind == "text" and None not in cells:
        return texts(cells)
    return "{" + ",".join([_cell(kind, cell) for cell in cells]) + "}"


def texts(cells: Sequence[str]) -> str:
    """Write texts as an array, escaping all at once: joined by what none of them has."""
    joined = _SEPARATOR.join(cells)
    if joined.count(_SEPARATOR) != len(cells) - 1:
        return "{" + ",".join([_quoted(cell) for cell in cells]) + "}"
    if "\\" in joined or '"' in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace(_SEPARATOR, '","') + '"}'


def _cell(kind: str, cell: Any) -> str:
    if cell is None:
        return "NULL"
    if kind == "text":
        return _quoted(cell)
    return f'"{cell.isoformat()}"' if kind == "timestamptz" else str(cell)


def _quoted(cell: str) -> str:
    if "\\" in cell or '"' in cell:
        cell = cell.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cell}"'
