"""The law of usage: what totals and running hours say is what the events that count sum up to.

Three sorted streams are walked side by side, so a book of any size takes the same memory.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.tallies import Running
from tollkeeper.ledger.auditing.laws import USAGE, Findings, Place
from tollkeeper.store import usage_audits
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import to_microseconds

#: What is summed, in the order of the streams; `maximum` may be left to the events.
NAMES = (
    "events",
    "quantity",
    "maximum",
    "included",
    "credits",
    "wallet",
    "billed",
    "spent",
    "owed",
)
MAXIMUM = NAMES.index("maximum")


class _Key(NamedTuple):
    """An hour of a customer's feature, and the currency of its money."""

    customer: str
    feature: str
    #: In microseconds.
    hour: int
    currency: str


_Line = tuple[_Key, tuple[int | None, ...]]


def check_usage(
    connection: Connection, database: Database, customer: str | None, findings: Findings
) -> None:
    """Compare each hour with its events, and each event with what it points at."""
    told = heapq.merge(
        _hours(usage_audits.totals(connection, database, customer)),
        _running(usage_audits.tallies(connection, database, customer)),
        key=lambda line: line[0],
    )
    events = _hours(usage_audits.hours_of_events(connection, database, customer))
    for key, expected, found in _joined(events, _summed(told)):
        if not _agree(expected, found):
            findings.add(
                USAGE,
                f"The total of an hour of {key.feature!r} is not the sum of its events.",
                Place(key.customer),
                expected=_shown(key, expected, found),
                found=_shown(key, found, expected),
            )
    for owner, event, says in usage_audits.wrong_events(connection, database, customer):
        findings.add(
            USAGE,
            f"A usage event {says}.",
            Place(owner, operation=event),
            expected="a whole event",
            found=event,
        )


def _hours(rows: Iterator[Sequence[Any]]) -> Iterator[_Line]:
    for customer, feature, hour, currency, *sums in rows:
        moment = read_moment(hour)
        assert moment is not None
        cells = tuple([None if cell is None else int(cell) for cell in sums])
        yield _Key(customer, feature, to_microseconds(moment), currency), cells


def _running(rows: Iterator[Sequence[Any]]) -> Iterator[_Line]:
    """Give the running hours, each customer's features in order."""
    for customer, state in rows:
        hour, running = json.loads(state).get("t", (0, ()))
        uses = [Running(*cells) for cells in running]
        for use in sorted(uses, key=lambda use: (use.feature, use.currency)):
            cells = (use.events, use.quantity, use.maximum, *use[6:12])
            yield _Key(customer, use.feature, hour, use.currency), cells


def _summed(lines: Iterator[_Line]) -> Iterator[_Line]:
    """Add up what the totals and the running hour say of one hour."""
    for key, some in groupby(lines, key=lambda line: line[0]):
        sums = [cells for _, cells in some]
        yield key, sums[0] if len(sums) == 1 else _added(sums)


def _added(sums: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    added: list[int | None] = [
        sum(cell or 0 for cell in cells) for cells in zip(*sums, strict=True)
    ]
    greatest = [cells[MAXIMUM] for cells in sums]
    known = [cell for cell in greatest if cell is not None]
    added[MAXIMUM] = max(known) if len(known) == len(greatest) else None
    return tuple(added)


def _joined(
    events: Iterator[_Line], told: Iterator[_Line]
) -> Iterator[tuple[_Key, tuple[int | None, ...], tuple[int | None, ...]]]:
    """Walk two sorted streams side by side; what one of them lacks is nothing."""
    nothing: tuple[int | None, ...] = (0,) * len(NAMES)
    marked = heapq.merge(
        ((key, 0, cells) for key, cells in events),
        ((key, 1, cells) for key, cells in told),
        key=lambda line: line[:2],
    )
    for key, some in groupby(marked, key=lambda line: line[0]):
        sides = {side: cells for _, side, cells in some}
        yield key, sides.get(0, nothing), sides.get(1, nothing)


def _agree(expected: tuple[int | None, ...], found: tuple[int | None, ...]) -> bool:
    """Tell whether they say the same; a greatest that is left to the events is theirs."""
    if expected == found:
        return True
    left_out = (expected[:MAXIMUM] + expected[MAXIMUM + 1 :]) == (
        found[:MAXIMUM] + found[MAXIMUM + 1 :]
    )
    return left_out and (found[MAXIMUM] is None or not found[0])


def _shown(key: _Key, cells: tuple[int | None, ...], others: tuple[int | None, ...]) -> str:
    """Name what differs, in integers at the feature's scale."""
    parts = [
        f"{name} {cell}"
        for name, cell, other in zip(NAMES, cells, others, strict=True)
        if cell != other
    ]
    money = f", {key.currency}" if key.currency else ""
    return f"{', '.join(parts)} (hour {key.hour}{money})"
