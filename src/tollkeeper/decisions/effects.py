"""What a span of use came to: counts, who paid, who was refused, what grants were worth. Pure.

One kind of sums serves what happened and what is played, so that the two can be compared. Laws:

- Sums of parts add up to that of the whole, whatever the parts.
- Of a quantity, who paid which part adds up to what was accepted, less what nobody could pay.
- Each grant's used and expired part is valued once, by what the whole grant is worth.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tollkeeper.catalog.rates import half_even
from tollkeeper.decisions.accounts import Entry
from tollkeeper.decisions.requests import GrantFact, Use
from tollkeeper.values.units import is_money

#: What a grant is worth: currency, and amount at its scale; None where nobody paid for it.
Worth = tuple[str, Fraction]
WorthOf = Callable[[GrantFact], Worth | None]

#: Kinds of entries by which grants are used, and by which they are lost.
USING = frozenset({"consume", "settle", "repay"})
LOSING = frozenset({"expire"})


@dataclass(slots=True)
class FeatureSums:
    """What was used of a feature; quantities at its scale, money at its currency's."""

    events: int = 0
    quantity: int = 0
    accepted: int = 0
    included: int = 0
    credits: int = 0
    wallet: int = 0
    billed: int = 0
    unpaid: int = 0
    spent: dict[str, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    #: By the code of the refusal: how many events, and how much.
    refused: dict[str, tuple[int, int]] = field(default_factory=dict)

    def use(self, use: Use) -> None:
        """Count a use that was accepted; one that takes back or corrects money is no event."""
        included, paid, wallet = use.included or 0, use.credits or 0, use.wallet or 0
        unpaid = use.unpaid or 0
        if use.quantity:
            self.events += 1
            self.accepted += 1
        self.quantity += use.quantity
        self.included += included
        self.credits += paid
        self.wallet += wallet
        self.unpaid += unpaid
        self.billed += use.quantity - included - paid - wallet - unpaid
        if use.currency:
            _add(self.spent, use.currency, use.spent or 0)
            _add(self.owed, use.currency, use.owed or 0)

    def refuse(self, code: str, quantity: int) -> None:
        """Count a use that was refused."""
        self.events += 1
        self.quantity += quantity
        events, before = self.refused.get(code, (0, 0))
        self.refused[code] = (events + 1, before + quantity)

    def absorb(self, other: "FeatureSums") -> None:
        """Add other sums to these."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, others in ((self.spent, other.spent), (self.owed, other.owed)):
            for currency, amount in others.items():
                _add(mine, currency, amount)
        for code, (events, quantity) in other.refused.items():
            known = self.refused.get(code, (0, 0))
            self.refused[code] = (known[0] + events, known[1] + quantity)


_NUMBERS = (
    *("events", "quantity", "accepted"),
    *("included", "credits", "wallet", "billed", "unpaid"),
)


@dataclass(slots=True)
class Effects:
    """What a span of use came to, of one customer or of many."""

    features: dict[str, FeatureSums] = field(default_factory=dict)
    #: Money by currency: cost basis of bought credits that were used, list prices of plans, value
    #: of what expired unused, and what vendors asked.
    credits_used: dict[str, int] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    breakage: dict[str, int] = field(default_factory=dict)
    vendors: dict[str, int] = field(default_factory=dict)
    #: What expired unused, by unit.
    expired: dict[str, int] = field(default_factory=dict)
    #: Metered calls that tell the vendor's cost.
    metered: int = 0

    def feature(self, key: str) -> FeatureSums:
        """Give the sums of a feature."""
        found = self.features.get(key)
        if found is None:
            found = self.features[key] = FeatureSums()
        return found

    def vendor(self, currency: str, cost: int, calls: int) -> None:
        """Count what a vendor asked for some calls."""
        self.metered += calls
        _add(self.vendors, currency, cost)

    def absorb(self, other: "Effects") -> None:
        """Add other effects to these."""
        for key, sums in other.features.items():
            self.feature(key).absorb(sums)
        for name in ("credits_used", "plans", "breakage", "vendors", "expired"):
            mine = getattr(self, name)
            for key, amount in getattr(other, name).items():
                _add(mine, key, amount)
        self.metered += other.metered

    def revenue(self) -> dict[str, int]:
        """Sum what was earned, by currency."""
        found: dict[str, int] = {}
        parts = [self.credits_used, self.plans]
        for sums in self.features.values():
            parts += [sums.spent, sums.owed]
        for part in parts:
            for currency, amount in part.items():
                _add(found, currency, amount)
        return found


@dataclass(slots=True)
class GrantWatch:
    """How much of each grant was used, and how much expired, of one customer."""

    used: dict[str, int] = field(default_factory=dict)
    expired: dict[str, int] = field(default_factory=dict)

    def entry(self, entry: Entry) -> None:
        """Look at an entry that was booked."""
        self.lines(entry.kind, entry.after.unit, entry.lines)

    def lines(self, kind: str, unit: str, lines: Iterable[tuple[str, int, int]]) -> None:
        """Look at the lines of an entry; money has no price of its own."""
        if is_money(unit):
            return
        if kind in USING:
            self._count(self.used, lines)
        elif kind in LOSING:
            self._count(self.expired, lines)
        elif kind == "reverse":
            # What comes back was not used after all; what is taken back was never given.
            self._count(self.used, [line for line in lines if line[1] > 0])

    def valued(self, effects: Effects, facts: Mapping[str, GrantFact], worth_of: WorthOf) -> None:
        """Write down what the used and the expired parts of grants are worth."""
        for name, amount in sorted(self.used.items()):
            fact = facts.get(name)
            if fact is not None and amount and fact.source != "allowance":
                _value(effects.credits_used, fact, amount, worth_of)
        for name, amount in sorted(self.expired.items()):
            fact = facts.get(name)
            if fact is not None and amount:
                _add(effects.expired, fact.unit, amount)
                _value(effects.breakage, fact, amount, worth_of)

    def _count(self, sums: dict[str, int], lines: Iterable[tuple[str, int, int]]) -> None:
        for name, remaining, held in lines:
            if name and remaining + held:
                sums[name] = sums.get(name, 0) - remaining - held


def _value(sums: dict[str, int], fact: GrantFact, amount: int, worth_of: WorthOf) -> None:
    worth = worth_of(fact)
    if worth is not None and fact.amount:
        part = worth[1] * amount / fact.amount
        _add(sums, worth[0], half_even(part.numerator, part.denominator))


def _add(sums: dict[str, int], key: str, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount
