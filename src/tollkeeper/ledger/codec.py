"""Between rows and values: accounts, holds, grants, operations. Pure translation, no SQL.

Open grants travel as JSON arrays `[id, remaining, amount, priority, effective_us, expires_us|0,
paid, cost, features|0, pending]`, where `paid` counts 2 more for a plan's allowance, and 4 more for
promotional value that pays debt back; the view `grants` reads the same shape.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from tollkeeper.decisions.accounts import Account, Entry, OpenGrant
from tollkeeper.decisions.holds import Drawn, Hold
from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.requests import GrantFact, Recorded, RecordedEntry
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds, to_microseconds

_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def account_from(row: Sequence[Any]) -> Account:
    """Read an account's row (key, then state: see store.accounts)."""
    customer, unit, available, restricted, held, debt, version, overdraft = row[:8]
    merged_into, grants, due_at, updated_at = row[8:12]
    return Account(
        customer,
        unit,
        available,
        restricted,
        held,
        debt,
        version,
        overdraft,
        merged_into,
        grants_from(grants),
        read_moment(due_at),
        read_moment(updated_at),
        allowances_from(row[12]) if row[12] else (),
    )


def account_row(account: Account) -> tuple[Any, ...]:
    """Write an account's row: as it is, but for the grants and the allowances."""
    grants = grants_text(account.grants)
    return (*account[:9], grants, account[10], account[11], allowances_text(account.allowances))


@lru_cache(maxsize=20_000)
def allowances_text(allowances: tuple[Recurrence, ...]) -> str | None:
    """Write what fills an account: one array an allowance, moments in microseconds."""
    if not allowances:
        return None
    return _dumps(
        [
            [
                *(known.subscription, known.tail, known.amount, known.every),
                *(to_microseconds(known.anchor), known.zone, known.number),
                *(_microseconds(known.next_at), _microseconds(known.ends_at), int(known.adds)),
                *(known.cap, known.lifetime, known.priority, known.features),
            ]
            for known in allowances
        ]
    )


def allowances_from(text: str) -> tuple[Recurrence, ...]:
    """Read what fills an account."""
    return tuple([_recurrence(cells) for cells in json.loads(text)])


def _recurrence(cells: Sequence[Any]) -> Recurrence:
    subscription, tail, amount, every, anchor, zone, number, following, ends = cells[:9]
    adds, cap, lifetime, priority, features = cells[9:]
    return Recurrence(
        subscription,
        tail,
        amount,
        every,
        from_microseconds(anchor),
        zone,
        number,
        None if following is None else from_microseconds(following),
        None if ends is None else from_microseconds(ends),
        bool(adds),
        cap,
        lifetime,
        priority,
        tuple(features),
    )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_microseconds(moment)


def grants_from(text: str) -> tuple[OpenGrant, ...]:
    """Read the open grants of an account."""
    return tuple([_open_grant(cells) for cells in json.loads(text)])


def grants_text(grants: Sequence[OpenGrant]) -> str:
    """Write the open grants of an account, in burn order."""
    return "[" + ",".join([f'["{g.id}",{g.remaining},{_facts_text(*g[2:])}]' for g in grants]) + "]"


@lru_cache(maxsize=65_536)
def _facts_text(*facts: Any) -> str:
    """Write what stays the same while a grant is open; each change of it writes this again."""
    return _dumps(_cells(OpenGrant("", 0, *facts))[2:])[1:-1]


def hold_from(row: Sequence[Any]) -> Hold:
    """Read a hold's row (see store.holds)."""
    customer, name, status, drawn, expires, settled, closed_by, closed_at = row[:8]
    unit, feature, created = row[8:11]
    return Hold(
        id=name,
        customer=customer,
        unit=unit,
        status=status,
        drawn=tuple(_drawn(part) for part in json.loads(drawn)),
        created_at=_moment(created),
        expires_at=read_moment(expires),
        feature=feature,
        settled=settled,
        closed_by=closed_by,
        closed_at=read_moment(closed_at),
    )


