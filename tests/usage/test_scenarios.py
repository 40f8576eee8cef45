"""What users of usage expect, scenario by scenario, through the door that they use."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.usage.conftest import START, Books
from tollkeeper import AsyncBilling, Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import TollkeeperError

DAY = timedelta(days=1)


def refused(code: str, call: Callable[..., Any], *given: Any, **named: Any) -> TollkeeperError:
    """Make a call that must be refused with this code."""
    with pytest.raises(TollkeeperError) as refusal:
        call(*given, **named)
    assert refusal.value.code == code, refusal.value
    return refusal.value


def rows(books: Books, customer: str) -> int:
    """Count the usage events of a customer, as the table has them."""
    engine = create_engine(books.url)
    prefix = "tollkeeper." if engine.dialect.name == "postgresql" else "tollkeeper_"
    sql = f"SELECT count(*) FROM {prefix}usage_event WHERE customer_id = :customer"
    with engine.connect() as connection:
        found = connection.scalar(text(sql), {"customer": customer})
    engine.dispose()
    return int(found or 0)


def test_s99_each_bad_event_is_refused_with_its_fix(books: Books, customer: str) -> None:
    """Feature, quantity, times: each has its own error, and nothing is written."""
    record = books.billing.usage.record
    assert "calls" in refused("unknown_feature", record, customer, "cals").message
    assert "metered" in refused("not_metered", record, customer, "dark_mode").message
    for quantity in (0, -1, 0.5, True, "NaN", "0.0001"):
        refused("invalid_amount", record, customer, "calls", quantity)
    refused("invalid_text", record, "", "calls")
    refused("invalid_request", record, customer, "calls", event_at=START.replace(tzinfo=None))
    refused("invalid_request", record, customer, "calls", dimensions=["model"])
    late = {"event_at": START + timedelta(minutes=6)}
    assert refused("usage_in_future", record, customer, "calls", **late).details["now"] == START
    assert rows(books, customer) == 0


def test_s100_an_id_twice_is_one_event(billing: Billing, books: Books, customer: str) -> None:
    """The same changes nothing; another content is a conflict, which names the event (G1)."""
    first = billing.usage.record(customer, "calls", "1.50", idempotency_key="e1", member="ann")
    again = billing.usage.record(
        customer, "calls", Decimal("1.5"), idempotency_key="e1", member="ann"
    )
    assert again == first
    assert again.replayed
    assert not first.replayed
    error = refused(
        "idempotency_conflict", billing.usage.record, customer, "calls", 2, idempotency_key="e1"
    )
    assert error.details["event"] == "e1"
    assert rows(books, customer) == 1
    assert billing.usage.summary(customer, "calls").quantity == Decimal("1.5")


def test_a_charges_key_and_an_events_id_are_separate_names(billing: Billing, customer: str) -> None:
    """One never stands for the other."""
    billing.credits.grant(customer, "calls", 10)
    billing.charge(customer, "calls", 2, idempotency_key="same")
    billing.usage.record(customer, "calls", 3, idempotency_key="same")
    assert billing.charge(customer, "calls", 2, idempotency_key="same").replayed
    assert billing.usage.summary(customer, "calls").quantity == 5


def test_a_replay_is_answered_even_when_the_event_would_be_refused_now(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """A refusal must not hide what is there."""
    soon = START + timedelta(minutes=4)
    first = billing.usage.record(customer, "calls", 1, event_at=soon, idempotency_key="e1")
    clock.set(START - timedelta(minutes=10))
    again = billing.usage.record(customer, "calls", 1, event_at=soon, idempotency_key="e1")
    assert again == first
    assert first.counted_at == START
    assert first.event_at == soon


def test_s103_a_summary_of_nothing_and_of_fractions(billing: Billing, customer: str) -> None:
    """Zero is a number; the period has its bounds; fractions add up exactly."""
    empty = billing.usage.summary(customer, "calls")
    assert (empty.quantity, empty.events, empty.value) == (Decimal(0), 0, Decimal(0))
    assert not empty.paid.cost
    assert empty.period.start == datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    assert empty.period.end == datetime.fromisoformat("2026-04-01T00:00:00+00:00")
    assert billing.usage.summary(customer, "peak").value is None
    for _ in range(3):
        billing.usage.record(customer, "calls", "0.001")
    found = billing.usage.summary(customer, "calls")
    assert found.quantity == Decimal("0.003")
    assert [str(money) for money in found.paid.owed] == ["0.000037037 usd"]
    assert not found.scanned


def test_g1_late_events_go_to_their_own_time_within_the_tolerance(
    billing: Billing, customer: str
) -> None:
    """Three days; later ones count when they come, and say so."""
    old = billing.usage.record(customer, "calls", 1, event_at=START - 3 * DAY)
    late = billing.usage.record(
        customer, "calls", 2, event_at=START - 3 * DAY - timedelta(seconds=1)
    )
    assert (old.counted_at, old.is_late) == (START - 3 * DAY, False)
    assert (late.counted_at, late.is_late) == (START, True)
    assert late.event_at == START - 3 * DAY - timedelta(seconds=1)


def test_g1_a_late_event_is_billed_in_the_period_of_its_time(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """And by the rate as that period had used it up."""
    clock.set(datetime.fromisoformat("2026-03-31T20:00:00+00:00"))
    billing.usage.record(customer, "tokens", 99)
    clock.set(datetime.fromisoformat("2026-04-01T05:00:00+00:00"))
    billing.usage.record(customer, "tokens", 50)
    late = billing.usage.record(customer, "tokens", 2, event_at=clock.now() - timedelta(hours=8))
    assert str(late.paid.owed[0].amount) == "0.000044443"
    assert billing.usage.summary(customer, "tokens", period="previous").quantity == 101
    assert billing.usage.summary(customer, "tokens").quantity == 50


def test_g2_each_meter_makes_its_number(billing: Billing, customer: str) -> None:
    """Sum, count, max, last, unique."""
    for number, person in ((3, "ann"), (9, "ben"), (4, "ann")):
        for feature in ("calls", "visits", "peak", "level", "people"):
            billing.usage.record(
                customer,
                feature,
                number,
                event_at=START - timedelta(minutes=10 - number),
                dimensions={"person": person},
            )
    values = {
        feature: billing.usage.summary(customer, feature).value
        for feature in ("calls", "visits", "peak", "level", "people")
    }
    assert values == {"calls": 16, "visits": 3, "peak": 9, "level": 9, "people": 2}
    by = billing.usage.summary(customer, "level", group_by="person")
    assert {group.key["person"]: group.value for group in by.groups} == {"ann": 4, "ben": 9}
    only = billing.usage.summary(customer, "people", where={"person": "ann"}, member=None)
    assert (only.value, only.events) == (Decimal(1), 2)


def test_g3_the_split_says_who_paid(billing: Billing, customer: str) -> None:
    """Credits, then the later bill; what is owed is its rate of what is billed."""
    billing.credits.grant(customer, "calls", 4, source="allowance")
    billing.credits.grant(customer, "calls", 3)
    billing.charge(customer, "calls", 10)
    billing.usage.record(customer, "calls", 1)
    paid = billing.usage.summary(customer, "calls").paid
    parts = (paid.included, paid.credits, paid.wallet, paid.billed)
    assert parts == (Decimal(4), Decimal(3), Decimal(0), Decimal(4))
    assert [money.amount for money in paid.cost] == [Decimal("0.0493824")]


def test_g5_amending_twice_amends_the_latest(billing: Billing, customer: str) -> None:
    """The old event stays as it was, and says what took its place; 0 takes it back."""
    first = billing.usage.record(customer, "calls", 10)
    second = billing.usage.amend(customer, first.id, quantity=4)
    third = billing.usage.amend(customer, first.id, quantity=5, idempotency_key="fix")
    assert (second.amends, third.amends) == (first.id, second.id)
    assert billing.usage.amend(customer, first.id, quantity=5, idempotency_key="fix") == third
    refused(
        "idempotency_conflict",
        billing.usage.amend,
        customer,
        first.id,
        quantity=6,
        idempotency_key="fix",
    )
    assert billing.usage.summary(customer, "calls").quantity == 5
    listed = {event.id: event for event in billing.usage.history(customer).events}
    assert listed[first.id].amended_by == second.id
    assert listed[first.id].quantity == 10
    billing.usage.amend(customer, third.id, quantity=0)
    gone = billing.usage.summary(customer, "calls")
    assert (gone.quantity, gone.events) == (Decimal(0), 0)
    assert not gone.paid.cost


def test_a_charges_usage_goes_back_with_the_charge(billing: Billing, customer: str) -> None:
    """It cannot be amended: it was paid for."""
    billing.credits.grant(customer, "calls", 10)
    receipt = billing.charge(customer, "calls", 4)
    error = refused(
        "usage_not_amendable", billing.usage.amend, customer, receipt.operation_id, quantity=1
    )
    assert "reverse" in error.message
    billing.credits.reverse(customer, receipt.operation_id)
    billing.credits.reverse(customer, receipt.operation_id)
    assert billing.usage.summary(customer, "calls").events == 0
    assert billing.credits.balance(customer, "calls").available == 10
    refused("usage_not_found", billing.usage.amend, customer, "evt_none", quantity=1)
    refused("invalid_request", billing.usage.amend, customer, receipt.operation_id)


def test_g5_a_backfill_is_unseen_until_it_is_closed(billing: Billing, customer: str) -> None:
    """And reversible afterwards; its events cannot come twice."""
    name = f"repair_{customer}"
    old: Any = {"customer": customer, "feature": "calls", "event_at": START - 40 * DAY}
    keyed: list[Any] = [{**old, "idempotency_key": "b1"}]
    assert billing.usage.backfill(name, keyed).recorded == 1
    assert billing.usage.backfill(name, keyed).replayed == ("b1",)
    assert billing.usage.history(customer, "calls").events == ()
    refused("usage_not_amendable", billing.usage.amend, customer, "b1", quantity=2)
    span: Any = {"since": START - 50 * DAY, "until": START}
    assert billing.usage.summary(customer, "calls", **span).events == 0
    assert not billing.usage.close_backfill(name).is_open
    assert billing.usage.summary(customer, "calls", **span).events == 1
    assert len(billing.usage.history(customer, "calls").events) == 1
    refused("backfill_closed", billing.usage.backfill, name, [old])
    assert billing.usage.undo_backfill(name).parts[0].status == "undone"
    assert billing.usage.summary(customer, "calls", **span).events == 0
    assert billing.usage.history(customer, "calls").events == ()
    refused("backfill_closed", billing.usage.close_backfill, name)
    refused("backfill_not_found", billing.usage.close_backfill, f"no_{name}")


def test_s104_history_is_newest_first_by_pages(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Over all features, without a gap or a repeat."""
    for number in range(7):
        clock.set(START + timedelta(minutes=20 * number))
        billing.usage.record(customer, "calls" if number % 2 else "tokens", number + 1)
    found: list[Decimal] = []
    cursor = None
    while True:
        page = billing.usage.history(customer, limit=3, cursor=cursor)
        found += [event.quantity for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]
    some = billing.usage.history(customer, "calls", since=START + timedelta(hours=1)).events
    assert [event.quantity for event in some] == [6, 4]
    refused("invalid_request", billing.usage.history, customer, limit=0)
    refused("invalid_request", billing.usage.history, customer, cursor="nonsense")


