"""Threads of a batch wake one another: nobody may be forgotten, whoever is interrupted or late."""

import ctypes
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.scenes import beside, until
from tollkeeper.decisions.spending import Consume
from tollkeeper.doors import tickets as tickets_module
from tollkeeper.doors.tickets import ThreadTicket, answer_all, wake_all

REQUEST = Consume(id="op", customer="someone", unit="calls", amount=1)


def sleeper(tickets: Sequence[ThreadTicket]) -> Future[list[object]]:
    """Wait for each of these tickets in turn, on a thread of its own, and be asleep already."""
    future = beside(lambda: [ticket.wait() for ticket in tickets])
    until(lambda: tickets[0].is_waiting or future.done())
    return future


def made(count: int) -> list[ThreadTicket]:
    """Make tickets as threads do; the main thread's are woken apart."""
    tickets: list[ThreadTicket] = beside(
        lambda: [ThreadTicket(REQUEST) for _ in range(count)]
    ).result(10)
    return tickets


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread look by itself, so that whoever is not woken is missed."""
    monkeypatch.setattr(tickets_module, "LOOK_SECONDS", 60.0)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(asleep=st.lists(st.booleans(), min_size=1, max_size=12))
def test_all_wake_whoever_is_not_there(asleep: list[bool]) -> None:
    """Threads that come late, or never, are passed over, and find their answers when they come."""
    tickets = made(len(asleep))
    early = [
        sleeper([ticket]) for ticket, is_there in zip(tickets, asleep, strict=True) if is_there
    ]
    answer_all([(ticket, number) for number, ticket in enumerate(tickets)])
    late = [ticket for ticket, is_there in zip(tickets, asleep, strict=True) if not is_there]
    assert [ticket.wait() for ticket in late] == [n for n, there in enumerate(asleep) if not there]
    assert [future.result(10) for future in early] == [
        [n] for n, there in enumerate(asleep) if there
    ]


def test_one_thread_may_wait_for_many() -> None:
    """The calls of one `change_all` are each answered, between the calls of others."""
    tickets = made(300)
    several, others = sleeper(tickets[:200:2]), [sleeper([t]) for t in tickets[200:220]]
    answer_all([(ticket, number) for number, ticket in enumerate(tickets)])
    assert several.result(10) == list(range(0, 200, 2))
    assert [future.result(10) for future in others] == [[n] for n in range(200, 220)]


def test_interrupted_threads_wake_who_follows() -> None:
    """Every second thread is told to end while it sleeps; the others get their answers."""
    tickets = made(20)
    idents: list[int] = []

    def wait(ticket: ThreadTicket) -> object:
        idents.append(threading.get_ident())
        return ticket.wait()

    waiting = []
    for ticket in tickets:
        waiting.append(beside(wait, ticket))
        until(partial(getattr, ticket, "is_waiting"))
    for ident in idents[::2]:
        error = ctypes.py_object(KeyboardInterrupt)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), error) == 1
    answer_all([(ticket, number) for number, ticket in enumerate(tickets)])
    assert [future.result(10) for future in waiting[1::2]] == list(range(1, 20, 2))
    for future in waiting[::2]:
        with pytest.raises(KeyboardInterrupt):
            future.result(10)


def test_a_tracer_that_raises_strands_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can end a thread at any line, before it has woken the next, who then looks by itself."""
    monkeypatch.setattr(tickets_module, "LOOK_SECONDS", 0.1)
    tickets = made(4)
    told: list[bool] = []

    def trace(_frame: FrameType, _event: str, _argument: Any) -> Any:
        if told:
            raise SystemExit
        return trace

    def traced() -> object:
        sys.settrace(trace)
        return tickets[0].wait()

    ended = beside(traced)
    until(lambda: tickets[0].is_waiting)
    waiting = [sleeper([ticket]) for ticket in tickets[1:]]
    told.append(True)
    answer_all([(ticket, number) for number, ticket in enumerate(tickets)])
    assert [future.result(10) for future in waiting] == [[1], [2], [3]]
    with pytest.raises(SystemExit):
        ended.result(10)


def test_to_wake_again_does_no_harm() -> None:
    """After a failure all are woken once more, whoever has gone already."""
    tickets = made(5)
    waiting = [sleeper([ticket]) for ticket in tickets]
    answer_all([(ticket, number) for number, ticket in enumerate(tickets)])
    wake_all(tickets)
    assert [future.result(10) for future in waiting] == [[0], [1], [2], [3], [4]]
    wake_all(tickets)


def test_a_slow_signal_handler_holds_up_nobody() -> None:
    """The main thread runs signal handlers before it wakes; the others do not wait for that."""
    mine = ThreadTicket(REQUEST)
    tickets = [mine, *made(5)]
    waiting = [sleeper([ticket]) for ticket in tickets[1:]]
    seen: list[object] = []

    def handler(_signal: int, _frame: FrameType | None) -> None:
        seen.extend(future.result(10) for future in waiting)

    def answer() -> None:
        until(lambda: mine.is_waiting)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        answer_all([(ticket, number) for number, ticket in enumerate(tickets)])

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        answering = beside(answer)
        assert mine.wait() == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [[1], [2], [3], [4], [5]]
    answering.result(10)
