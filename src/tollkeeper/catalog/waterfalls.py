"""Who pays for a feature, in which order, on which plans (C1, C3). Owns the words of a waterfall.

The words are `own` (the feature's own credits), `pool` (the units that it costs), `wallet` and
`usage` (the later bill), or units by name. A feature's own credits always pay first, unless the
waterfall names them elsewhere. Nobody uses anything on account unless a plan says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog.features import Feature, UnitSettings
from tollkeeper.catalog.plans import Plan
from tollkeeper.values.units import currency_unit

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

OWN: Final = "own"
POOL: Final = "pool"
WALLET: Final = "wallet"
USAGE: Final = "usage"

#: The words that are no units; nothing else may be called so.
WORDS: Final = (OWN, POOL, WALLET, USAGE)

#: Who pays where neither plan nor catalog says otherwise.
DEFAULT: Final = (OWN, POOL, WALLET, USAGE)


def sources(catalog: "Catalog", key: str, plans: Sequence[Plan]) -> tuple[str, ...]:
    """Name who pays for a feature, in order: units by key, `wallet`, `usage`."""
    feature = catalog.features[key]
    own = key if key in known_units(catalog) else None
    named = waterfall_of(catalog, plans)
    found = [each for word in named for each in _meant(word, own, feature)]
    if own is not None and own not in found:
        found.insert(0, own)
    if not is_on_account(catalog, key, plans):
        found = [each for each in found if each != USAGE]
    return tuple(dict.fromkeys(found))


def waterfall_of(catalog: "Catalog", plans: Sequence[Plan]) -> tuple[str, ...]:
    """Give the first plan's waterfall that says anything, else the catalog's, else ours."""
    said = [plan.waterfall for plan in plans if plan.waterfall]
    return next(iter(said), None) or catalog.waterfall or DEFAULT


def is_on_account(catalog: "Catalog", key: str, plans: Iterable[Plan]) -> bool:
    """Tell whether a feature may be used now and paid later.

    A plan says so where it names a rate for it in `usage` or `overage`, or where its own waterfall
    names `usage` and the feature has a rate in money. A customer without a plan never may (C7).
    """
    feature = catalog.features[key]
    is_priced = bool(feature.rate or feature.price_book)
    return any(
        key in plan.usage or key in plan.overage or (USAGE in plan.waterfall and is_priced)
        for plan in plans
    )


def known_units(catalog: "Catalog") -> dict[str, UnitSettings]:
    """Give every unit of credits: those in `units`, and the features' own.

    A feature has credits of its own where something gives them (an allowance, a pack, a top-up …),
    or where nothing else pays for it.
    """
    units = dict(catalog.units)
    given = set(given_units(catalog))
    for key, feature in catalog.features.items():
        if feature.type != "metered" or key in units:
            continue
        if key in given or not (feature.cost or feature.rate or feature.price_book):
            units[key] = UnitSettings(name=feature.name, scale=own_scale(feature))
    return units


def own_scale(feature: Feature) -> int:
    """Give the decimal digits of a feature's own unit, where `units` does not declare it.

    Where the quantity is money, they are the currency's: each unit of an allowance pays for one.
    """
    if feature.price_book is not None:
        return currency_unit(feature.currency).scale
    return UnitSettings().scale if feature.scale is None else feature.scale


def given_units(catalog: "Catalog") -> Iterator[str]:
    """Name every unit that plans promise, or that is sold or given."""
    gifts: list[Mapping[str, object]] = [plan.allowances for plan in catalog.plans.values()]
    gifts += [
        plan.trial.allowances
        for plan in catalog.plans.values()
        if plan.trial is not None and plan.trial.allowances is not None
    ]
    gifts += [pack.grants for pack in catalog.packs.values()]
    gifts += [promotion.grants for promotion in catalog.promotions.values()]
    for gift in (*gifts, catalog.sign_up, catalog.top_ups):
        yield from gift


def _meant(word: str, own: str | None, feature: Feature) -> list[str]:
    """Give what a word of a waterfall means for one feature; nothing where it is not concerned."""
    if word == OWN:
        return [own] if own is not None else []
    if word == POOL:
        return list(feature.cost)
    if word in (WALLET, USAGE) or word == own or word in feature.cost:
        return [word]
    return []
