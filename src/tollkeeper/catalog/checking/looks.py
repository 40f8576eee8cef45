"""Where the checks look: the catalog, the names it knows, and its parts with their paths.

Owns the walk over a catalog; must never judge what it walks over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.modes import ModeName
from tollkeeper.catalog.plans import Allowance, LimitRule
from tollkeeper.catalog.policies import Mode
from tollkeeper.catalog.purchases import Gift
from tollkeeper.catalog.waterfalls import WALLET
from tollkeeper.catalog.written_rates import Graduated, RateCard, Volume, WrittenTier, parts

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: What a check finds: where, and what is wrong.
Finding: TypeAlias = tuple[Path, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a catalog."""

    #: The catalog; what its models refused is not in it.
    catalog: "Catalog"
    #: What was written, as it was written.
    data: Mapping[str, Any]

    def written(self, path: Path) -> object:
        """Give what was written at a place; None where nothing was."""
        found: Any = self.data
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def known(self, section: str) -> set[str]:
        """Name what a section has, refused or not: one mistake shall not make others."""
        written = self.data.get(section)
        names = set(written) if isinstance(written, Mapping) else set()
        return {*getattr(self.catalog, section), *names}

    def units(self) -> set[str]:
        """Name the units of credits: those declared, and those of metered features."""
        metered = {
            key for key, feature in self.catalog.features.items() if feature.type == "metered"
        }
        refused = self.known("features") - set(self.catalog.features)
        return self.known("units") | metered | refused

    def metered(self) -> set[str]:
        """Name the features that are charged for."""
        others = {k for k, feature in self.catalog.features.items() if feature.type != "metered"}
        return self.known("features") - others


Check: TypeAlias = Callable[[Look], Iterator[Finding]]


def allowances(look: Look) -> Iterator[tuple[Path, str, Allowance]]:
    """Walk over every allowance: its path, its unit, and itself."""
    for key, plan in look.catalog.plans.items():
        for unit, allowance in plan.allowances.items():
            yield ("plans", key, "allowances", unit), unit, allowance
        if plan.trial is not None:
            for unit, allowance in (plan.trial.allowances or {}).items():
                yield ("plans", key, "trial", "allowances", unit), unit, allowance


def gifts(look: Look) -> Iterator[tuple[Path, str, Gift]]:
    """Walk over everything that packs, promotions and the sign-up give."""
    catalog = look.catalog
    for unit, gift in catalog.sign_up.items():
        yield ("sign_up", unit), unit, gift
    for section in ("packs", "promotions"):
        for key, offer in getattr(catalog, section).items():
            for unit, gift in offer.grants.items():
                yield (section, key, "grants", unit), unit, gift


def given(look: Look) -> Iterator[tuple[Path, str, Allowance | Gift]]:
    """Walk over everything that is given: allowances, packs, promotions, the sign-up."""
    yield from allowances(look)
    yield from gifts(look)


def rules(look: Look) -> Iterator[tuple[Path, str | None, LimitRule]]:
    """Walk over every limit: its path, its plan, and itself."""
    for place, rule in enumerate(look.catalog.limits):
        yield ("limits", place), None, rule
    for key, plan in look.catalog.plans.items():
        for place, rule in enumerate(plan.limits):
            yield ("plans", key, "limits", place), key, rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RateList:
    """The rates that stand at one place, one for each currency."""

    path: Path
    rates: Sequence[Any]
    #: Whether they must be in money (True) or in credits (False); None is either.
    in_money: bool | None
    #: The metered feature that they rate, where they rate one.
    feature: str | None = None
    #: Whether quantities without an end are rated, as those of usage are.
    is_endless: bool = True


def rate_lists(look: Look) -> Iterator[RateList]:
    """Walk over every place where rates stand."""
    yield from _of_features(look)
    yield from _of_plans(look)
    yield from _of_top_ups(look)
    for path, card in cards(look):
        yield RateList(path=(*path, "rate"), rates=card.rate, in_money=None)


def _of_features(look: Look) -> Iterator[RateList]:
    for key, feature in look.catalog.features.items():
        path: Path = ("features", key)
        for unit, rate in feature.cost.items():
            yield RateList(path=(*path, "cost", unit), rates=(rate,), in_money=False, feature=key)
        yield RateList(path=(*path, "rate"), rates=feature.rate, in_money=True, feature=key)


def _of_plans(look: Look) -> Iterator[RateList]:
    for plan, sold in look.catalog.plans.items():
        for section in ("wallet", "usage", "overage"):
            for key, rates in getattr(sold, section).items():
                path: Path = ("plans", plan, section, key)
                yield RateList(path=path, rates=rates, in_money=True, feature=key)


def _of_top_ups(look: Look) -> Iterator[RateList]:
    catalog = look.catalog
    sold: list[tuple[Path, Sequence[Any]]] = [
        (("top_ups", unit), top_up.rate) for unit, top_up in catalog.top_ups.items()
    ]
    for mode, there in modes(look):
        sold += [((mode, "top_ups", unit), each.rate or ()) for unit, each in there.top_ups.items()]
    for path, rates in sold:
        yield RateList(path=(*path, "rate"), rates=rates, in_money=True, is_endless=False)


def modes(look: Look) -> Iterator[tuple[ModeName, Mode]]:
    """Walk over what differs in the test mode and live."""
    if look.catalog.test is not None:
        yield "test", look.catalog.test
    if look.catalog.live is not None:
        yield "live", look.catalog.live


def cards(look: Look) -> Iterator[tuple[Path, RateCard]]:
    """Walk over every dated rate card."""
    for name, dated in look.catalog.rates.items():
        for place, card in enumerate(dated):
            yield ("rates", name, place), card


def pieces(rates: RateList) -> Iterator[tuple[Path, Any]]:
    """Walk over the rates of a list and all rates inside them, each with its path."""
    for place, rate in enumerate(rates.rates):
        for inner, part in parts(rate):
            yield (*rates.path, place, *inner), part


def ladders(rates: RateList) -> Iterator[tuple[Path, Sequence[WrittenTier]]]:
    """Walk over the tiers in a list of rates, each with its path."""
    for path, part in pieces(rates):
        if isinstance(part, Graduated):
            yield (*path, "graduated"), part.graduated
        elif isinstance(part, Volume):
            yield (*path, "volume"), part.volume


def is_wallet(unit: str) -> bool:
    """Tell whether an allowance, a gift or a top-up is of money."""
    return unit == WALLET
