"""What else a run does: warnings of a grant's end, other jobs, the sign that somebody runs it."""

import logging
from datetime import timedelta

import pytest

from tests.delivery.conftest import START
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.delivery.expiring import WARNING
from tollkeeper.errors import StoreBusy
from tollkeeper.notices import GrantExpiring
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import HEARTBEAT, Done, Work

UNIT = "api_calls"
DAY = timedelta(days=1)


def warned(billing: Billing) -> list[tuple[str, int]]:
    """Whom the app was warned of, and what was left, oldest first."""
    page = billing.notices.list(kind=GrantExpiring, limit=1000)
    notices = [state.notice for state in page.notices][::-1]
    return [
        (each.customer, int(each.remaining)) for each in notices if isinstance(each, GrantExpiring)
    ]


def test_a_grant_is_warned_of_once_before_its_end(billing: Billing, clock: FixedClock) -> None:
    """With what is left of it then; whoever has nothing left of it is not bothered."""
    end = START + 30 * DAY
    billing.credits.grant("ann", UNIT, 100, expires_at=end)
    billing.credits.grant("bob", UNIT, 50, expires_at=end)
    billing.credits.grant("cyd", UNIT, 7, expires_at=end + DAY)
    billing.credits.consume("ann", UNIT, 40)
    billing.credits.consume("bob", UNIT, 50)
    clock.set(end - WARNING - timedelta(minutes=2))
    assert billing.jobs.run_due().warned == 0
    clock.set(end - WARNING)
    assert billing.jobs.run_due().warned == 1
    clock.advance(minutes=2)
    assert billing.jobs.run_due().warned == 0
    assert warned(billing) == [("ann", 60)]
    [state] = billing.notices.list(kind=GrantExpiring).notices
    assert isinstance(state.notice, GrantExpiring)
    assert (state.notice.expires_at, state.notice.unit) == (end, UNIT)
    clock.set(end - WARNING + DAY)
    billing.jobs.run_due()
    assert warned(billing) == [("ann", 60), ("cyd", 7)]
    assert billing.books.audit().ok


def test_a_grant_that_lives_shorter_is_not_warned_of(billing: Billing, clock: FixedClock) -> None:
    """Whoever gets it knows that it will be gone soon."""
    billing.credits.grant("ann", UNIT, 100, expires_at=START + WARNING - DAY)
    assert billing.jobs.run_due().warned == 0
    clock.advance(days=1)
    assert billing.jobs.run_due().warned == 0
    assert warned(billing) == []


def test_many_grants_are_warned_of_in_steps(billing: Billing, clock: FixedClock) -> None:
    """A small limit leaves the rest to the next run, which goes on where this one stopped."""
    end = START + 30 * DAY
    for number in range(7):
        billing.credits.grant(f"user_{number}", UNIT, 1, expires_at=end)
    clock.set(end - DAY)
    reports = [billing.jobs.run_due(limit=3) for _ in range(3)]
    assert [report.warned for report in reports] == [3, 3, 1]
    assert [report.is_done for report in reports] == [False, False, True]
    assert sorted(warned(billing)) == [(f"user_{number}", 1) for number in range(7)]


def test_a_second_worker_warns_of_nothing_again(
    billing: Billing, database_url: str, clock: FixedClock
) -> None:
    """Nor does one that was broken off before it could say how far it came."""
    billing.credits.grant("ann", UNIT, 100, expires_at=START + 30 * DAY)
    clock.set(START + 25 * DAY)
    with Billing(database_url, clock=clock) as other:
        assert [billing.jobs.run_due().warned, other.jobs.run_due().warned] == [1, 0]
    with billing._wired.engine.begin() as connection:
        name = billing._wired.ledger.database.name("due_job")
        connection.exec_driver_sql(f"UPDATE {name} SET mark = NULL")
    with Billing(database_url, clock=clock) as third:
        third.jobs.run_due()
    assert warned(billing) == [("ann", 100)]


def test_whoever_wants_no_warning_gets_none(database_url: str, clock: FixedClock) -> None:
    """The kind is chosen as any other."""
    with Billing(database_url, clock=clock, notices=[]) as billing:
        billing.migrate()
        billing.credits.grant("ann", UNIT, 100, expires_at=START + 30 * DAY)
        clock.set(START + 25 * DAY)
        assert billing.jobs.run_due().warned == 0


def test_a_run_is_noted(billing: Billing, clock: FixedClock) -> None:
    """So that the absence of any runner can be told; not at every run."""
    assert billing.jobs.last_run() is None
    billing.jobs.run_due()
    assert billing.jobs.last_run() == START
    clock.set(START + HEARTBEAT / 2)
    billing.jobs.run_due()
    assert billing.jobs.last_run() == START
    clock.set(START + HEARTBEAT)
    billing.jobs.run_due()
    assert billing.jobs.last_run() == START + HEARTBEAT


class Errand:
    """A job of another part: it counts, or fails."""

    def __init__(self, done: Done, failure: Exception | None = None) -> None:
        self.done = done
        self.failure = failure
        #: The limit of each run.
        self.ran: list[int] = []

    def begin(self) -> Work:
        return self.run

    def run(self, door: PlainDoor, limit: int) -> Done:
        self.ran.append(limit)
        if self.failure is not None:
            raise self.failure
        return self.done


def test_other_parts_add_their_jobs(billing: Billing) -> None:
    """Their counts stand in the report, and whether they are done."""
    agenda = billing._listening.agenda
    agenda.add(Errand(Done({"drips": 3})))
    agenda.add(Errand(Done({"drips": 1, "letters": 2, "warned": 1}, is_done=False)))
    report = billing.jobs.run_due()
    assert (report.others, report.warned) == ({"drips": 4, "letters": 2}, 1)
    assert not report.is_done
    assert report.to_dict()["others"] == {"drips": 4, "letters": 2}


def test_a_job_that_fails_keeps_no_other_from_running(
    billing: Billing, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is raised at the end; a busy database is no failure."""
    agenda = billing._listening.agenda
    agenda.add(Errand(Done(), StoreBusy()))
    assert not billing.jobs.run_due().is_done
    agenda.add(Errand(Done(), RuntimeError("out of paper")))
    last = Errand(Done({"letters": 1}))
    agenda.add(last)
    with caplog.at_level(logging.WARNING), pytest.raises(RuntimeError, match="out of paper"):
        billing.jobs.run_due(limit=9)
    assert last.ran == [9]
