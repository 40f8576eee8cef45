"""The outbox: notices as rows of the operation's own transaction, and what the app wants to hear.

A notice is written with what it tells of, or not at all. It is delivered later, by somebody else
(`delivery/`). What is written for nobody goes by itself: each row has a last day.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.accounts import AccountKey, Entry
from tollkeeper.decisions.advancing import Due
from tollkeeper.decisions.noticing import (
    SILENCE,
    Telling,
    at_once,
    is_quiet,
    of_operation,
    of_time,
    telling,
)
from tollkeeper.decisions.requests import Outcome, Request
from tollkeeper.decisions.tallies import Tally
from tollkeeper.errors import InvalidRequest
from tollkeeper.ids import new_id
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.notices import KINDS, USUAL, WAITING, Notice, NoticeState, from_dict
from tollkeeper.store import outbox as store
from tollkeeper.store import outbox_lists as store_lists
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import utc
from tollkeeper.values.texts import canonical_json

#: What the ids of notices begin with.
NOTICE: Final = "ntc"
#: The endpoint of the functions that the app registers with `billing.on`.
CALLBACKS: Final = "callbacks"

#: How long a notice that nobody has taken is kept; and one that was brought back.
WAITING_DAYS: Final = 30
#: How long a delivered notice can be looked at and delivered again.
DELIVERED_DAYS: Final = 3
#: How long a notice that was given up can be looked at and delivered again.
DEAD_DAYS: Final = 30

#: After how many notices their writer clears as many twice, so that without any worker, too, what
#: nobody hears does not pile up.
CLEARED_AFTER: Final = 1000

Row = tuple[Any, ...]


@dataclass(slots=True)
class Outbox:
    """What the app of this process wants to hear, and who is woken when something is there."""

    #: Kinds that are written whoever listens.
    usual: frozenset[str] = USUAL
    #: The threshold of each unit that has one, in the ledger's integers (H3).
    low_balances: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    #: Every threshold of the units of which plans have their own.
    by_plan: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))
    #: Kinds that somebody in this process has asked for.
    asked: frozenset[str] = frozenset()
    #: All of this, as the writer looks at it.
    telling: Telling = SILENCE
    #: Whether something was written since the last ring.
    has_written: bool = False
    #: How many notices were written since some were last cleared; None where nothing is cleared.
    written: int | None = 0
    #: Wakes a runner of this process.
    wake: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self._compile()

    def choose(self, kinds: Iterable[type[Notice]]) -> None:
        """Write notices of these kinds, whoever listens.

        Raises:
            InvalidRequest: one is no kind of notice that is ever written.
        """
        chosen = frozenset(getattr(kind, "kind", "") for kind in kinds)
        if chosen - KINDS.keys():
            raise InvalidRequest("notices are kinds of notices, such as [CreditsLow].")
        self.usual = chosen
        self._compile()

    def ask_for(self, kinds: Iterable[str]) -> None:
        """Write notices of these kinds too: somebody here listens."""
        self.asked |= frozenset(kinds)
        self._compile()

    def set_low_balances(
        self,
        thresholds: Mapping[str, int],
        by_plan: Mapping[str, frozenset[int]] = MappingProxyType({}),
    ) -> None:
        """Set below what a balance is low, by the unit's key, in the ledger's integers (H3).

        `by_plan` names every threshold of those units of which plans have their own.
        """
        self.low_balances = MappingProxyType(dict(thresholds))
        self.by_plan = MappingProxyType(dict(by_plan))
        self._compile()

    def apart(self) -> "Outbox":
        """Give one for a host's transaction, which clears nothing and whose end nobody knows."""
        return replace(self, written=None, wake=None)

    def ring(self) -> None:
        """Wake the runner, once what was written is committed."""
        self.has_written = False
        if self.wake is not None:
            self.wake()

    def _compile(self) -> None:
        thresholds = {unit: (least,) for unit, least in self.low_balances.items()}
        self.telling = telling(self.usual | self.asked, {**thresholds, **self.by_plan})


