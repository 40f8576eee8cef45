"""From the catalog to the terms that a charge decides by. Owns their making and their memory.

The same question gets the same answer, so each is worked out once: a charge that was asked for
before costs a look into a dict. It must never read a clock; a dated rate takes the charge's moment.
"""

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tollkeeper.catalog import rating, waterfalls
from tollkeeper.catalog.features import Feature
from tollkeeper.catalog.limits import limits_of
from tollkeeper.catalog.looking import (
    currency_for,
    is_allowed,
    moments_of,
    money_rates,
    plans_of,
    rates_of,
    scale_of,
    threshold,
)
from tollkeeper.catalog.metering import metered, metering
from tollkeeper.catalog.mistakes import nearest, sentence
from tollkeeper.catalog.plans import Plan
from tollkeeper.catalog.policies import policy_terms
from tollkeeper.catalog.rates import Rate
from tollkeeper.catalog.rating import Scales
from tollkeeper.catalog.terms import Metering, Step, StepKind, Terms
from tollkeeper.catalog.waterfalls import USAGE, WALLET
from tollkeeper.errors import InvalidRequest, NotPriced
from tollkeeper.values.texts import echo
from tollkeeper.values.units import currency_unit

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: Most answers that are remembered; then it begins anew.
MAXIMUM_REMEMBERED: Final = 10_000


class Compiled:
    """What charges ask of a catalog, and the answers given so far."""

    __slots__ = (
        "_answers",
        "_catalog",
        "_dimensions",
        "_meterings",
        "_moments",
        "_scales",
        "_thresholds",
        "policy_terms",
        "version",
    )

    def __init__(self, catalog: "Catalog") -> None:
        #: The name of what the catalog says.
        self.version = catalog.version
        #: How hard cases are decided.
        self.policy_terms = policy_terms(catalog.policies)
        self._catalog = catalog
        self._answers: dict[Hashable, Terms] = {}
        self._meterings: dict[str, Metering] = {}
        self._thresholds: dict[Hashable, int | None] = {}
        #: By feature: the dimensions its rates go by, with the values that they tell apart.
        self._dimensions: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}
        #: By feature: the moments at which one of its rate cards begins, ascending.
        self._moments: dict[str, tuple[datetime, ...]] = {}
        self._scales = {key: scale_of(catalog, key) for key in catalog.features}
        for key in catalog.features:
            rates = rates_of(catalog, key)
            known = rating.dimensions_of(rates, catalog.rates)
            known.pop(rating.PLAN, None)
            self._dimensions[key] = tuple((name, frozenset(known[name])) for name in sorted(known))
            self._moments[key] = moments_of(catalog, rates)

    def terms(
        self,
        feature: str,
        plans: tuple[str, ...],
        currency: str | None,
        dimensions: Mapping[str, str],
        at: datetime | None = None,
    ) -> Terms:
        """Give the terms of a feature for a customer on these plans (his main plan first)."""
        key: Hashable = (feature, plans, currency)
        told = self._dimensions.get(feature)
        moments = self._moments.get(feature)
        if told:
            key = (key, tuple([self._told(name, values, dimensions) for name, values in told]))
        if moments:
            key = (key, bisect_right(moments, _dated(feature, at)))
        if (found := self._answers.get(key)) is not None:
            return found
        if len(self._answers) >= MAXIMUM_REMEMBERED:
            self._answers.clear()
        made = terms(self._catalog, feature, plans, currency, dimensions, at)
        self._answers[key] = made
        return made

    def scale(self, feature: str) -> int:
        """Give the decimal digits of a feature's quantity."""
        found = self._scales.get(feature)
        return scale_of(self._catalog, feature) if found is None else found

    def metering(self, feature: str) -> Metering:
        """Say how usage events of a feature become one number, and how late they may be."""
        found = self._meterings.get(feature)
        if found is None:
            found = self._meterings[feature] = metering(self._catalog, feature)
        return found

    def low_balance(self, unit: str, plans: tuple[str, ...]) -> int | None:
        """Give the threshold under which a balance is low; None where there is none."""
        key = (unit, plans)
        if key not in self._thresholds:
            if len(self._thresholds) >= MAXIMUM_REMEMBERED:
                self._thresholds.clear()
            self._thresholds[key] = threshold(self._catalog, unit, plans)
        return self._thresholds[key]

    @staticmethod
    def _told(name: str, values: frozenset[str], dimensions: Mapping[str, str]) -> str | None:
        value = dimensions.get(name)
        return value if value in values else None


def _dated(feature: str, at: datetime | None) -> datetime:
    if at is None:
        raise InvalidRequest(f"The rates of {feature!r} are dated; say the moment, at=…")
    return at