def test_s108_a_batch_is_recorded_whole_or_not_at_all(
    billing: Billing, books: Books, customer: str
) -> None:
    """Over many customers; a conflict or a mistake refuses all of it, and names the event."""
    other = f"{customer}_b"
    batch: list[Any] = [
        {"customer": who, "feature": "calls", "quantity": 2, "idempotency_key": f"e{number}"}
        for number in range(4)
        for who in (customer, other)
    ]
    assert billing.usage.record_many([*batch, batch[0]]).recorded == 8
    assert len(billing.usage.record_many(batch).replayed) == 8
    new = {"customer": other, "feature": "calls", "idempotency_key": "new"}
    error = refused(
        "idempotency_conflict", billing.usage.record_many, [new, {**batch[0], "quantity": 3}]
    )
    assert error.details["event"] == "e0"
    wrong = refused("unknown_feature", billing.usage.record_many, [new, {**new, "feature": "no"}])
    assert wrong.details["number"] == 1
    assert "Event 1" in wrong.message
    bads: list[Any] = [[], "calls", {}, [1], [{"customer": customer}], [{**new, "price": 1}]]
    for bad in bads:
        refused("invalid_request", billing.usage.record_many, bad)
    refused("invalid_request", billing.usage.record_many, [new] * 10_001)
    assert (rows(books, customer), rows(books, other)) == (4, 4)


