"""Clocks of several processes differ; within an account, time never runs backwards (law 8)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from tollkeeper import Billing
from tollkeeper.clock import FixedClock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_transfer_carries_its_time_to_the_taker(database_url: str) -> None:
    """A giver ahead in time takes the taker along, for the next call of a batch too."""
    clock = FixedClock(NOON)
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        billing.credits.grant("taker", "calls", 5)
        clock.set(NOON + timedelta(hours=1))
        billing.credits.grant("giver", "calls", 5)
        clock.set(NOON)
        billing.credits.transfer("giver", "calls", 1, to="taker")
        billing.credits.consume("taker", "calls", 1)
        entries = billing.credits.history("taker").entries
        assert entries[0].created_at >= entries[1].created_at >= NOON + timedelta(hours=1)
        assert billing.books.audit().ok


def test_entries_of_a_batch_follow_a_transfer_in_time(database_url: str) -> None:
    """Calls queued behind a transfer share its transaction, and are booked no earlier."""
    clock = FixedClock(NOON)
    with Billing(database_url, clock=clock) as billing, ThreadPoolExecutor(16) as pool:
        billing.migrate()
        billing.credits.grant("taker", "calls", 50)
        clock.set(NOON + timedelta(hours=1))
        billing.credits.grant("giver", "calls", 50)
        clock.set(NOON)
        for _ in range(8):
            moved = pool.submit(billing.credits.transfer, "giver", "calls", 1, to="taker")
            spent = [pool.submit(billing.credits.consume, "taker", "calls", 1) for _ in range(6)]
            assert moved.result().operation_id
            assert all(call.result().operation_id for call in spent)
        assert billing.books.audit().ok