def hold_row(hold: Hold) -> tuple[Any, ...]:
    """Write a hold's row: key, changing columns, fixed columns."""
    drawn = _dumps([[_cells(p.grant) if p.grant else 0, p.amount] for p in hold.drawn])
    return (
        hold.customer,
        hold.id,
        hold.status,
        drawn,
        hold.expires_at,
        hold.settled,
        hold.closed_by,
        hold.closed_at,
        hold.unit,
        hold.feature,
        hold.created_at,
    )


def fact_from(row: Sequence[Any]) -> GrantFact:
    """Read the fact of a grant (see store.grants.COLUMNS)."""
    customer, name, unit, _, amount, source, source_id, priority, paid = row[:9]
    effective, expires, cost, cost_currency, features, origin = row[9:15]
    return GrantFact(
        id=name,
        customer=customer,
        unit=unit,
        amount=amount,
        source=source,
        priority=priority,
        paid=bool(paid),
        effective_at=_moment(effective),
        expires_at=read_moment(expires),
        cost=cost,
        cost_currency=cost_currency,
        features=tuple(json.loads(features or "[]")),
        source_id=source_id,
        origin=origin,
    )


def fact_row(fact: GrantFact, operation_id: str, created_at: datetime) -> tuple[Any, ...]:
    """Write the fact of a grant (see store.grants)."""
    return (
        fact.customer,
        fact.id,
        fact.unit,
        operation_id,
        fact.amount,
        fact.source,
        fact.source_id,
        fact.priority,
        fact.paid,
        fact.effective_at,
        fact.expires_at,
        fact.cost,
        fact.cost_currency,
        _dumps(list(fact.features)) if fact.features else None,
        fact.origin,
        created_at,
    )


def lines_text(entry: Entry) -> str:
    """Write an entry's lines: `[grant, remaining]`, with `held` as a third where it holds."""
    lines = entry.lines
    if len(lines) == 1 and not lines[0].held:
        return f'[["{lines[0].grant}",{lines[0].remaining}]]'
    return _dumps([[*line] if line.held else [line.grant, line.remaining] for line in lines])


def lines_from(text: str | None) -> tuple[tuple[str, int, int], ...]:
    """Read an entry's lines."""
    if not text:
        return ()
    return tuple((c[0], c[1], c[2] if len(c) > 2 else 0) for c in json.loads(text))


def recorded_from(rows: Sequence[Any]) -> Recorded:
    """Read an operation as a correction needs it, from all its rows."""
    entries = tuple(
        RecordedEntry(r.customer_id, r.unit, r.kind, r.debt_change or 0, lines_from(r.lines))
        for r in rows
        if r.version is not None
    )
    return Recorded(rows[0].id, rows[0].kind, entries)


def _open_grant(cells: Sequence[Any]) -> OpenGrant:
    name, remaining, amount, priority, effective, expires, paid, cost, features, pending = cells
    return OpenGrant(
        name,
        remaining,
        amount,
        priority,
        from_microseconds(effective),
        from_microseconds(expires) if expires else None,
        bool(paid & 1),
        cost,
        tuple(features) if features else (),
        bool(pending),
        bool(paid & 2),
        bool(paid & 4),
    )


def _cells(grant: OpenGrant) -> list[Any]:
    return [
        grant.id,
        grant.remaining,
        grant.amount,
        grant.priority,
        to_microseconds(grant.effective_at),
        to_microseconds(grant.expires_at) if grant.expires_at else 0,
        grant.paid + 2 * grant.included + 4 * grant.repays,
        grant.cost,
        list(grant.features) or 0,
        int(grant.pending),
    ]


def _drawn(part: Sequence[Any]) -> Drawn:
    return Drawn(_open_grant(part[0]) if part[0] else None, part[1])


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