def test_a_rolled_back_transaction_of_the_host_leaves_nothing(
    books: Books, billing: Billing, customer: str
) -> None:
    """No event, no total, no counter."""
    engine = create_engine(books.url)
    with engine.connect() as connection:
        joined = billing.using(connection)
        joined.usage.record(customer, "tokens", 3)
        joined.usage.record_many([{"customer": customer, "feature": "tokens"}] * 3)
        assert joined.usage.summary(customer, "tokens").quantity == 6
        connection.rollback()
    engine.dispose()
    assert rows(books, customer) == 0
    assert billing.usage.summary(customer, "tokens").events == 0
    assert [money.amount for money in billing.usage.record(customer, "tokens", 3).paid.owed] == [
        Decimal("0.0001")
    ]


def test_tasks_await_the_same_verbs(books: Books, customer: str) -> None:
    """One implementation serves both."""

    async def main() -> Decimal:
        clock = FixedClock(START)
        async with AsyncBilling(books.url, clock=clock, catalog=books.catalog) as billing:
            event = await billing.usage.record(customer, "calls", 5)
            await billing.usage.amend(customer, event.id, quantity=2)
            await billing.usage.record_many([{"customer": customer, "feature": "calls"}])
            return (await billing.usage.summary(customer, "calls")).quantity

    assert asyncio.run(main()) == 3


