"""Which price book prices a feature: those of the catalog in force, and those the app hands over.

Books are made once for each catalog. Where a package that knows prices is not installed, what is
counted can still be counted; what is priced by it is refused.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import PriceList
from tollkeeper.errors import MissingExtra
from tollkeeper.metering.books import PriceBook, PriceBooks
from tollkeeper.metering.genai import GenaiPrices
from tollkeeper.metering.markups import Markup

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: The name of the app's own book for features whose catalog names none.
DEFAULT: Final = "default"


class Priced(NamedTuple):
    """What prices a feature's calls."""

    #: None where no book is at hand.
    book: PriceBook | None
    #: The currency of the feature's quantity; None where it is counted and not priced.
    currency: str | None


class Books:
    """The price books of one `Billing`."""

    def __init__(self, own: Mapping[str, PriceBook] = MappingProxyType({})) -> None:
        self._own = dict(own)
        self._made: dict[tuple[str, str], PriceBook | None] = {}

    def check(self, prices: PriceList) -> None:
        """Refuse sources of the catalog in force that the app has not handed over.

        Raises:
            InvalidRates: a price book names one; no call has to fail before that is told.
        """
        catalog = prices.catalog if isinstance(prices, InForce) else None
        if catalog is None:
            return
        # What reads catalogs is imported where there is one.
        from tollkeeper.metering.settings import check_source

        for settings in catalog.price_books.values():
            check_source(settings.source, self._own)

    def of(self, prices: PriceList, feature: str) -> Priced:
        """Give what prices a feature under the catalog in force.

        Raises:
            InvalidRates: the catalog names a source that nobody knows, or its prices are wrong.
            MissingExtra: its source is the public prices, and genai-prices is not installed.
        """
        catalog = prices.catalog if isinstance(prices, InForce) else None
        written = None if catalog is None else catalog.features.get(feature)
        if catalog is None or written is None or written.price_book is None:
            return Priced(self._usual(catalog), None)
        key = (catalog.version, f"feature:{feature}")
        if key not in self._made:
            self._made[key] = self._book(catalog, written.price_book, written.markup)
        return Priced(self._made[key], written.currency)

    def _usual(self, catalog: "Catalog | None") -> PriceBook | None:
        """Give the book that tells the vendor's cost of what is counted: the only one, or any."""
        key = (catalog.version if catalog else "", "usual")
        if key not in self._made:
            self._made[key] = self._usual_made(catalog)
        return self._made[key]

    def _usual_made(self, catalog: "Catalog | None") -> PriceBook | None:
        if DEFAULT in self._own:
            return self._own[DEFAULT]
        named = list(catalog.price_books) if catalog else []
        try:
            if catalog is not None and len(named) == 1:
                return self._book(catalog, named[0], None)
            return GenaiPrices()
        except MissingExtra:
            return None

    def _book(self, catalog: "Catalog", name: str, markup: Decimal | None) -> PriceBook:
        """Make a book as the catalog writes it; one that it only names is the app's, or public."""
        from tollkeeper.metering.settings import price_books

        settings = catalog.price_books.get(name)
        if settings is not None:
            return price_books(settings, markup=markup, sources=self._own)
        book = self._own.get(name) or GenaiPrices()
        return book if markup is None else PriceBooks([book], markups=[Markup(percent=markup)])
