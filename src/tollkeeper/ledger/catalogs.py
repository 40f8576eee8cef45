"""Keeps the price list of a ledger in step with the books: what is in force, what was sold under.

Laws: nothing is scaled or named by a price list before the first look; a look that is older than
`LOOK_SECONDS` is repeated before anything is; and before a name is refused as unknown the books are
looked at there and then. What is applied last stands, and an older state of the books (that of a
host's long transaction, say) never brings an earlier catalog back. What a host's transaction
applied is in force there alone until it is committed.

It reads, and changes nothing in the books. A look costs one small statement every few seconds;
earlier catalogs are read once.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.tallies import Tally
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.ledger.units import Units
from tollkeeper.store import catalogs
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.store.units import all_units

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

logger = logging.getLogger("tollkeeper")

#: How long a process may not notice that another catalog was applied.
LOOK_SECONDS = 2.0
#: How long after a host applied a catalog others of its transactions look for it in their own.
UNCOMMITTED_SECONDS = 60.0
#: How many catalogs, the last ones, are searched for a feature that the one in force lacks.
MOST_KEPT = 1000


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
        #: When it has to look again, as `time.monotonic` counts; 0 until the first look is over.
        self.next_look = 0.0
        #: Whether it ever looked: before it has, nothing may be scaled by a price list.
        self.is_begun = False
        self.version: str | None = None
        #: When that version was applied; what was applied earlier is no news.
        self.applied_at: datetime | None = None
        #: What this process itself put into force, on purpose.
        self.applied: str | None = None
        #: What was applied inside hosts' transactions, which may yet be rolled back; until when
        #: another of theirs looks first, since it may be the same one.
        self.uncommitted: dict[str, float] = {}
        #: Of a host's transaction: the process's own, which shares what is committed.
        self.main: Shelf | None = None

    def apart(self, main: Shelf) -> "Looked":
        """Give one for a host's transaction."""
        made = Looked()
        made.next_look, made.is_begun = self.next_look, self.is_begun
        made.version, made.applied_at, made.applied = self.version, self.applied_at, self.applied
        made.uncommitted, made.main = self.uncommitted, main
        if self.uncommitted and time.monotonic() < max(self.uncommitted.values()):
            made.next_look = 0.0
        return made

    @property
    def looks_inside(self) -> bool:
        """Tell whether a host's transaction may have applied a catalog itself."""
        return self.is_begun and not self.next_look

    @property
    def is_due(self) -> bool:
        """Tell whether the last look is too old to rely on."""
        return time.monotonic() >= self.next_look

    def claim(self) -> None:
        """Let the others go on with what is known while somebody looks."""
        if self.is_begun:
            self.next_look = time.monotonic() + LOOK_SECONDS

    def end(self) -> None:
        """Note that a look is over."""
        self.is_begun = True
        self.claim()


def prepare(shelf: Shelf, connection: Connection, tallies: Iterable[Tally]) -> None:
    """Know which catalog is in force, and those that these customers' plans were sold under."""
    prices = shelf.prices
    if not isinstance(prices, InForce):
        return
    look(shelf, connection)
    versions = {plan.version for tally in tallies for plan in tally.plans}
    if versions:
        learn(shelf, connection, prices.lacks(versions))


def refresh(shelf: Shelf, connection: Connection) -> None:
    """Look which catalog was applied last, and put it into force here."""
    # Before the first look is over, another thread's is no answer for those who need one now.
    shelf.looked.claim()
    if isinstance(shelf.prices, InForce):
        latest = catalogs.latest(connection, shelf.database)
        applied_at = None if latest is None else read_moment(latest[1])
        if latest is not None and applied_at is not None:
            _follow(shelf, connection, latest[0], applied_at)
    looked = shelf.looked
    looked.end()
    if looked.main is not None and looked.version not in looked.uncommitted:
        looked.main.looked.end()


def look_again(shelf: Shelf, connection: Connection) -> None:
    """Look for a name that is not known: in the catalog in force, and in those before it.

    What was sold under an earlier catalog keeps its features, though the present one lacks them.
    """
    refresh(shelf, connection)
    earlier(shelf, connection)
    shelf.units.confirm(all_units(connection, shelf.database))


def earlier(shelf: Shelf, connection: Connection) -> "list[Catalog]":
    """Give the catalogs that ever held, or that anything was sold under, the last first."""
    prices = shelf.prices
    if not isinstance(prices, InForce):
        return []
    kept = catalogs.kept(connection, shelf.database, MOST_KEPT)
    learn(shelf, connection, prices.lacks(kept))
    found = [prices.of_version(version) for version in kept]
    return [catalog for catalog in found if catalog is not None]


