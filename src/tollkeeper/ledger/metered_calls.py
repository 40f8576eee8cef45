"""Between rows and metered calls; and what a call earned, read from the grants that paid it.

It writes no balance: what a call costs its customer is booked by the charge hold behind it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.ledger.allowance_worth import valued
from tollkeeper.ledger.codec import fact_from
from tollkeeper.store import grants, metered_calls
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.books import Entry
from tollkeeper.values.charges import ChargeReceipt, PaidShare
from tollkeeper.values.model_calls import ModelCall, moneys
from tollkeeper.values.money import Money
from tollkeeper.values.texts import canonical_json

#: The name of a call: its customer and its id.
Key = tuple[str, str]
#: The statuses of a call that is not booked yet.
RUNNING = ("open", "ending")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call as it begins, before anything is held for it."""

    key: Key
    idempotency_key: str | None
    fingerprint: str | None
    feature: str
    vendor: str | None
    model: str | None
    member: str | None
    #: The hold that will stand behind it.
    hold_id: str
    #: What else the caller said, and what a job has to know: tags, dimensions, excess …
    said: Mapping[str, Any]
    rates: Mapping[str, Any] | None
    #: What is charged if nothing more is ever known, at the feature's scale.
    estimate: int
    created_at: datetime
    #: When a job is to look after it.
    look_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known by now of what a call used."""

    #: In the words of `ModelUsage.to_dict`.
    usages: tuple[Mapping[str, Any], ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    #: At the feature's scale; None where nothing tells.
    quantity: int | None = None
    cost: Money | None = None
    vendor: str | None = None
    model: str | None = None
    rates: Mapping[str, Any] | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as its row tells it, with what only jobs and replays need."""

    call: ModelCall
    fingerprint: str | None
    said: Mapping[str, Any]
    estimate: int
    #: What was saved of the quantity; None where nothing was.
    saved: int | None
    attempts: int


def begin(connection: Connection, database: Database, new: NewCall) -> bool:
    """Write a call that begins; tell whether its idempotency key was free."""
    customer, name = new.key
    return metered_calls.claim(
        connection,
        database,
        {
            "customer_id": customer,
            "id": name,
            "idempotency_key": new.idempotency_key,
            "fingerprint": new.fingerprint,
            "feature": new.feature,
            "vendor": new.vendor,
            "model": new.model,
            "asked_model": new.model,
            "member": new.member,
            "status": "open",
            "hold_id": new.hold_id,
            "said": canonical_json(dict(new.said)),
            "rates": None if new.rates is None else canonical_json(dict(new.rates)),
            "estimate": new.estimate,
            "attempts": 0,
            "created_at": new.created_at,
            "next_attempt_at": new.look_at,
        },
    )


def save(
    connection: Connection, database: Database, key: Key, known: Known, look_at: datetime
) -> bool:
    """Keep what is known of a call that goes on; tell whether it is still open."""
    values = _known(known) | {"next_attempt_at": look_at}
    return metered_calls.change(connection, database, key, ("open",), values)


def end(
    connection: Connection,
    database: Database,
    key: Key,
    known: Known,
    outcome: str,
    look_at: datetime,
) -> bool:
    """Keep how a call ended, before it is booked; tell whether it was not booked yet."""
    values = _known(known) | {
        "status": "ending",
        "outcome": outcome,
        "next_attempt_at": look_at,
        "lease_until": None,
    }
    return metered_calls.change(connection, database, key, RUNNING, values)


