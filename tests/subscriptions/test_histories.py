"""Random histories in two books of one database: one is swept all the time, the other seldom."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.subscriptions.conftest import BEGINNING
from tests.subscriptions.prices import CATALOG
from tollkeeper import Billing, Entry
from tollkeeper.clock import FixedClock
from tollkeeper.errors import Refusal

UNITS = ("calls", "storage", "weekly", "welcome")
PLANS = (
    ("basic", None),
    ("pro", "year"),
    ("upfront", "week"),
    ("more", None),
    ("rolling", None),
    ("free", None),
)
STEPS = 30


def told(billing: Billing) -> list[tuple[Any, ...]]:
    """Everything that was booked, but for ids and for when it was written down."""
    page = [billing.credits.history("u", unit, limit=1000).entries for unit in UNITS]
    return [_told(entry) for entries in page for entry in reversed(entries)]


def _told(entry: Entry) -> tuple[Any, ...]:
    is_of_time = entry.event_at != entry.created_at
    happened = entry.event_at if is_of_time or entry.kind in ("expire", "forgive") else None
    lines = [line[1:] for line in entry.raw_lines]
    return entry.kind, entry.unit.key, entry.version, entry.change, entry.after, lines, happened


def action(chance: random.Random) -> Callable[[Billing], Any]:
    """Choose what happens next, the same in both books."""
    what = chance.choice(["consume", "consume", "consume", "grant", "allocate", "cancel", "hold"])
    unit, amount = chance.choice(UNITS), chance.randint(1, 900)
    plan, interval = chance.choice(PLANS)
    number, at = chance.randint(0, 5), chance.choice(["now", "period_end"])

    def run(billing: Billing) -> None:
        try:
            if what == "consume":
                billing.credits.consume("u", unit, amount, overdraft=400)
            elif what == "grant":
                billing.credits.grant("u", unit, amount, source="purchase")
            elif what == "allocate":
                billing.subscriptions.allocate("u", plan, interval=interval)
            elif what == "hold":
                held = billing.credits.hold("u", unit, amount, lifetime=timedelta(minutes=5))
                billing.credits.settle("u", held, amount // 2)
            else:
                live = [each for each in billing.subscriptions.list("u") if each.is_active]
                if live:
                    chosen = live[number % len(live)]
                    billing.subscriptions.cancel("u", chosen, at=at)  # type: ignore[arg-type]  # one of two words
        except Refusal:
            return

    return run


@pytest.mark.parametrize("seed", range(4))
def test_who_looks_and_when_changes_nothing(database_url: str, seed: int) -> None:
    """Both books have the same entries, and every law holds in both (H2).

    Nobody stays away so long that periods are booked together (see test_catching_up.py).
    """
    chance = random.Random(seed)
    clock = FixedClock(BEGINNING)
    with (
        Billing(database_url, catalog=CATALOG, clock=clock, schema="lazy") as lazy,
        Billing(database_url, catalog=CATALOG, clock=clock, schema="swept") as swept,
    ):
        lazy.migrate()
        swept.migrate()
        for step in range(STEPS):
            if step % 3 == 0:
                lazy.jobs.run_due()
            wait = timedelta(
                hours=chance.choice([0, 1, 30, 200, 1500]), seconds=chance.randint(1, 99)
            )
            _wait(swept, clock, wait, chance)
            run = action(chance)
            run(lazy)
            run(swept)
        lazy.jobs.run_due()
        clock.set(clock.now() + timedelta(days=240))
        lazy.jobs.run_due()
        swept.jobs.run_due()
        assert told(lazy) == told(swept)
        for billing in (lazy, swept):
            assert billing.books.audit().findings == ()
        past = BEGINNING + timedelta(days=chance.randint(1, 60))
        assert _past(lazy, past) == _past(swept, past)


def _wait(swept: Billing, clock: FixedClock, wait: timedelta, chance: random.Random) -> None:
    """Let time pass; one book is swept three times on the way."""
    start, parts = clock.now(), sorted(chance.random() for _ in range(3))
    for part in parts:
        clock.set(start + wait * part)
        swept.jobs.run_due()
    clock.set(start + wait)


def _past(billing: Billing, at: datetime) -> list[Any]:
    return [billing.credits.balance("u", unit, at=at).available for unit in UNITS]
