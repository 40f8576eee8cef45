"""Puts what simulations came to into the words of their report. Decides and reads nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tollkeeper.decisions.effects import Effects, FeatureSums
from tollkeeper.ledger.simulating import Outcome
from tollkeeper.operations.metering import moneys, parts_of
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.simulations import (
    Comparison,
    FeatureResult,
    RefusedUsage,
    Simulation,
    SpanResult,
)
from tollkeeper.values.units import Unit

#: Most customers that are told by name of those who win, and of those who lose.
MOST_NAMED = 10


#: A customer who is told by name: by what he is ranked, and what he came to.
_Named = tuple[tuple[int, int], str, Comparison]


@dataclass(slots=True)
class Sums:
    """What happened and what would have, summed up over some customers."""

    customers: int = 0
    happened: Effects = field(default_factory=Effects)
    simulated: Effects = field(default_factory=Effects)

    def add(self, outcome: Outcome) -> None:
        """Add a customer."""
        self.customers += 1
        self.happened.absorb(outcome.happened)
        self.simulated.absorb(outcome.simulated)


@dataclass(slots=True)
class Report:
    """A report under way: sums, and the few customers who are told by name."""

    units: Mapping[str, Unit]
    #: Gives the decimal digits of a feature's quantity.
    scale_of: Callable[[str], int]
    #: The currency by which customers are compared; None is the first that there is.
    currency: str | None
    #: Whether every customer is told of, since they were named.
    tells_all: bool = False
    most: int = MOST_NAMED
    total: Sums = field(default_factory=Sums)
    plans: dict[str | None, Sums] = field(default_factory=dict)
    customers: list[Comparison] = field(default_factory=list)
    _paying_less: list[_Named] = field(default_factory=list)
    _paying_more: list[_Named] = field(default_factory=list)
    _refused_more: list[_Named] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take a customer's outcome; one of whom there is nothing to tell is left out."""
        if not (_is_something(outcome.happened) or _is_something(outcome.simulated)):
            return
        self.total.add(outcome)
        self.plans.setdefault(outcome.plan, Sums()).add(outcome)
        if self.tells_all:
            self.customers.append(self._of_customer(outcome))
        more, refused = self._more_paid(outcome), _more_refused(outcome)
        if more > 0:
            self._name(self._paying_more, (-more, -refused), outcome)
        if refused > 0:
            # Whoever pays less since he is locked out has won nothing.
            self._name(self._refused_more, (-refused, -more), outcome)
        elif more < 0:
            self._name(self._paying_less, (more, refused), outcome)

    def finished(self, since: datetime, until: datetime, version: str, events: int) -> Simulation:
        """Give the report."""
        plans = sorted(self.plans.items(), key=lambda item: (item[0] is None, item[0] or ""))
        return Simulation(
            since=since,
            until=until,
            catalog_version=version,
            events=events,
            total=self._compared(None, self.total),
            plans=tuple([self._compared(plan, sums) for plan, sums in plans]),
            winners=tuple([named for _, _, named in self._paying_less]),
            losers=self._losers(),
            customers=tuple(self.customers),
        )

    def _losers(self) -> tuple[Comparison, ...]:
        """Name those who would pay most more, then others who would be refused most."""
        both = (*self._paying_more, *self._refused_more)
        return tuple({customer: named for _, customer, named in both}.values())

    def _more_paid(self, outcome: Outcome) -> int:
        """Tell how much more a customer would have paid."""
        before, after = outcome.happened.revenue(), outcome.simulated.revenue()
        currency = self.currency or min([*before, *after], default="")
        return after.get(currency, 0) - before.get(currency, 0)

    def _name(
        self,
        named: list[_Named],
        rank: tuple[int, int],
        outcome: Outcome,
    ) -> None:
        """Keep a customer among the few who are told by name, if he is one of them."""
        if len(named) >= self.most and (rank, outcome.customer) > named[-1][:2]:
            return
        named.append((rank, outcome.customer, self._of_customer(outcome)))
        named.sort(key=lambda each: each[:2])
        del named[self.most :]

    def _of_customer(self, outcome: Outcome) -> Comparison:
        sums = Sums(1, outcome.happened, outcome.simulated)
        found = self._compared(outcome.customer, sums)
        return Comparison(
            name=found.name,
            customers=1,
            happened=found.happened,
            simulated=found.simulated,
            plan=outcome.plan,
        )

    def _compared(self, name: str | None, sums: Sums) -> Comparison:
        return Comparison(
            name=name,
            customers=sums.customers,
            happened=self._result(sums.happened),
            simulated=self._result(sums.simulated),
        )

    def _result(self, effects: Effects) -> SpanResult:
        features = sorted(effects.features.items())
        spent, owed = Effects(), Effects()
        for key, sums in features:
            spent.features[key] = FeatureSums(spent=sums.spent)
            owed.features[key] = FeatureSums(owed=sums.owed)
        return SpanResult(
            features=tuple([self._feature(key, sums) for key, sums in features]),
            spent=moneys(spent.revenue()),
            owed=moneys(owed.revenue()),
            credits_used=moneys(effects.credits_used),
            plans=moneys(effects.plans),
            revenue=moneys(effects.revenue()),
            breakage=moneys(effects.breakage),
            expired={
                unit: from_scaled(amount, self.units[unit].scale)
                for unit, amount in sorted(effects.expired.items())
            },
            vendor_cost=moneys(effects.vendors),
            metered_calls=effects.metered,
        )

    def _feature(self, key: str, sums: FeatureSums) -> FeatureResult:
        scale = self.scale_of(key)
        return FeatureResult(
            feature=key,
            events=sums.events,
            quantity=from_scaled(sums.quantity, scale),
            accepted=sums.accepted,
            refused=tuple(
                [
                    RefusedUsage(reason=code, events=n, quantity=from_scaled(quantity, scale))
                    for code, (n, quantity) in sorted(sums.refused.items())
                ]
            ),
            paid=parts_of(sums, scale),
        )


def _more_refused(outcome: Outcome) -> int:
    """Tell how much more often a customer would be refused."""
    return _refusals(outcome.simulated) - _refusals(outcome.happened)


def _refusals(effects: Effects) -> int:
    return sum(events for sums in effects.features.values() for events, _ in sums.refused.values())


def _is_something(effects: Effects) -> bool:
    return bool(effects.features or effects.plans or effects.expired or effects.metered)
