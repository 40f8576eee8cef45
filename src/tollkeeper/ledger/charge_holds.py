"""Between rows and charges that are set aside, with the terms pinned in them. Pure translation."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from tollkeeper.catalog.rates import Rate, Tier
from tollkeeper.catalog.terms import Limit, Step, Terms, Window
from tollkeeper.decisions.charge_holds import ChargeHold, Part
from tollkeeper.decisions.requests import Request
from tollkeeper.decisions.setting_aside import OnChargeHold
from tollkeeper.errors import TollkeeperError
from tollkeeper.store import charge_holds
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment

#: The most texts of terms whose meaning is remembered.
MOST_TERMS = 1024

_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def read(
    connection: Connection, database: Database, names: Sequence[tuple[str, str]]
) -> list[ChargeHold]:
    """Read charge holds by (customer, id)."""
    rows = charge_holds.charge_holds_by_ids(connection, database, sorted(names))
    return [charge_hold_from(row) for row in rows]


def write(
    connection: Connection,
    database: Database,
    new: Sequence[ChargeHold],
    old: Sequence[ChargeHold],
) -> None:
    """Write charge holds: those that are new, and those that changed."""
    made = [charge_hold_row(hold) for hold in new]
    charge_holds.append_charge_holds(connection, database, made)
    changed = [_changing(hold) for hold in old]
    charge_holds.write_charge_holds(connection, database, changed)


def known(
    connection: Connection, database: Database, requests: Sequence[Request]
) -> Sequence[Request]:
    """Give requests with what their charge holds tell; what they are of never changes."""
    names = {name for request in requests for name in request.needs().charge_holds}
    there = {(hold.customer, hold.id): hold for hold in read(connection, database, sorted(names))}
    return with_terms(requests, there) if there else requests


def with_terms(
    requests: Sequence[Request], there: Mapping[tuple[str, str], ChargeHold]
) -> Sequence[Request]:
    """Give requests with what their charge holds tell, as far as these are there."""
    return [
        _with_terms(request, there) if isinstance(request, OnChargeHold) else request
        for request in requests
    ]


def parts(holds: Iterable[ChargeHold]) -> Iterator[tuple[str, str]]:
    """Name the ledger's holds behind charge holds."""
    return ((hold.customer, part.hold) for hold in holds for part in hold.parts if part.hold)


def _with_terms(request: OnChargeHold, there: Mapping[tuple[str, str], ChargeHold]) -> Request:
    hold = there.get((request.customer, request.hold))
    if hold is None:
        return request
    try:
        return request.of(hold)
    except TollkeeperError:  # it is refused when it decides
        return request


def charge_hold_from(row: Sequence[Any]) -> ChargeHold:
    """Read a charge hold's row (see store.charge_holds)."""
    customer, name, status, parts, expires, settled, closed_by, closed_at = row[:8]
    feature, terms, said, created = row[8:12]
    told = json.loads(said) if said else {}
    sources = told.get("pay_from")
    return ChargeHold(
        id=name,
        customer=customer,
        feature=feature,
        status=status,
        terms=_terms(terms),
        parts=tuple([_part(cells) for cells in json.loads(parts)]),
        created_at=_moment(created),
        expires_at=_moment(expires),
        member=told.get("member"),
        api_key=told.get("api_key"),
        tags=tuple(told.get("tags", ())),
        dimensions=told.get("dimensions", {}),
        pay_from=None if sources is None else tuple(sources),
        settled=settled,
        closed_by=closed_by,
        closed_at=read_moment(closed_at),
    )


def charge_hold_row(hold: ChargeHold) -> tuple[Any, ...]:
    """Write a charge hold's row: key, changing columns, fixed columns."""
    return (*_changing(hold), hold.feature, _dumps(hold.terms), _said(hold), hold.created_at)


def _changing(hold: ChargeHold) -> tuple[Any, ...]:
    """Write what changes of a charge hold, after its key."""
    return (
        hold.customer,
        hold.id,
        hold.status,
        _dumps(hold.parts),
        hold.expires_at,
        hold.settled,
        hold.closed_by,
        hold.closed_at,
    )


@lru_cache(maxsize=MOST_TERMS)
def _terms(text: str) -> Terms:
    """Read pinned terms; most holds of a feature were made at the same."""
    return terms_from(json.loads(text))


def terms_from(cells: Sequence[Any]) -> Terms:
    """Read pinned terms: the fields of `Terms` in their order."""
    feature, scale, steps, limits, overage, *rest = cells
    return Terms(
        feature,
        scale,
        tuple([step_from(step) for step in steps]),
        tuple([limit_from(limit) for limit in limits]),
        tuple([step_from(step) for step in overage]),
        *rest,
    )


def step_from(cells: Sequence[Any]) -> Step:
    """Read a step of a waterfall."""
    source, kind, unit, rate, by_period = cells
    tiers, *rest = rate
    return Step(source, kind, unit, Rate(tuple([Tier(*t) for t in tiers]), *rest), by_period)


def limit_from(cells: Sequence[Any]) -> Limit:
    """Read a limit."""
    name, feature, subject, measure, at_most, window, at_limit, warn_at, tag = cells
    span = Window(*window)
    return Limit(name, feature, subject, measure, at_most, span, at_limit, tuple(warn_at), tag)


def _part(cells: Sequence[Any]) -> Part:
    hold, step, quantity, amount = cells
    return Part(hold, step_from(step), quantity, amount)


def _said(hold: ChargeHold) -> str | None:
    said = {
        "member": hold.member,
        "api_key": hold.api_key,
        "tags": hold.tags or None,
        "dimensions": dict(hold.dimensions) or None,
        "pay_from": hold.pay_from,
    }
    told = {name: value for name, value in said.items() if value is not None}
    return _dumps(told) if told else None


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
