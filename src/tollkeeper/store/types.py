"""Column types that mean the same on every database: bytewise text, UTC moments, flags."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from tollkeeper.values.moments import utc


class Name(TypeDecorator[str]):
    """Text compared byte by byte, whatever the database's language: ids, keys, units."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the C collation where the database's own would follow a language."""
        if dialect.name == "postgresql":
            return Text(collation="C")
        return Text()


class Utc(TypeDecorator[datetime]):
    """A UTC moment with microseconds: timestamptz on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep text where the database knows no moments."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive moments; write UTC."""
        if value is None or dialect.name != "sqlite":
            return value if value is None else utc(value, "moment")
        return moment_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Read UTC."""
        return read_moment(value)


class Flag(TypeDecorator[bool]):
    """A truth value: boolean on PostgreSQL, 0 or 1 on SQLite."""

    impl = Boolean(create_constraint=False)
    cache_ok = True


@lru_cache(maxsize=1024)
def moment_text(value: datetime) -> str:
    """Write a UTC moment as SQLite keeps it: 26 characters whose order is the order of time."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def read_moment(value: Any) -> datetime | None:
    """Read a moment as a driver gives it."""
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    moment: datetime = value
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
