"""`tollkeeper run-due`: books what time did, as `billing.jobs.run_due()` does (H2)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Command
from tollkeeper import Billing
from tollkeeper.cli.run_due import MOST
from tollkeeper.clock import FixedClock
from tollkeeper.operations.jobs import MAXIMUM_ACCOUNTS

NOTHING = {
    "accounts": 0,
    "activated": 0,
    "cleared": 0,
    "dead": 0,
    "delivered": 0,
    "expired": 0,
    "failed": 0,
    "is_done": True,
    "lapsed": 0,
    "renewed": 0,
    "others": {},
    "skipped": 0,
    "warned": 0,
    "ended": 0,
}


@pytest.fixture
def due(tollkeeper: Command, database_url: str) -> Command:
    """`tollkeeper` on books of two customers for whom time has done something."""
    clock = FixedClock(datetime.now(UTC) - timedelta(days=2))
    with Billing(database_url, clock=clock) as billing:
        room, day = billing.credits, clock.now() + timedelta(days=1)
        room.grant("user_1", "api_calls", 100, expires_at=day)
        room.grant("user_1", "api_calls", 7, effective_at=day)
        room.grant("user_2", "api_calls", 100)
        room.hold("user_2", "api_calls", 40)
    return tollkeeper


def test_what_is_due_is_booked_once(due: Command) -> None:
    """H2: the second run has nothing to do; the balances were right before the first."""
    balance = ("credits", "balance", "user_1", "api_calls", "--json")
    before = due(*balance).data
    first, again = due("run-due", "--json"), due("run-due", "--json")
    assert (first.code, again.code) == (0, 0)
    assert first.data == {**NOTHING, "accounts": 2, "activated": 1, "expired": 1, "lapsed": 1}
    assert again.data == NOTHING
    assert due(*balance).data == before
    assert due("audit").code == 0


def test_a_run_may_be_small(due: Command) -> None:
    """It says that there is more, as a person reads it and as a script does."""
    first = due("run-due", "--limit", "1")
    assert (first.code, first.out.splitlines()[-1]) == (0, "More is due: run it again.")
    assert due("run-due", "--limit", "1", "--json").data["is_done"]
    assert due("run-due").out == "Nothing was due.\n"


def test_it_tells_in_words(due: Command) -> None:
    """Of one thing and of several."""
    assert due("run-due").out == (
        "Booked in 2 accounts: 1 grant expired, 1 became effective, 1 hold lapsed.\n"
    )


@pytest.mark.parametrize("limit", ["0", "-1", "1000001", "all"])
def test_a_run_is_bounded(command: Command, limit: str) -> None:
    """I3: as many accounts as the room of jobs takes, and no more."""
    assert MOST == MAXIMUM_ACCOUNTS
    assert command("run-due", "--limit", limit).code == 2


def test_it_fails_as_the_others_do(command: Command) -> None:
    """Exit code 4 for a database out of reach."""
    assert command("--database", "postgresql://127.0.0.1:1/none", "run-due").code == 4
