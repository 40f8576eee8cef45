"""A customer who moves keeps the period that runs, in every part of the books (D4)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.subscriptions.played import Played
from tests.subscriptions.prices import available, seen
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.tallies import OWN
from tollkeeper.decisions.windows import period_of
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import Period

PLANS = Catalog.from_toml("""
currency = "usd"
[units.calls]
[features.call]
cost = { calls = 1 }
[plans.monthly]
prices = ["1.00 usd / month"]
allowances.calls = "100 / month"
[plans.daily]
prices = ["1.00 usd / day"]
allowances.calls = "100 / day"
[plans.weekly]
prices = ["1.00 usd / week"]
allowances.calls = "100 / week"
[plans.bare]
prices = ["1.00 usd / month"]
""")

LIMITED = Catalog.from_toml("""
currency = "usd"
[units.calls]
[features.call]
cost = { calls = 1 }
[plans.monthly]
prices = ["1.00 usd / month"]
allowances.calls = "1_000 / month"
limits = [{ feature = "call", at_most = 10, every = "period" }]
""")

zones = st.sampled_from(
    [None, "Europe/Berlin", "America/New_York", "Pacific/Apia", "Pacific/Honolulu", "Asia/Tokyo"]
)
moves = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(days=40)), zones), min_size=1, max_size=6
)
beginnings = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001  # the zone is given apart
    max_value=datetime(2027, 1, 1),  # noqa: DTZ001  # the zone is given apart
    timezones=st.just(UTC),
)


def _periods(played: Played) -> tuple[Period, ...]:
    """Tell the running period as the subscription, a limit and the allowance know it."""
    now = to_microseconds(played.now)
    start, end = period_of(played.book.tally("u", OWN), now)
    found = [
        played.subscription.running(played.now),
        Period(from_microseconds(start), from_microseconds(end)),
    ]
    for grant in played.book.account("u", "calls").grants:
        assert grant.expires_at is not None
        begun = max(grant.effective_at, played.subscription.started_at)
        found.append(Period(begun, grant.expires_at))
    return tuple(found)


@given(st.sampled_from(["monthly", "daily", "weekly", "bare"]), beginnings, moves)
def test_all_parts_of_the_books_tell_one_period(
    plan: str, beginning: datetime, moved: Sequence[tuple[timedelta, str | None]]
) -> None:
    """The subscription, its limits and its allowance have one period, and moving keeps its end."""
    played = Played(PLANS, beginning)
    played.allocate(plan)
    for wait, zone in moved:
        played.now += wait
        played.book.advance(played.now)
        before = _periods(played)
        assert len(set(before)) == 1
        assert before[0].covers(played.now)
        played.move(zone)
        assert _periods(played) == before


@given(st.sampled_from(["monthly", "weekly", "bare"]), beginnings, moves)
def test_periods_tile_and_keep_their_numbers(
    plan: str, beginning: datetime, moved: Sequence[tuple[timedelta, str | None]]
) -> None:
    """Each period begins where the one before ends, and moving gives none more."""
    played = Played(PLANS, beginning)
    played.allocate(plan)
    number, running = played.subscription.numbered(played.now)
    waiting = [
        (played.now + sum((w for w, _ in moved[: n + 1]), timedelta()), zone)
        for n, (_, zone) in enumerate(moved)
    ]
    for _ in range(20):
        for moment, zone in [each for each in waiting if each[0] < running.end]:
            played.now = moment
            played.move(zone)
        waiting = [each for each in waiting if each[0] >= running.end]
        played.now = running.end
        played.book.advance(played.now)
        following = played.subscription.numbered(played.now)
        assert following.number == number + 1
        assert following.period.start == running.end < following.period.end
        assert len(set(_periods(played))) == 1
        number, running = following


def test_a_limit_by_the_period_is_not_refilled(database_url: str) -> None:
    """Counted before or only after the move: the window ends when the period does."""
    clock = FixedClock(datetime(2026, 1, 31, 23, tzinfo=UTC))
    with Billing(database_url, catalog=LIMITED, clock=clock) as billing:
        billing.migrate()
        billing.customers.create("u")
        billing.subscriptions.allocate("u", "monthly")
        clock.set(datetime(2026, 3, 10, tzinfo=UTC))
        billing.customers.update("u", zone="America/New_York")
        billing.charge("u", "call", 10)
        known = billing.subscriptions.get("u")
        assert known is not None
        assert known.period.end == datetime(2026, 3, 31, 23, tzinfo=UTC)
        clock.set(known.period.end - timedelta(seconds=1))
        assert not billing.check("u", "call").is_allowed
        assert available(billing, "u") == 990
        clock.set(known.period.end)
        billing.charge("u", "call", 10)
        assert available(billing, "u") == 990
        again = billing.subscriptions.get("u")
        assert again is not None
        assert again.period == Period(known.period.end, datetime(2026, 4, 30, 22, tzinfo=UTC))
        summary = billing.usage.summary("u", "call")
        assert seen(summary.since, summary.quantity) == seen(again.period.start, 10)
        clock.set(again.period.end)
        assert billing.check("u", "call").is_allowed
        assert available(billing, "u") == 1000
        ending = billing.subscriptions.cancel("u")
        assert ending.ends_at == ending.period.end == datetime(2026, 5, 31, 22, tzinfo=UTC)
        assert billing.books.audit().findings == ()


def test_what_is_over_stays_as_it_was(billing: Billing, clock: FixedClock) -> None:
    """A subscription that has ended is reckoned in the zone that it ended in, held or not."""
    billing.customers.create("u", zone="Europe/Berlin")
    billing.subscriptions.allocate("u", "basic")
    billing.credits.hold("u", "calls", 5)
    billing.subscriptions.cancel("u", at="now")
    before = billing.subscriptions.list("u")
    past = clock.now()
    clock.set(past + timedelta(minutes=1))
    billing.customers.update("u", zone="Asia/Tokyo")
    assert billing.subscriptions.list("u") == before
    assert billing.credits.balance("u", "calls", at=past).available == 0
