"""Price books: who knows what models cost. Owns the port, the order of books, and the policies.

A book answers with rates pinned at a moment (`PinnedRates`), never with a sum, so that a hold and
its settle are priced by the same rates and the same code (B6). A model that no book knows is
refused unless the app said otherwise (C7): never free in silence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Final, Literal, Protocol

from tollkeeper.errors import InvalidRates, UnknownModel, UnknownVendor
from tollkeeper.metering.costs import ModelCost
from tollkeeper.metering.markups import Markup, markup_for
from tollkeeper.metering.rates import PinnedRates, Rate
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.texts import check_text, echo
from tollkeeper.values.vendors import vendor_name

#: What a book does with a model whose price nobody knows.
UnknownPolicy = Literal["refuse", "free", "fallback"]

#: Most names that an error suggests.
SUGGESTIONS: Final = 3


class PriceBook(Protocol):
    """Whoever knows what models cost: the port that every source of prices fills."""

    def pin(self, vendor: str, model: str, at: datetime) -> PinnedRates:
        """Give the rates of a model as they are at a moment.

        Raises:
            UnknownModel: the book has no price for it; names the nearest models that it knows.
            UnknownVendor: the book knows nobody of this name.
        """
        ...


class PriceBooks:
    """Several price books in order, with the app's markups and its policy for unknown models.

    The first book that knows a kind of a model prices it; what it leaves out comes from the next.

    Args:
        books: the books, those of the app's own rates first.
        markups: what is added to the vendors' costs.
        unknown: `refuse` (the default), `free` (costs nothing, and says so in `policy`), or
            `fallback` (the rates of `fallback` hold, and `policy` says so).
        fallback: rates for models that nobody knows.
        currency: of models that are free by policy.

    Raises:
        InvalidRates: `unknown` is none of these, or `fallback` is missing, or given in vain.

    >>> from datetime import UTC
    >>> books = PriceBooks([], unknown="free")
    >>> books.pin("acme", "small", datetime(2026, 6, 1, tzinfo=UTC)).policy
    'free'
    """

    def __init__(
        self,
        books: Sequence[PriceBook],
        *,
        markups: Iterable[Markup] = (),
        unknown: UnknownPolicy = "refuse",
        fallback: Sequence[tuple[str, Rate]] = (),
        currency: str = "usd",
    ) -> None:
        if unknown not in ("refuse", "free", "fallback"):
            raise InvalidRates(f"unknown is refuse, free or fallback, not {echo(str(unknown))}")
        if bool(fallback) != (unknown == "fallback"):
            raise InvalidRates("give rates as fallback together with unknown='fallback'")
        self._books = tuple(books)
        self._markups = tuple(markups)
        self._unknown: UnknownPolicy = unknown
        self._fallback = tuple(fallback)
        self._currency = currency_of(currency).code

    def pin(self, vendor: str, model: str, at: datetime) -> PinnedRates:
        """Give the rates of a model at a moment, with the app's markup.

        Raises:
            UnknownModel: no book has a price for it, and the policy is to refuse.
            UnknownVendor: no book knows the vendor, and the policy is to refuse.
            InvalidRates: books that complete each other have different currencies.
        """
        vendor = vendor_name(vendor)
        check_text(model, "model")
        found: PinnedRates | None = None
        refusals: list[UnknownModel | UnknownVendor] = []
        for book in self._books:
            try:
                known = book.pin(vendor, model, at)
            except (UnknownModel, UnknownVendor) as refusal:
                refusals.append(refusal)
            else:
                found = known if found is None else completed(found, known)
                if found.is_complete:
                    break
        if found is None:
            found = self._without_price(vendor, model, at, refusals)
        return replace(found, markup=markup_for(self._markups, vendor, model, at))

    def _without_price(
        self,
        vendor: str,
        model: str,
        at: datetime,
        refusals: Sequence[UnknownModel | UnknownVendor],
    ) -> PinnedRates:
        if self._unknown == "refuse":
            raise _refusal(vendor, model, refusals)
        return PinnedRates(
            vendor=vendor,
            model=model,
            currency=self._currency,
            at=at,
            rates=self._fallback,
            policy=self._unknown,
        )


def cost_of(book: PriceBook, usages: Iterable[ModelUsage], at: datetime) -> tuple[ModelCost, ...]:
    """Give what usages cost at a moment, each by itself.

    Raises:
        UnknownModel, UnknownVendor: no price is known.
        UnpricedUsage: something was used that no rate prices.
    """
    return tuple(book.pin(usage.vendor, usage.model, at).cost(usage) for usage in usages)


def completed(first: PinnedRates, second: PinnedRates) -> PinnedRates:
    """Add to rates those of the next book for the kinds that they leave out.

    Raises:
        InvalidRates: the two are in different currencies.
    """
    missing = [pair for pair in second.rates if pair[0] not in dict(first.rates)]
    if (missing or second.variants) and first.currency != second.currency:
        raise InvalidRates(
            f"the rates of {echo(first.model)} in {first.currency} cannot be completed by rates in "
            f"{second.currency}; write the card in {second.currency}, or make it complete"
        )
    return replace(
        first,
        rates=(*first.rates, *missing),
        variants=(*first.variants, *second.variants),
        is_complete=second.is_complete,
    )


def unknown_model(
    vendor: str, model: str, known: Iterable[str], why: str = "has no price in any price book"
) -> UnknownModel:
    """Make the error for a model without a price, with the nearest names and the way out."""
    nearest = tuple(get_close_matches(model, list(known), n=SUGGESTIONS, cutoff=0.5))
    near = f"; did you mean {_listed(nearest)}?" if nearest else "."
    return UnknownModel(
        f"{echo(model)} by {echo(vendor)} {why}{near} {_way_out(vendor, model)}",
        vendor=vendor,
        model=model,
        nearest=nearest,
    )


def unknown_vendor(vendor: str, model: str, known: Iterable[str]) -> UnknownVendor:
    """Make the error for a vendor that nobody knows, with the nearest names and the way out."""
    nearest = tuple(get_close_matches(vendor, list(known), n=SUGGESTIONS, cutoff=0.5))
    near = f"; did you mean {_listed(nearest)}?" if nearest else "."
    return UnknownVendor(
        f"{echo(vendor)} is no AI vendor of any price book{near} {_way_out(vendor, model)}",
        vendor=vendor,
        nearest=nearest,
    )


def _way_out(vendor: str, model: str) -> str:
    """Say where a price is added: in the catalog, or in Python."""
    return (
        "Add its price: in the catalog [[price_books.NAME.overrides]] with vendor = "
        f"{echo(vendor)}, model = {echo(model)} and rates, in Python a rate card "
        "(RateCard(vendor=…, model=…, rates=…)); or choose a policy for unknown models"
    )


def _refusal(
    vendor: str, model: str, refusals: Sequence[UnknownModel | UnknownVendor]
) -> UnknownModel | UnknownVendor:
    """Tell what the books say together: one that knows the vendor before those that do not."""
    models = [refusal for refusal in refusals if isinstance(refusal, UnknownModel)]
    told: Sequence[UnknownModel | UnknownVendor] = models or refusals
    near = dict.fromkeys(name for each in told for name in each.details.get("nearest", ()))
    if models or not refusals:
        return unknown_model(vendor, model, near)
    return unknown_vendor(vendor, model, near)


def _listed(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names)
