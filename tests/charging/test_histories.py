"""Random histories beside a model that shares no code with us.

The same shares, the same refusals, the same balances, the same counters; in memory, and through the
door on each database, where `check` foretells each charge.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.charging.model import DIGITS, Model, Use
from tests.charging.pages import Pages
from tests.charging.scene import START, Scene, micro
from tests.charging.shop import shop
from tollkeeper import Money
from tollkeeper.decisions.counting import PRICED
from tollkeeper.decisions.tallies import OnPlan
from tollkeeper.errors import Refusal

FEATURES = (
    *("call", "image", "word", "tier", "step", "bulk", "bundle", "movie", "gift", "note"),
    *("post", "post", "post", "film", "film", "scan", "scan"),
)
SPANS = (30, 61, 600, 1801, 3600, 5 * 3600, 6 * 3600, 86_400, 8 * 86_400, 31 * 86_400)

Action = tuple[str, tuple[Any, ...]]


def made_of(seed: int) -> Action:
    """Choose an action by a number, evenly: left to itself, Hypothesis likes the simplest."""
    chance = random.Random(seed)
    what = chance.choice(["give", "deposit", "wait", "plan", *["charge"] * 6])
    return what, MAKERS[what](chance)


def _gift(chance: random.Random) -> tuple[Any, ...]:
    return (
        chance.choice(["credits", "credits", "gems"]),
        chance.randint(1, 60),
        chance.choice(["allowance", "promotion", "purchase"]),
        chance.choice([None, None, 600, 86_400, 9 * 86_400]),
        chance.choice([None, None, "word", "post", "bundle"]),
    )


def _use(chance: random.Random) -> tuple[Any, ...]:
    return (
        chance.choice(FEATURES),
        chance.choice([1, 1, 2, 3, 4, 5, 7, 8, 10, 14]),
        chance.choice([None, "a", "b"]),
        chance.choice([None, None, "a"]),
        set(chance.sample(["day", "night"], chance.choice([0, 0, 1, 2]))),
        chance.choice([None, None, None, None, ("credits",), ("wallet",), ("usage", "wallet")]),
    )


MAKERS: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "give": _gift,
    "deposit": lambda chance: (chance.randint(1, 4_000),),
    "wait": lambda chance: (chance.choice(SPANS),),
    "plan": lambda chance: (chance.choice([None, "free", "pro", "team"]),),
    "charge": _use,
}
#: What everybody begins with, so that it is not always the balance that refuses.
BEGINNING: list[Action] = [
    ("give", ("credits", 60, "promotion", None, None)),
    ("deposit", (3_000,)),
]
actions = st.integers(0, 2**40).map(made_of)


class Side(Protocol):
    """What a history is played on, beside the model."""

    def give(
        self, unit: str, amount: int, source: str, ends: datetime | None, feature: str | None
    ) -> None: ...
    def deposit(self, cents: int) -> None: ...
    def plan(self, plan: str | None) -> None: ...
    def wait(self, now: datetime) -> None: ...
    def charge(self, use: Use) -> list[tuple[str, Fraction, Fraction]] | str: ...
    def available(self) -> dict[str, Fraction]: ...
    def counters(self) -> dict[tuple[str, str], int]: ...


class InMemory:
    """The decisions alone."""

    def __init__(self) -> None:
        self.now = START
        self.book = Pages({unit.key: unit for unit in shop().declared_units()} | MONEY)

    def give(
        self, unit: str, amount: int, source: str, ends: datetime | None, feature: str | None
    ) -> None:
        facts = {"expires_at": ends, "features": (feature,) if feature else ()}
        scaled = amount * 10 ** DIGITS[unit]
        self.book.give(unit, scaled, self.now, source=source, **facts)

    def deposit(self, cents: int) -> None:
        self.book.give("money:usd", cents * 10**7, self.now, source="purchase")

    def plan(self, plan: str | None) -> None:
        anchor = micro(START.replace(day=1, hour=0))
        live = (OnPlan(plan, "sub", "", anchor, "month"),) if plan else ()
        own = self.book.own
        self.book.tallies[own.key] = own._replace(plans=live)

    def wait(self, now: datetime) -> None:
        self.now = now
        self.book.advance(now)

    def charge(self, use: Use) -> list[tuple[str, Fraction, Fraction]] | str:
        how = {"member": use.member, "api_key": use.api_key, "tags": use.tags}
        prices: Any = shop().compiled
        scale = shop().scale(use.feature)
        try:
            outcome = self.book.charge(
                prices, use.feature, use.quantity, self.now, pay_from=use.pay_from, **how
            )
        except Refusal as error:
            return error.code
        return [
            (
                source,
                Fraction(quantity, 10**scale),
                Fraction(amount, 10 ** self.book.units[unit].scale),
            )
            for source, _, unit, quantity, amount in outcome.result["shares"]
        ]

    def available(self) -> dict[str, Fraction]:
        return {
            unit.removeprefix("money:"): Fraction(
                account.available, 10 ** self.book.units[unit].scale
            )
            for (_, unit), account in self.book.states.items()
        }

    def _amount(self, unit: str, scaled: int) -> Fraction:
        return Fraction(scaled, 10 ** self.book.units[unit].scale)

    def counters(self) -> dict[tuple[str, str], int]:
        return self.book.counters


MONEY = {unit.key: unit for unit in [Money("1", "usd").unit]}


class ThroughTheDoor:
    """A customer of the shared books."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.customer = scene, f"customer_{uuid4().hex}"
        scene.clock.set(START)

    def give(
        self, unit: str, amount: int, source: str, ends: datetime | None, feature: str | None
    ) -> None:
        features = [feature] if feature else []
        self.scene.billing.credits.grant(
            self.customer, unit, amount, source=source, expires_at=ends, features=features
        )

    def deposit(self, cents: int) -> None:
        self.scene.billing.wallet.deposit(self.customer, Money.from_minor(cents, "usd"))

    def plan(self, plan: str | None) -> None:
        self.scene.put_on(self.customer, *([plan] if plan else []))

    def wait(self, now: datetime) -> None:
        self.scene.clock.set(now)

    def charge(self, use: Use) -> list[tuple[str, Fraction, Fraction]] | str:
        quantity = Decimal(use.quantity).scaleb(-shop().scale(use.feature))
        asked = (self.customer, use.feature, quantity)
        how: dict[str, Any] = {"member": use.member, "api_key": use.api_key, "tags": use.tags}
        told = self.scene.billing.check(*asked, pay_from=use.pay_from, **how)
        attempt = self.scene.billing.try_charge(*asked, pay_from=use.pay_from, **how)
        assert told.is_allowed == attempt.success
        if attempt.receipt is None:
            assert attempt.refusal is not None
            assert told.refusal is not None
            assert told.refusal.details == attempt.refusal.details
            return attempt.refusal.code
        assert told.shares == attempt.receipt.shares
        return [
            (share.source, Fraction(share.quantity), Fraction(share.amount))
            for share in attempt.receipt.shares
        ]

    def available(self) -> dict[str, Fraction]:
        found = {
            unit: self.scene.billing.credits.balance(self.customer, unit).available
            for unit in ("credits", "gems")
        }
        wallet = self.scene.billing.wallet.balance(self.customer)
        made = {unit: Fraction(amount) for unit, amount in found.items()}
        return made | {"usd": Fraction(wallet.available) if wallet else Fraction(0)}

    def counters(self) -> dict[tuple[str, str], int]:
        subjects = [row["subject"] for row in self.scene.rows("tally", self.customer)]
        return {
            (subject, name): used
            for subject in subjects
            for name, used in self.scene.counters(self.customer, subject).items()
        }


