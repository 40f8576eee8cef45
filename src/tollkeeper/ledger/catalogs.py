"""Keeps the price list of a ledger in step with the books: what is in force, what was sold under.

It reads, and changes nothing in the books. A look costs one small statement every few seconds, and
only where charges are decided; earlier catalogs are read once.
"""

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.tallies import Tally
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.ledger.units import Units
from tollkeeper.store import catalogs
from tollkeeper.store.database import Database

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

logger = logging.getLogger("tollkeeper")

#: How long a process may not notice that another catalog was applied.
LOOK_SECONDS = 2.0


class Shelf(Protocol):
    """What has a price list: the ledger."""

    @property
    def database(self) -> Database:
        """Give the database."""
        ...

    @property
    def prices(self) -> PriceList:
        """Give the price list."""
        ...

    @property
    def units(self) -> Units:
        """Give the units."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Give what the app wants to be told."""
        ...

    @property
    def looked(self) -> "Looked":
        """Tell when the books were last looked at."""
        ...


class Looked:
    """When a process last looked which catalog is in force, and what it found."""

    def __init__(self) -> None:
        self.next_look = 0.0
        #: Whether it ever looked: before it has, nothing may be scaled by a price list.
        self.is_begun = False
        self.version: str | None = None
        #: What this process itself put into force, on purpose.
        self.applied: str | None = None


def prepare(shelf: Shelf, connection: Connection, tallies: Iterable[Tally]) -> None:
    """Know which catalog is in force, and those that these customers' plans were sold under."""
    prices = shelf.prices
    if not isinstance(prices, InForce):
        return
    look(shelf, connection)
    versions = {plan.version for tally in tallies for plan in tally.plans}
    if versions and (missing := prices.lacks(versions)):
        found = read(connection, shelf.database, missing)
        for version in missing:
            prices.learn(version, found.get(version))


def refresh(shelf: Shelf, connection: Connection) -> None:
    """Look which catalog was applied last, and put it into force here."""
    looked, prices = shelf.looked, shelf.prices
    looked.next_look = time.monotonic() + LOOK_SECONDS
    if not isinstance(prices, InForce):
        looked.is_begun = True
        return
    latest = catalogs.latest(connection, shelf.database)
    looked.is_begun = True
    if latest is None or latest[0] == looked.version:
        return
    version = latest[0]
    if version != prices.version:
        catalog = prices.of_version(version) or read(connection, shelf.database, [version])[version]
        is_news = looked.version is None and version != looked.applied
        if is_news and prices.catalog is not None:
            logger.warning(
                "The catalog %s, which was applied in the database, is in force, and not %s, which "
                "was given here; `tollkeeper catalog apply` puts that one into force.",
                version,
                prices.version,
            )
        take(shelf, catalog)
    looked.version = version


def take(shelf: Shelf, catalog: "Catalog") -> None:
    """Put a catalog into force in this process, with its units and the notices it asks for."""
    shelf.units.declare(catalog.declared_units())
    if isinstance(shelf.prices, InForce):
        shelf.prices.activate(catalog)
    tell(shelf.outbox, catalog)


def tell(outbox: Outbox, catalog: "Catalog") -> None:
    """Write the notices that a catalog asks for: of low balances, and of single calls (H1, H3)."""
    wallets = [money.unit.key for money in catalog.wallet.low_balance]
    units = [*(unit.key for unit in catalog.declared_units()), *wallets]
    found = {unit: catalog.low_balance(unit) for unit in units}
    own = {unit: {found[unit], *(catalog.low_balance(unit, (p,)) for p in catalog.plans)} for unit in found}
    by_plan = {unit: frozenset(each - {None}) for unit, each in own.items() if len(each) > 1}
    outbox.set_low_balances({unit: low for unit, low in found.items() if low is not None}, by_plan)
    outbox.ask_for(catalog.policies.notices)


def look(shelf: Shelf, connection: Connection) -> None:
    """Look which catalog is in force, unless that was done a moment ago."""
    # Before the first look is over, another thread's is no answer for those who need one now.
    if not shelf.looked.is_begun or time.monotonic() >= shelf.looked.next_look:
        refresh(shelf, connection)


def read(
    connection: Connection, database: Database, versions: Iterable[str]
) -> "dict[str, Catalog]":
    """Read catalogs by their versions, as far as they are kept."""
    from tollkeeper.catalog.catalog import Catalog

    rows = catalogs.contents(connection, database, sorted(versions))
    return {version: Catalog.from_canonical(content) for version, content in rows}
