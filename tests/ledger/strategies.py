"""What random operations are made of. Few and round values, so that they meet each other often."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

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


FEATURES = ("chat", "image")

amounts = st.integers(1, 120).map(lambda halves: halves * HALF)
small_amounts = st.integers(1, 40).map(lambda halves: halves * HALF)
signed_amounts = st.integers(-120, 120).filter(bool).map(lambda halves: halves * HALF)
#: What a hold turned out to cost; None is all of it.
uses = st.none() | st.integers(0, 80).map(lambda halves: halves * HALF)
excesses = st.sampled_from(["charge", "charge", "cap", "refuse"])
limits = st.none() | st.just(-1) | st.integers(0, 60).map(lambda halves: halves * HALF)
features = st.none() | st.sampled_from(FEATURES)
restrictions = st.sampled_from([(), (), (), ("chat",), ("image",), ("chat", "image")])
priorities = st.none() | st.sampled_from([10, 40, 60])
sources = st.sampled_from(["allowance", "promotion", "purchase", "campaign"])
costs = st.none() | st.integers(0, 30)
hours = st.integers(1, 12).map(lambda hours: timedelta(hours=hours))
times = st.builds(
    Times,
    st.none() | st.integers(-2, 6).map(lambda hours: timedelta(hours=hours)),
    st.none() | st.integers(-1, 3).map(lambda hours: timedelta(hours=hours)) | hours,
).filter(lambda times: times.are_in_order)
lifetimes = st.integers(1, 24).map(lambda hours: timedelta(hours=hours))
#: How far the clock moves at once: whole hours, so that moments coincide, or nearly so.
steps = st.sampled_from(
    [
        timedelta(microseconds=1),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(days=1),
    ]
)


def written(minor: int) -> Decimal:
    """Write the smallest parts of a unit of scale 6 as a caller does."""
    return Decimal(minor).scaleb(-6)


def limit_of(minor: int | None) -> Decimal | str | None:
    """Write an overdraft limit as a caller does; -1 stands for no limit at all."""
    if minor is None:
        return None
    return "unlimited" if minor < 0 else written(minor)


class How(NamedTuple):
    """How a call is made: through which door, and whether under an idempotency key."""

    door: str
    keyed: bool


#: One of two Billings, or a host's own transaction.
DOORS = ("first", "second", "joined")

calls = st.builds(How, st.sampled_from(DOORS), st.booleans())
people = st.integers(0, 2)
units = st.sampled_from(["calls", "calls", "tokens"])
picks = st.integers(0, 10_000)
seconds = st.sampled_from([0, 1, 60, 3600, 7200])

#: For each action how often it is chosen, and its arguments.
ACTIONS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "grant": (
        4,
        {
            "how": calls,
            "who": people,
            "unit": units,
            "amount": amounts,
            "source": sources,
            "priority": priorities,
            "times": times,
            "features": restrictions,
            "cost": costs,
        },
    ),
    "consume": (
        4,
        {
            "how": calls,
            "who": people,
            "unit": units,
            "amount": small_amounts,
            "feature": features,
            "overdraft": limits,
        },
    ),
    "ask_and_try": (
        1,
        {"who": people, "unit": units, "amount": small_amounts, "feature": features},
    ),
    "hold": (
        4,
        {
            "how": calls,
            "who": people,
            "unit": units,
            "amount": small_amounts,
            "lifetime": lifetimes,
            "feature": features,
            "overdraft": limits,
        },
    ),
    "extend": (
        1,
        {
            "how": calls,
            "pick": picks,
            "amount": st.none() | small_amounts,
            "lifetime": lifetimes,
        },
    ),
    "settle": (3, {"how": calls, "pick": picks, "amount": uses, "excess": excesses}),
    "release": (1, {"how": calls, "pick": picks}),
    "revoke": (
        1,
        {
            "how": calls,
            "who": people,
            "unit": st.none() | units,
            "amount": st.none() | amounts,
            "pick": st.none() | picks,
        },
    ),
    "correct": (
        1,
        {
            "how": calls,
            "who": people,
            "unit": units,
            "amount": signed_amounts,
            "verb": st.sampled_from(["adjust", "set_balance"]),
        },
    ),
    "set_overdraft": (1, {"how": calls, "who": people, "unit": units, "limit": limits}),
    "transfer": (
        2,
        {
            "how": calls,
            "who": people,
            "further": st.integers(1, 2),
            "unit": units,
            "amount": small_amounts,
        },
    ),
    "reverse": (
        3,
        {"how": calls, "pick": picks, "expired": st.sampled_from(["expire", "reissue"])},
    ),
    "time_passes": (7, {"step": steps}),
    "sweep": (1, {}),
    "key_again": (
        1,
        {
            "door": st.sampled_from(DOORS),
            "pick": picks,
            "request": st.sampled_from(["same", "another"]),
        },
    ),
    "look_back": (
        3,
        {
            "pick": picks,
            "who": people,
            "unit": units,
            "later": seconds.map(lambda number: timedelta(seconds=number)),
        },
    ),
    "roll_back": (1, {"who": people, "unit": units, "amount": amounts}),
}

#: One action, with its arguments.
actions = st.one_of(
    [
        st.tuples(st.just(name), st.fixed_dictionaries(arguments))
        for name, (weight, arguments) in ACTIONS.items()
        for _ in range(weight)
    ]
)


def opening() -> list[tuple[str, dict[str, Any]]]:
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
    soon = Times(None, timedelta(hours=2))
    later = Times(timedelta(hours=1), timedelta(hours=4))
    hold = {"how": first, "unit": "calls", "feature": None, "overdraft": None}
    grant = {**facts, "unit": "calls"}
    bought = {**grant, "source": "purchase", "times": later}
    spend = {"how": first, "unit": "tokens", "feature": None, "overdraft": 60 * HALF}
    return [
        ("grant", {**grant, "who": 0, "amount": 60 * HALF, "times": soon, "cost": 3}),
        ("grant", {**grant, "who": 0, "amount": 40 * HALF, "features": ("chat",)}),
        ("hold", {**hold, "who": 0, "amount": 50 * HALF, "lifetime": timedelta(hours=3)}),
        ("consume", {**spend, "who": 1, "amount": 50 * HALF}),
        ("grant", {**bought, "who": 1, "unit": "tokens", "amount": 80 * HALF}),
        ("grant", {**bought, "who": 2, "amount": 80 * HALF, "times": soon}),
        ("hold", {**hold, "who": 2, "amount": 90 * HALF, "overdraft": -1, "lifetime": HOUR}),
    ]
