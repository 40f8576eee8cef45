"""A customer's running counts: what a charge locks first, and what its limits are counted by. Pure.

One tally is the customer's own (its subject is empty); members, API keys and tags that limits count
by themselves have tallies beside it. Moments are microseconds since 1970 here, 0 for none: they are
compared on every charge, and kept as JSON. Windows end and headroom comes back by comparing
moments, never by a job (A8).
"""

from typing import NamedTuple

from tollkeeper.catalog.terms import Limit
from tollkeeper.errors import BalanceOverflow
from tollkeeper.values.amounts import MAXIMUM

TallyKey = tuple[str, str]

#: The subject of a customer's own tally.
OWN = ""
#: What subjects begin with.
PREFIXES = {"member": "member:", "api_key": "api_key:", "tag": "tag:"}

HOUR = 3_600_000_000

#: Counters whose window is over are dropped beyond this number.
MOST_COUNTERS = 48


class Counter(NamedTuple):
    """How much of a limit was used in its window; it belongs to the window (C4)."""

    name: str
    start: int
    end: int
    used: int


class Held(NamedTuple):
    """What a charge that is set aside takes, and whose use it is; the customer's own tally has it.

    Limits count it by these facts, so that one which is set later counts it too (C4).
    """

    hold: str
    expires: int
    feature: str
    quantity: int
    #: How much of each unit, in money what the later bill would ask as well.
    amounts: tuple[tuple[str, int], ...]
    #: The tallies beside the customer's own that count it: of a member, an API key, tags.
    subjects: tuple[str, ...] = ()


class Running(NamedTuple):
    """What was used of a feature in the running hour, and who paid which part of it."""

    feature: str
    events: int
    quantity: int
    #: The greatest quantity, the last one, and when that was; None where something was taken back.
    maximum: int | None
    last: int | None
    last_at: int | None
    included: int
    credits: int
    wallet: int
    billed: int
    #: Money that wallets paid, and that the later bill asks, at its currency's scale.
    spent: int = 0
    owed: int = 0
    #: The currency of that money; "" for none.
    currency: str = ""


class OnPlan(NamedTuple):
    """A live plan, as charges need to know it."""

    plan: str
    subscription: str
    #: The catalog version it was sold under.
    version: str
    #: From when its periods are counted, and how long each is ("month", "3 months").
    anchor: int
    interval: str
    #: The running period, and when the plan ends; 0 where no end is known.
    start: int = 0
    end: int = 0
    ends: int = 0
    #: Its group, of which there is one plan, and whether it stands beside that one.
    group: str = ""
    is_add_on: bool = False
    #: The number of the running period, where the customer has moved to another zone.
    number: int | None = None


class OwnLimit(NamedTuple):
    """A limit of this customer's own, or another number for one of the catalog's."""

    limit: Limit
    until: int = 0


class Tally(NamedTuple):
    """One tally, as it was locked or as the last accepted request left it."""

    customer: str
    subject: str = OWN
    version: int = 0
    zone: str | None = None
    currency: str | None = None
    merged_into: str | None = None
    plans: tuple[OnPlan, ...] = ()
    counters: tuple[Counter, ...] = ()
    held: tuple[Held, ...] = ()
    limits: tuple[OwnLimit, ...] = ()
    hour: int = 0
    running: tuple[Running, ...] = ()
    updated: int = 0
    #: From when on `plans` says it all: those before are told by the subscriptions.
    plans_since: int = 0

    @property
    def key(self) -> TallyKey:
        """Name the tally: customer and subject."""
        return self.customer, self.subject

    def plans_at(self, now: int) -> tuple[str, ...]:
        """Name the plans that are live at a moment, in the order they were taken."""
        return tuple([plan.plan for plan in self.plans if not plan.ends or now < plan.ends])

    def counter(self, name: str, now: int) -> Counter | None:
        """Give a counter, if its window is not over."""
        for counter in self.counters:
            if counter.name == name:
                return counter if not counter.end or now < counter.end else None
        return None

    def last_counter(self, name: str) -> Counter | None:
        """Give a counter whether or not its window is over."""
        return next((counter for counter in self.counters if counter.name == name), None)

    def open_holds(self, now: int) -> tuple[Held, ...]:
        """Give the charges that are set aside and not over."""
        return tuple([held for held in self.held if held.expires > now])