def settle(
    connection: Connection,
    database: Database,
    key: Key,
    receipt: ChargeReceipt,
    marks: Sequence[str],
    prices: PriceList,
    now: datetime,
) -> bool:
    """Note what was charged for a call, and what it earned."""
    facts = facts_of(connection, database, grants_of(receipt))
    earned = revenue_from(receipt, valued(connection, database, prices, facts))
    first = earned[0] if earned else None
    return metered_calls.change(
        connection,
        database,
        key,
        RUNNING,
        {
            "status": "settled",
            "operation_id": receipt.operation_id,
            "quantity": receipt.result["quantity"],
            "shares": shares_text(receipt),
            "revenue": None if first is None else first.scaled,
            "revenue_currency": None if first is None else first.currency,
            "further": further_text(earned),
            "marks": " ".join(marks) or None,
            "closed_at": now,
            "next_attempt_at": None,
            "lease_until": None,
        },
    )


def release(
    connection: Connection, database: Database, key: Key, operation: str | None, now: datetime
) -> bool:
    """Note that a call was released; its idempotency key is free for another try."""
    values = {
        "status": "released",
        "outcome": "failed_before_delivery",
        "operation_id": operation,
        "idempotency_key": None,
        "quantity": 0,
        "closed_at": now,
        "next_attempt_at": None,
        "lease_until": None,
    }
    return metered_calls.change(connection, database, key, RUNNING, values)


def postpone(
    connection: Connection, database: Database, key: Key, attempts: int, look_at: datetime | None
) -> None:
    """Let a job look after a call later; None is never again, without somebody's doing."""
    values = {"attempts": attempts, "next_attempt_at": look_at, "lease_until": None}
    metered_calls.change(connection, database, key, RUNNING, values)


def stored_from(row: Any, scale: int) -> StoredCall:
    """Read a row; the scale is that of the feature's quantity."""
    said = json.loads(row.said) if row.said else {}
    return StoredCall(
        _call_from(row, said, scale),
        row.fingerprint,
        said,
        row.estimate,
        row.quantity,
        row.attempts,
    )


def grants_of(receipt: ChargeReceipt) -> set[Key]:
    """Name the grants that paid a charge, by (customer, grant)."""
    lines = [(entry.customer, grant) for entry in _own(receipt) for grant, _, _ in entry.raw_lines]
    return {line for line in lines if line[1]}


def facts_of(
    connection: Connection, database: Database, names: Collection[Key]
) -> dict[Key, GrantFact]:
    """Read the facts of grants."""
    rows = grants.facts_by_ids(connection, database, sorted(names))
    return {(fact.customer, fact.id): fact for fact in map(fact_from, rows)}


def revenue_from(receipt: ChargeReceipt, facts: Mapping[Key, GrantFact]) -> tuple[Money, ...]:
    """Tell what a charge earned: of the very grants that paid, and of money.

    Paid money of the wallet counts as it is, and so does what is owed to it; the later bill by what
    it will ask; credits by the share of their grant's cost basis, rounded half-even; what a plan
    gave by its part of the plan's price, which stands in its fact as if it were one. A grant
    without either earns nothing, for nobody knows that it did.
    """
    owed = [
        share.money for share in receipt.shares if share.kind == "usage" and share.money is not None
    ]
    paid = [money for entry in _own(receipt) for money in _earned(entry, facts)]
    return moneys([*owed, *paid])


def further_text(earned: Sequence[Money]) -> str | None:
    """Write what was earned in further currencies, beside the first."""
    return canonical_json([str(money) for money in earned[1:]]) if earned[1:] else None


def marks_with(marks: Sequence[str], receipt: ChargeReceipt) -> tuple[str, ...]:
    """Add to a call's marks what its charge has to tell."""
    late = ["late"] if receipt.late else []
    uncollected = ["uncollected"] if receipt.uncollected else []
    return tuple(dict.fromkeys([*marks, *late, *uncollected]))


def shares_text(receipt: ChargeReceipt) -> str:
    """Write who paid how much."""
    cells = [
        [share.source, share.kind, f"{share.quantity:f}", f"{share.amount:f}", share.unit]
        for share in receipt.shares
    ]
    return canonical_json({"shares": cells, "uncollected": f"{receipt.uncollected:f}"})


def _own(receipt: ChargeReceipt) -> list[Entry]:
    return [entry for entry in receipt.entries if entry.customer == receipt.customer]


