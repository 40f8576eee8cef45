"""`kill -9` in the middle of load: what was answered is booked, once, and the books are right."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.databases import PostgresServer, start_private_postgres
from tests.doors import workers
from tests.doors.scenes import UNIT, beside, check, entries, outcome, rows, until
from tollkeeper import Billing
from tollkeeper.errors import OutcomeUnknown, StoreError, StoreUnavailable
from tollkeeper.values.receipts import Receipt

NewCustomer = Callable[[], str]


@pytest.mark.parametrize("has_keys", [True, False], ids=["with keys", "without keys"])
def test_a_client_killed_in_the_middle_of_load(
    billing: Billing,
    books_url: str,
    new_customer: NewCustomer,
    has_keys: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """Answered: once. Not answered: at most once; and once when it is repeated with its key."""
    customers = [new_customer() for _ in range(3)]
    for customer in customers:
        billing.credits.grant(customer, UNIT, 1_000_000)
    worker = workers.start(books_url)
    worker.tell("load", customers=customers, has_keys=has_keys)
    said = [worker.hear() for _ in range(200)]
    said += worker.kill()
    asked = {line["asked"]: line["customer"] for line in said if "asked" in line}
    answered = {line["answered"]: line["operation"] for line in said if "answered" in line}
    assert len(answered) > 50
    assert None not in answered.values()
    assert asked.keys() > answered.keys()
    booked = Counter(
        operation
        for customer in customers
        for operation, kind, *_ in entries(books_url, customer)
        if kind == "consume"
    )
    assert set(answered.values()) <= booked.keys()
    assert max(booked.values()) == 1
    assert len(answered) <= len(booked) <= len(asked)
    check(billing, books_url, *customers)
    if has_keys:
        for key, customer in asked.items():
            receipt = billing.credits.consume(customer, UNIT, 1, idempotency_key=key)
            assert answered.get(key, receipt.operation_id) == receipt.operation_id
        after = [len(entries(books_url, customer)) for customer in customers]
        assert sum(after) == len(asked) + len(customers)
        check(billing, books_url, *customers)


def test_a_client_killed_inside_its_own_transaction(
    billing: Billing, books_url: str, customer: str
) -> None:
    """The host's row and the charge are both gone, and its locks with them."""
    billing.credits.grant(customer, UNIT, 10)
    worker = workers.start(books_url)
    worker.tell("join", url=books_url, customer=customer)
    assert worker.hear() == "inside"
    assert worker.kill() == []
    assert billing.credits.consume(customer, UNIT, 2).amount == 2
    assert billing.credits.balance(customer, UNIT).available == 8
    assert rows(books_url, "SELECT name FROM job WHERE name = :name", name=customer) == []
    check(billing, books_url, customer)


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test's own, with default durability."""
    server = start_private_postgres()
    yield server
    server.stop()


def test_postgres_killed_in_the_middle_of_load(
    mortal: PostgresServer, new_customer: NewCustomer
) -> None:
    """Callers repeat with their keys what was not answered, and each key is booked once.

    Callers without a key learn the truth as well: a receipt is in the books, "nothing was written"
    is not, and only an unknown outcome may be either.
    """
    url = mortal.create_database()
    customers = [new_customer() for _ in range(4)]
    stop = threading.Event()
    receipts: list[Receipt] = []
    failures: list[StoreError] = []
    with Billing(url) as billing:
        billing.migrate()
        for customer in customers:
            billing.credits.grant(customer, UNIT, 1_000_000)

        def keyed(caller: int) -> int:
            number = 0
            while not stop.is_set():
                number += 1
                call = partial(billing.credits.consume, customers[caller % 4], UNIT, 1)
                patiently(partial(call, idempotency_key=f"{caller}-{number}"))
            return number

        def unkeyed(caller: int) -> None:
            while not stop.is_set():
                result = outcome(partial(billing.credits.consume, customers[caller % 4], UNIT, 1))
                if isinstance(result, Receipt):
                    receipts.append(result)
                else:
                    assert isinstance(result, StoreError)
                    failures.append(result)
                    time.sleep(0.01)

        callers = [beside(keyed, number) for number in range(8)]
        others = [beside(unkeyed, number) for number in range(4)]
        until(lambda: len(receipts) > 100)
        mortal.kill9()
        until(lambda: len(failures) > 10)
        mortal.start_again()
        before = len(receipts)
        until(lambda: len(receipts) > before + 100)
        stop.set()
        keys = sum(caller.result(30) for caller in callers)
        for other in others:
            other.result(30)
        assert {type(failure) for failure in failures} <= {StoreUnavailable, OutcomeUnknown}
        booked = {
            operation
            for customer in customers
            for operation, kind, *_ in entries(url, customer)
            if kind == "consume"
        }
        assert {receipt.operation_id for receipt in receipts} <= booked
        unknown = sum(isinstance(failure, OutcomeUnknown) for failure in failures)
        assert len(receipts) + keys <= len(booked) <= len(receipts) + keys + unknown
        check(billing, url, *customers)


def patiently(call: Callable[[], Receipt]) -> Receipt:
    """Repeat a call while the database is away, as an app does that has given it a key."""
    while True:
        try:
            return call()
        except StoreError:
            time.sleep(0.02)