def counted(counters: tuple[Counter, ...], changed: list[Counter], now: int) -> tuple[Counter, ...]:
    """Put counters in the places of those with their names; forget windows long over."""
    if not changed:
        return counters
    if len(changed) == len(counters) == 1 and changed[0].name == counters[0].name:
        return (changed[0],)
    named = {counter.name: counter for counter in counters}
    for counter in changed:
        named[counter.name] = counter
    if len(named) > MOST_COUNTERS:
        named = {name: c for name, c in named.items() if not c.end or now < c.end}
    return tuple(named.values())


def recounted(
    tally: Tally, counters: tuple[Counter, ...], now: int, hour: int, running: tuple[Running, ...]
) -> Tally:
    """Copy a tally with other counts, one version on (by position: this is the hot path)."""
    customer, subject, version, zone, currency, merged_into, plans, _, held, limits, *_ = tally
    return Tally(
        customer,
        subject,
        version + 1,
        zone,
        currency,
        merged_into,
        plans,
        counters,
        held,
        limits,
        hour,
        running,
        max(now, tally.updated),
        tally.plans_since,
    )


#: An hour and what was used in it.
Hourly = tuple[int, tuple[Running, ...]]

#: No hour is over.
NOTHING_OVER: Hourly = (0, ())


def tallied(tally: Tally, use: Running, now: int) -> tuple[int, tuple[Running, ...], Hourly]:
    """Add one use to the running hour; give that hour, and the one before where it is over now.

    A clock that stepped back adds to the hour that runs: it ends no earlier for it.
    """
    hour = now - now % HOUR
    if hour > tally.hour:
        return hour, (in_range(use),), (tally.hour, tally.running)
    return tally.hour, summed(tally.running, use), NOTHING_OVER


def summed(running: tuple[Running, ...], use: Running) -> tuple[Running, ...]:
    """Add a use to those of its hour: to that of its feature and currency, if there is one."""
    for number, before in enumerate(running):
        if before.feature == use.feature and before.currency == use.currency:
            return (*running[:number], added(before, use), *running[number + 1 :])
    return (*running, in_range(use))


def in_range(use: Running) -> Running:
    """Refuse what an hour's total could not keep, before it stands in the way of all that follows.

    Raises:
        BalanceOverflow: a sum is more than 64 bits hold.
    """
    if max(use.quantity, use.spent, use.owed) > MAXIMUM:
        raise BalanceOverflow(
            f"The use of {use.feature!r} in this hour would pass what 64 bits hold.",
            unit=use.currency or use.feature,
        )
    return use


def added(before: Running, use: Running) -> Running:
    """Add up two uses of one feature; of two at one moment the greater is the last.

    What was taken back leaves a greatest and a last that only the events can tell: None stays None.
    """
    maximum, last, last_at = before.maximum, before.last, before.last_at
    if maximum is None or use.maximum is None:
        maximum = last = last_at = None
    else:
        maximum = max(maximum, use.maximum)
        last_at, last = max((last_at or 0, last or 0), (use.last_at or 0, use.last or 0))
    made = Running(
        before.feature,
        before.events + use.events,
        before.quantity + use.quantity,
        maximum,
        last,
        last_at,
        before.included + use.included,
        before.credits + use.credits,
        before.wallet + use.wallet,
        before.billed + use.billed,
        before.spent + use.spent,
        before.owed + use.owed,
        before.currency,
    )
    return in_range(made)


def subject_of(kind: str, name: str) -> str:
    """Name the tally of a member, a key or a tag."""
    return PREFIXES[kind] + name
