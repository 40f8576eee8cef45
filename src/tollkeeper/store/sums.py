"""Sums beyond 64 bits: how a statement writes one, and how its cell is read. It runs nothing.

PostgreSQL adds integers up as exact numbers of any size. SQLite refuses a sum that passes 64 bits,
so there the upper and the lower half of each number are added up apart: `upper:lower`.
"""

from typing import Any, Final

from tollkeeper.store.database import Database

_HALF: Final = 32
_LOWER: Final = 2**_HALF - 1


def sum_of(database: Database, what: str) -> str:
    """Write the exact sum of integers, each of which is 64 bits at most; of none it is 0."""
    if database.is_postgres:
        return f"coalesce(sum({what}), 0)"
    upper, lower = f"sum(({what}) >> {_HALF})", f"sum(({what}) & {_LOWER})"
    return f"(coalesce({upper}, 0) || ':' || coalesce({lower}, 0))"


def read_sum(cell: Any) -> int:
    """Read the cell of such a sum, or of a plain one.

    >>> read_sum("2:5"), read_sum("-1:4294967295"), read_sum(7)
    (8589934597, -1, 7)
    """
    if isinstance(cell, str):
        upper, lower = cell.split(":")
        return (int(upper) << _HALF) + int(lower)
    return int(cell)
