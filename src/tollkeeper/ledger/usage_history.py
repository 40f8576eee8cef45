"""The events of a customer, newest first, by pages; and how a backfill stands. Changes nothing."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.asking import Part
from tollkeeper.decisions.requests import Kept
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.usage import filters, own_tally
from tollkeeper.ledger.uses import kept_from
from tollkeeper.store import usage_reads, usage_sums
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds, to_microseconds

#: The most events of one page.
MAXIMUM_PAGE = 1000


class Shown(NamedTuple):
    """An event, and the one that took its place."""

    kept: Kept
    amended_by: str | None


class Chosen(NamedTuple):
    """Which events a history shows."""

    customer: str
    feature: str | None = None
    member: str | None = None
    where: Mapping[str, str] = {}
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    cursor: str | None = None


def history(
    ledger: Ledger, connection: Connection, chosen: Chosen, now: datetime
) -> tuple[list[Shown], str | None]:
    """Read a page of events, newest first; the cursor says where to go on."""
    if type(chosen.limit) is not int or not 1 <= chosen.limit <= MAXIMUM_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {MAXIMUM_PAGE}, not {chosen.limit}.")
    features = [chosen.feature] if chosen.feature else _features(ledger, connection, chosen, now)
    conditions, values = _conditions(ledger, chosen)
    shown: list[Shown] = []
    for feature in features:
        rows = usage_reads.page(
            connection,
            ledger.database,
            conditions,
            {**values, "feature": feature},
            chosen.limit + 1,
        )
        shown += [Shown(kept_from(row[:-1]), row[-1]) for row in rows]
    shown.sort(key=_place, reverse=True)
    page = shown[: chosen.limit]
    more = len(shown) > chosen.limit
    return page, _written(page[-1]) if more else None


def event(ledger: Ledger, connection: Connection, customer: str, name: str) -> Kept | None:
    """Read one event by its id."""
    rows = usage_reads.events_by_ids(connection, ledger.database, [(customer, name)])
    return kept_from(rows[0]) if rows else None


def backfill_parts(ledger: Ledger, connection: Connection, name: str) -> list[tuple[Part, int]]:
    """Read every customer's part of a backfill, with how many events it has."""
    found: list[tuple[Part, int]] = []
    for row in usage_reads.parts(connection, ledger.database, name):
        customer, backfill, status, *moments, events = row
        opened, closed, undone = (read_moment(moment) for moment in moments)
        assert opened is not None
        found.append((Part(customer, backfill, status, opened, closed, undone), int(events)))
    return found


def members_of(
    ledger: Ledger, connection: Connection, customer: str, backfill: str
) -> tuple[str, ...]:
    """Name the members whose use a customer's part of a backfill has."""
    rows = usage_reads.members_of_backfill(connection, ledger.database, customer, backfill)
    return tuple([row[0] for row in rows])


def _features(
    ledger: Ledger, connection: Connection, chosen: Chosen, now: datetime
) -> Sequence[str]:
    """Name the features that a customer used; those of the running hour stand in his tally."""
    own = own_tally(ledger, connection, chosen.customer, now)
    known = usage_sums.features_of(connection, ledger.database, chosen.customer)
    return sorted({*known, *(use.feature for use in own.running)})


def _conditions(ledger: Ledger, chosen: Chosen) -> tuple[list[str], dict[str, Any]]:
    database = ledger.database
    conditions: list[str] = []
    values: dict[str, Any] = {"customer": chosen.customer}
    if chosen.since is not None:
        conditions.append("e.counted_at >= :since")
        values["since"] = usage_reads.at(database, chosen.since)
    if chosen.until is not None:
        conditions.append("e.counted_at < :until")
        values["until"] = usage_reads.at(database, chosen.until)
    if chosen.member is not None:
        conditions.append("e.member = :member")
        values["member"] = chosen.member
    filters(database, chosen.where, conditions, values)
    if chosen.cursor is not None:
        at, name = _read(chosen.cursor)
        conditions.append("(e.counted_at, e.id) < (:at, :name)")
        values["at"], values["name"] = usage_reads.at(database, from_microseconds(at)), name
    return conditions, values


def _place(shown: Shown) -> tuple[datetime, bytes]:
    use = shown.kept.use
    return use.counted_at, use.id.encode()


def _written(shown: Shown) -> str:
    use = shown.kept.use
    text = json.dumps([to_microseconds(use.counted_at), use.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, name = json.loads(base64.urlsafe_b64decode(padded.encode()))
        if type(at) is not int or type(name) is not str:
            raise ValueError
        from_microseconds(at)
    except (ValueError, AttributeError, TypeError, RecursionError, InvalidRequest) as error:
        raise InvalidRequest("The cursor is not one that a history gave.") from error
    return at, name
