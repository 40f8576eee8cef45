"""The laws of renewals: when somebody looks changes nothing but when it is written down."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.decisions.accounts import Account, Entry, Line, OpenGrant, post
from tollkeeper.decisions.advancing import Due, advance, watched
from tollkeeper.decisions.burning import burn, with_grant
from tollkeeper.decisions.catching_up import FEWEST
from tollkeeper.decisions.debts import repay
from tollkeeper.decisions.holds import Drawn, Hold, give_back
from tollkeeper.decisions.recurrences import Recurrence, begun, tail_of
from tollkeeper.decisions.renewing import give
from tollkeeper.values.intervals import Interval
from tollkeeper.values.periods import period, period_number
from tollkeeper.values.zones import zone

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOUGHT = "grt_bought"

#: What happens next: how long nothing does (longer, and periods are booked together: see
#: test_catching_up.py), then an amount that is used, or bought if below zero.
Step = tuple[timedelta, int]

steps = st.lists(
    st.tuples(
        st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=FEWEST - 1)),
        st.integers(min_value=-300, max_value=400),
    ),
    max_size=8,
)

recurrences = st.builds(
    lambda number, amount, every, adds, cap, days, zone_name, lifetime, ends: Recurrence(
        subscription=f"sub_{number}",
        tail=tail_of(f"sub_{number}", "calls"),
        amount=amount,
        every=every,
        anchor=START + timedelta(days=days),
        zone=zone_name,
        number=0,
        next_at=None,
        ends_at=None if ends is None else START + timedelta(days=ends),
        adds=adds,
        cap=cap if adds else None,
        lifetime=lifetime if adds else "",
        features=(),
    ),
    number=st.integers(0, 10**6),
    amount=st.integers(1, 500),
    every=st.sampled_from(["day", "week", "month", "2 months", "quarter", "36 hours", ""]),
    adds=st.booleans(),
    cap=st.none() | st.integers(0, 900),
    days=st.integers(-40, 40),
    zone_name=st.sampled_from([None, "Europe/Berlin", "Pacific/Apia", "America/New_York"]),
    lifetime=st.sampled_from(["", "10 days", "3 months"]),
    ends=st.none() | st.integers(1, 300),
)


class Told:
    """An account with everything that was booked in it."""

    def __init__(self, filled: Sequence[Recurrence]) -> None:
        self.account = Account("u", "calls")
        self.booked: list[Entry] = []
        self.dues: list[Due] = []
        self.now = START
        for recurrence in filled:
            started, running = begun(recurrence, START)
            self.account = self.account._replace(allowances=(*self.account.allowances, started))
            self.account, entries, _ = give(self.account, started, running, START, is_first=True)
            self.booked += entries
        self.account = watched(self.account)

    def look(self, now: datetime) -> None:
        """Bring it to a moment, as whoever touches it does."""
        self.now = now
        advanced = advance(self.account, [], now)
        self.account = advanced.account
        for due in advanced.due:
            self.dues.append(due)
            self.booked += due.entries

    def use(self, amount: int) -> None:
        """Use an amount, in debt if need be; below zero, buy it."""
        if amount < 0:
            self.buy(-amount)
        elif amount:
            burnt = burn(self.account, amount, None, -(10**9))
            self.account, entry = post(
                self.account, "consume", burnt.lines, burnt.grants, debt=burnt.unpaid
            )
            self.booked.append(entry)

    def buy(self, amount: int) -> None:
        """Buy an amount, which never expires."""
        name = f"{BOUGHT}_{len(self.booked)}"
        grant = OpenGrant(name, amount, amount, 60, self.now, paid=True)
        grants = with_grant(self.account.grants, grant)
        self.account, entry = post(self.account, "grant", (Line(name, amount),), grants)
        self.booked.append(entry)
        self.account, repaid = repay(self.account, name)
        self.booked += repaid

    def shown(self) -> list[tuple[object, ...]]:
        """Everything but when it was written down."""
        return [
            (e.kind, e.available, e.restricted, e.held, e.debt, e.lines, e.event_at)
            for e in self.booked
        ]


def told(filled: Sequence[Recurrence], actions: Sequence[Step], sweep: timedelta | None) -> Told:
    """Tell a history; with a sweep, somebody looks that often in between."""
    found = Told(filled)
    moment = START
    for wait, amount in actions:
        until = moment + wait
        while sweep is not None and moment + sweep < until:
            moment += sweep
            found.look(moment)
        moment = until
        found.look(moment)
        found.use(amount)
    return found


def distinct(filled: Sequence[Recurrence]) -> list[Recurrence]:
    """Keep one of each subscription."""
    return list({known.tail: known for known in filled}.values())


@given(st.lists(recurrences, max_size=3), steps, st.integers(1, 200))
def test_a_lazy_customer_and_a_swept_one_have_equal_books(
    filled: list[Recurrence], actions: list[Step], hours: int
) -> None:
    """Whoever looks, and however often: the same entries, in the same order, at the same times."""
    lazy = told(distinct(filled), actions, None)
    swept = told(distinct(filled), actions, timedelta(hours=hours, seconds=7))
    assert lazy.shown() == swept.shown()
    assert lazy.account == swept.account


@given(st.lists(recurrences, max_size=3), steps)
def test_nothing_is_granted_twice(filled: list[Recurrence], actions: list[Step]) -> None:
    """Each period of each subscription has one grant and one operation at most."""
    found = told(distinct(filled), actions, None)
    made = [fact.id for due in found.dues for fact in due.made]
    assert len(made) == len(set(made))
    ids = [due.id for due in found.dues]
    assert len(ids) == len(set(ids))


@given(st.lists(recurrences, max_size=3), steps)
def test_time_touches_nothing_that_was_bought(
    filled: list[Recurrence], actions: list[Step]
) -> None:
    """Renewals, expiries and ends leave bought value alone (D2, 35)."""
    found = told(distinct(filled), actions, None)
    lines = [line for due in found.dues for entry in due.entries for line in entry.lines]
    assert not [line for line in lines if line.grant.startswith(BOUGHT)]


@given(st.lists(recurrences, max_size=3), steps)
def test_balances_are_what_grants_and_debt_say(
    filled: list[Recurrence], actions: list[Step]
) -> None:
    """Law 2 holds after every look, and nobody is due in the past."""
    found = told(distinct(filled), actions, None)
    account = found.account
    assert account.available == sum(g.remaining for g in account.grants) - account.debt
    assert account.due_at is None or account.due_at > found.now
    assert account.version == len(found.booked)


@given(recurrences, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=FEWEST - 1)))
def test_each_period_is_granted(recurrence: Recurrence, wait: timedelta) -> None:
    """Every period that began until now has its grant, as the calendar says (D3, D4)."""
    recurrence = recurrence._replace(cap=None, ends_at=None)
    found = told([recurrence], [(wait, 0)], None)
    granted = [entry.event_at or START for entry in found.booked if entry.kind == "grant"]
    if not recurrence.every:
        assert granted == [START]
        return
    every, where = Interval.parse(recurrence.every), zone(recurrence.zone)
    end = START + wait + timedelta(microseconds=1)
    first = period_number(recurrence.anchor, every, START, where)
    following = (period(recurrence.anchor, every, number, where) for number in count(first))
    begun_by = takewhile(lambda each: each.start < end, following)
    starts = [max(each.start, START) for each in begun_by if not each.is_empty]
    assert granted == starts


@given(recurrences, st.integers(1, 400), st.timedeltas(timedelta(days=1), timedelta(days=400)))
def test_reset_brings_the_balance_to_the_allowance(
    recurrence: Recurrence, used: int, wait: timedelta
) -> None:
    """After a renewal there is the allowance: debt was forgiven, and what was left is gone (A4)."""
    recurrence = recurrence._replace(adds=False, cap=None, lifetime="", ends_at=None)
    found = told([recurrence], [(timedelta(0), used), (wait, 0)], None)
    renewed = [due for due in found.dues if due.made]
    if renewed:
        assert found.account.available == recurrence.amount
        assert not found.account.debt


@given(recurrences, steps, st.integers(1, 300))
def test_nothing_is_left_of_a_subscription_that_is_over(
    recurrence: Recurrence, actions: list[Step], days: int
) -> None:
    """At its end its allowance goes, and it never comes back (D6)."""
    ends = START + timedelta(days=days)
    recurrence = recurrence._replace(ends_at=ends)
    found = told([recurrence], [*actions, (timedelta(days=400), 0)], None)
    assert not [grant for grant in found.account.grants if recurrence.gave(grant.id)]
    assert found.account.allowances == ()
    late = [fact for due in found.dues for fact in due.made if fact.effective_at >= ends]
    assert late == []


@given(
    recurrences,
    st.integers(0, 900),
    st.lists(st.tuples(st.booleans(), st.integers(1, 300), st.integers(0, 40)), max_size=12),
)
def test_nobody_has_more_than_the_cap_by_holding(
    recurrence: Recurrence, cap: int, actions: Sequence[tuple[bool, int, int]]
) -> None:
    """What is left and what may come back from holds are never more than the cap (D2, B1)."""
    recurrence = recurrence._replace(adds=True, cap=cap, ends_at=None, lifetime="")
    found = told([recurrence._replace(amount=min(recurrence.amount, cap or 1))], [], None)
    holds: list[Hold] = []
    for is_held, amount, days in actions:
        if is_held:
            _set_aside(found, holds, amount)
        elif holds:
            _give_back(found, holds.pop())
        found.now += timedelta(days=days)
        found.account = advance(found.account, holds, found.now).account
        assert found.account.available + found.account.held <= max(cap, 1)


def _set_aside(found: Told, holds: list[Hold], amount: int) -> None:
    """Hold an amount, as far as there is so much; it does not lapse."""
    grants = {grant.id: grant for grant in found.account.grants}
    burnt = burn(found.account, min(amount, found.account.available), None, 0)
    lines = tuple([Line(line.grant, line.remaining, -line.remaining) for line in burnt.lines])
    found.account, _ = post(found.account, "hold", lines, burnt.grants)
    drawn = tuple([Drawn(grants[line.grant], -line.remaining) for line in burnt.lines])
    name = f"hld_{len(found.booked)}"
    holds.append(Hold(name, "u", "calls", "open", drawn, found.now, None))


def _give_back(found: Told, hold: Hold) -> None:
    """Release a hold."""
    back = give_back(found.account, hold.drawn, name=hold.id, now=found.now)
    found.account, _ = post(found.account, "release", back.lines, back.grants, debt=back.debt)
