"""Whatever valid things happen, in any order: the audit finds nothing, a sweep moves nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.databases import PostgresServer
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import InvalidRequest, NotFound, Refusal

UNITS = ("chat", "image")
CUSTOMERS = ("ann", "bob", "cyd")
FEATURES = ("short", "long")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


class Step(NamedTuple):
    """One thing that happens: a verb and what Hypothesis chose for it."""

    verb: str
    customer: str
    unit: str
    amount: int
    #: Chooses among holds, operations and grants that are there.
    pick: int
    #: Hours: when something becomes effective, expires, lapses, or how far the clock goes.
    hours: int
    flag: bool
    feature: str | None


STEPS = some.builds(
    Step,
    verb=some.sampled_from(
        (
            "grant",
            "grant",
            "allowance",
            "consume",
            "consume",
            "overdraw",
            "hold",
            "extend",
            "settle",
            "settle",
            "release",
            "revoke",
            "revoke_grant",
            "adjust",
            "set_balance",
            "set_overdraft",
            "transfer",
            "reverse",
            "reverse",
            "merge",
            "wait",
            "wait",
            "step_back",
            "sweep",
        )
    ),
    customer=some.sampled_from(CUSTOMERS),
    unit=some.sampled_from(UNITS),
    amount=some.integers(1, 40),
    pick=some.integers(0, 7),
    hours=some.integers(1, 30),
    flag=some.booleans(),
    feature=some.sampled_from((None, None, *FEATURES)),
)


class World:
    """Books on which steps are taken, with customers of their own for each example."""

    def __init__(self, billing: Billing, clock: FixedClock, name: str) -> None:
        self.billing = billing
        self.clock = clock
        self._name = name
        self._holds: list[tuple[str, str]] = []
        self._operations: list[tuple[str, str]] = []
        self._grants: list[tuple[str, str, str]] = []

    def customer(self, name: str) -> str:
        """Name a customer of this example."""
        return f"{self._name}_{name}"

    def take(self, step: Step) -> None:
        """Take one step; what the rules refuse changes nothing."""
        act: Callable[[str, Step], Any] = getattr(self, f"_{step.verb}")
        owner = self.customer(step.customer)
        try:
            receipt = act(owner, step)
        except (Refusal, NotFound, InvalidRequest):
            return
        if receipt is not None and receipt.entries:
            self._operations.append((owner, receipt.operation_id))

    def balances(self) -> dict[tuple[str, str, str | None], Any]:
        """Read every balance as it is now, for every feature."""
        return {
            (name, unit, feature): self.billing.credits.balance(
                self.customer(name), unit, feature=feature
            ).to_dict()
            for name in CUSTOMERS
            for unit in UNITS
            for feature in (None, *FEATURES)
        }

    def _grant(self, owner: str, step: Step) -> Any:
        now = self.clock.now()
        effective = now + timedelta(hours=step.pick) if step.pick > 4 else None
        expires = (effective or now) + timedelta(hours=step.hours)
        receipt = self.billing.credits.grant(
            owner,
            step.unit,
            5 * step.amount,
            source="purchase" if step.flag else "promotion",
            effective_at=effective,
            expires_at=expires if step.pick % 2 else None,
            features=[step.feature] if step.feature else (),
        )
        self._grants.append((owner, step.unit, str(receipt.grant_id)))
        return receipt

    def _allowance(self, owner: str, step: Step) -> Any:
        """Grant what is over at once, or was effective long ago."""
        now = self.clock.now()
        return self.billing.credits.grant(
            owner,
            step.unit,
            step.amount,
            source="allowance",
            effective_at=now - timedelta(hours=step.hours + 1),
            expires_at=now - timedelta(hours=1) if step.flag else None,
        )

    def _consume(self, owner: str, step: Step) -> Any:
        return self.billing.credits.consume(owner, step.unit, step.amount, feature=step.feature)

    def _overdraw(self, owner: str, step: Step) -> Any:
        limit: Any = "unlimited" if step.flag else 30
        return self.billing.credits.consume(
            owner, step.unit, step.amount, feature=step.feature, overdraft=limit
        )

    def _hold(self, owner: str, step: Step) -> Any:
        hold = self.billing.credits.hold(
            owner,
            step.unit,
            step.amount,
            lifetime=timedelta(hours=min(step.hours, 24)),
            feature=step.feature,
            overdraft=20 if step.flag else None,
        )
        self._holds.append((owner, hold.id))
        return hold

    def _extend(self, _: str, step: Step) -> Any:
        owner, hold = self._some_hold(step)
        amount = step.amount if step.flag else None
        longer = timedelta(hours=1) if step.pick % 2 or not step.flag else None
        return self.billing.credits.extend(owner, hold, amount, lifetime=longer)

    def _settle(self, _: str, step: Step) -> Any:
        owner, hold = self._some_hold(step)
        excess = ("charge", "cap", "refuse")[step.pick % 3]
        amount = step.amount - 1 if step.flag else None
        return self.billing.credits.settle(owner, hold, amount, excess=excess)

    def _release(self, _: str, step: Step) -> Any:
        owner, hold = self._some_hold(step)
        return self.billing.credits.release(owner, hold)

    def _revoke(self, owner: str, step: Step) -> Any:
        if step.pick == 7:
            return self.billing.credits.revoke(owner)
        amount = step.amount if step.flag else None
        return self.billing.credits.revoke(owner, step.unit, amount)

    def _revoke_grant(self, _: str, step: Step) -> Any:
        if not self._grants:
            return None
        owner, unit, grant = self._grants[step.pick % len(self._grants)]
        amount = step.amount if step.flag else None
        return self.billing.credits.revoke(owner, unit, amount, grant=grant)

    def _adjust(self, owner: str, step: Step) -> Any:
        amount = step.amount if step.flag else -step.amount
        return self.billing.credits.adjust(owner, step.unit, amount, reason="test", actor="test")

    def _set_balance(self, owner: str, step: Step) -> Any:
        amount = step.amount - 20
        return self.billing.credits.set_balance(owner, step.unit, amount, reason="test")

    def _set_overdraft(self, owner: str, step: Step) -> Any:
        limits: tuple[Any, ...] = (None, 0, 10, "unlimited")
        return self.billing.credits.set_overdraft(owner, step.unit, limits[step.pick % 4])

    def _transfer(self, owner: str, step: Step) -> Any:
        others = [name for name in CUSTOMERS if name != step.customer]
        to = self.customer(others[step.pick % 2])
        return self.billing.credits.transfer(owner, step.unit, step.amount // 4 + 1, to=to)

    def _reverse(self, _: str, step: Step) -> Any:
        if not self._operations:
            return None
        owner, operation = self._operations[-1 - step.pick % len(self._operations)]
        expired = "reissue" if step.flag else "expire"
        return self.billing.credits.reverse(owner, operation, expired=expired)

    def _merge(self, owner: str, step: Step) -> Any:
        """Merge seldom: the customer takes no more part in the history."""
        if step.pick != 7 or not step.flag:
            return None
        others = [name for name in CUSTOMERS if name != step.customer]
        return self.billing.customers.merge(owner, into=self.customer(others[0]))

    def _wait(self, _: str, step: Step) -> None:
        self.clock.advance(hours=step.hours if step.flag else 1)

    def _step_back(self, _: str, step: Step) -> None:
        self.clock.advance(hours=-1 if step.flag else 0, minutes=-step.pick)

    def _sweep(self, _: str, step: Step) -> None:
        self.billing.jobs.run_due()

    def _some_hold(self, step: Step) -> tuple[str, str]:
        if not self._holds:
            raise NotFound
        return self._holds[-1 - step.pick % len(self._holds)]


class Place(NamedTuple):
    """Where examples are played, and how many there were."""

    billing: Billing
    clock: FixedClock
    numbers: Iterator[int]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Books that all examples share, each with customers of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('random') / 'tollkeeper.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    clock = FixedClock(NEW_YEAR)
    with Billing(url, clock=clock) as billing:
        billing.migrate()
        yield Place(billing, clock, count())


def play(place: Place, steps: list[Step]) -> World:
    """Take all steps in a world of their own."""
    world = World(place.billing, place.clock, f"example_{next(place.numbers)}")
    for step in steps:
        world.take(step)
    return world


def everything(world: World) -> list[str]:
    """Audit each customer of a world, and say what was found."""
    reports = [world.billing.books.audit(customer=world.customer(name)) for name in CUSTOMERS]
    return [str(finding) for report in reports for finding in report.findings]


# The examples share the books on purpose: a fixture for each would spend the time on migrations.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@shared
@given(steps=some.lists(STEPS, min_size=5, max_size=25))
def test_a_valid_history_has_no_findings(place: Place, steps: list[Step]) -> None:
    """What only the rules let happen breaks no law."""
    world = play(place, steps)
    assert everything(world) == []


@shared
@given(steps=some.lists(STEPS, min_size=5, max_size=25), hours=some.integers(0, 60))
def test_a_sweep_changes_no_balance(place: Place, steps: list[Step], hours: int) -> None:
    """It books what every look at the account knew anyway (H2)."""
    world = play(place, steps)
    place.clock.advance(hours=hours)
    before = world.balances()
    while not (report := place.billing.jobs.run_due()).is_done:
        assert not report.skipped
    assert world.balances() == before
    assert everything(world) == []


def test_the_whole_book_has_no_findings(place: Place) -> None:
    """All the examples before, taken together, add up."""
    assert [str(finding) for finding in place.billing.books.audit().findings] == []