def play(side: Side, history: list[Action]) -> None:
    """Do everything twice, and compare after each step."""
    model = Model(START)
    for what, told in [*BEGINNING, *history]:
        step(side, model, what, told)
    counted = {
        key: used for key, used in side.counters().items() if used and not key[1].startswith(PRICED)
    }
    digits = {"scan:money:usd:customer:period": 10**9}
    expected = {key: int(used * digits.get(key[1], 1)) for key, (_, used) in model.counters.items()}
    assert counted == expected
    rated = {
        name.split(":")[1]: used
        for (_, name), used in side.counters().items()
        if name.startswith(PRICED)
    }
    assert rated == {feature: quantity for feature, (_, quantity) in model.rated.items()}


def step(side: Side, model: Model, what: str, told: tuple[Any, ...]) -> None:
    """Do one thing on both sides."""
    if what == "give":
        unit, amount, source, ends, feature = told
        until = model.now + timedelta(seconds=ends) if ends else None
        side.give(unit, amount, source, until, feature)
        model.give(unit, Fraction(amount), source, until, feature)
    elif what == "deposit":
        side.deposit(*told)
        model.give("usd", Fraction(told[0], 100), "purchase", None, None)
    elif what == "wait":
        model.pass_time(timedelta(seconds=told[0]))
        side.wait(model.now)
    elif what == "plan":
        side.plan(*told)
        model.plan = told[0]
    else:
        feature, quantity, member, key, tags, pay_from = told
        compare(side, model, Use(feature, quantity, member, key, tuple(sorted(tags)), pay_from))
    there = side.available()
    for unit, purse in model.purses.items():
        assert there.get(unit, 0) == purse.available


def compare(side: Side, model: Model, use: Use) -> None:
    """Charge on both sides."""
    if use.pay_from and not _is_known(model, use):
        return
    found, expected = side.charge(use), model.charge(use)
    if isinstance(expected, set):
        assert found in expected
        return
    scale = 10 ** shop().scale(use.feature)
    assert found == [
        (source, Fraction(quantity, scale), cost) for source, quantity, cost in expected
    ]


def _is_known(model: Model, use: Use) -> bool:
    """Tell whether the plan has each source that is named; what it has not is another test's."""
    plans = (model.plan,) if model.plan else ()
    terms = shop().terms(use.feature, plans)
    sources = {step.source for step in (*terms.steps, *terms.overage)} | {"credits"}
    return set(use.pay_from or ()) <= sources


@settings(max_examples=150)
@given(history=st.lists(actions, max_size=25))
def test_decisions_agree_with_the_model(history: list[Action]) -> None:
    """In memory, where there is time for many."""
    play(InMemory(), history)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(actions, min_size=5, max_size=20))
def test_books_agree_with_the_model(scene: Scene, history: list[Action]) -> None:
    """Through the door: whatever is locked, loaded, remembered and written on the way."""
    side = ThroughTheDoor(scene)
    play(side, history)
    scene.audited(side.customer)
