"""Which usage events the app hears of: each that counts, once, and when it counts (H1)."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.usage.conftest import PRICES, START, Books
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.notices import UsageRecorded


@pytest.fixture
def told(books: Books) -> Iterator[Billing]:
    """The books in a process that writes a notice for each use."""
    catalog = Catalog.from_toml(PRICES)
    with Billing(
        books.url, clock=FixedClock(START), catalog=catalog, notices=[UsageRecorded]
    ) as billing:
        yield billing


def heard(billing: Billing, customer: str) -> list[Any]:
    """What was told of a customer's usage, oldest first."""
    page = billing.notices.list(customer=customer, kind=UsageRecorded, limit=100)
    return [state.notice for state in page.notices][::-1]


def test_h1_the_events_of_a_backfill_are_told_when_it_is_closed(
    told: Billing, customer: str
) -> None:
    """Nobody sees them before; closing it twice tells nothing more."""
    name = uuid4().hex
    events: Any = [
        {"customer": customer, "feature": "calls", "quantity": 2, "idempotency_key": "one"},
        {"customer": customer, "feature": "tokens", "quantity": 7, "idempotency_key": "two"}
        | {"member": "ann", "dimensions": {"model": "large"}},
    ]
    told.usage.backfill(name, events)
    assert heard(told, customer) == []
    told.usage.close_backfill(name)
    told.usage.close_backfill(name)
    found = {each.event_id: each for each in heard(told, customer)}
    assert len(heard(told, customer)) == 2
    assert (found["one"].feature, found["one"].quantity) == ("calls", 2)
    assert (found["two"].member, found["two"].dimensions) == ("ann", {"model": "large"})
    assert found["two"].event_at == START


def test_h1_an_undone_backfill_tells_nothing(told: Billing, customer: str) -> None:
    """Neither one that never counted, nor what counts no more."""
    for is_closed in (False, True):
        name = uuid4().hex
        told.usage.backfill(name, [{"customer": customer, "feature": "calls"}])
        if is_closed:
            told.usage.close_backfill(name)
        before = len(heard(told, customer))
        told.usage.undo_backfill(name)
        assert len(heard(told, customer)) == before == is_closed


def test_h1_amending_an_event_of_a_closed_backfill_is_told(told: Billing, customer: str) -> None:
    """It counts, as any other event does."""
    name = uuid4().hex
    told.usage.backfill(
        name, [{"customer": customer, "feature": "calls", "idempotency_key": "wrong"}]
    )
    told.usage.close_backfill(name)
    right = told.usage.amend(customer, "wrong", quantity=3)
    assert [(each.event_id, each.amends) for each in heard(told, customer)] == [
        ("wrong", None),
        (right.id, "wrong"),
    ]
