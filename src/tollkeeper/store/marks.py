"""Rows as SQLite takes many at once: `?` for each cell, so that one statement is one step.

The driver lets other threads run at each step and then has to wait its turn, so a step a row costs
more than all that SQLite does in it. Runs nothing.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from tollkeeper.store.columns import Col
from tollkeeper.store.types import moment_text

Cells = Sequence[Sequence[Any]]

#: How many rows a statement may have: few sizes, so that the driver keeps each one prepared.
SIZES: Final = (64, 16, 4, 1)


def in_sizes(cells: Cells) -> Iterator[tuple[int, list[Any]]]:
    """Cut columns of cells into as many rows as statements have; give their cells row by row."""
    rows = list(zip(*cells, strict=True))
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield size, list(chain.from_iterable(rows[start : start + size]))
            start += size


@lru_cache(maxsize=256)
def insert(table: str, columns: tuple[Col, ...], size: int, *, ignore: bool) -> str:
    """Write the statement that inserts rows; with `ignore`, only those that are not there.

    No `OR FAIL`, though it would spare SQLite a journal of the statement: it would hold in a host's
    triggers as well, whatever they say themselves.
    """
    names = ", ".join(column.name for column in columns)
    verb = "INSERT OR IGNORE" if ignore else "INSERT"
    return f"{verb} INTO {table} ({names}) VALUES {_rows(len(columns), size)}"


@lru_cache(maxsize=256)
def update(table: str, keys: tuple[Col, ...], columns: tuple[Col, ...], size: int) -> str:
    """Write the statement that updates rows; each gives the keys first, then the columns."""
    names = ", ".join(column.name for column in keys + columns)
    sets = ", ".join(f"{column.name} = given.{column.name}" for column in columns)
    match = " AND ".join(f"target.{key.name} = given.{key.name}" for key in keys)
    return (
        f"WITH given({names}) AS (VALUES {_rows(len(keys) + len(columns), size)}) "  # noqa: S608  # names are ours
        f"UPDATE {table} AS target SET {sets} FROM given WHERE {match}"
    )


def filled(columns: Sequence[Col], rows: Cells) -> tuple[tuple[Col, ...], list[Sequence[Any]]]:
    """Leave out the columns that are NULL throughout; the driver takes long over each NULL."""
    size = len(rows)
    cells = plain(columns, rows)
    full = [n for n, column in enumerate(cells) if column.count(None) < size]
    return tuple([columns[n] for n in full]), [cells[n] for n in full]


def plain(columns: Sequence[Col], rows: Cells) -> list[Sequence[Any]]:
    """Give the cells of each column as SQLite takes them: moments as text."""
    cells: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for number, column in enumerate(columns):
        if column.type == "timestamptz":
            cells[number] = [None if cell is None else moment_text(cell) for cell in cells[number]]
    return cells


def _rows(columns: int, size: int) -> str:
    row = "(" + ", ".join("?" * columns) + ")"
    return ", ".join([row] * size)
