"""Answers what decisions ask of the books about usage, under the locks that a batch holds.

What the batch itself used so far is written first, so that the books say all of it. It decides
nothing.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions import asking
from tollkeeper.decisions.asking import (
    Answer,
    ClaimantOf,
    EventsOf,
    Part,
    PartOf,
    Question,
    Span,
    Standing,
    Used,
    UseRow,
    WhatOf,
)
from tollkeeper.decisions.subscribed import Subscribed, SubscriptionsOf
from tollkeeper.decisions.tallies import HOUR, OWN, PREFIXES, Tally
from tollkeeper.ledger.batch import Batch
from tollkeeper.ledger.catalogs import know
from tollkeeper.ledger.subscriptions import of_customer
from tollkeeper.ledger.uses import kept_from, use_row_from
from tollkeeper.store import subscriptions, usage_reads
from tollkeeper.store.database import Database
from tollkeeper.store.sums import read_sum
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.texts import canonical_json
from tollkeeper.values.units import MONEY_PREFIX, is_money

#: What a span sums of an event's row, and of an hour's total.
_OF_EVENTS = {
    asking.QUANTITY: "e.quantity",
    asking.BILLED: usage_reads.BILLED,
    asking.PRICED: f"({usage_reads.BILLED} + coalesce(e.wallet, 0))",
}
_OF_TOTALS = {
    asking.QUANTITY: "t.quantity",
    asking.BILLED: "t.billed",
    asking.PRICED: "t.billed + t.wallet",
}


def look_up_events(batch: Batch) -> None:
    """Find the usage events that the requests would write and the books have already."""
    wanted = {name for request in batch.requests for name in request.events()}
    for row in usage_reads.events_by_ids(batch.connection, batch.database, sorted(wanted)):
        kept = kept_from(row)
        batch.book.events[(kept.use.customer, kept.use.id)] = kept


def answer_questions(batch: Batch, questions: Sequence[Question]) -> None:
    """Read what a decision asks, once what this batch did so far is written."""
    if batch.writing.tallied:
        batch.writing.write_counts(batch.connection, batch.database, batch.book)
    for question in questions:
        own = batch.book.tallies.get((question.customer, OWN))
        answer = answered(batch.connection, batch.database, question, own)
        if isinstance(question, SubscriptionsOf) and isinstance(answer, tuple):
            # What was used under plans that are over is rated by the catalogs they were sold under.
            versions = [known.version for known in answer if isinstance(known, Subscribed)]
            know(batch.notices.prices, batch.connection, batch.database, versions)
        batch.book.answers[question] = answer


def answered(
    connection: Connection, database: Database, question: Question, own: Tally | None
) -> Answer:
    """Read the answer to a question; the running hour comes from the customer's own tally."""
    if isinstance(question, Span):
        return _used(connection, database, question, own or Tally(question.customer))
    if isinstance(question, WhatOf):
        return _standing(connection, database, question)
    if isinstance(question, SubscriptionsOf):
        return of_customer(connection, database, question.customer)
    if isinstance(question, ClaimantOf):
        return subscriptions.claimed_by(connection, database, question.payment_id)
    if isinstance(question, PartOf):
        return _part(connection, database, question.customer, question.backfill)
    return _events(connection, database, question)


def _used(connection: Connection, database: Database, span: Span, own: Tally) -> Used:
    """Sum a span: by totals as far as they tell it, else by events."""
    if span.subject == OWN and span.measure in _OF_TOTALS and span.end:
        return _by_hours(connection, database, span, own)
    if span.measure in _OF_EVENTS:
        return _by_events(connection, database, span, span.start, span.end)
    return _by_amounts(connection, database, span)


