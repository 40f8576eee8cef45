"""Delivery: after the commit, at least once, in order for each customer; money is never undone."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine

from tests.delivery.conftest import START
from tollkeeper import Billing, Unit, credits_unit
from tollkeeper.clock import FixedClock
from tollkeeper.delivery.backoff import LONGEST_PAUSE, MAXIMUM_ATTEMPTS, retry_at
from tollkeeper.delivery.queues import LEASE
from tollkeeper.errors import InvalidRequest, NoticeNotFound
from tollkeeper.ledger.outbox import CALLBACKS, DEAD_DAYS, DELIVERED_DAYS, WAITING_DAYS
from tollkeeper.notices import (
    CreditsConsumed,
    CreditsGranted,
    CreditsLow,
    CreditsRestored,
    HoldLapsed,
    Notice,
)
from tollkeeper.store import outbox

UNIT = "api_calls"
HOUR = timedelta(hours=1)


class Listener:
    """A function of the app that writes down what it hears, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[Notice] = []
        self.failures = failures

    def __call__(self, notice: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the mail server is away")
        self.heard.append(notice)

    @property
    def amounts(self) -> list[int]:
        """The amounts of what it heard."""
        return [int(getattr(notice, "amount", 0)) for notice in self.heard]


def statuses(billing: Billing, customer: str | None = None) -> list[str]:
    """How far the notices are, oldest first."""
    page = billing.notices.list(customer=customer, limit=1000)
    return [state.status for state in page.notices][::-1]


def grant(billing: Billing, customer: str, *amounts: int) -> None:
    """Grant some amounts, one after another."""
    for amount in amounts:
        billing.credits.grant(customer, UNIT, amount)


def retry(billing: Billing, clock: FixedClock, times: int = 1) -> None:
    """Let the longest pause pass, and run what is due, some times."""
    for _ in range(times):
        clock.set(clock.now() + 2 * LONGEST_PAUSE)
        billing.jobs.run_due()


# What is told, and to whom.


def test_s146_each_callback_fires_once_after_commit(billing: Billing) -> None:
    """S146: not before somebody delivers, and once however often that is done."""
    one, two = Listener(), Listener()
    billing.on(CreditsGranted)(one)
    billing.on(Notice)(two)
    grant(billing, "ann", 5, 6)
    assert one.heard == []
    assert billing.jobs.run_due().delivered == 2
    assert billing.jobs.run_due().delivered == 0
    assert one.amounts == two.amounts == [5, 6]
    assert statuses(billing) == ["delivered", "delivered"]


def test_s146_a_failure_is_retried_without_undoing_the_money(
    billing: Billing, clock: FixedClock
) -> None:
    """S146: the balance stays what it is, whatever the app's functions do."""
    mails = Listener(failures=2)
    billing.on(CreditsGranted)(mails)
    grant(billing, "ann", 5)
    assert billing.jobs.run_due().failed == 1
    assert billing.jobs.run_due().to_dict()["failed"] == 0  # not before its pause is over
    assert billing.credits.balance("ann", UNIT).available == 5
    [state] = billing.notices.list(status="waiting").notices
    assert (state.attempts, mails.heard) == (1, [])
    assert "RuntimeError: the mail server is away" in str(state.error)
    retry(billing, clock, 2)
    assert mails.amounts == [5]
    assert statuses(billing) == ["delivered"]
    assert billing.books.audit().ok


def test_who_has_heard_a_notice_does_not_hear_it_again(billing: Billing, clock: FixedClock) -> None:
    """Of several functions only those that failed are called again."""
    before, failing, after = Listener(), Listener(failures=2), Listener()
    for each in (before, failing, after):
        billing.on(CreditsGranted)(each)
    grant(billing, "ann", 5)
    billing.jobs.run_due()
    [state] = billing.notices.list().notices
    assert len(state.heard) == 2
    retry(billing, clock, 2)
    assert before.amounts == failing.amounts == after.amounts == [5]


def test_later_notices_of_a_customer_wait_for_the_first(
    billing: Billing, clock: FixedClock
) -> None:
    """In order for each customer; the others' go on."""
    heard: list[tuple[str, int]] = []
    fails = ["ann"]

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if notice.customer in fails:
            raise RuntimeError
        heard.append((notice.customer, int(notice.amount)))

    for number in (1, 2, 3):
        grant(billing, "ann", number)
        grant(billing, "bob", number)
    billing.jobs.run_due()
    assert heard == [("bob", 1), ("bob", 2), ("bob", 3)]
    waiting = billing.notices.list(customer="ann", status="waiting").notices
    assert len({state.next_attempt_at for state in waiting}) == 1  # each look meets none of them
    grant(billing, "ann", 4)
    assert billing.jobs.run_due().delivered == 0
    fails.clear()
    heard.clear()
    retry(billing, clock)
    assert heard == [("ann", number) for number in (1, 2, 3, 4)]


def test_what_is_tried_too_often_is_given_up_and_later_ones_go_on(
    billing: Billing, clock: FixedClock
) -> None:
    """A dead letter holds nobody up, stays to be looked at, and can be delivered again."""
    heard: list[int] = []
    broken = [1]

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if int(notice.amount) in broken:
            raise RuntimeError
        heard.append(int(notice.amount))

    grant(billing, "ann", 1, 2)
    billing.jobs.run_due()
    retry(billing, clock, MAXIMUM_ATTEMPTS - 2)
    assert (heard, statuses(billing)) == ([], ["waiting", "waiting"])
    retry(billing, clock)
    assert heard == [2]
    assert statuses(billing) == ["dead", "delivered"]
    [dead] = billing.notices.list(status="dead").notices
    assert (dead.attempts, dead.next_attempt_at) == (MAXIMUM_ATTEMPTS, None)
    broken.clear()
    again = billing.notices.redeliver(dead.notice.id)
    assert (again.status, again.attempts, again.error) == ("waiting", 0, None)
    assert billing.jobs.run_due().delivered == 1
    assert heard == [2, 1]


def test_redelivering_tells_everybody_again(billing: Billing) -> None:
    """A delivered notice too, by its id or as it is; an unknown one is refused."""
    listener = Listener()
    billing.on(CreditsGranted)(listener)
    grant(billing, "ann", 5)
    billing.jobs.run_due()
    [notice] = listener.heard
    assert billing.notices.redeliver(notice, customer="ann").status == "waiting"
    billing.jobs.run_due()
    assert listener.heard == [notice, notice]
    with pytest.raises(NoticeNotFound):
        billing.notices.redeliver("ntc_none")
    with pytest.raises(NoticeNotFound):
        billing.notices.redeliver(notice, customer="bob")


@pytest.mark.parametrize("chosen", [0, 1])
def test_one_that_waits_for_its_next_try_is_redelivered_at_once(
    billing: Billing, chosen: int
) -> None:
    """A bug was mended, and the next try is hours away: whichever of the queue is named, all go."""
    heard: list[int] = []
    is_broken = [True]

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if is_broken[0]:
            raise RuntimeError
        heard.append(int(notice.amount))

    grant(billing, "ann", 1, 2)
    billing.jobs.run_due()
    is_broken.clear()
    is_broken.append(False)
    assert billing.jobs.run_due().delivered == 0
    waiting = sorted(billing.notices.list().notices, key=lambda state: state.notice.id)
    again = billing.notices.redeliver(waiting[chosen].notice.id)
    assert (again.status, again.attempts) == ("waiting", 1 - chosen)
    assert billing.jobs.run_due().delivered == 2
    assert heard == [1, 2]


def test_all_dead_ones_are_redelivered_at_once(billing: Billing, clock: FixedClock) -> None:
    """After a bug was mended, say; some at a time, of one customer or of all."""
    listener = Listener(failures=3 * MAXIMUM_ATTEMPTS)
    billing.on(CreditsGranted)(listener)
    for name in ("ann", "bob", "cyd"):
        grant(billing, name, 5)
    billing.jobs.run_due()
    retry(billing, clock, MAXIMUM_ATTEMPTS - 1)
    assert statuses(billing) == ["dead"] * 3
    assert billing.notices.redeliver_dead(kind=CreditsLow) == 0
    assert billing.notices.redeliver_dead(customer="ann", kind="credits_granted") == 1
    assert billing.notices.redeliver_dead(limit=1) == 1
    assert billing.notices.redeliver_dead() == 1
    assert billing.jobs.run_due().delivered == 3


# What is written, and for how long.


def test_notices_of_a_transaction_that_is_rolled_back_are_not_there(
    billing: Billing, database_url: str
) -> None:
    """H1: a notice is written with what it tells of, or not at all."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        begun = connection.begin()
        billing.using(connection).credits.grant("ann", UNIT, 5)
        assert len(billing.using(connection).notices.list().notices) == 1
        begun.rollback()
        assert statuses(billing) == []
        with connection.begin():
            billing.using(connection).credits.grant("ann", UNIT, 6)
            report = billing.using(connection).jobs.run_due()
            assert report.delivered == 0
    engine.dispose()
    listener = Listener()
    billing.on(CreditsGranted)(listener)
    billing.jobs.run_due()
    assert listener.amounts == [6]


def test_a_replay_tells_nothing_again(billing: Billing) -> None:
    """One operation, one notice, however often its key comes; a refusal tells nothing."""
    for _ in range(3):
        billing.credits.grant("ann", UNIT, 5, idempotency_key="welcome")
    assert not billing.credits.try_consume("ann", UNIT, 100).success
    assert statuses(billing) == ["waiting"]


def test_one_notice_a_call_is_written_only_where_somebody_asks(
    database_url: str, clock: FixedClock
) -> None:
    """H1: by name, in this process or by a setting; to listen to everything asks for none."""
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        everything = Listener()
        billing.on(Notice)(everything)
        grant(billing, "ann", 100)
        billing.credits.consume("ann", UNIT, 1)
        billing.on(CreditsConsumed)(Listener())
        billing.credits.consume("ann", UNIT, 2)
        billing.jobs.run_due()
        assert everything.amounts == [100, 2]
    with Billing(database_url, clock=clock, notices=[CreditsConsumed]) as billing:
        billing.credits.consume("ann", UNIT, 3)
        grant(billing, "ann", 1)
        assert billing.notices.list().notices[0].notice.kind == "credits_consumed"
    with Billing(database_url, clock=clock, notices=[]) as billing:
        before = billing.notices.list()
        grant(billing, "ann", 1)
        assert billing.notices.list() == before
        billing.on(HoldLapsed)(Listener())
        billing.credits.hold("ann", UNIT, 1)
        clock.set(clock.now() + HOUR)
        billing.jobs.run_due()
        assert billing.notices.list().notices[0].notice.kind == "hold_lapsed"


def test_kinds_that_nobody_hears_are_left_for_others_and_go_by_themselves(
    billing: Billing, clock: FixedClock
) -> None:
    """Another process may listen to them; if none does, they do not pile up for ever."""
    low = Listener()
    billing.on(CreditsLow)(low)
    grant(billing, "ann", 5)
    assert billing.jobs.run_due().delivered == 0
    clock.set(START + timedelta(days=WAITING_DAYS) - HOUR)
    assert billing.jobs.run_due().cleared == 0
    clock.set(START + timedelta(days=WAITING_DAYS))
    assert billing.jobs.run_due().cleared == 1
    assert statuses(billing) == []


def test_delivered_and_dead_ones_are_kept_for_days(billing: Billing, clock: FixedClock) -> None:
    """Long enough to look at them, and no longer."""
    listener = Listener()
    billing.on(CreditsGranted)(listener)
    grant(billing, "ann", 5)
    billing.jobs.run_due()
    listener.failures = MAXIMUM_ATTEMPTS
    grant(billing, "bob", 5)
    billing.jobs.run_due()
    retry(billing, clock, MAXIMUM_ATTEMPTS - 1)
    assert statuses(billing, "bob") == ["dead"]
    given_up = clock.now()
    assert given_up > START + timedelta(days=DELIVERED_DAYS)
    assert statuses(billing, "ann") == []
    clock.set(given_up + timedelta(days=DEAD_DAYS) - HOUR)
    assert billing.jobs.run_due().cleared == 0
    clock.set(given_up + timedelta(days=DEAD_DAYS))
    assert billing.jobs.run_due().cleared == 1


def test_without_any_worker_old_notices_are_cleared_by_who_writes(
    billing: Billing, clock: FixedClock
) -> None:
    """The books need no worker, and what nobody hears needs none to go (H2)."""
    billing._wired.ledger.outbox.written = 990
    grant(billing, "ann", 1, 2, 3)
    clock.set(START + timedelta(days=WAITING_DAYS + 1))
    grant(billing, "bob", *range(1, 8))
    assert statuses(billing, "ann") == []
    assert len(statuses(billing, "bob")) == 7


def test_what_time_did_to_many_accounts_is_told_once(billing: Billing, clock: FixedClock) -> None:
    """Where many are swept in one transaction, and where the next change finds it."""
    for number in range(20):
        billing.credits.hold(f"user_{number}", UNIT, 1, overdraft=1)
        billing.credits.grant(f"user_{number}", UNIT, 5, expires_at=START + HOUR)
    clock.set(START + HOUR)
    billing.credits.grant("user_0", UNIT, 1)
    billing.jobs.run_due()
    for kind in ("hold_lapsed", "grant_expired"):
        told = billing.notices.list(kind=kind, limit=1000).notices
        assert len(told) == len({state.notice.customer for state in told}) == 20


# Thresholds.


def test_low_balance_is_told_once_for_each_crossing(billing: Billing, database_url: str) -> None:
    """H3: strictly below; once until it is at the threshold again; not of a new account."""
    billing._wired.ledger.outbox.set_low_balances({UNIT: 10_000_000, "other": 10_000_000})
    heard: list[tuple[str, Decimal]] = []
    billing.on(CreditsLow, CreditsRestored)(
        lambda notice: heard.append((notice.kind, notice.balance))
    )
    room = billing.credits
    room.grant("ann", UNIT, 12)
    for amount in (1, 1, 1, 4):
        room.consume("ann", UNIT, amount)
    room.grant("ann", UNIT, 4)
    room.grant("ann", UNIT, 1)
    room.consume("ann", UNIT, 3)
    room.release("ann", room.hold("ann", UNIT, 1))
    room.grant("ann", UNIT, 1)
    held = room.hold("ann", UNIT, 1)
    room.release("ann", held)
    billing.jobs.run_due()
    assert heard == [
        ("credits_low", Decimal(9)),
        ("credits_restored", Decimal(10)),
        ("credits_low", Decimal(7)),
    ]


# Leases and bounds.


def test_nobody_takes_a_queue_that_another_worker_has(
    billing: Billing, database_url: str, clock: FixedClock
) -> None:
    """Until its lease is over; what is written meanwhile waits, wherever in the queue it stands."""
    listener = Listener()
    billing.on(CreditsGranted)(listener)
    grant(billing, "ann", 1)
    database = billing._wired.ledger.database

    def lease(who: str) -> bool:
        now = clock.now()
        return billing._wired.threads.transact(
            lambda connection: outbox.lease_queue(
                connection, database, CALLBACKS, "ann", ["credits_granted"], who, now, now + HOUR
            )
        )

    assert lease("somebody")
    assert not lease("another")
    grant(billing, "ann", 2)
    grant(billing, "bob", 3)
    with Billing(database_url, clock=FixedClock(START - HOUR)) as behind:
        behind.credits.grant("ann", "other", 4)  # a late commit, booked earlier: it comes first
    assert billing.jobs.run_due().delivered == 1
    assert listener.amounts == [3]
    clock.set(START + HOUR)
    billing.jobs.run_due()
    assert listener.amounts == [3, 4, 1, 2]


def test_a_slow_function_is_not_overtaken(
    billing: Billing, database_url: str, clock: FixedClock
) -> None:
    """What it heard is written down while the lease lasts; other workers find it, and go on."""
    heard: list[int] = []
    with Billing(database_url, clock=clock) as other:
        other.on(CreditsGranted)(lambda notice: heard.append(int(notice.amount)))

        @billing.on(CreditsGranted)
        def slow(notice: CreditsGranted) -> None:
            heard.append(int(notice.amount))
            clock.set(clock.now() + LEASE * 2 / 3)
            other.jobs.run_due()

        grant(billing, "ann", 1, 2, 3, 4)
        for _ in range(4):
            billing.jobs.run_due()
    assert heard == [1, 2, 3, 4]


def test_a_run_tells_no_more_than_its_limit(billing: Billing) -> None:
    """And says that there is more."""
    listener = Listener()
    billing.on(CreditsGranted)(listener)
    grant(billing, "ann", *range(1, 31))
    grant(billing, "bob", *range(1, 4))
    report = billing.jobs.run_due(limit=5)
    assert (report.delivered, report.is_done) == (5, False)
    total = report.delivered
    while not (report := billing.jobs.run_due(limit=5)).is_done:
        assert 0 < report.delivered <= 5
        total += report.delivered
    assert total + report.delivered == 33
    ann = [int(n.amount) for n in listener.heard if n.customer == "ann"]  # type: ignore[attr-defined]  # all are grants
    assert ann == list(range(1, 31))


def test_a_callback_may_call_verbs_and_even_run_what_is_due(billing: Billing) -> None:
    """It is called outside of any transaction; what it causes is told as well."""
    reports = []

    @billing.on(CreditsGranted)
    def bonus(notice: CreditsGranted) -> None:
        if notice.source != "bonus":
            billing.credits.grant(
                notice.customer, UNIT, 1, source="bonus", idempotency_key=f"bonus:{notice.id}"
            )
        reports.append(billing.jobs.run_due())

    grant(billing, "ann", 10)
    report = billing.jobs.run_due()
    assert (report.delivered, report.is_done) == (2, True)
    assert [each.delivered for each in reports] == [0, 0]
    assert billing.credits.balance("ann", UNIT).available == 11


def test_an_interrupt_within_a_callback_loses_nothing_that_was_told(billing: Billing) -> None:
    """What was heard is written down, the rest is free for the next run at once."""
    heard: list[int] = []

    @billing.on(CreditsGranted)
    def listen(notice: CreditsGranted) -> None:
        if int(notice.amount) == 2 and 2 not in heard:
            heard.append(2)
            raise KeyboardInterrupt
        heard.append(int(notice.amount))

    grant(billing, "ann", 1, 2, 3)
    with pytest.raises(KeyboardInterrupt):
        billing.jobs.run_due()
    billing.jobs.run_due()
    assert heard == [1, 2, 2, 3]


# What is refused, and what is forgotten.


@pytest.mark.parametrize(
    "call",
    [
        lambda billing: billing.on()(print),
        lambda billing: billing.on("credits_low")(print),
        lambda billing: billing.on(int)(print),
        lambda billing: billing.on(CreditsLow)("mail"),
        lambda billing: billing.on(CreditsLow)(never),
        lambda billing: billing.notices.list(status="lost"),
        lambda billing: billing.notices.list(kind="credits_lost"),
        lambda billing: billing.notices.list(kind=Notice),
        lambda billing: billing.notices.list(limit=0),
        lambda billing: billing.notices.list(cursor="nonsense"),
        lambda billing: billing.notices.redeliver(""),
        lambda billing: billing.notices.redeliver_dead(limit=1001),
        lambda billing: billing.start(0),
        lambda billing: billing.start("soon"),
    ],
)
def test_bad_calls_are_refused(billing: Billing, call: Callable[[Any], Any]) -> None:
    """At once, with an error of ours."""
    with pytest.raises(InvalidRequest):
        call(billing)


async def never(_: CreditsLow) -> None:
    """Nobody awaits it."""


def test_what_gives_an_awaitable_fails_on_a_billing_of_threads(billing: Billing) -> None:
    """It would otherwise count as heard, and never run."""
    billing.on(CreditsGranted)(lambda _: never(None))  # type: ignore[arg-type]  # it is never called
    grant(billing, "ann", 5)
    assert billing.jobs.run_due().failed == 1
    assert "AsyncBilling" in str(billing.notices.list().notices[0].error)


def test_erasing_a_customer_forgets_what_errors_said(billing: Billing) -> None:
    """I4: an app's own errors may name people."""
    billing.on(CreditsGranted)(Listener(failures=9))
    grant(billing, "ann", 5)
    billing.jobs.run_due()
    assert billing.notices.list().notices[0].error
    billing.customers.erase("ann", reason="asked for", actor="ann")
    assert billing.notices.list().notices[0].error is None


def test_pauses_grow_and_end() -> None:
    """Each is longer than the last until the longest; jitter never reorders them."""
    pauses = [retry_at(n, START, 0.5) for n in range(1, MAXIMUM_ATTEMPTS)]
    spans = [moment - START for moment in pauses if moment is not None]
    assert spans == sorted(spans)
    assert spans[-1] == LONGEST_PAUSE
    assert retry_at(MAXIMUM_ATTEMPTS, START, 0.0) is None
    shortest, longest = retry_at(1, START, 0.0), retry_at(1, START, 1.0)
    assert (shortest, longest) == (START + timedelta(seconds=4), START + timedelta(seconds=6))


def test_money_is_told_in_its_currency(billing: Billing) -> None:
    """One kind for every unit; the currency tells money from credits."""
    from tollkeeper import Money

    listener = Listener()
    billing.on(CreditsGranted)(listener)
    billing.wallet.deposit("ann", Money("12.50", "usd"))
    billing.jobs.run_due()
    [notice] = listener.heard
    assert isinstance(notice, CreditsGranted)
    assert (notice.unit, notice.currency, notice.amount) == ("usd", "usd", Decimal("12.5"))
    assert notice.source == "deposit"


def test_scales_are_those_of_the_unit(database_url: str, clock: FixedClock) -> None:
    """An amount is told as its unit counts it."""
    whole: Unit = credits_unit("images", 0)
    with Billing(database_url, clock=clock, units=[whole]) as billing:
        billing.migrate()
        billing.credits.grant("ann", "images", 7)
        [state] = billing.notices.list().notices
        assert state.notice.to_dict()["amount"] == "7"
