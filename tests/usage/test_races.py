"""Many record at once: each event is counted once, whoever comes first."""

import threading
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from tests.usage.conftest import Books
from tollkeeper.decisions.recording import Record
from tollkeeper.doors.grouping import apart, touches_one
from tollkeeper.operations import metering


def at_once(works: list[Callable[[], Any]]) -> None:
    """Do several things at the same moment; whatever goes wrong is raised here."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> None:
        try:
            barrier.wait(30)
            work()
        except BaseException as error:  # noqa: BLE001  # it is raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


def test_g1_the_same_events_from_many_threads_are_recorded_once(
    books: Books, customer: str
) -> None:
    """One by one and in batches, over the same customers and in any order."""
    usage, others = books.billing.usage, [f"{customer}_{number}" for number in range(3)]
    events: list[Any] = [
        {"customer": who, "feature": "tokens", "idempotency_key": f"e{number}"}
        for number in range(30)
        for who in others
    ]
    one_by_one = [lambda: [usage.record(**event) for event in events[:40]] for _ in range(2)]
    batches = [lambda: usage.record_many(list(reversed(events))) for _ in range(3)]
    at_once([*one_by_one, *batches])
    for who in others:
        found = usage.summary(who, "tokens")
        assert (found.events, found.quantity) == (30, Decimal(30))
        assert books.billing.books.audit(customer=who).ok


def test_g5_many_amend_one_event(books: Books, customer: str) -> None:
    """Each amends the latest: one chain, of which the last counts."""
    usage = books.billing.usage
    event = usage.record(customer, "tokens", 50)
    at_once([partial(usage.amend, customer, event.id, quantity=n + 1) for n in range(6)])
    found = usage.summary(customer, "tokens")
    assert found.events == 1
    assert found.quantity in range(1, 7)
    listed = usage.history(customer, "tokens").events
    assert len(listed) == 7
    assert len({each.amended_by for each in listed}) == 7
    assert books.billing.books.audit(customer=customer).ok


def test_charges_and_records_of_one_customer_add_up(books: Books, customer: str) -> None:
    """Whatever the order in which they come."""
    billing = books.billing
    billing.credits.grant(customer, "calls", 100)
    works: list[Callable[[], Any]] = []
    for _ in range(4):
        works.append(lambda: [billing.charge(customer, "calls", 2) for _ in range(10)])
        works.append(lambda: [billing.usage.record(customer, "calls", 1) for _ in range(10)])
    at_once(works)
    found = billing.usage.summary(customer, "calls")
    assert (found.events, found.quantity) == (80, Decimal(120))
    assert found.paid.credits == 80


def test_a_batch_over_several_customers_stands_alone_on_distributed_tables(books: Books) -> None:
    """As a transfer does: it is no single node's."""

    def request(*customers: str) -> Record:
        events: list[Any] = [{"customer": who, "feature": "calls"} for who in customers]
        prices, new = metering.checked_batch(metering.Given(books.catalog), events)
        return metering.record(prices, new)

    several = request("ann", "ben")
    assert not touches_one(several)
    assert touches_one(request("ann", "ann"))
    assert apart([request("ann"), several, request("ann")]) == [[0], [1], [2]]
