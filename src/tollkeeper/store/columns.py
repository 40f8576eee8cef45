"""A column as statements about many rows see it."""

from typing import NamedTuple


class Col(NamedTuple):
    """A column's name, and PostgreSQL's type of it."""

    name: str
    type: str = "text"