def knowing(shelf: Shelf, connection: Connection, features: Iterable[str]) -> PriceList:
    """Give the price list; earlier catalogs are read where it lacks one of these features.

    So what is in the books is told in the digits that it was booked in.
    """
    look(shelf, connection)
    prices = shelf.prices
    if isinstance(prices, InForce) and not all(prices.meters(feature) for feature in features):
        look_again(shelf, connection)
    return shelf.prices


def learn(shelf: Shelf, connection: Connection, missing: Sequence[str]) -> None:
    """Read catalogs that are not known here yet."""
    if missing and isinstance(shelf.prices, InForce):
        know(shelf.prices, connection, shelf.database, missing)


def know(
    prices: PriceList, connection: Connection, database: Database, versions: Iterable[str]
) -> None:
    """Know the catalogs that something was sold under, whether or not it is over."""
    if not isinstance(prices, InForce):
        return
    if missing := prices.lacks(set(versions)):
        found = read(connection, database, missing)
        for version in missing:
            prices.learn(version, found.get(version))


def note_applied(shelf: Shelf, version: str) -> None:
    """Note that a catalog was applied here, on purpose; whose transaction it is says what holds."""
    looked = shelf.looked
    looked.applied = version
    if looked.main is not None:
        looked.uncommitted[version] = time.monotonic() + UNCOMMITTED_SECONDS


def follow_main(shelf: Shelf) -> None:
    """Take what the process has found meanwhile, in a host's transaction."""
    mine, main = shelf.looked, shelf.looked.main
    if main is None or not isinstance(main.prices, InForce):
        return
    theirs = main.looked
    mine.next_look, mine.is_begun = theirs.next_look, theirs.is_begun
    if main.prices.catalog is not None and _is_news(mine, theirs.applied_at):
        take(shelf, main.prices.catalog)
        mine.version, mine.applied_at = theirs.version, theirs.applied_at


def _is_news(looked: Looked, applied_at: datetime | None) -> bool:
    return applied_at is not None and (looked.applied_at is None or applied_at > looked.applied_at)


def _follow(shelf: Shelf, connection: Connection, version: str, applied_at: datetime) -> None:
    """Put a version into force here, and for the whole process once it is committed."""
    looked, prices = shelf.looked, shelf.prices
    assert isinstance(prices, InForce)
    if not _is_news(looked, applied_at):
        return
    if version != prices.version:
        catalog = prices.of_version(version) or read(connection, shelf.database, [version])[version]
        _warn(shelf, version)
        take(shelf, catalog)
    looked.version, looked.applied_at = version, applied_at
    if looked.main is None:
        looked.uncommitted.pop(version, None)
    elif version not in looked.uncommitted:
        _follow(looked.main, connection, version, applied_at)


def _warn(shelf: Shelf, version: str) -> None:
    """Say that another catalog is in force than the one that was given here, once."""
    looked, prices = shelf.looked, shelf.prices
    is_news = looked.version is None and version != looked.applied and looked.main is None
    if is_news and isinstance(prices, InForce) and prices.catalog is not None:
        logger.warning(
            "The catalog %s, which was applied in the database, is in force, and not %s, which "
            "was given here; `tollkeeper catalog apply` puts that one into force.",
            version,
            prices.version,
        )


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
    by_plan: dict[str, frozenset[int]] = {}
    for unit, least in found.items():
        said = {catalog.low_balance(unit, (plan,)) for plan in catalog.plans}
        if said - {least}:
            by_plan[unit] = frozenset([each for each in (least, *said) if each is not None])
    outbox.set_low_balances({unit: low for unit, low in found.items() if low is not None}, by_plan)
    outbox.ask_for(catalog.policies.notices)


def look(shelf: Shelf, connection: Connection) -> None:
    """Look which catalog is in force, unless that was done a moment ago."""
    if shelf.looked.is_due:
        refresh(shelf, connection)


def read(
    connection: Connection, database: Database, versions: Iterable[str]
) -> "dict[str, Catalog]":
    """Read catalogs by their versions, as far as they are kept."""
    from tollkeeper.catalog.catalog import Catalog

    rows = catalogs.contents(connection, database, sorted(versions))
    return {version: Catalog.from_canonical(content) for version, content in rows}