def _by_hours(connection: Connection, database: Database, span: Span, own: Tally) -> Used:
    """Add up the hours that lie within, and the events of those at the edges."""
    first, last = -(-span.start // HOUR) * HOUR, span.end - span.end % HOUR
    if first >= last:
        return _by_events(connection, database, span, span.start, span.end)
    conditions, values = _where("t", span)
    conditions += ["t.hour >= :since", "t.hour < :until"]
    values["since"] = usage_reads.at(database, from_microseconds(first))
    values["until"] = usage_reads.at(database, from_microseconds(last))
    what = _OF_TOTALS[span.measure]
    amount = usage_reads.sum_of_totals(connection, database, what, conditions, values)
    if first <= own.hour < last:
        amount += sum(
            _of_running(use, span.measure)
            for use in own.running
            if span.feature in (None, use.feature)
        )
    for start, end in ((span.start, first), (last, span.end)):
        if start < end:
            amount += _by_events(connection, database, span, start, end).amount
    return Used(amount)


def _of_running(use: Any, measure: str) -> int:
    if measure == asking.QUANTITY:
        return int(use.quantity)
    return int(use.billed + (use.wallet if measure == asking.PRICED else 0))


def _by_events(
    connection: Connection, database: Database, span: Span, start: int, end: int
) -> Used:
    conditions, values = span_conditions(database, span, start, end)
    what = _OF_EVENTS[span.measure]
    rows = usage_reads.sum_of_events(connection, database, what, conditions, values)
    first = read_moment(rows[0][1])
    return Used(read_sum(rows[0][0]), to_microseconds(first) if first else 0)


def _by_amounts(connection: Connection, database: Database, span: Span) -> Used:
    """Sum what was paid in a unit, as charges told it, and what the later bill asks."""
    conditions, values = span_conditions(database, span, span.start, span.end)
    amount, first = 0, 0
    if is_money(span.measure):
        money = [*conditions, "e.currency = :currency"]
        code = span.measure.removeprefix(MONEY_PREFIX)
        what = "coalesce(e.spent, 0) + coalesce(e.owed, 0)"
        given = {**values, "currency": code}
        rows = usage_reads.sum_of_events(connection, database, what, money, given)
        start = read_moment(rows[0][1])
        return Used(read_sum(rows[0][0]), to_microseconds(start) if start else 0)
    for moment, text in usage_reads.results_of_events(connection, database, conditions, values):
        shares = json.loads(text or "{}").get("shares", ())
        paid = sum(share[4] for share in shares if share[2] == span.measure)
        used_at = read_moment(moment)
        if paid and used_at is not None:
            at = to_microseconds(used_at)
            amount, first = amount + paid, min(first, at) if first else at
    return Used(amount, first)


def span_conditions(
    database: Database, span: Span, start: int, end: int
) -> tuple[list[str], dict[str, Any]]:
    """Write which events a span has."""
    conditions, values = _where("e", span)
    if start:
        conditions.append("e.counted_at >= :since")
        values["since"] = usage_reads.at(database, from_microseconds(start))
    if end:
        conditions.append("e.counted_at < :until")
        values["until"] = usage_reads.at(database, from_microseconds(end))
    if span.subject.startswith(PREFIXES["member"]):
        conditions.append("e.member = :subject")
        values["subject"] = span.subject.removeprefix(PREFIXES["member"])
    elif span.subject.startswith(PREFIXES["api_key"]):
        conditions.append("e.api_key = :subject")
        values["subject"] = span.subject.removeprefix(PREFIXES["api_key"])
    elif span.subject.startswith(PREFIXES["tag"]):
        find = "strpos" if database.is_postgres else "instr"
        conditions.append(f"{find}(e.tags, :subject) > 0")
        values["subject"] = canonical_json(span.subject.removeprefix(PREFIXES["tag"]))
    return conditions, values


def _where(table: str, span: Span) -> tuple[list[str], dict[str, Any]]:
    conditions, values = [f"{table}.customer_id = :customer"], {"customer": span.customer}
    if span.feature is not None:
        conditions.append(f"{table}.feature = :feature")
        values["feature"] = span.feature
    return conditions, dict(values)


def _standing(connection: Connection, database: Database, asked: WhatOf) -> Standing | None:
    rows = usage_reads.chain(connection, database, asked.customer, asked.event)
    if not rows:
        return None
    latest = use_row_from(rows[-1])
    status = None
    if latest.backfill is not None:
        part = _part(connection, database, asked.customer, latest.backfill)
        status = part.status if part else None
    return Standing(latest, status)


def _part(connection: Connection, database: Database, customer: str, name: str) -> Part | None:
    rows = usage_reads.part(connection, database, customer, name)
    if not rows:
        return None
    owner, backfill, status, *moments = rows[0]
    opened, closed, undone = (read_moment(moment) for moment in moments)
    assert opened is not None
    return Part(owner, backfill, status, opened, closed, undone)


def _events(connection: Connection, database: Database, asked: EventsOf) -> tuple[UseRow, ...]:
    rows = usage_reads.events_of_backfill(connection, database, asked.customer, asked.backfill)
    return tuple([use_row_from(row) for row in rows])
