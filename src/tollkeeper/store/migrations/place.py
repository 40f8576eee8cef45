"""Where a migration works: the dialect, and the schema or prefix under which our tables stand."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import make_url
from sqlalchemy.sql.compiler import IdentifierPreparer

#: Which version the tables have; ours alone, so that it never clashes with the host's.
VERSION_TABLE = "schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A schema of PostgreSQL, or a prefix on SQLite, in one database."""

    #: SQLAlchemy's name of the dialect: `postgresql` or `sqlite`.
    dialect: str
    #: PostgreSQL's schema of ours; None on SQLite.
    schema: str | None
    #: What the name of each of our tables begins with; empty where they have a schema.
    prefix: str
    #: True where Citus distributes the tables over its nodes.
    citus: bool = False

    @property
    def is_postgres(self) -> bool:
        """Tell whether this is PostgreSQL, with Citus or without."""
        return self.dialect == "postgresql"

    def name(self, plain: str) -> str:
        """Give the full name of a table or view as SQL writes it."""
        own = self.quoted(self.prefix + plain)
        return f"{self.quoted(self.schema)}.{own}" if self.schema else own

    def quoted(self, name: str) -> str:
        """Quote a name where SQL needs it."""
        return _preparer(self.dialect).quote(name)


@lru_cache
def _preparer(dialect: str) -> IdentifierPreparer:
    return make_url(f"{dialect}://").get_dialect()().identifier_preparer
