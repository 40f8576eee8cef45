"""A second charging, written from the rules alone: fractions, lists and loops, no code shared.

It knows the tests' catalog (`shop`) by heart: what each feature costs, who pays on which plan,
which limits hold. It counts in UTC, keeps every number as a fraction, and asks of a source "what is
the most that you can pay for?" by trying every quantity.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from math import ceil

#: Decimal digits of each unit.
DIGITS = {"credits": 0, "gems": 2, "usd": 9}
GEMS_OVERDRAFT = Fraction(5)
PRIORITIES = {"allowance": 20, "promotion": 40, "purchase": 60}


@dataclass
class Lot:
    """What is left of something that was given."""

    amount: Fraction
    rank: tuple[int, datetime, bool, int]
    expires: datetime | None = None
    feature: str | None = None


@dataclass
class Purse:
    """One balance."""

    lots: list[Lot] = field(default_factory=list)
    debt: Fraction = Fraction(0)

    @property
    def available(self) -> Fraction:
        return (
            sum((lot.amount for lot in self.lots if lot.feature is None), Fraction(0)) - self.debt
        )

    def own(self, feature: str) -> Fraction:
        """What only this feature may spend."""
        return sum((lot.amount for lot in self.lots if lot.feature == feature), Fraction(0))

    def spend(self, amount: Fraction, feature: str, overdraft: Fraction) -> None:
        """Take it lot by lot in the burn order; what is left over is debt."""
        general = self.available + overdraft
        for lot in sorted(self.lots, key=lambda each: each.rank):
            if lot.feature not in (None, feature):
                continue
            taken = min(amount, lot.amount)
            if lot.feature is None:
                taken = max(Fraction(0), min(taken, general))
                general -= taken
            lot.amount -= taken
            amount -= taken
        self.lots = [lot for lot in self.lots if lot.amount]
        self.debt += amount


def _each(price: Fraction | int) -> Callable[[int], Fraction]:
    return lambda quantity: quantity * Fraction(price)


def _tier(quantity: int) -> Fraction:
    return Fraction(min(quantity, 5), 3) + Fraction(max(0, quantity - 5), 10)


def _step(quantity: int) -> Fraction:
    if not quantity:
        return Fraction(0)
    return 2 + min(quantity, 4) + Fraction(max(0, quantity - 4) * 3, 10)


def _bulk(quantity: int) -> Fraction:
    return Fraction(quantity) if quantity <= 9 else Fraction(quantity, 2)


#: What the first so many of a feature cost in credits of a pool, and in dollars.
POOL: dict[str, tuple[str, Callable[[int], Fraction]]] = {
    "call": ("credits", _each(1)),
    "image": ("credits", _each(10)),
    "word": ("credits", _each(Fraction(1, 3))),
    "bundle": ("gems", lambda quantity: Fraction(ceil(Fraction(quantity, 4)))),
    "movie": ("credits", _each(Fraction(3, 10))),
    "gift": ("credits", _each(0)),
    "post": ("credits", _each(1)),
    "film": ("credits", _each(1)),
    "note": ("credits", _each(1)),
    "scan": ("credits", _each(1)),
}
MONEY: dict[str, Callable[[int], Fraction]] = {
    "call": _each(Fraction(1, 4)),
    "image": _each(Fraction(3, 2)),
    "word": _each(Fraction(1, 3)),
    "tier": _tier,
    "step": _step,
    "bulk": _bulk,
    "movie": _each(Fraction(2, 10)),
    "film": _each(1),
    "scan": _each(1),
}
#: Features of which the later bill rates a whole period at once; `tier` always does.
BILLED_BY_PERIOD = {"word", "step", "bulk"}
WATERFALLS = {
    None: ("pool", "wallet"),
    "free": ("pool", "wallet"),
    "pro": ("pool", "wallet", "usage"),
    "team": ("usage", "pool"),
}


@dataclass(frozen=True)
class Cap:
    """A limit: what it counts, for whom, over which window, and what it does."""

    name: str
    feature: str
    most: int
    window: str
    per: str = "customer"
    tag: str | None = None
    money: bool = False
    does: str = "refuse"


CAPS = (
    Cap("post:quantity:customer:day", "post", 20, "day"),
    Cap("post:quantity:member:hour", "post", 7, "hour", "member"),
    Cap("post:quantity:api_key:rolling-18000", "post", 5, "rolling", "api_key"),
    Cap("post:quantity:tag=night:minute", "post", 6, "minute", "tag", "night"),
    Cap("film:quantity:customer:month", "film", 8, "month", does="overage"),
    Cap("call:quantity:customer:quarter", "call", 40, "quarter"),
    Cap("gift:quantity:customer:week", "gift", 50, "week"),
    Cap("note:quantity:customer:year", "note", 3, "year", does="allow"),
    Cap("scan:quantity:customer:lifetime", "scan", 30, "lifetime"),
    Cap("scan:money:usd:customer:period", "scan", 20, "month", money=True),
)

Share = tuple[str, int, Fraction]
Key = tuple[str, str]


@dataclass
class Use:
    """One call to charge."""

    feature: str
    quantity: int
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    pay_from: tuple[str, ...] | None = None


@dataclass
class Model:
    """One customer, as the rules would have it."""

    now: datetime
    plan: str | None = None
    purses: dict[str, Purse] = field(default_factory=dict)
    #: By subject and limit: when the window is over, and what was used in it.
    counters: dict[Key, tuple[datetime | None, Fraction]] = field(default_factory=dict)
    #: By feature: when the period is over, and how much of it was rated by the period.
    rated: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    given: int = 0

    def purse(self, unit: str) -> Purse:
        return self.purses.setdefault(unit, Purse())

    def give(
        self, unit: str, amount: Fraction, source: str, ends: datetime | None, feature: str | None
    ) -> None:
        """Give an amount; what was bought pays debt first (A4)."""
        purse, priority = self.purse(unit), PRIORITIES[source]
        if source == "purchase" and feature is None:
            paid = min(amount, purse.debt)
            purse.debt -= paid
            amount -= paid
        self.given += 1
        never = datetime.max.replace(tzinfo=UTC)
        rank = (priority, ends or never, source == "purchase", self.given)
        if amount:
            purse.lots.append(Lot(amount, rank, ends, feature))

    def pass_time(self, span: timedelta) -> None:
        """Let time pass; what expires is gone."""
        self.now += span
        for purse in self.purses.values():
            purse.lots = [lot for lot in purse.lots if not lot.expires or lot.expires > self.now]

    def charge(self, use: Use) -> list[Share] | set[str]:
        """Charge: who pays what, or every reason why not."""
        left = [self._left(cap, subject) for cap, subject in self._caps(use, "overage")]
        within = int(min([Fraction(use.quantity), *left]))
        beyond = self._steps(use, is_overage=True)
        if within < use.quantity and not beyond:
            return {"limit_reached"}
        drawn: dict[str, Fraction] = {}
        rated: dict[tuple[str, bool], int] = {}
        shares, unpaid = self._divide(use, within, self._steps(use), drawn, rated)
        further, more = self._divide(use, use.quantity - within, beyond, drawn, rated)
        shares, unpaid = shares + further, unpaid + more
        reasons = {"insufficient_balance", "nothing_pays"} if unpaid else set()
        money = sum((cost for by, _, cost in shares if by in ("wallet", "usage")), Fraction(0))
        for cap, subject in self._caps(use, "refuse"):
            if (money if cap.money else use.quantity) > self._left(cap, subject):
                reasons.add("limit_reached")
        if not reasons:
            self._book(use, shares, money, rated)
        return reasons or shares

    def _steps(self, use: Use, *, is_overage: bool = False) -> list[tuple[str, str]]:
        """Who may pay, and in what: sources and units."""
        named = list(WATERFALLS[self.plan])
        if is_overage:
            named = [each for each in named if each != "pool"]
        made: list[tuple[str, str]] = []
        for each in named:
            if each == "pool" and use.feature in POOL:
                unit = POOL[use.feature][0]
                if use.pay_from is None or {"credits", unit} & set(use.pay_from):
                    made.append((unit, unit))
            is_allowed = use.pay_from is None or each in use.pay_from
            if each != "pool" and use.feature in MONEY and is_allowed:
                made.append((each, "usd"))
        return made

    def _price(self, use: Use, step: tuple[str, str], before: int, quantity: int) -> Fraction:
        """What so many cost after so many, each total rounded once, half-even."""
        unit = step[1]
        cost = MONEY.get(use.feature) if unit == "usd" else POOL[use.feature][1]
        assert cost is not None
        if (self.plan, use.feature, unit) == ("team", "film", "usd"):
            cost = _each(3)  # its rate for overage, which is that of the later bill too
        digits = 10 ** DIGITS[unit]
        total = round(cost(before + quantity) * digits) - round(cost(before) * digits)
        return Fraction(total, digits)

    def _divide(
        self,
        use: Use,
        quantity: int,
        steps: Sequence[tuple[str, str]],
        drawn: dict[str, Fraction],
        rated: dict[tuple[str, bool], int],
    ) -> tuple[list[Share], int]:
        """Let each pay in turn of what it has, then of what it may overdraw."""
        paid: dict[str, tuple[int, Fraction]] = {}
        for may_overdraw in (False, True):
            for step in steps:
                if not quantity or (may_overdraw and step[1] != "gems"):
                    continue
                by_period = self._by_period(use, step[0])
                before = rated.get((step[1], by_period), 0) + (
                    self._so_far(use) if by_period else 0
                )
                there = self._there(use, step, drawn, may_overdraw=may_overdraw)
                price = partial(self._price, use, step, before)
                most = _most(use, there, quantity, price)
                if not most:
                    continue
                amount = price(most)
                known = paid.get(step[0], (0, Fraction(0)))
                paid[step[0]] = (known[0] + most, known[1] + amount)
                rated[(step[1], by_period)] = rated.get((step[1], by_period), 0) + most
                if step[0] != "usage":
                    drawn[step[1]] = drawn.get(step[1], Fraction(0)) + amount
                quantity -= most
        return [(source, *cells) for source, cells in paid.items()], quantity

    def _by_period(self, use: Use, source: str) -> bool:
        return use.feature == "tier" or (source == "usage" and use.feature in BILLED_BY_PERIOD)

    def _there(
        self, use: Use, step: tuple[str, str], drawn: dict[str, Fraction], *, may_overdraw: bool
    ) -> Fraction | None:
        """What a source can pay; None is without end."""
        if step[0] == "usage":
            return None
        purse = self.purse(step[1])
        overdraft = GEMS_OVERDRAFT if may_overdraw else 0
        there = max(Fraction(0), purse.available + overdraft) + purse.own(use.feature)
        return there - drawn.get(step[1], Fraction(0))

    def _so_far(self, use: Use) -> int:
        ends, quantity = self.rated.get(use.feature, (self.now, 0))
        return quantity if self.now < ends else 0

    def _caps(self, use: Use, does: str) -> list[tuple[Cap, str]]:
        """The limits that count a use, each with the subject that it counts by."""
        named = {
            "customer": [""],
            "member": [] if use.member is None else [f"member:{use.member}"],
            "api_key": [] if use.api_key is None else [f"api_key:{use.api_key}"],
            "tag": [f"tag:{tag}" for tag in use.tags],
        }
        return [
            (cap, subject)
            for cap in CAPS
            if cap.feature == use.feature and cap.does == does
            for subject in named[cap.per]
            if cap.tag is None or subject == f"tag:{cap.tag}"
        ]

    def _left(self, cap: Cap, subject: str) -> Fraction:
        ends, used = self.counters.get((subject, cap.name), (self.now, Fraction(0)))
        is_over = ends is not None and ends <= self.now
        return max(Fraction(0), cap.most - (Fraction(0) if is_over else used))

    def _book(
        self,
        use: Use,
        shares: Sequence[Share],
        money: Fraction,
        rated: dict[tuple[str, bool], int],
    ) -> None:
        """Take the money and count the use."""
        drawn: dict[str, Fraction] = {}
        for source, _, amount in shares:
            unit = "usd" if source in ("wallet", "usage") else source
            if source != "usage":
                drawn[unit] = drawn.get(unit, Fraction(0)) + amount
        for unit, amount in drawn.items():
            overdraft = GEMS_OVERDRAFT if unit == "gems" else Fraction(0)
            self.purse(unit).spend(amount, use.feature, overdraft)
        for does in ("refuse", "overage", "allow"):
            for cap, subject in self._caps(use, does):
                self._count(cap, subject, money if cap.money else Fraction(use.quantity))
        by_period = sum(quantity for (_, is_period), quantity in rated.items() if is_period)
        if by_period:
            before = self._so_far(use)
            self.rated[use.feature] = (ends_of("month", self.now), before + by_period)

    def _count(self, cap: Cap, subject: str, amount: Fraction) -> None:
        if not amount:
            return
        ends, used = self.counters.get((subject, cap.name), (self.now, Fraction(0)))
        if ends is not None and ends <= self.now:
            ends, used = None, Fraction(0)
            if cap.window == "rolling":
                ends = self.now + timedelta(hours=5)
            elif cap.window != "lifetime":
                ends = ends_of(cap.window, self.now)
        self.counters[(subject, cap.name)] = (ends, used + amount)


def _most(use: Use, there: Fraction | None, left: int, price: Callable[[int], Fraction]) -> int:
    """Try every quantity, the greatest first."""
    if there is None:
        return left
    if there <= 0:
        return left if use.feature == "gift" else 0
    for quantity in range(left, 0, -1):
        if price(quantity) <= there:
            # A movie is paid whole by one source, unless what is left is less.
            is_whole = use.feature != "movie" or quantity == left
            return quantity if is_whole else quantity // 10 * 10
    return 0


def ends_of(window: str, now: datetime) -> datetime:
    """When a window of the calendar in UTC is over."""
    if window in ("minute", "hour", "day"):
        span = {"minute": 60, "hour": 3600, "day": 86400}[window]
        begun = int(now.timestamp()) // span * span
        return datetime.fromtimestamp(begun + span, UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "week":
        return day + timedelta(days=7 - day.weekday())
    months = {"month": 1, "quarter": 3, "year": 12}[window]
    first = (day.year * 12 + day.month - 1) // months * months + months
    return day.replace(year=first // 12, month=first % 12 + 1, day=1)