def test_s143_a_report_by_month_customer_and_dimension(billing: Billing, customer: str) -> None:
    """Each feature apart; of one customer or of all."""
    for model, quantity in (("large", 3), ("small", 5), ("large", 4)):
        billing.usage.record(customer, "tokens", quantity, dimensions={"model": model})
    report = billing.usage.report(by=["month", "customer", "model"], customer=customer)
    assert [(row.key["month"], row.key["model"], row.quantity) for row in report.rows] == [
        ("2026-03", "large", Decimal(7)),
        ("2026-03", "small", Decimal(5)),
    ]
    assert {row.key["customer"] for row in report.rows} == {customer}
    everybody = billing.usage.report(by="month", since=START - DAY, until=START + DAY)
    assert {row.key["feature"] for row in everybody.rows} >= {"tokens"}


def test_an_estimate_is_what_recording_it_then_asks(billing: Billing, customer: str) -> None:
    """It goes on from what the period has billed so far."""
    billing.usage.record(customer, "tokens", 90)
    estimated = billing.usage.estimate(customer, "tokens", 25)
    assert estimated is not None
    assert billing.usage.record(customer, "tokens", 25).paid.owed == (estimated,)
    assert billing.usage.estimate(customer, "peak", 3) is None


def test_events_of_one_moment_are_told_apart_in_no_order(
    books: Books, billing: Billing, customer: str
) -> None:
    """The order of events changes no sum."""
    some: list[Any] = [
        {"customer": customer, "feature": "level", "quantity": n, "event_at": START - n % 3 * DAY}
        for n in range(1, 20)
    ]
    other: list[Any] = [{**event, "customer": f"{customer}_b"} for event in reversed(some)]
    billing.usage.record_many(some)
    billing.usage.record_many(other)
    found = [billing.usage.summary(who, "level").total for who in (customer, f"{customer}_b")]
    assert found[0] == found[1]
    assert found[0].value == 18


@pytest.mark.parametrize("names", [5, {"model"}, object(), ["a", "b", "c", "d", "e", "f"]])
def test_what_sums_cannot_be_grouped_by(billing: Billing, customer: str, names: Any) -> None:
    """Names are a text or a list of a few."""
    refused("invalid_request", billing.usage.summary, customer, "tokens", group_by=names)
    month = {"since": START - DAY, "until": START + DAY}
    refused("invalid_request", billing.usage.report, by=names, **month)