@dataclass(slots=True)
class Notices:
    """The notices of one batch."""

    outbox: Outbox
    prices: PriceList
    #: Gives the threshold of an account, given the tallies that the operation changed.
    least_of: Callable[[AccountKey, Sequence[Tally]], int | None]
    rows: list[Row] = field(default_factory=list)
    #: Those whose ids are fixed, so that they are written once.
    fixed: list[Row] = field(default_factory=list)

    def add(
        self,
        request: Request,
        outcome: Outcome,
        dues: Sequence[tuple[Due, datetime]],
        book: WorkingBook,
        moment: datetime,
    ) -> None:
        """Note what follows from an accepted request, after what time did to its accounts."""
        telling = self.outbox.telling

        def least_of(account: AccountKey) -> int | None:
            return self.least_of(account, outcome.tallies)

        for due, booked_at, compared in at_once(dues):
            told = of_time(due, compared, book.units, booked_at, telling, least_of)
            self._put(told, due.entries, due.id, booked_at, book)
        if not is_quiet(outcome, telling):
            customer, scale_of = request.customer, self.prices.scale
            told = of_operation(outcome, customer, book.units, moment, telling, scale_of, least_of)
            changed = outcome.entries or outcome.uses or outcome.is_kept
            is_kept = changed or request.idempotency_key
            self._put(told, outcome.entries, request.id if is_kept else None, moment, book)

    def write(self, connection: Connection, database: Database, now: datetime) -> None:
        """Write them; who has written many clears some that nobody needs any more."""
        if not self.rows and not self.fixed:
            return
        store.append(connection, database, self.rows)
        store.append(connection, database, self.fixed, once=True)
        self.outbox.has_written = True
        if self.outbox.written is None:
            return
        self.outbox.written += len(self.rows)
        if self.outbox.written >= CLEARED_AFTER:
            self.outbox.written = 0
            store_lists.clear(connection, database, now, 2 * CLEARED_AFTER)

    def _put(
        self,
        told: Sequence[Notice],
        entries: Sequence[Entry],
        operation_id: str | None,
        moment: datetime,
        book: WorkingBook,
    ) -> None:
        # Where our clock lagged behind another process's, ids tell no order, and versions do.
        versions = _versions(entries, book) if moment > book.now else {}
        for notice in told:
            row = notice_row(
                replace(notice, created_at=moment, operation_id=operation_id),
                versions.get((notice.customer, getattr(notice, "unit", "")), 0),
            )
            (self.fixed if notice.id else self.rows).append(row)


def _versions(entries: Sequence[Entry], book: WorkingBook) -> dict[tuple[str, str], int]:
    """Give the last version of each account, by its customer and its unit as notices name it."""
    units = {entry.after.unit: book.units[entry.after.unit] for entry in entries}
    return {
        (entry.after.customer, units[entry.after.unit].currency or entry.after.unit): (
            entry.after.version
        )
        for entry in entries
    }


def notice_row(notice: Notice, position: int) -> Row:
    """Write a notice's row (see store.outbox.COLUMNS); it gets an id where it has none.

    `position` orders what was booked at one moment, before ids do.
    """
    notice = notice if notice.id else replace(notice, id=new_id(NOTICE))
    moment = notice.created_at
    return (
        notice.customer,
        notice.id,
        CALLBACKS,
        notice.kind,
        canonical_json(notice.to_dict()),
        WAITING,
        0,
        moment,
        position,
        moment,
        moment + timedelta(days=WAITING_DAYS),
    )


def state_from(row: Sequence[Any]) -> NoticeState:
    """Read a notice's row (see store.outbox.READ)."""
    heard = json.loads(row[10]) if row[10] else []
    return NoticeState(
        notice=from_dict(json.loads(row[4])),
        endpoint=row[2],
        status=row[5],
        attempts=row[6],
        next_attempt_at=read_moment(row[9]),
        concluded_at=read_moment(row[12]),
        error=row[11],
        heard=tuple(heard),
    )


def write_place(row: Sequence[Any]) -> str:
    """Write where the next page of a list begins, as one text."""
    moment = read_moment(row[7])
    told = [moment.isoformat() if moment else "", row[8], row[1], row[0], row[2]]
    return urlsafe_b64encode(canonical_json(told).encode()).decode().rstrip("=")


def read_place(cursor: str | None) -> tuple[datetime, int, str, str, str] | None:
    """Read what `write_place` wrote; refuse what it did not."""
    if cursor is None:
        return None
    try:
        told = json.loads(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        moment, position, name, customer, endpoint = told
        place = utc(datetime.fromisoformat(moment), "cursor"), int(position)
    except (ValueError, AttributeError, TypeError, RecursionError, InvalidRequest) as error:
        raise InvalidRequest("The cursor is not one that a list of notices gave.") from error
    return (*place, str(name), str(customer), str(endpoint))
