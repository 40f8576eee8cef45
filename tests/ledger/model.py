"""One account as docs/concepts/rules.md describes it: a naive list of grants, holds and a debt.

Written from the rules and not from the product, and slow on purpose. Amounts are plain integers of
the smallest part of a unit. It must never import a decision.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction

HOURS_OF_A_HOLD = 24
NEVER = datetime.max.replace(tzinfo=UTC)


class Refused(Exception):
    """The rules say no; `code` is that of the error a caller gets."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass
class Grant:
    """A grant, and what is left of it."""

    id: str
    amount: int
    remaining: int
    priority: int
    paid: bool
    effective: datetime
    expires: datetime | None = None
    cost: int = 0
    features: tuple[str, ...] = ()
    #: Whether the moment from which it may be spent has come.
    begun: bool = True
    #: What was granted anew after its end, and at which cost.
    reissued: int = 0
    reissued_cost: int = 0

    def cost_of(self, amount: int) -> int:
        """A7: what the first so much of it cost; a part costs the difference of two of these."""
        return self.cost * amount // self.amount

    def rank(self) -> tuple[object, ...]:
        """A1: priority, sooner expiry, promotional first, cheaper, earlier, id."""
        return (
            self.priority,
            self.expires is None,
            self.expires or NEVER,
            self.paid,
            Fraction(self.cost, self.amount),
            self.effective,
            self.id,
        )

    def pays_for(self, feature: str | None) -> bool:
        """A restricted grant pays for its features alone; none pays before its time."""
        return self.begun and (not self.features or feature in self.features)


def bought(name: str, amount: int, now: datetime) -> Grant:
    """Value that burns last and never expires: adjustments, and what a paid debt set free."""
    return Grant(name, amount, amount, priority=60, paid=True, effective=now)


@dataclass
class Hold:
    """What is set aside, from which grants; no grant is the overdraft's share, always last."""

    id: str
    unit: str
    created: datetime
    expires: datetime
    feature: str | None
    parts: list[tuple[Grant | None, int]] = field(default_factory=list)
    status: str = "open"
    settled: int | None = None

    @property
    def amount(self) -> int:
        return sum(part for _, part in self.parts)


@dataclass
class Entry:
    """What an entry did for good: by grant, what it took (below zero) or gave, and the debt."""

    customer: str
    unit: str
    kind: str
    lines: list[tuple[str, int]] = field(default_factory=list)
    owed: int = 0