def terms(
    catalog: "Catalog",
    key: str,
    plan_keys: tuple[str, ...],
    currency: str | None,
    dimensions: Mapping[str, str],
    at: datetime | None,
) -> Terms:
    """Work out the terms of a feature for a customer on these plans."""
    feature = metered(catalog, key)
    names, plans = plans_of(catalog, plan_keys)
    # Whoever names the dimensions does not decide what plan he is on.
    known = {name: value for name, value in dimensions.items() if name != rating.PLAN}
    if names:
        known[rating.PLAN] = names[0]
    asked = _Asked(
        catalog=catalog,
        key=key,
        feature=feature,
        plans=plans,
        currency=currency_for(catalog, plans, currency),
        dimensions=known,
        at=at,
        scale=scale_of(catalog, key),
    )
    steps = tuple(step for source in asked.sources() if (step := asked.step(source)))
    overage = asked.overage()
    if not (steps or overage):
        raise asked.unpriced()
    return Terms(
        feature=key,
        scale=asked.scale,
        steps=steps,
        limits=limits_of(catalog, key, plans, asked.currency, (*steps, *overage)),
        overage=overage,
        is_whole=feature.whole,
        version=catalog.version,
        is_allowed=is_allowed(key, plans),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One question for terms."""

    catalog: "Catalog"
    #: The feature's key, and what the catalog says of it.
    key: str
    feature: Feature
    #: The customer's plans, the main one first.
    plans: Sequence[Plan]
    #: The currency in which he pays money; None where there is none.
    currency: str | None
    #: What is known of the use, his main plan among it.
    dimensions: Mapping[str, str]
    #: The moment of the use.
    at: datetime | None
    #: Decimal digits of the quantity.
    scale: int

    def sources(self) -> tuple[str, ...]:
        return waterfalls.sources(self.catalog, self.key, self.plans)

    def step(self, source: str) -> Step | None:
        """Give one source of payment with its rate; None where it has none in this currency."""
        if source in (WALLET, USAGE):
            return self.money_step(source, self.money_rates(source))
        scale = waterfalls.known_units(self.catalog)[source].scale
        if source == self.key:
            return Step(source, "unit", source, one_each(scale, self.scale))
        rate = self.resolved(self.feature.cost[source], None)
        exact = rating.compiled(rate, Scales(self.scale, scale))
        return Step(source, "unit", source, exact.rate, exact.over == "period")

    def money_step(self, source: str, rates: Sequence[Any]) -> Step | None:
        """Give a source that pays money; None where no rate is in the customer's currency."""
        rate = rating.of_currency(rates, self.currency, self.catalog.rates)
        if rate is None or self.currency is None:
            return None
        unit = currency_unit(self.currency)
        plain = self.resolved(rate, self.currency)
        exact = rating.compiled(plain, Scales(self.scale, unit.scale))
        over = exact.over or ("period" if source == USAGE and not is_exact(exact.rate) else None)
        kind: StepKind = "wallet" if source == WALLET else "usage"
        return Step(source, kind, unit.key, exact.rate, over == "period")

    def money_rates(self, source: str) -> Sequence[Any]:
        """Give the rates in money: the plans' for this source, for overage, or the feature's."""
        for plan in self.plans:
            own = (plan.wallet if source == WALLET else plan.usage).get(self.key)
            if found := own or plan.overage.get(self.key):
                return found
        return money_rates(self.feature)

    def overage(self) -> tuple[Step, ...]:
        """Give who pays beyond a limit: money only, at the rate for overage where there is one."""
        named = [source for source in self.sources() if source in (WALLET, USAGE)]
        said = [plan.overage[self.key] for plan in self.plans if self.key in plan.overage]
        rates = [said[0] if said else self.money_rates(source) for source in named]
        found = [self.money_step(source, rate) for source, rate in zip(named, rates, strict=True)]
        if said and not any(found):
            found = [self.money_step(USAGE, said[0])]
        return tuple(step for step in found if step is not None)

    def resolved(self, rate: Any, currency: str | None) -> Any:
        """Follow dimensions and cards; a source whose price is missing never leaves it to others.

        Raises:
            NotPriced: nothing is said for this value, or at this moment.
        """
        cards = self.catalog.rates
        found = rating.resolve(rate, currency, self.dimensions, self.at, cards)
        if found is None:
            raise self._missing(rate)
        return found

    def _missing(self, rate: Any) -> NotPriced:
        """Say which value or moment a rate says nothing of."""
        told = rating.dimensions_of([rate], self.catalog.rates)
        for name, values in told.items():
            value = self.dimensions.get(name)
            if value not in values:
                said = f"is {echo(value)}" if value is not None else "is not named"
                why = f"its {name} {said}; {nearest(value or '', values)}"
                return self._refused(f"{sentence(why)} Or give its rate an `otherwise`.")
        begins = moments_of(self.catalog, [rate])
        return self._refused(
            f"its rate card begins on {begins[0]:%Y-%m-%d}."
            if begins and self.at is not None and self.at < begins[0]
            else "its rate card says nothing of this currency now."
        )

    def unpriced(self) -> NotPriced:
        """Say that nothing pays, and what to do about it."""
        money = f" in {self.currency}" if self.currency else ""
        return self._refused(
            f"nothing pays for it{money} on these plans. Give it a `cost` in credits, a `rate` in "
            "money, or an allowance."
        )

    def _refused(self, why: str) -> NotPriced:
        return NotPriced(f"{self.key!r} has no price: {why}", feature=self.key)


def is_exact(rate: Rate) -> bool:
    """Tell whether a rate never rounds and never depends on what was used before."""
    return rate.mode == "flat" and rate.denominator == 1


def one_each(unit_scale: int, quantity_scale: int) -> Rate:
    """Give the rate of one unit for each of a feature."""
    return rating.compiled(rating.one(), Scales(quantity_scale, unit_scale)).rate
