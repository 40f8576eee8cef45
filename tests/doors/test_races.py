"""Several processes at one set of books: what holds among threads holds among processes."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.doors import workers
from tests.doors.scenes import UNIT, check, entries
from tests.doors.workers import Worker
from tollkeeper import Billing

NewCustomer = Callable[[], str]
PROCESSES = 4


@pytest.fixture(scope="module")
def sqlite_crew(sqlite_books: str) -> Iterator[list[Worker]]:
    """Four processes over the books on SQLite."""
    yield from crew(sqlite_books)


@pytest.fixture(scope="module")
def postgres_crew(postgres_books: str) -> Iterator[list[Worker]]:
    """Four processes over the books on PostgreSQL."""
    yield from crew(postgres_books)


@pytest.fixture
def processes(request: pytest.FixtureRequest, books_url: str) -> list[Worker]:
    """Four processes over the books of the test."""
    name = "sqlite_crew" if books_url.startswith("sqlite") else "postgres_crew"
    found: list[Worker] = request.getfixturevalue(name)
    return found


def crew(url: str) -> Iterator[list[Worker]]:
    """Start the processes, and see to it that each ends in peace."""
    started = [workers.start(url) for _ in range(PROCESSES)]
    yield started
    assert [worker.end() for worker in started] == [0] * PROCESSES


def test_as_many_succeed_as_the_balance_allows(
    processes: list[Worker], billing: Billing, books_url: str, customer: str
) -> None:
    """160 attempts of four processes on 50 credits: 50 are paid for."""
    billing.credits.grant(customer, UNIT, 50)
    for process in processes:
        process.tell("spend", customer=customer, attempts=40)
    assert sum(process.hear() for process in processes) == 50
    assert billing.credits.balance(customer, UNIT).available == 0
    check(billing, books_url, customer)


def test_one_key_across_processes_is_one_operation(
    processes: list[Worker], billing: Billing, books_url: str, customer: str
) -> None:
    """Sixteen callers in four processes get one receipt, byte for byte (law 5)."""
    billing.credits.grant(customer, UNIT, 50)
    for process in processes:
        process.tell("keyed", customer=customer, key="once", amount=3)
    answers = [answer for process in processes for answer in process.hear()]
    assert len(answers) == 16
    assert len(set(answers)) == 1
    assert json.loads(answers[0])["amount"] == "3"
    assert billing.credits.balance(customer, UNIT).available == 47
    check(billing, books_url, customer)


def test_one_key_with_different_requests_across_processes(
    processes: list[Worker], billing: Billing, books_url: str, customer: str
) -> None:
    """The first request wins in every process; the other one is a conflict in every process."""
    billing.credits.grant(customer, UNIT, 50)
    for number, process in enumerate(processes):
        process.tell("keyed", customer=customer, key="disputed", amount=1 + number % 2)
    answers = [process.hear() for process in processes]
    winner = 0 if answers[0][0] != "idempotency_conflict" else 1
    for number, own in enumerate(answers):
        if number % 2 == winner:
            assert len(set(own)) == 1
            assert json.loads(own[0])["amount"] == str(1 + winner)
        else:
            assert own == ["idempotency_conflict"] * 4
    assert billing.credits.balance(customer, UNIT).available == 50 - (1 + winner)
    assert len(entries(books_url, customer)) == 2


def test_processes_make_a_customer_at_once(
    processes: list[Worker], billing: Billing, books_url: str, customer: str
) -> None:
    """Each grants to a customer whom nobody knew; one customer and four grants come of it."""
    for process in processes:
        process.tell("grant", customer=customer, amount=5)
    assert len({process.hear() for process in processes}) == 4
    assert billing.credits.balance(customer, UNIT).available == 20
    check(billing, books_url, customer)


def test_processes_transfer_back_and_forth(
    processes: list[Worker], billing: Billing, books_url: str, new_customer: NewCustomer
) -> None:
    """Whoever locks in whatever order: none is stuck, and the sum stays."""
    pair = [new_customer(), new_customer()]
    for customer in pair:
        billing.credits.grant(customer, UNIT, 20)
    for number, process in enumerate(processes):
        giver, taker = pair if number % 2 else pair[::-1]
        process.tell("transfer", giver=giver, taker=taker, times=12)
    assert sum(process.hear() for process in processes) > 0
    assert sum(billing.credits.balance(customer, UNIT).available for customer in pair) == 40
    check(billing, books_url, *pair)
