"""The laws of periods that nobody looked at: what is booked together leaves what a walk leaves."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.subscriptions.test_laws import START, Told, distinct
from tollkeeper import Billing, Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.accounts import Account, Line, post
from tollkeeper.decisions.advancing import advance, next_due
from tollkeeper.decisions.burning import burn
from tollkeeper.decisions.catching_up import FEWEST
from tollkeeper.decisions.holds import Drawn, Hold
from tollkeeper.decisions.recurrences import Recurrence, tail_of
from tollkeeper.notices import CreditsGranted, CreditsLow, GrantExpired
from tollkeeper.values.moments import utc

UTC_START = datetime(2026, 1, 31, 12, tzinfo=UTC)

#: What happens next: how many hours nothing does, an amount that is used (bought if below zero),
#: and an amount that is set aside, and for how many hours.
Step = tuple[int, int, int, int]

steps = st.lists(
    st.tuples(
        st.integers(0, 130),
        st.integers(-150, 200),
        st.just(0) | st.integers(1, 60),
        st.integers(1, 120),
    ),
    min_size=1,
    max_size=3,
)


def _recurrence(
    number: int, amount: int, every: str, minutes: int, kind: str, ends: int | None
) -> Recurrence:
    name = f"sub_{number}"
    cap = {"capped": 7 * amount, "low": max(1, amount // 2)}.get(kind)
    return Recurrence(
        subscription=name,
        tail=tail_of(name, "calls"),
        amount=amount,
        every=every,
        anchor=START - timedelta(minutes=minutes),
        zone="Europe/Berlin",
        number=0,
        next_at=None,
        ends_at=None if ends is None else START + timedelta(hours=ends),
        adds=kind != "reset",
        cap=cap,
        lifetime="30 hours" if kind == "living" else "",
    )


recurrences = st.builds(
    _recurrence,
    number=st.integers(0, 10**6),
    amount=st.integers(1, 50),
    every=st.sampled_from(["hour", "90 minutes", "5 hours", "day"]),
    minutes=st.integers(0, 5000),
    kind=st.sampled_from(["reset", "reset", "add", "capped", "low", "living"]),
    ends=st.none() | st.integers(1, 400),
)


class Holding(Told):
    """An account that is touched, with what is set aside in it."""

    def __init__(self, filled: Sequence[Recurrence], unit: str) -> None:
        super().__init__(filled)
        self.account = self.account._replace(unit=unit)
        self.holds: list[Hold] = []

    def look(self, now: datetime) -> None:
        """Bring it to a moment in one step."""
        advanced = advance(self.account, self.holds, now)
        self.account, self.now = advanced.account, now
        gone = {due.hold.id for due in advanced.due if due.hold}
        self.holds = [hold for hold in self.holds if hold.id not in gone]
        for due in advanced.due:
            self.dues.append(due)
            self.booked += due.entries

    def set_aside(self, amount: int, until: datetime) -> None:
        """Hold an amount, from the overdraft where nothing else is left."""
        if not amount:
            return
        grants = {grant.id: grant for grant in self.account.grants}
        burnt = burn(self.account, amount, None, -(10**9))
        lines = [Line(line.grant, line.remaining, -line.remaining) for line in burnt.lines]
        drawn = [Drawn(grants[line.grant], -line.remaining) for line in burnt.lines]
        if burnt.unpaid:
            lines.append(Line("", 0, burnt.unpaid))
            drawn.append(Drawn(None, burnt.unpaid))
        name = f"hld_{sum(entry.kind == 'hold' for entry in self.booked):026d}"
        self.account, entry = post(
            self.account, "hold", tuple(lines), burnt.grants, debt=burnt.unpaid
        )
        self.booked.append(entry)
        self.holds.append(Hold(name, "u", self.account.unit, "open", tuple(drawn), self.now, until))
        self.account = self.account._replace(due_at=next_due(self.account, self.holds))


class Walked(Holding):
    """The same, but somebody looks whenever anything is due: the model."""

    def look(self, now: datetime) -> None:
        """Go from one moment at which something is due to the next."""
        while self.account.due_at is not None and self.account.due_at < now:
            super().look(self.account.due_at)
        super().look(now)


def _played(found: Holding, actions: Sequence[Step]) -> Holding:
    moment = START
    for hours, used, held, lifetime in actions:
        moment += timedelta(hours=hours)
        found.look(moment)
        found.use(used)
        found.set_aside(held, moment + timedelta(hours=lifetime, minutes=7))
    found.look(moment + timedelta(hours=130))
    return found


def _spendable(account: Account, filled: Sequence[Recurrence]) -> Counter[tuple[object, ...]]:
    """What can be spent, of what, in which rank, and until when."""
    found: Counter[tuple[object, ...]] = Counter()
    for grant in account.grants:
        of = next((each.tail for each in filled if each.gave(grant.id)), "bought")
        found[(of, grant.priority, grant.expires_at, grant.paid)] += grant.remaining
    return found


def _sums(found: Holding) -> Counter[str]:
    """How much was granted, has expired, was forgiven, paid back and revoked."""
    sums: Counter[str] = Counter()
    for entry in found.booked:
        sums[entry.kind] += entry.available + entry.restricted + entry.held + entry.debt
        sums[f"{entry.kind} debt"] += entry.debt
    return +sums + Counter({kind: -amount for kind, amount in (-sums).items()})


@settings(max_examples=40)
@given(
    st.lists(recurrences, min_size=1, max_size=3), steps, st.sampled_from(["calls", "money:usd"])
)
@example(
    [_recurrence(1, 5, "hour", 0, "add", None), _recurrence(2, 3, "hour", 30, "reset", None)],
    [(0, 200, 20, 100), (130, 50, 0, 1)],
    "calls",
)
def test_one_look_leaves_what_many_leave(
    filled: list[Recurrence], actions: list[Step], unit: str
) -> None:
    """Balances, debt, what can be spent and what comes next; and the sums of what was booked."""
    filled = distinct(filled)
    lazy = _played(Holding(filled, unit), actions)
    walked = _played(Walked(filled, unit), actions)
    for name in ("available", "restricted", "held", "debt", "due_at", "allowances"):
        assert getattr(lazy.account, name) == getattr(walked.account, name), name
    assert _spendable(lazy.account, filled) == _spendable(walked.account, filled)
    assert _sums(lazy) == _sums(walked)


@given(st.lists(recurrences, min_size=1, max_size=3), steps)
def test_few_entries_however_long_nobody_looked(
    filled: list[Recurrence], actions: list[Step]
) -> None:
    """Entries are bounded by what there is, and not by time; they stand in the order of time."""
    filled = [each for each in distinct(filled) if not each.lifetime]
    found = _played(Holding(filled, "calls"), actions)
    before = len(found.booked)
    found.look(found.now + timedelta(days=365 * 20))
    disturbed = len(found.holds) + 3
    assert len(found.booked) - before <= disturbed * (len(filled) + 1) * 3 * FEWEST
    moments = [entry.event_at for due in found.dues for entry in due.entries]
    assert moments == sorted(moments, key=lambda moment: moment or START)


@pytest.mark.parametrize(
    ("zone", "year"), [("Pacific/Apia", 2011), ("Pacific/Kwajalein", 1993), ("Europe/Berlin", 2011)]
)
def test_a_day_that_a_zone_skipped_gives_nothing(zone: str, year: int) -> None:
    """Samoa had no 30 December 2011: what a day gives is not given for it."""
    start, end = datetime(year, 6, 1, tzinfo=UTC), datetime(year + 1, 2, 1, tzinfo=UTC)
    recurrence = _recurrence(1, 10, "day", 0, "add", None)._replace(
        zone=zone, anchor=start, next_at=start, number=0
    )
    account = Account("u", "calls", allowances=(recurrence,), due_at=start)
    once = advance(account, [], end).account
    for day in range((end - start).days + 1):
        account = advance(account, [], start + timedelta(days=day)).account
    assert once.available == account.available
    assert once.allowances == account.allowances


CATALOG = """
[units.credits]
low_balance = 5
[features.image]
cost = {{ credits = 1 }}
[plans.free]
allowances.credits = {{ amount = 10, every = "hour", on_renewal = "{renewal}" {cap} }}
"""


def _billing(url: str, renewal: str, cap: str, clock: FixedClock) -> Billing:
    catalog = Catalog.from_toml(CATALOG.format(renewal=renewal, cap=cap))
    billing = Billing(url, catalog=catalog, clock=clock)
    billing.migrate()
    return billing


@pytest.mark.parametrize(
    ("renewal", "cap"), [("reset", ""), ("add", ""), ("add", ", cap = 500"), ("add", ", cap = 10")]
)
def test_the_books_tell_any_moment_alike(database_url: str, renewal: str, cap: str) -> None:
    """A customer who was looked at each hour and one who was not: the same at every moment."""
    clock = FixedClock(UTC_START)
    with _billing(database_url, renewal, cap, clock) as billing:
        for customer in ("lazy", "swept"):
            billing.subscriptions.assign_free(customer)
        for _ in range(3):
            for _ in range(60):
                clock.advance(minutes=61)
                held = billing.credits.hold("swept", "credits", 1)
                billing.credits.release("swept", held)
            used = [billing.credits.try_consume(each, "credits", 4) for each in ("lazy", "swept")]
            assert used[0].success == used[1].success
        moment, end = UTC_START, clock.now() + timedelta(days=9)
        while moment < end:
            told = [
                billing.credits.balance(each, "credits", at=moment).available
                for each in ("lazy", "swept")
            ]
            assert told[0] == told[1], moment
            moment += timedelta(hours=5, minutes=13)
        billing.jobs.run_due()
        assert not billing.books.audit().findings
        assert len(billing.credits.history("lazy", "credits", limit=1000).entries) < 40


def test_a_year_of_minutes_costs_one_charge_little(database_url: str) -> None:
    """The next charge books a handful of entries, and the app hears once what went unused."""
    clock = FixedClock(UTC_START)
    with _billing(database_url, "reset", "", clock) as billing:
        heard: list[CreditsGranted | GrantExpired | CreditsLow] = []
        billing.on(CreditsLow)(heard.append)
        billing.on(CreditsGranted)(heard.append)
        billing.on(GrantExpired)(heard.append)
        billing.subscriptions.assign_free("u")
        clock.advance(days=365)
        billing.charge("u", "image", 1)
        assert billing.credits.balance("u", "credits").available == 9
        kinds = [entry.kind for entry in billing.credits.history("u", "credits").entries]
        assert kinds == ["consume", "grant", "expire", "grant", "expire", "grant"]
        billing.jobs.run_due()
        told = [
            (each.kind, 0 if isinstance(each, CreditsLow) else int(each.amount)) for each in heard
        ]
        assert told == [
            (CreditsGranted.kind, 10),
            (GrantExpired.kind, 10),
            (GrantExpired.kind, 10 * (365 * 24 - 1)),
            (CreditsGranted.kind, 10),
        ]


@pytest.mark.parametrize("how", ["swept", "lazy", "unbooked"])
def test_what_expired_unused_is_worth_the_same(sqlite_url: str, how: str) -> None:
    """A report tells it alike, whether each period was booked, all of them together, or none."""
    clock, day = FixedClock(UTC_START), timedelta(days=1)
    prices = 'prices = ["30.00 usd / month"]\nallowances'
    catalog = Catalog.from_toml(
        'currency = "usd"' + CATALOG.format(renewal="reset", cap="").replace("allowances", prices)
    )
    with Billing(sqlite_url, catalog=catalog, clock=clock) as billing:
        billing.migrate()
        billing.subscriptions.allocate("u", "free", payment_id="pay_1")
        billing.charge("u", "image", 3)
        for _ in range(60):
            clock.advance(day)
            if how == "swept":
                billing.jobs.run_due()
        if how != "unbooked":
            billing.charge("u", "image", 1)
        clock.advance(minutes=1)
        found = billing.books.simulate(catalog, since=UTC_START, until=clock.now()).total.happened
        assert found.expired == {"credits": 10 * 60 * 24 - 3}
        (lost,) = found.breakage
        assert abs(lost.amount - Decimal("64.2723")) < Decimal("0.0001")


@pytest.mark.parametrize("renewal", ["reset", "add"])
def test_a_balance_of_the_far_future_is_told_at_once(database_url: str, renewal: str) -> None:
    """Up to where the calendar ends, without walking there."""
    with _billing(database_url, renewal, "", FixedClock(UTC_START)) as billing:
        billing.subscriptions.assign_free("u")
        for moment in (
            datetime(9990, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        ):
            available = billing.credits.balance("u", "credits", at=moment).available
            hours = (utc(moment, "at") - UTC_START) // timedelta(hours=1)
            assert available == (10 if renewal == "reset" else 10 * (hours + 1))
