"""Names in a price book that nobody has heard of: allowed, for they may be the app's own.

Owns the doubts about vendors, models and conditions, by the public list where that is installed.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from tollkeeper.catalog import public_prices
from tollkeeper.catalog.checking.looks import Check, Finding, Look
from tollkeeper.catalog.checking.price_books import is_alike
from tollkeeper.catalog.features import Markup, PriceBookSettings
from tollkeeper.catalog.mistakes import Path, nearest
from tollkeeper.catalog.price_books import CONDITIONS, NO_SOURCE, PUBLIC, may_meet, vendor_of
from tollkeeper.values.texts import echo


def _cards(look: Look) -> Iterator[Finding]:
    """A card for a vendor whose name looks like another's is probably the other's."""
    for name, book in look.catalog.price_books.items():
        for place, card in enumerate(book.overrides):
            path: Path = ("price_books", name, "overrides", place)
            vendor = vendor_of(card)
            near = [known for known in public_prices.vendors() if is_alike(vendor, known)]
            if near and vendor not in public_prices.spellings():
                yield (
                    (*path, "vendor"),
                    f"nobody knows a vendor {echo(vendor)}; {nearest(vendor, near)}",
                )
            yield from _conditions((*path, "when"), card.when.items())


def _conditions(path: Path, when: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    for key, value in when:
        known = CONDITIONS.get(key)
        if known is None:
            yield (
                (*path, key),
                f"no vendor tells {echo(key)}; it holds for calls alone that say conditions="
                f"{{{key!r}: …}}",
            )
        elif value not in known and any(is_alike(value, each) for each in known):
            yield (*path, key), f"no {key} is called {echo(value)}; {nearest(value, known)}"


def _markups(look: Look) -> Iterator[Finding]:
    """A markup for what the book has no price of is never added to anything."""
    for name, book in look.catalog.price_books.items():
        known = _vendors(book)
        for place, markup in enumerate(book.markups if known else ()):
            path: Path = ("price_books", name, "markups", place)
            yield from _unpriced(path, book, markup, known)


def _unpriced(
    path: Path, book: PriceBookSettings, markup: Markup, known: frozenset[str]
) -> Iterator[Finding]:
    vendor = vendor_of(markup)
    is_open = book.unknown_model == "fallback"
    if not any(fnmatchcase(each, vendor) for each in known):
        if not is_open or any(is_alike(vendor, each) for each in known):
            yield (
                (*path, "vendor"),
                f"the book has no price of a vendor {echo(vendor)}; {nearest(vendor, known)}",
            )
    elif not is_open and not _has_model(book, vendor, markup.model):
        yield (
            (*path, "model"),
            f"the book has no price of a model {echo(markup.model)}; "
            f"{nearest(markup.model, _models(book, vendor))}",
        )


def _vendors(book: PriceBookSettings) -> frozenset[str]:
    """Name the vendors that a book knows; none where only its source does."""
    own = frozenset(vendor_of(card) for card in book.overrides)
    if book.source == PUBLIC:
        return own | public_prices.vendors() if public_prices.vendors() else frozenset()
    return own if book.source == NO_SOURCE else frozenset()


def _has_model(book: PriceBookSettings, vendor: str, model: str) -> bool:
    own = any(
        fnmatchcase(vendor_of(card), vendor) and may_meet(card.model, model)
        for card in book.overrides
    )
    return own or (book.source == PUBLIC and public_prices.may_know(vendor, model))


def _models(book: PriceBookSettings, vendor: str) -> frozenset[str]:
    own = frozenset(c.model for c in book.overrides if fnmatchcase(vendor_of(c), vendor))
    return own | public_prices.models(vendor) if book.source == PUBLIC else own


CHECKS: Final[tuple[Check, ...]] = (_cards, _markups)
