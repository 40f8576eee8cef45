"""What a free plan gives is given once a period, however often it is taken and cancelled (D1)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.subscriptions.conftest import BEGINNING
from tests.subscriptions.played import Played
from tests.subscriptions.prices import available
from tollkeeper import Billing, Money
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.values.intervals import Interval
from tollkeeper.values.periods import period_number

MONTH = Interval.parse("month")
FEBRUARY = datetime(2026, 2, 28, 12, tzinfo=UTC)
GIVEN = 100

SEVERAL = Catalog.from_toml("""
currency = "usd"
[units.calls]
[units.hints]
[plans.free]
allowances.calls = "100 / month"
allowances.hints = { amount = 7, every = "once" }
[plans.hobby]
allowances.calls = "40 / week"
[plans.basic]
prices = ["9.99 usd / month"]
allowances.calls = "1_000 / month"
[plans.saver]
group = "savers"
allowances.calls = { amount = 10, every = "day", on_renewal = "add" }
[plans.bonus]
add_on = true
allowances.calls = "10 / month"
""")


class Expected:
    """What a customer may use of the free plan: the law, told in a few lines."""

    def __init__(self) -> None:
        self.anchor = BEGINNING
        #: The last period that anything was given for, and what was used of it.
        self.number: int | None = None
        self.used = 0

    def taken(self, now: datetime) -> None:
        """Go on with the period that runs, if anything was given for it; else begin anew."""
        if self.number is None or self.number < self._at(now):
            self.anchor, self.number, self.used = now, 0, 0

    def lived(self, now: datetime) -> None:
        """Be live at a moment: each period is given for."""
        number = self._at(now)
        if self.number is not None and number > self.number:
            self.number, self.used = number, 0

    def _at(self, now: datetime) -> int:
        return period_number(self.anchor, MONTH, now)


steps = st.lists(
    st.tuples(
        st.sampled_from(["free", "free", "basic", "now", "now", "period_end", "use", "use"]),
        st.integers(1, 130),
        st.sampled_from([0, 0, 0, 1, 9, 28, 31, 45]),
    ),
    max_size=16,
)


@given(steps)
def test_taking_it_again_gives_nothing_more(actions: Sequence[tuple[str, int, int]]) -> None:
    """While he is on the free plan he has what is left of its period, whatever he did before."""
    played, expected = Played(), Expected()
    for what, amount, days in actions:
        live = played.live
        if what == "free" and live is None:
            played.allocate("free")
            expected.taken(played.now)
        elif what == "basic" and live != "basic":
            played.allocate("basic")
        elif what in ("now", "period_end") and live:
            played.cancel(what)
        elif what == "use" and live == "free":
            expected.used += played.use(amount)
        _wait(played, expected, days)
        if played.live == "free":
            left = played.book.account("u", "calls").available // 1_000_000
            assert left == GIVEN - expected.used


def _wait(played: Played, expected: Expected, days: int) -> None:
    """Let days pass, one by one, so that the law sees until when the plan was live."""
    for _ in range(days):
        is_on = played.live == "free"
        played.now += timedelta(days=1)
        played.book.advance(played.now)
        if is_on and played.live == "free":
            expected.lived(played.now)
        elif is_on:
            ends = max(e.ends_at for e in played.book.subscribed.values() if e.ends_at)
            expected.lived(ends - timedelta(microseconds=1))


def test_cancelled_and_taken_again(billing: Billing, clock: FixedClock) -> None:
    """What was left comes back, what was used does not, and the period ends when it would have."""
    billing.subscriptions.assign_free("u")
    billing.credits.consume("u", "calls", 30)
    billing.subscriptions.cancel("u", at="now")
    assert available(billing, "u") == 0
    clock.set(BEGINNING + timedelta(days=9))
    again = billing.subscriptions.assign_free("u")
    assert again is not None
    assert (available(billing, "u"), again.period.end) == (70, FEBRUARY)
    billing.credits.consume("u", "calls", 70)
    for _ in range(3):
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.assign_free("u")
        assert available(billing, "u") == 0
    clock.set(FEBRUARY)
    assert available(billing, "u") == 100


def test_by_way_of_a_paid_plan(billing: Billing, clock: FixedClock) -> None:
    """Who upgrades and comes back finds what was left of his free allowance (D5)."""
    billing.subscriptions.assign_free("u")
    billing.credits.consume("u", "calls", 30)
    billing.subscriptions.allocate("u", "basic", payment_id="pay_1")
    billing.credits.consume("u", "calls", 500)
    billing.subscriptions.cancel("u", at="now")
    billing.subscriptions.assign_free("u")
    assert available(billing, "u") == 70
    clock.set(FEBRUARY)
    assert available(billing, "u") == 100


def test_the_next_period_is_given_whole(billing: Billing, clock: FixedClock) -> None:
    """Of a period that nothing was given for, all is given, from the moment it is taken again."""
    billing.subscriptions.assign_free("u")
    billing.credits.consume("u", "calls", 30)
    billing.subscriptions.cancel("u")
    clock.set(FEBRUARY + timedelta(days=3))
    again = billing.subscriptions.assign_free("u")
    assert again is not None
    assert (available(billing, "u"), again.anchor) == (100, clock.now())


def test_a_key_is_not_needed_for_it(billing: Billing) -> None:
    """Paid plans are another matter: who pays again is given again."""
    for number in range(2):
        billing.subscriptions.allocate("u", "basic", payment_id=f"pay_{number}")
        billing.credits.consume("u", "calls", 1000)
        billing.subscriptions.cancel("u", at="now")
    assert available(billing, "u") == 0


@pytest.fixture
def several(database_url: str, clock: FixedClock) -> Billing:
    """A book with several free plans."""
    billing = Billing(database_url, catalog=SEVERAL, clock=clock, schema="several")
    billing.migrate()
    return billing


def test_two_free_plans_of_a_group(several: Billing, clock: FixedClock) -> None:
    """What one gave for a period that runs counts for the other; what comes once comes once."""
    with several as billing:
        billing.subscriptions.assign_free("u", "hobby")
        billing.credits.consume("u", "calls", 25)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.assign_free("u", "free")
        assert (available(billing, "u"), available(billing, "u", "hints")) == (75, 7)
        billing.credits.consume("u", "calls", 20)
        billing.credits.consume("u", "hints", 3)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.assign_free("u", "hobby")
        assert (available(billing, "u"), available(billing, "u", "hints")) == (0, 0)
        clock.set(BEGINNING + timedelta(days=70))
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.assign_free("u", "free")
        assert available(billing, "u", "hints") == 4
        assert billing.books.audit().findings == ()


def test_a_free_add_on(several: Billing) -> None:
    """A free add-on that was cancelled gives no second time; one beside it gives its own."""
    with several as billing:
        billing.subscriptions.allocate("u", "bonus")
        billing.credits.consume("u", "calls", 4)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.allocate("u", "bonus")
        assert available(billing, "u") == 6
        billing.subscriptions.assign_free("u", "free")
        assert available(billing, "u") == 106


def test_moving_about_gives_nothing_more(billing: Billing, clock: FixedClock) -> None:
    """A zone in which the period before still runs gives that one no second time (D4).

    The month from 31 January, five in the morning in Tokyo, ends there on 28 February: a day before
    the one that is counted from the same moment in UTC, 30 January.
    """
    clock.set(datetime(2026, 1, 30, 20, tzinfo=UTC))
    billing.customers.create("u", zone="Asia/Tokyo")
    billing.subscriptions.assign_free("u")
    clock.set(datetime(2026, 2, 27, 21, tzinfo=UTC))
    billing.credits.consume("u", "calls", 100)
    billing.subscriptions.cancel("u", at="now")
    billing.customers.update("u", zone="UTC")
    billing.subscriptions.assign_free("u")
    assert available(billing, "u") == 0
    for day in (28, 29, 57):
        clock.set(datetime(2026, 1, 30, 21, tzinfo=UTC) + timedelta(days=day))
        assert available(billing, "u") == 0
    clock.set(datetime(2026, 3, 30, 21, tzinfo=UTC))
    assert available(billing, "u") == 100


def test_a_free_plan_by_the_day_and_a_rollover(several: Billing, clock: FixedClock) -> None:
    """Of what rolled over nothing comes back; of the period that runs, what was left of it."""
    with several as billing:
        billing.subscriptions.allocate("u", "saver")
        clock.set(clock.now() + timedelta(days=3))
        assert available(billing, "u") == 40
        billing.credits.consume("u", "calls", 33)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.allocate("u", "saver")
        assert available(billing, "u") == 7
        billing.credits.consume("u", "calls", 2)
        billing.subscriptions.cancel("u", at="now")
        billing.subscriptions.allocate("u", "saver")
        assert available(billing, "u") == 5
        clock.set(clock.now() + timedelta(days=1))
        assert available(billing, "u") == 15


@pytest.mark.parametrize("given", ["", "once", "day", "week", "month"])
@pytest.mark.parametrize("pause", [timedelta(0), timedelta(days=2)])
def test_a_free_tier_is_free_once_a_period(
    database_url: str, clock: FixedClock, given: str, pause: timedelta
) -> None:
    """Ten are free a month, then each costs a dollar: rounds of ten owe what one owes (D5)."""
    gift = f'allowances.gold = {{ amount = 5, every = "{given}" }}' if given else ""
    catalog = Catalog.from_toml(f"""
        currency = "usd"
        [units.gold]
        [features.token]
        [plans.free]
        usage.token = {{ graduated = [{{ up_to = 10, each = "0 usd" }}, {{ each = "1 usd" }}] }}
        {gift}
    """)
    with Billing(database_url, catalog=catalog, clock=clock) as billing:
        billing.migrate()
        for _ in range(3):
            billing.subscriptions.assign_free("u")
            billing.usage.record("u", "token", 5)
            billing.charge("u", "token", 5)
            billing.subscriptions.cancel("u", at="now")
            clock.advance(pause)
        billing.subscriptions.assign_free("u")
        owed = billing.usage.summary("u", "token").paid.owed
        assert owed == (Money("20.00", "usd"),)
        assert billing.books.audit().findings == ()
