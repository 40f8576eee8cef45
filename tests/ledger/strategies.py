"""What random operations are made of: few and round values, so that they meet each other often.

Hypothesis chooses a number for each action, and the number chooses everything else evenly: left to
itself it likes to repeat, and one action in three would be the simplest grant. What it shrinks is
how many actions it takes.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: One half of a credit, in the smallest parts of a unit of scale 6.
HALF = 500_000
HOUR = timedelta(hours=1)


class Times(NamedTuple):
    """When a grant begins and ends, from now; None is now and never."""

    begins: timedelta | None
    ends: timedelta | None

    @property
    def are_in_order(self) -> bool:
        return self.begins is None or self.ends is None or self.begins < self.ends

    def begins_at(self, now: datetime) -> datetime | None:
        return None if self.begins is None else now + self.begins

    def ends_at(self, now: datetime) -> datetime | None:
        return None if self.ends is None else now + self.ends


class How(NamedTuple):
    """How a call is made: through which door, and whether under an idempotency key."""

    door: str
    keyed: bool


Action = tuple[str, dict[str, Any]]
Pool = Sequence[Any]

BEGINS = (None, None, None, *(number * HOUR for number in range(-2, 5)))
ENDS = (None, None, None, *(number * HOUR for number in (-1, 1, 1, 2, 2, 3, 4, 6, 12)))

#: One of two Billings, or a host's own transaction.
DOORS: Pool = ("first", "second", "joined")
CALLS: Pool = tuple(How(door, keyed) for door in DOORS for keyed in (True, False))
#: Mostly one account, so that much happens to it.
PEOPLE: Pool = (0, 0, 0, 0, 1, 2)
UNITS: Pool = ("calls", "calls", "calls", "calls", "tokens")
PICKS: Pool = range(10_000)
AMOUNTS: Pool = range(HALF, 121 * HALF, HALF)
SMALL_AMOUNTS: Pool = range(HALF, 41 * HALF, HALF)
SIGNED_AMOUNTS: Pool = (*AMOUNTS, *(-amount for amount in AMOUNTS))
#: What a hold turned out to cost; None is all of it.
USES: Pool = (None, None, None, 0, *SMALL_AMOUNTS)
EXCESSES: Pool = ("charge", "charge", "cap", "refuse")
#: Overdraft limits: none of one's own, unlimited, an amount.
LIMITS: Pool = (*[None] * 6, -1, 0, *range(0, 61 * HALF, 10 * HALF))
FEATURES: Pool = (None, None, "chat", "image")
RESTRICTIONS: Pool = ((), (), (), ("chat",), ("image",), ("chat", "image"))
PRIORITIES: Pool = (None, None, 10, 40, 60)
SOURCES: Pool = ("allowance", "promotion", "purchase", "campaign")
COSTS: Pool = (None, 0, 1, 2, 30)
TIMES: Pool = [Times(begin, end) for begin in BEGINS for end in ENDS]
LIFETIMES: Pool = [number * HOUR for number in (1, 1, 2, 2, 3, 5, 12, 24)]
#: How far the clock moves at once: whole hours, so that moments coincide, or nearly so.
STEPS: Pool = (
    timedelta(microseconds=1),
    timedelta(minutes=30),
    HOUR,
    HOUR,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    24 * HOUR,
)

#: For each action how often it is chosen, and from what its arguments are.
ACTIONS: dict[str, tuple[int, dict[str, Pool]]] = {
    "grant": (
        6,
        {
            "how": CALLS,
            "who": PEOPLE,
            "unit": UNITS,
            "amount": AMOUNTS,
            "source": SOURCES,
            "priority": PRIORITIES,
            "times": [times for times in TIMES if times.are_in_order],
            "features": RESTRICTIONS,
            "cost": COSTS,
        },
    ),
    "consume": (
        6,
        {
            "how": CALLS,
            "who": PEOPLE,
            "unit": UNITS,
            "amount": SMALL_AMOUNTS,
            "feature": FEATURES,
            "overdraft": LIMITS,
        },
    ),
    "ask_and_try": (
        1,
        {"who": PEOPLE, "unit": UNITS, "amount": SMALL_AMOUNTS, "feature": FEATURES},
    ),
    "hold": (
        6,
        {
            "how": CALLS,
            "who": PEOPLE,
            "unit": UNITS,
            "amount": SMALL_AMOUNTS,
            "lifetime": LIFETIMES,
            "feature": FEATURES,
            "overdraft": LIMITS,
        },
    ),
    "extend": (
        3,
        {
            "how": CALLS,
            "pick": PICKS,
            "amount": (None, *range(HALF, 11 * HALF, HALF)),
            "lifetime": LIFETIMES[:4],
        },
    ),
    "settle": (5, {"how": CALLS, "pick": PICKS, "amount": USES, "excess": EXCESSES}),
    "release": (2, {"how": CALLS, "pick": PICKS}),
    "revoke": (
        3,
        {
            "how": CALLS,
            "who": PEOPLE,
            "unit": (None, *UNITS, *UNITS),
            "amount": (None, *SMALL_AMOUNTS),
            "pick": (None, *range(20)),
        },
    ),
    "correct": (
        2,
        {
            "how": CALLS,
            "who": PEOPLE,
            "unit": UNITS,
            "amount": SIGNED_AMOUNTS,
            "verb": ("adjust", "set_balance"),
        },
    ),
    "set_overdraft": (
        2,
        {"how": CALLS, "who": PEOPLE, "unit": UNITS, "limit": LIMITS},
    ),
    "transfer": (
        3,
        {
            "how": CALLS,
            "who": PEOPLE,
            "further": (1, 2),
            "unit": UNITS,
            "amount": SMALL_AMOUNTS,
        },
    ),
    "reverse": (5, {"how": CALLS, "pick": PICKS, "expired": ("expire", "reissue")}),
    "time_passes": (8, {"step": STEPS}),
    "sweep": (2, {}),
    "key_again": (3, {"door": DOORS, "pick": PICKS, "request": ("same", "another")}),
    "look_back": (
        6,
        {
            "pick": PICKS,
            "who": PEOPLE,
            "unit": UNITS,
            "later": (timedelta(0), timedelta(minutes=20), HOUR, 2 * HOUR, 3 * HOUR),
        },
    ),
    "roll_back": (1, {"who": PEOPLE, "unit": UNITS, "amount": AMOUNTS}),
}


def action_of(number: int) -> Action:
    """Choose an action and its arguments by a number."""
    chance = random.Random(number)  # a test may be guessed
    weights = [weight for weight, _ in ACTIONS.values()]
    (name,) = chance.choices(list(ACTIONS), weights)
    return name, {key: chance.choice(pool) for key, pool in ACTIONS[name][1].items()}


#: One action, with its arguments.
actions = st.integers(0, 2**64 - 1).map(action_of)


def few(count: int) -> settings:
    """So many examples, or twice as many where the profile asks for many: each costs a second."""
    return settings(
        max_examples=2 * count if settings().max_examples > 50 else count,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )


def opening() -> list[Action]:
    """What every example begins with, so that each later step meets something."""
    first = How("first", keyed=True)
    facts: dict[str, Any] = {
        "how": first,
        "priority": None,
        "source": "promotion",
        "features": (),
        "cost": None,
        "times": Times(None, None),
    }
    soon, later = Times(None, 2 * HOUR), Times(HOUR, 4 * HOUR)
    hold = {"how": first, "unit": "calls", "feature": None, "overdraft": None}
    grant = {**facts, "unit": "calls"}
    bought = {**grant, "source": "purchase", "times": later}
    spend = {"how": first, "unit": "tokens", "feature": None, "overdraft": 60 * HALF}
    return [
        ("grant", {**grant, "who": 0, "amount": 60 * HALF, "times": soon, "cost": 3}),
        ("grant", {**grant, "who": 0, "amount": 40 * HALF, "features": ("chat",)}),
        ("hold", {**hold, "who": 0, "amount": 50 * HALF, "lifetime": 3 * HOUR}),
        ("consume", {**spend, "who": 1, "amount": 50 * HALF}),
        ("grant", {**bought, "who": 1, "unit": "tokens", "amount": 80 * HALF}),
        ("grant", {**bought, "who": 2, "amount": 80 * HALF, "times": soon}),
        ("hold", {**hold, "who": 2, "amount": 90 * HALF, "overdraft": -1, "lifetime": HOUR}),
    ]


def written(minor: int) -> Decimal:
    """Write the smallest parts of a unit of scale 6 as a caller does."""
    return Decimal(minor).scaleb(-6)


def limit_of(minor: int | None) -> Decimal | str | None:
    """Write an overdraft limit as a caller does; -1 stands for no limit at all."""
    if minor is None:
        return None
    return "unlimited" if minor < 0 else written(minor)
