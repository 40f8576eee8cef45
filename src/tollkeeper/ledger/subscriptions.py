"""Between rows and subscriptions, and looking at them. Decides nothing and changes nothing."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.ledger.codec import allowances_from, allowances_text
from tollkeeper.store import subscriptions
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import Period
from tollkeeper.values.successions import NumberedPeriod

_PLACES = {column.name: number for number, column in enumerate(subscriptions.COLUMNS)}
_FLAGS = [_PLACES[name] for name in ("is_add_on", "is_free")]
_MOMENTS = [
    _PLACES[name] for name in ("anchor", "started_at", "ends_at", "created_at", "updated_at")
]
_ALLOWANCES, _MOVED_IN, _LEFT_OVER = (
    _PLACES[name] for name in ("allowances", "moved_in", "left_over")
)


def of_customer(
    connection: Connection, database: Database, customer: str
) -> tuple[Subscribed, ...]:
    """Read every subscription that a customer has or had, the first taken first."""
    rows = subscriptions.of_customer(connection, database, customer)
    return tuple([subscribed_from(row) for row in rows])


def subscribed_from(row: Sequence[Any]) -> Subscribed:
    """Read a subscription's row (see store.subscriptions.COLUMNS)."""
    cells = list(row)
    for number in _FLAGS:
        cells[number] = bool(cells[number])
    for number in _MOMENTS:
        cells[number] = read_moment(cells[number])
    cells[_ALLOWANCES] = tuple(
        [(unit, _one(text)) for unit, text in json.loads(cells[_ALLOWANCES])]
    )
    cells[_MOVED_IN] = _numbered(cells[_MOVED_IN])
    cells[_LEFT_OVER] = tuple(
        [(unit, amount) for unit, amount in json.loads(cells[_LEFT_OVER] or "[]")]
    )
    return Subscribed(*cells)


def subscription_row(known: Subscribed) -> tuple[Any, ...]:
    """Write a subscription's row."""
    given = json.dumps([[unit, allowances_text((each,))] for unit, each in known.allowances])
    moved = None
    if known.moved_in is not None:
        number, period = known.moved_in
        moved = json.dumps([number, to_microseconds(period.start), to_microseconds(period.end)])
    left = json.dumps(known.left_over) if known.left_over else None
    return (*known[:_ALLOWANCES], given, moved, left, *known[_LEFT_OVER + 1 :])


def filling(
    connection: Connection,
    database: Database,
    customer: str,
    unit: str,
    *,
    at: datetime,
    known_at: datetime,
) -> tuple[Recurrence, ...]:
    """Give what filled an account at a moment, as it was known at another, as it began."""
    return tuple(
        [
            recurrence._replace(ends_at=known.ends_at if known.updated_at <= known_at else None)
            for known in of_customer(connection, database, customer)
            for named, recurrence in known.allowances
            if named == unit and known.started_at <= min(at, known_at)
        ]
    )


def _numbered(text: str | None) -> NumberedPeriod | None:
    if text is None:
        return None
    number, start, end = json.loads(text)
    return NumberedPeriod(number, Period(from_microseconds(start), from_microseconds(end)))


def _one(text: str) -> Recurrence:
    return allowances_from(text)[0]
