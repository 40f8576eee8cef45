"""Compares a catalog with the one in force, and puts it into force: steps of the catalog's room."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.ledger import catalogs, effects
from tollkeeper.ledger.change import Ledger
from tollkeeper.store import catalogs as statements
from tollkeeper.store.types import read_moment

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.planning import CatalogDiff, CatalogVersion

#: The most versions that one list shows.
MAXIMUM_VERSIONS = 1000


def difference(ledger: Ledger, connection: Connection, new: "Catalog") -> "CatalogDiff":
    """Compare a catalog with the one in force, and look in the books what that does."""
    catalogs.refresh(ledger, connection)
    old = ledger.prices.catalog if isinstance(ledger.prices, InForce) else None
    earlier = catalogs.earlier(ledger, connection)
    books = effects.Books(connection, ledger.database, ledger.clock.now())
    known = catalogs.read(connection, ledger.database, effects.live_versions(books))
    return effects.diff(books, old, new, known, earlier)


def applied(
    ledger: Ledger, connection: Connection, new: "Catalog", *, actor: str, reason: str
) -> "CatalogVersion":
    """Keep a catalog and note that it is in force; every process looks.

    One in whose place nothing was put since is in force already.
    """
    latest = statements.latest(connection, ledger.database)
    if latest is None or latest[0] != new.version:
        now = ledger.clock.now()
        before = None if latest is None else read_moment(latest[1])
        if before is not None and now <= before:
            now = before + before.resolution
        statements.keep(connection, ledger.database, new.version, new.canonical(), now)
        statements.apply(
            connection, ledger.database, new.version, now=now, actor=actor, reason=reason
        )
    catalogs.note_applied(ledger, new.version)
    return versions(ledger, connection)[0]


def versions(ledger: Ledger, connection: Connection) -> "tuple[CatalogVersion, ...]":
    """Tell what was put into force, the last first."""
    from tollkeeper.catalog.planning import CatalogVersion

    found: list[CatalogVersion] = []
    for row in statements.applications(connection, ledger.database, MAXIMUM_VERSIONS):
        version, applied_at, actor, reason = row
        moment = read_moment(applied_at)
        assert moment is not None
        found.append(
            CatalogVersion(
                version=version,
                applied_at=moment,
                actor=actor,
                reason=reason,
                is_in_force=not found,
            )
        )
    return tuple(found)
