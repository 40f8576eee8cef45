"""What every metered call of one front door works with: books, price books, recent calls.

Here a call's rates are pinned and its size is estimated; nothing is held.
"""

from dataclasses import dataclass

from tollkeeper.errors import MissingExtra, UnknownModel, UnknownVendor
from tollkeeper.ledger.change import Ledger
from tollkeeper.metering.calls import sizing
from tollkeeper.metering.calls.books import Books
from tollkeeper.metering.calls.counting import Pricing, check_currency
from tollkeeper.metering.calls.recording import Recorder
from tollkeeper.metering.calls.sizing import History, Size
from tollkeeper.metering.calls.terms import CallTerms
from tollkeeper.metering.rates import PinnedRates
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.operations.door import PlainDoor


@dataclass(frozen=True, slots=True)
class Meters:
    """What every call of one `Billing` works with."""

    ledger: Ledger
    recorder: Recorder
    books: Books
    history: History

    def check_books(self) -> None:
        """Refuse sources of prices that the catalog names and nobody handed over.

        Raises:
            InvalidRates: there is one.
        """
        self.books.check(self.ledger.prices)

    def pricing(self, door: PlainDoor, terms: CallTerms) -> Pricing:
        """Pin the rates of the model that is asked for (B6).

        Raises:
            UnknownModel, UnknownVendor: the feature is priced by the model, and nobody knows it.
            CurrencyMismatch: its rates are in another currency than the feature.
        """
        prices, scale = self.recorder.desk(door).scaling(terms.feature)
        now = self.ledger.clock.now()
        book, currency = self.books.of(prices, terms.feature)
        pinned: PinnedRates | None = None
        if book is not None and terms.vendor is not None and terms.model is not None:
            try:
                pinned = book.pin(terms.vendor, terms.model, now)
            except (UnknownModel, UnknownVendor):
                if currency is not None:
                    raise
        if pinned is not None:
            check_currency(pinned, currency)
        return Pricing(
            scale=scale,
            currency=currency,
            count=terms.count,
            book=book,
            at=now,
            pinned=pinned,
        )

    def rates(self, door: PlainDoor, feature: str | None, vendor: str, model: str) -> PinnedRates:
        """Give what a model costs now."""
        desk = self.recorder.desk(door)
        prices = desk.prices if feature is None else desk.scaling(feature)[0]
        book, _ = self.books.of(prices, feature or "")
        if book is None:
            raise MissingExtra(
                "Nothing here knows prices: pip install 'tollkeeper[ai]', or hand over price_books."
            )
        return book.pin(vendor, model, self.ledger.clock.now())

    def size(self, door: PlainDoor, terms: CallTerms, pricing: Pricing) -> Size:
        """Estimate a call from recent ones, else from its limits."""
        found: tuple[ModelUsage, ...] = ()
        if terms.vendor is not None and terms.model is not None:
            sample = self.history.sample(door, terms.feature, terms.vendor, terms.model)
            found = tuple(sample)
        return sizing.size_of(terms, pricing, found)