def _earned(entry: Entry, facts: Mapping[Key, GrantFact]) -> list[Money]:
    """Tell what an entry earned, grant by grant."""
    if entry.kind not in ("consume", "settle"):
        return []
    code = entry.unit.currency
    found = [
        money
        for grant, remaining, held in entry.raw_lines
        if (fact := facts.get((entry.customer, grant)))
        and (money := _of_grant(fact, -(remaining + held), code))
    ]
    if code is not None and (owed := _owed(entry)) > 0:
        found.append(Money.from_scaled(owed, code))
    return found


def _of_grant(fact: GrantFact, used: int, currency: str | None) -> Money | None:
    if currency is not None and fact.source != "allowance":
        return Money.from_scaled(used, currency) if fact.paid and used else None
    if not fact.cost or fact.cost_currency is None or not used:
        return None
    return Money.from_scaled(round(Fraction(fact.cost * used, fact.amount)), fact.cost_currency)


def _owed(entry: Entry) -> int:
    """Tell what of a wallet's entry no grant paid: it is owed, and will be paid."""
    used = -sum(entry.change[:3])
    drawn = -sum(remaining + held for grant, remaining, held in entry.raw_lines if grant)
    return max(used - drawn, 0)


def _known(known: Known) -> dict[str, Any]:
    values: dict[str, Any] = {
        "usage": canonical_json([dict(each) for each in known.usages]) if known.usages else None,
        "input_tokens": known.input_tokens,
        "output_tokens": known.output_tokens,
        "quantity": known.quantity,
        "cost": None if known.cost is None else known.cost.scaled,
        "cost_currency": None if known.cost is None else known.cost.currency,
        "marks": " ".join(known.marks) or None,
    }
    told = {"vendor": known.vendor, "model": known.model}
    if known.rates is not None:
        told["rates"] = canonical_json(dict(known.rates))
    return values | {name: value for name, value in told.items() if value is not None}


def _call_from(row: Any, said: Mapping[str, Any], scale: int) -> ModelCall:
    told = json.loads(row.shares) if row.shares else {"shares": [], "uncollected": "0"}
    return ModelCall(
        id=row.id,
        customer=row.customer_id,
        feature=row.feature,
        vendor=row.vendor,
        model=row.model,
        member=row.member,
        tags=tuple(said.get("tags", ())),
        dimensions=said.get("dimensions", {}),
        status=row.status,
        outcome=row.outcome,
        quantity=None if row.quantity is None else from_scaled(row.quantity, scale),
        shares=tuple([_share(cells) for cells in told["shares"]]),
        uncollected=Decimal(str(told["uncollected"])),
        usages=tuple(json.loads(row.usage)) if row.usage else (),
        rates=json.loads(row.rates) if row.rates else None,
        vendor_cost=_money(row.cost, row.cost_currency),
        revenue=_revenue(row),
        marks=tuple(row.marks.split()) if row.marks else (),
        idempotency_key=row.idempotency_key,
        hold_id=row.hold_id,
        operation_id=row.operation_id,
        created_at=_moment(row.created_at),
        closed_at=read_moment(row.closed_at),
    )


def _revenue(row: Any) -> tuple[Money, ...]:
    first = _money(row.revenue, row.revenue_currency)
    others = [Money.parse(text) for text in json.loads(row.further)] if row.further else []
    return tuple([money for money in (first, *others) if money is not None])


def _share(cells: Sequence[str]) -> PaidShare:
    source, kind, quantity, amount, unit = cells
    return PaidShare(
        source=source,
        kind=kind,  # type: ignore[arg-type]  # as it was written
        quantity=Decimal(quantity),
        amount=Decimal(amount),
        unit=unit,
    )


def _money(scaled: int | None, currency: str | None) -> Money | None:
    if scaled is None or currency is None:
        return None
    return Money.from_scaled(scaled, currency)


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
