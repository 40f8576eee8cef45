"""Random histories of charges, with all that comes and goes beside them, through the front door."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from tests.charging.scene import START
from tests.charging.shop import shop
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import TollkeeperError

FEATURES = (
    *("call", "image", "word", "tier", "step", "bulk", "bundle", "movie", "gift", "note", "vip"),
    *("post", "post", "post", "film", "film", "scan", "scan"),
)
SPANS = (0, 30, 61, 600, 1801, 3600, 5 * 3600, 6 * 3600, 86_400, 8 * 86_400, 31 * 86_400)

Action = tuple[str, tuple[Any, ...]]
whose = st.sampled_from([None, None, "a", "b"])

charges = st.tuples(
    st.sampled_from(FEATURES),
    st.integers(1, 14),
    whose,
    whose,
    st.sets(st.sampled_from(["day", "night"])),
    st.sampled_from([*[None] * 9, ("credits",), ("wallet",), ("usage", "wallet")]),
)
grants = st.tuples(
    st.sampled_from(["credits", "credits", "gems"]),
    st.integers(1, 60),
    st.sampled_from(["promotion", "purchase", "adjustment"]),
    st.sampled_from([None, None, 600, 86_400, 9 * 86_400]),
    st.sampled_from([None, None, "word", "post", "bundle"]),
    st.sampled_from([None, 300, 999]),
)
others = st.one_of(
    st.tuples(st.just("give"), grants),
    st.tuples(st.just("deposit"), st.tuples(st.integers(1, 4_000))),
    st.tuples(st.just("wait"), st.tuples(st.sampled_from(SPANS))),
    st.tuples(st.just("plan"), st.tuples(st.sampled_from(["free", "pro", "team"]))),
    st.tuples(st.just("cancel"), st.tuples(st.sampled_from(["now", "period_end"]))),
    st.tuples(st.just("consume"), st.tuples(st.integers(1, 20))),
    st.tuples(st.just("revoke"), st.tuples(st.integers(1, 9))),
    st.tuples(st.just("adjust"), st.tuples(st.integers(-5, 9).filter(bool))),
    st.tuples(st.just("reverse"), st.tuples()),
)


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Mostly a charge."""
    if draw(st.integers(0, 9)) < 7:
        return "charge", draw(charges)
    other: Action = draw(others)
    return other


#: What everybody begins with, so that most charges are accepted.
FIRST: tuple[Action, ...] = (
    ("deposit", (9_000,)),
    ("give", ("credits", 40, "purchase", 9 * 86_400, None, 999)),
    ("give", ("credits", 25, "promotion", None, None, None)),
    ("give", ("gems", 12, "purchase", None, None, 300)),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Action]:
    """A history that begins with some balances, on some plan or on none."""
    plan: list[Action] = [("plan", (draw(st.sampled_from(["free", "pro", "pro", "team"])),))]
    begun = draw(st.sampled_from([[], plan, plan]))
    return [*FIRST, *begun, *draw(st.lists(actions(), min_size=3, max_size=24))]


@dataclass
class Life:
    """One customer, and what he does in some books."""

    billing: Billing
    clock: FixedClock
    customer: str
    last: str | None = None

    def do(self, what: str, told: tuple[Any, ...]) -> None:
        """Do one thing; what the rules refuse is not done."""
        with suppress(TollkeeperError):
            getattr(self, what)(*told)

    def give(
        self,
        unit: str,
        amount: int,
        source: str,
        ends: int | None,
        feature: str | None,
        cents: int | None,
    ) -> None:
        self.billing.credits.grant(
            self.customer,
            unit,
            amount,
            source=source,
            expires_at=self.clock.now() + timedelta(seconds=ends) if ends else None,
            features=[feature] if feature else [],
            cost_basis=Money.from_minor(cents, "usd") if cents else None,
        )

    def deposit(self, cents: int) -> None:
        self.billing.wallet.deposit(self.customer, Money.from_minor(cents, "usd"))

    def wait(self, seconds: int) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))

    def plan(self, plan: str) -> None:
        free = plan == "free"
        if free:
            self.billing.subscriptions.assign_free(self.customer, "free")
        else:
            self.billing.subscriptions.allocate(self.customer, plan)

    def cancel(self, at: Any) -> None:
        self.billing.subscriptions.cancel(self.customer, at=at)

    def consume(self, amount: int) -> None:
        self.billing.credits.consume(self.customer, "credits", amount)

    def revoke(self, amount: int) -> None:
        self.billing.credits.revoke(self.customer, "credits", amount)

    def adjust(self, amount: int) -> None:
        self.billing.credits.adjust(self.customer, "credits", amount, reason="r", actor="a")

    def reverse(self) -> None:
        if self.last is not None:
            last, self.last = self.last, None
            self.billing.credits.reverse(self.customer, last)

    def charge(
        self,
        feature: str,
        quantity: int,
        member: str | None,
        key: str | None,
        tags: set[str],
        pay_from: tuple[str, ...] | None,
    ) -> None:
        receipt = self.billing.charge(
            self.customer,
            feature,
            Decimal(quantity).scaleb(-shop().scale(feature)),
            member=member,
            api_key=key,
            tags=sorted(tags),
            pay_from=pay_from,
        )
        self.last = receipt.operation_id


def new_life(billing: Billing, clock: FixedClock) -> Life:
    """Begin with a customer whom nobody knows, at the usual moment."""
    clock.set(START)
    return Life(billing, clock, f"customer_{uuid4().hex}")


def lived(life: Life, history: list[Action]) -> Iterator[datetime]:
    """Do what a history says; give the moment before each thing that is done."""
    for what, told in history:
        yield life.clock.now()
        life.do(what, told)
