"""Keeps the host's `alembic revision --autogenerate` from proposing to drop our tables.

The host passes one of them on in its `env.py`: `context.configure(…, include_name=include_name)`.
They decide by names alone and open no connection.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from tollkeeper.store.database import DEFAULT_SCHEMA, describe
from tollkeeper.store.migrations.place import VERSION_TABLE

if TYPE_CHECKING:
    from alembic.runtime.environment import (
        IncludeNameFn,
        IncludeObjectFn,
        NameFilterParentNames,
        NameFilterType,
    )
    from sqlalchemy.schema import SchemaItem


def include_name(
    name: str | None, type_: "NameFilterType", parent_names: "NameFilterParentNames"
) -> bool:
    """Leave our schema, and our tables under the prefix, out of what Alembic reads."""
    return name_filter()(name, type_, parent_names)


def include_object(
    item: "SchemaItem",
    name: str | None,
    type_: "NameFilterType",
    reflected: bool,  # noqa: FBT001  # Alembic gives it by position
    compare_to: "SchemaItem | None",
) -> bool:
    """Leave our tables out of what Alembic compares; `include_name` spares reading them too."""
    return object_filter()(item, name, type_, reflected, compare_to)


def name_filter(
    schema: str = DEFAULT_SCHEMA, also: "IncludeNameFn | None" = None
) -> "IncludeNameFn":
    """Make an `include_name` for another schema or prefix, or for a host that has one already.

    Args:
        schema: as it was given to `migrate`.
        also: the host's own filter, which decides on all that is not ours.
    """

    def include(
        name: str | None, type_: "NameFilterType", parent_names: "NameFilterParentNames"
    ) -> bool:
        if type_ == "schema" and name == schema:
            return False
        if type_ == "table" and _is_ours(name, parent_names.get("schema_name"), schema):
            return False
        return also is None or also(name, type_, parent_names)

    return include


def object_filter(
    schema: str = DEFAULT_SCHEMA, also: "IncludeObjectFn | None" = None
) -> "IncludeObjectFn":
    """Make an `include_object`, as `name_filter` makes an `include_name`."""

    def include(
        item: "SchemaItem",
        name: str | None,
        type_: "NameFilterType",
        reflected: bool,  # noqa: FBT001  # Alembic gives it by position
        compare_to: "SchemaItem | None",
    ) -> bool:
        if type_ == "table" and _is_ours(name, getattr(item, "schema", None), schema):
            return False
        return also is None or also(item, name, type_, reflected, compare_to)

    return include


def _is_ours(table: str | None, found_in: str | None, schema: str) -> bool:
    """Tell by the schema, or by the full name: a host's own table may begin like our prefix."""
    return found_in == schema or (found_in is None and table in _prefixed(schema))


@lru_cache
def _prefixed(schema: str) -> frozenset[str]:
    tables = describe("sqlite", schema).tables
    names = {table.name for table in tables.metadata.tables.values()}
    return frozenset(names | {tables.prefix + VERSION_TABLE})
