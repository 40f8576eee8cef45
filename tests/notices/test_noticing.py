"""Whatever happens: the notices in the outbox are those that the entries tell of, in their order.

The model reads the entries as any user may, and knows nothing of how notices are made.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count, groupby, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.audit.test_random_histories import CUSTOMERS, NEW_YEAR, STEPS, UNITS, Place, Step, World
from tests.databases import PostgresServer
from tollkeeper import Billing, Entry
from tollkeeper.clock import FixedClock
from tollkeeper.notices import KINDS, BalanceNotice

#: The unit that has a threshold, and which.
LOW_UNIT, THRESHOLD = "chat", Decimal(30)

#: What is told of each kind of entry.
TOLD = {
    "grant": "credits_granted",
    "activate": "grant_activated",
    "revoke": "credits_revoked",
    "consume": "credits_consumed",
    "settle": "credits_consumed",
    "expire": "grant_expired",
    "lapse": "hold_lapsed",
    "adjust": "balance_adjusted",
    "set_balance": "balance_adjusted",
    "reverse": "operation_reversed",
    "transfer_out": "transfer_made",
    "transfer_in": "transfer_received",
}
SIGNED = ("adjust", "set_balance", "reverse")
#: These tell nothing when they moved nothing.
SILENT_AT_ZERO = ("consume", "settle", "expire", "revoke")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Books that tell everything; all examples share them, each with customers of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('notices') / 'tollkeeper.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    clock = FixedClock(NEW_YEAR)
    with Billing(url, clock=clock, notices=KINDS.values()) as billing:
        billing.migrate()
        billing._wired.ledger.outbox.set_low_balances({LOW_UNIT: int(THRESHOLD * 10**6)})
        yield Place(billing, clock, count())


def amount_of(entry: Entry) -> Decimal:
    """How much an entry is told to have moved."""
    changed = entry.changed
    moved = changed.available + changed.restricted + changed.held
    if entry.kind == "lapse":
        return -changed.held
    if entry.kind == "activate":
        return changed.available
    return moved if entry.kind in SIGNED else abs(moved)


def expected(entries: list[Entry]) -> list[tuple[str, Decimal, Decimal]]:
    """What an account's entries, oldest first, have to tell: kind, amount, balance after it."""
    told: list[tuple[str, Decimal, Decimal]] = []
    for _, group in groupby(entries, key=together):
        operation = list(group)
        for entry in operation:
            amount = amount_of(entry)
            if entry.kind in TOLD and (amount or entry.kind not in SILENT_AT_ZERO):
                told.append((TOLD[entry.kind], amount, entry.balance.available))
        told += crossings(operation)
    return told


def together(entry: Entry) -> str:
    """What is compared as one: an operation, or all that time did at one moment."""
    by_time = entry.operation_id.startswith(("act_", "exp_", "lps_", "rnw_", "end_"))
    return entry.event_at.isoformat() if by_time else entry.operation_id


def crossings(operation: list[Entry]) -> list[tuple[str, Decimal, Decimal]]:
    """Compare what stood before an operation with what stands after it."""
    first, last = operation[0], operation[-1]
    if last.kind == "merge_out":
        return []
    told: list[tuple[str, Decimal, Decimal]] = []
    before = first.balance.available - first.changed.available
    after = last.balance.available
    is_old = first.version != 1
    if last.unit.key == LOW_UNIT and is_old and (before < THRESHOLD) != (after < THRESHOLD):
        told.append(("credits_low" if after < THRESHOLD else "credits_restored", THRESHOLD, after))
    owed = first.balance.debt - first.changed.debt
    if not owed and last.balance.debt:
        told.append(("debt_incurred", last.balance.debt, after))
    elif owed and not last.balance.debt:
        told.append(("debt_cleared", owed, after))
    return told


def shown(notice: BalanceNotice) -> tuple[str, Decimal, Decimal]:
    """Kind, amount and balance of a notice."""
    names = ("amount", "threshold", "debt", "repaid")
    [amount] = [getattr(notice, name) for name in names if hasattr(notice, name)]
    return notice.kind, amount, notice.balance


def told_of(billing: Billing, customer: str) -> list[Any]:
    """Every notice about a customer, oldest first."""
    notices: list[Any] = []
    cursor = None
    while True:
        page = billing.notices.list(customer=customer, limit=40, cursor=cursor)
        notices += [state.notice for state in page.notices]
        if (cursor := page.next_cursor) is None:
            return notices[::-1]


shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@shared
@given(steps=some.lists(STEPS, min_size=5, max_size=30))
def test_the_notices_are_what_the_entries_tell(place: Place, steps: list[Step]) -> None:
    """For every account the same kinds, amounts and balances, in the order of its versions."""
    world = World(place.billing, place.clock, f"example_{next(place.numbers)}")
    for step in steps:
        world.take(step)
    for name in CUSTOMERS:
        customer = world.customer(name)
        notices = told_of(place.billing, customer)
        uncollected = [each for each in notices if each.kind == "uncollected"]
        assert all(each.amount > 0 for each in uncollected)
        for unit in UNITS:
            entries = entries_of(place.billing, customer, unit)
            own = [
                each
                for each in notices
                if each.unit == unit and each.kind not in ("uncollected", "grant_expiring")
            ]
            assert [shown(each) for each in own] == expected(entries)
            alternate([each.kind for each in own], "credits_low", "credits_restored")
            alternate([each.kind for each in own], "debt_incurred", "debt_cleared")


def alternate(kinds: list[str], down: str, up: str) -> None:
    """A threshold is crossed one way and then the other, never twice the same way (H3)."""
    crossed = [kind for kind in kinds if kind in (down, up)]
    assert all(one != other for one, other in pairwise(crossed))


def entries_of(billing: Billing, customer: str, unit: str) -> list[Entry]:
    """Every entry of an account, oldest first."""
    page = billing.credits.history(customer, unit, limit=1000)
    assert page.next_cursor is None
    return sorted(page.entries, key=lambda entry: entry.version or 0)
