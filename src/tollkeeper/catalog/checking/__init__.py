"""What is wrong with a catalog that its models cannot see by themselves. Pure; changes nothing."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from tollkeeper.catalog.checking import (
    amounts,
    books,
    doubts,
    ladders,
    limits,
    moneys,
    names,
    offers,
    payers,
    policies,
    price_books,
    unheard,
)
from tollkeeper.catalog.checking.looks import Check, Finding, Look, modes
from tollkeeper.catalog.mistakes import Mistake, Source, as_written
from tollkeeper.errors import CatalogError

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

_CHECKS: Final[tuple[Check, ...]] = (
    *names.CHECKS,
    *amounts.CHECKS,
    *moneys.CHECKS,
    *ladders.CHECKS,
    *books.CHECKS,
    *price_books.CHECKS,
    *payers.CHECKS,
    *limits.CHECKS,
    *offers.CHECKS,
    *policies.CHECKS,
)


def mistakes_in(catalog: "Catalog", data: Mapping[str, Any], source: Source) -> Iterator[Mistake]:
    """Find every mistake in a catalog, given what was written."""
    found = list(_found(_CHECKS, catalog, data, source))
    yield from found or _found((_modes,), catalog, data, source)


def _modes(look: Look) -> Iterator[Finding]:
    """What is sound by itself is so with the ids and prices of each mode, too."""
    for mode, _ in modes(look):
        try:
            look.catalog.in_mode(mode)
        except CatalogError as error:
            for mistake in error.mistakes:
                yield (mode,), f"{mistake.path}: {mistake.problem}"


def doubts_in(catalog: "Catalog", data: Mapping[str, Any], source: Source) -> Iterator[Mistake]:
    """Find what is allowed in a catalog, but perhaps not meant."""
    return _found((*doubts.CHECKS, *unheard.CHECKS), catalog, data, source)


def _found(
    checks: tuple[Check, ...], catalog: "Catalog", data: Mapping[str, Any], source: Source
) -> Iterator[Mistake]:
    look = Look(catalog=catalog, data=data)
    found = dict.fromkeys(finding for check in checks for finding in check(look))
    for path, problem in found:
        yield source.mistake(as_written(path, data), problem)
