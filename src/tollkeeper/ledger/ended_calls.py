"""Metered calls that end: their rows are closed in the transaction that ends their holds (B5).

So what a call used and what was charged for it are in the books together, or not at all. It writes
rows of calls alone; where the hold's end was refused, or had happened before, it writes nothing,
and `metered_calls` has the steps for those.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.decisions.ended_calls import EndedCall
from tollkeeper.decisions.requests import GrantFact, Request
from tollkeeper.ledger import allowance_worth, metered_calls
from tollkeeper.ledger.metered_calls import Known
from tollkeeper.store import metered_calls as store
from tollkeeper.store.database import Database
from tollkeeper.values.charges import ChargeReceipt
from tollkeeper.values.model_calls import CallOutcome
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.texts import canonical_json

#: A call that ended, and the receipt of its hold's end.
Ended = tuple[EndedCall, Receipt]
Facts = Mapping[tuple[str, str], GrantFact]


def ended_call(name: str, known: Known, outcome: CallOutcome, answer: str | None) -> EndedCall:
    """Say how a call ended, for the request that ends its hold."""
    rates = None if known.rates is None else canonical_json(dict(known.rates))
    usage = canonical_json([dict(each) for each in known.usages]) if known.usages else None
    return EndedCall(
        id=name,
        outcome=outcome,
        usage=usage,
        input_tokens=known.input_tokens,
        output_tokens=known.output_tokens,
        cost=None if known.cost is None else known.cost.scaled,
        cost_currency=None if known.cost is None else known.cost.currency,
        vendor=known.vendor,
        model=known.model,
        rates=rates,
        marks=known.marks,
        answer=answer,
    )


def write(
    connection: Connection,
    database: Database,
    requests: Sequence[Request],
    answers: Sequence[object],
    facts: Facts,
    prices: PriceList,
    now: datetime,
) -> None:
    """Close the calls whose holds ended in this batch; `facts` are of grants that it knows."""
    ended = [
        (request.call, answer)
        for request, answer in zip(requests, answers, strict=True)
        if isinstance(request, SettleCharge | ReleaseCharge) and request.call is not None
        if isinstance(answer, Receipt) and not answer.replayed
    ]
    if not ended:
        return
    charged = [receipt for _, receipt in ended if isinstance(receipt, ChargeReceipt)]
    known = allowance_worth.valued(
        connection, database, prices, _paying(connection, database, charged, facts)
    )
    closed = [(*_key(each), *_cells(each, known, now)) for each in ended if _is_charged(each)]
    given_back = [
        (*_key(each), *_cells(each, known, now), None) for each in ended if not _is_charged(each)
    ]
    store.write_settled(connection, database, sorted(closed, key=_name))
    store.write_released(connection, database, sorted(given_back, key=_name))
    kept = [(*_key(each), each[0].answer, now) for each in ended if each[0].answer is not None]
    store.put_results(connection, database, sorted(kept, key=_name))


def _paying(
    connection: Connection, database: Database, receipts: Iterable[ChargeReceipt], facts: Facts
) -> Facts:
    """Give the facts of the grants that paid; those that the batch does not know are read."""
    paid = {name for receipt in receipts for name in metered_calls.grants_of(receipt)}
    beside = metered_calls.facts_of(connection, database, paid - facts.keys())
    return {name: facts[name] for name in paid & facts.keys()} | beside


def _is_charged(ended: Ended) -> bool:
    return isinstance(ended[1], ChargeReceipt)


def _key(ended: Ended) -> tuple[str, str]:
    call, receipt = ended
    return receipt.customer, call.id


def _name(row: Sequence[Any]) -> tuple[str, str]:
    return row[0], row[1]


def _cells(ended: Ended, facts: Facts, now: datetime) -> tuple[Any, ...]:
    """Give what changes of a call's row, as `store.metered_calls.ENDED` names it."""
    call, receipt = ended
    return (
        *_charged_of(call, receipt, facts),
        call.outcome,
        receipt.operation_id,
        call.usage,
        call.input_tokens,
        call.output_tokens,
        call.cost,
        call.cost_currency,
        call.vendor,
        call.model,
        call.rates,
        now,
        None,
        None,
    )


def _charged_of(call: EndedCall, receipt: Receipt, facts: Facts) -> tuple[Any, ...]:
    """Give what was charged for a call: status, quantity, shares, marks and what it earned."""
    if not isinstance(receipt, ChargeReceipt):
        return "released", 0, None, " ".join(call.marks) or None, None, None, None
    earned = metered_calls.revenue_from(receipt, facts)
    first = earned[0] if earned else None
    return (
        "settled",
        receipt.result["quantity"],
        metered_calls.shares_text(receipt),
        " ".join(metered_calls.marks_with(call.marks, receipt)) or None,
        None if first is None else first.scaled,
        None if first is None else first.currency,
        metered_calls.further_text(earned),
    )