@dataclass
class Account:
    """One customer's balance in one unit."""

    customer: str
    unit: str
    grants: dict[str, Grant] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    debt: int = 0
    limit: int | None = None

    def copy(self) -> "Account":
        """Copy it, so that a refusal or a look changes nothing."""
        grants = {name: replace(grant) for name, grant in self.grants.items()}
        holds = {name: replace(hold, parts=[*hold.parts]) for name, hold in self.holds.items()}
        return replace(self, grants=grants, holds=holds)

    def numbers(self) -> tuple[int, int, int, int]:
        """Available, restricted, held, debt (law 2)."""
        general = sum(g.remaining for g in self.grants.values() if g.pays_for(None))
        every = sum(g.remaining for g in self.grants.values())
        held = sum(hold.amount for hold in self.holds.values() if hold.status == "open")
        return general - self.debt, every - general, held, self.debt

    @property
    def available(self) -> int:
        return self.numbers()[0]

    def ranked(self) -> list[Grant]:
        return sorted(self.grants.values(), key=lambda grant: grant.rank())

    def remains(self) -> dict[str, int]:
        """What is left, by grant."""
        return {grant.id: grant.remaining for grant in self.grants.values() if grant.remaining}

    # What time does (A2, A8, B1)

    def advance(self, now: datetime) -> None:
        """Let everything happen that came due, in the order of its moments."""
        while step := min(self._due(now), default=None):
            moment, _, name = step
            if name in self.holds:
                self._lapse(self.holds[name], moment)
            elif not self.grants[name].begun:
                self.grants[name].begun = True
                self.repay(self.grants[name])
            else:
                self.grants[name].remaining = 0

    def _due(self, now: datetime) -> list[tuple[datetime, int, str]]:
        """What is due by now: at one moment, a hold lapses before a grant expires."""
        open_holds = [hold for hold in self.holds.values() if hold.status == "open"]
        found = [(hold.expires, 0, hold.id) for hold in open_holds]
        for grant in self.grants.values():
            if grant.remaining and not grant.begun:
                found.append((grant.effective, 1, grant.id))
            if grant.remaining and grant.expires:
                found.append((grant.expires, 1, grant.id))
        return [step for step in found if step[0] <= now]

    def _lapse(self, hold: Hold, moment: datetime) -> None:
        hold.status = "lapsed"
        self.give_back(hold.parts, f"grt_{hold.id.partition('_')[2]}", moment)

    def expire_dead(self, now: datetime) -> None:
        """B1: what came back to a grant whose time is over dies at once."""
        for grant in self.grants.values():
            if grant.expires and grant.expires <= now:
                grant.remaining = 0

    # What changes grants and debt

    def add(self, grant: Grant, now: datetime) -> list[Entry]:
        """A4: paid value that may be spent by every feature pays debt first, as its own entry."""
        grant.begun = grant.effective <= now
        self.grants[grant.id] = grant
        entries = [self.entry("grant", [(grant.id, grant.amount)])]
        entries += self.repay(grant)
        self.expire_dead(now)
        return entries

    def repay(self, grant: Grant) -> list[Entry]:
        paid = min(self.debt, grant.remaining)
        if not (grant.paid and grant.pays_for(None) and paid):
            return []
        grant.remaining -= paid
        self.debt -= paid
        return [self.entry("repay", [(grant.id, -paid)], -paid)]

    def take(
        self, amount: int, feature: str | None, limit: int | None
    ) -> list[tuple[Grant | None, int]]:
        """A1, A3: burn in order, then overdraw up to the limit; None is no limit."""
        room = None if limit is None else max(0, self.available + limit)
        parts, unpaid = self.take_most(amount, feature, room)
        if unpaid:
            raise Refused("insufficient_balance")
        return parts

    def take_most(
        self, amount: int, feature: str | None, room: int | None
    ) -> tuple[list[tuple[Grant | None, int]], int]:
        """Take what can be had; `room` is how far `available` may fall. Gives what is missing.

        What was given for this feature alone is spent whatever the debt.
        """
        parts: list[tuple[Grant | None, int]] = []
        room = amount if room is None else room
        for grant in self.ranked():
            if not grant.pays_for(feature):
                continue
            most = min(amount, grant.remaining)
            if not grant.features:
                most = min(most, room)
                room -= most
            if most:
                grant.remaining -= most
                amount -= most
                parts.append((grant, most))
        owed = min(amount, room)
        if owed:
            self.debt += owed
            parts.append((None, owed))
        return parts, amount - owed

    def give_back(
        self, parts: list[tuple[Grant | None, int]], name: str, now: datetime
    ) -> list[tuple[str, int]]:
        """Return parts of a hold: to their grants, or off the debt; gives the grant made, if any.

        Where the debt was paid meanwhile, the value must not be lost: it becomes a new grant.
        """
        owed = sum(part for grant, part in parts if grant is None)
        for grant, part in parts:
            if grant is not None:
                self.grants[grant.id].remaining += part
        lessened = min(owed, self.debt)
        self.debt -= lessened
        rest = owed - lessened
        if rest:
            self.grants[name] = bought(name, rest, now)
        self.expire_dead(now)
        return [(name, rest)] if rest else []

    def entry(self, kind: str, lines: list[tuple[str, int]], owed: int = 0) -> Entry:
        return Entry(self.customer, self.unit, kind, lines, owed)

    def spent(self, kind: str, parts: list[tuple[Grant | None, int]]) -> Entry:
        """The entry of value that is gone."""
        lines = [(grant.id, -part) for grant, part in parts if grant is not None]
        return self.entry(kind, lines, sum(part for grant, part in parts if grant is None))


def first_of(
    parts: list[tuple[Grant | None, int]], amount: int
) -> tuple[list[tuple[Grant | None, int]], list[tuple[Grant | None, int]]]:
    """B2: what a settle uses is what burned first; the rest goes back."""
    used: list[tuple[Grant | None, int]] = []
    rest: list[tuple[Grant | None, int]] = []
    for grant, part in parts:
        taken = min(amount, part)
        amount -= taken
        used += [(grant, taken)] if taken else []
        rest += [(grant, part - taken)] if part > taken else []
    return used, rest
