"""The catalog in force, and the earlier ones that plans were sold under (D9). Pure.

A price list of several catalogs. Who has no plan, or one of the catalog in force, is asked about
there. Whoever has a plan of an earlier one keeps its prices, allowances and limits; what only newer
catalogs know (a new feature, say) he may use as they say. The catalogs come from whoever can read
them: `lacks` says which are missing, `learn` takes them.

A request keeps `pinned`, the price list as it was when its quantities were scaled: should another
catalog come into force before it is decided, it is decided as it was asked (C1).
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog.terms import (
    Limit,
    Metering,
    PolicyTerms,
    PriceList,
    SoldPlan,
    Terms,
)
from tollkeeper.catalog.unwritten import Unwritten
from tollkeeper.errors import InvalidRequest, UnknownFeature

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.entitlements import Promised

#: Sections of which a joined catalog has what any of its catalogs has.
_JOINED: Final = ("units", "features", "plans", "rates", "price_books")

#: Most joined catalogs that are remembered; then it begins anew.
MOST_JOINED: Final = 256


class InForce:
    """What things cost now, and what they cost those who subscribed earlier."""

    def __init__(self, catalog: "Catalog | None" = None) -> None:
        self._known: MutableMapping[str, Catalog] = {}
        #: Where those are put that something was sold under.
        self._learnt: MutableMapping[str, Catalog] = self._known
        #: Versions that the books were asked for in vain.
        self._absent: set[str] = set()
        self._set(catalog)

    def _set(self, catalog: "Catalog | None") -> None:
        #: The catalog in force; None is none at all.
        self.catalog = catalog
        self._now: PriceList = Unwritten() if catalog is None else catalog.compiled
        self._joined: dict[tuple[str, tuple[SoldPlan, ...]], Catalog | None] = {}
        #: By feature of the catalog in force.
        self._dimensions: dict[str, frozenset[str] | None] = {}
        if catalog is not None:
            self._known[catalog.version] = catalog
        #: The same as it is now, whatever is put into force later; it learns what this one learns.
        pinned = copy(self)
        pinned.pinned = pinned
        self.pinned: InForce = pinned

    def apart(self) -> "InForce":
        """Give one for a host's transaction: what is put into force there is so for it alone."""
        made = copy(self)
        made.keep_apart()
        return made

    def keep_apart(self) -> None:
        """Keep to itself what is put into force from now on; what is learnt is for all."""
        self._known = ChainMap({}, self._known)

    @property
    def version(self) -> str:
        """Name the version in force."""
        return self._now.version

    @property
    def policy_terms(self) -> PolicyTerms:
        """Say how hard cases are decided now, for everybody."""
        return self._now.policy_terms

    def activate(self, catalog: "Catalog") -> None:
        """Put a catalog into force; the others stay known."""
        self._set(catalog)

    def meters(self, feature: str) -> bool:
        """Tell whether any catalog that is known meters a feature; without one, any is good."""
        return self.catalog is None or self.metered_once(feature) is not None

    def metered_once(self, feature: str) -> Metering | None:
        """Say how the catalog in force, or else an earlier one, meters a feature; None for none.

        A feature that has become boolean keeps its history.
        """
        if self.catalog is None:
            return self._now.metering(feature)
        for catalog in (self.catalog, *self._known.values()):
            if feature in catalog.features and catalog.features[feature].type == "metered":
                return catalog.compiled.metering(feature)
        return None

    def dimensions(self, feature: str) -> frozenset[str] | None:
        """Name the dimensions that a feature may have; None where any is good."""
        if self.catalog is None:
            return None
        if feature not in self._dimensions:
            from tollkeeper.catalog.looking import dimensions_of

            self._dimensions[feature] = dimensions_of(self.catalog, feature)
        return self._dimensions[feature]

    def lacks(self, versions: Iterable[str]) -> list[str]:
        """Tell which of these versions have to be learnt."""
        known, absent = self._known, self._absent
        return [name for name in versions if name and name not in known and name not in absent]

    def learn(self, version: str, catalog: "Catalog | None") -> None:
        """Take an earlier catalog; None where nobody has it any more."""
        if catalog is None:
            self._absent.add(version)
        else:
            self._learnt[version] = catalog

    def of_version(self, version: str) -> "Catalog | None":
        """Give a catalog that is known."""
        return self._known.get(version)

    def under(self, plans: Sequence[SoldPlan]) -> PriceList:
        """Give the price list of a customer on plans of these versions, his main plan first."""
        found = self.sold(plans)
        return self._now if found is None else found.compiled

    def sold(self, plans: Sequence[SoldPlan]) -> "Catalog | None":
        """Give the catalog that holds for a customer on plans of these versions."""
        if all(version in ("", self.version) for _, version in plans):
            return self.catalog
        key = (self.version, tuple(plans))
        if key in self._joined:
            return self._joined.get(key)
        found = self._join(plans)
        # What is joined before all of its catalogs were learnt is not what they say.
        if not self.lacks(version for _, version in plans):
            if len(self._joined) >= MOST_JOINED:
                self._joined.clear()
            self._joined[key] = found
        return found

    def limits(self, plans: Sequence[SoldPlan], currency: str | None) -> tuple[Limit, ...]:
        """Give every limit of a customer on these plans."""
        found = self.sold(plans)
        if found is None:
            return ()
        from tollkeeper.catalog.limits import standing

        return standing(found, tuple([plan for plan, _ in plans]), currency)

    def promised(self, feature: str, plans: Sequence[SoldPlan]) -> "Promised":
        """Tell what a feature is to a customer on these plans (his main plan first).

        Raises:
            UnknownFeature: no catalog of his knows the feature.
            InvalidRequest: there is no catalog at all.
        """
        found = self.sold(plans)
        if found is None:
            raise InvalidRequest("There is no catalog, and so no entitlements.")
        return found.entitlement(feature, tuple([plan for plan, _ in plans]))

    def scale(self, feature: str) -> int:
        """Give the decimal digits of a quantity, of an earlier catalog's feature too."""
        try:
            return self._now.scale(feature)
        except UnknownFeature:
            for catalog in list(self._known.values()):
                if feature in catalog.features:
                    return catalog.scale(feature)
            raise

    def terms(
        self,
        feature: str,
        plans: tuple[str, ...],
        currency: str | None,
        dimensions: Mapping[str, str],
        at: datetime | None = None,
    ) -> Terms:
        """Give the terms in force."""
        return self._now.terms(feature, plans, currency, dimensions, at)

    def metering(self, feature: str) -> Metering:
        """Say how a feature is metered, an earlier catalog's too."""
        try:
            return self._now.metering(feature)
        except UnknownFeature:
            for catalog in list(self._known.values()):
                if feature in catalog.features:
                    return catalog.compiled.metering(feature)
            raise

    def low_balance(self, unit: str, plans: tuple[str, ...]) -> int | None:
        """Give the threshold in force under which a balance is low."""
        return self._now.low_balance(unit, plans)

    def _join(self, plans: Sequence[SoldPlan]) -> "Catalog | None":
        """Join the catalogs of plans with the one in force; the main plan's comes first."""
        sold = [(plan, self._known.get(version)) for plan, version in plans]
        kept = [(plan, found) for plan, found in sold if found is not None and plan in found.plans]
        if not kept:
            return self.catalog
        catalogs = [found for _, found in kept]
        if self.catalog is not None:
            catalogs.append(self.catalog)
        return joined(catalogs, dict(kept))


def joined(catalogs: Sequence["Catalog"], plans: Mapping[str, "Catalog"]) -> "Catalog":
    """Join catalogs: the first one, with what only the others have, and each plan as it was sold.

    It is made of parts that were checked, and is not checked again.
    """
    main = catalogs[0]
    sections: dict[str, dict[str, object]] = {name: {} for name in _JOINED}
    for catalog in reversed(catalogs):
        for name, section in sections.items():
            section.update(getattr(catalog, name))
    for plan, catalog in plans.items():
        sections["plans"][plan] = catalog.plans[plan]
    fields = {name: getattr(main, name) for name in type(main).model_fields}
    made = type(main).model_construct(**{**fields, **sections})
    made.__dict__["version"] = main.version
    return made
