"""The protocol of a change: lock, read the clock, load, decide each request in order, write once.

`change` runs a batch inside a transaction that somebody else began and will end; it never commits.
Whatever one request is refused for concerns that request alone. The numbers of rules in these rooms
(A1, B2 …) are those of docs/concepts/rules.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import PriceList
from tollkeeper.catalog.unwritten import Unwritten
from tollkeeper.clock import Clock
from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.asking import Unread
from tollkeeper.decisions.noticing import is_quiet
from tollkeeper.decisions.requests import Outcome, Request
from tollkeeper.errors import BrokenInvariant, TollkeeperError
from tollkeeper.ledger import customers, ended_calls, loading, tallying
from tollkeeper.ledger.answers import receipt_from
from tollkeeper.ledger.batch import Batch
from tollkeeper.ledger.book import Unplanned, WorkingBook
from tollkeeper.ledger.catalogs import Looked
from tollkeeper.ledger.memo import Memo
from tollkeeper.ledger.missing import check_proposed_units, make_missing, refuse_shut
from tollkeeper.ledger.outbox import Notices, Outbox
from tollkeeper.ledger.questions import answer_questions
from tollkeeper.ledger.replays import (
    hidden_replay,
    look_up_ids,
    look_up_keys,
    replay_of,
    stand_for,
)
from tollkeeper.ledger.strangers import refusal_of, strangers
from tollkeeper.ledger.tallies import TallyMemo
from tollkeeper.ledger.thresholds import Thresholds
from tollkeeper.ledger.units import Units
from tollkeeper.store.database import Database
from tollkeeper.values.receipts import Receipt


class Later(Enum):
    """Why a request of a batch was not decided: it has to be run again, another way."""

    #: Its account is locked by another transaction; wait for it alone.
    BUSY = "busy"
    #: Its account does not exist yet; run again with `make_missing`.
    ABSENT = "absent"


#: A receipt, the error to raise, or why it was not decided.
Answer = Receipt | BaseException | Later


@dataclass(frozen=True, slots=True)
class Manner:
    """How a batch is to be run."""

    #: Pass over accounts that others have locked.
    skip_locked: bool = False
    #: Make customers and accounts that do not exist yet.
    make_missing: bool = False
    #: Look for the requests' keys first; otherwise the unique key finds a replay when written.
    look_up_keys: bool = True
    #: Look for the requests' own ids first: an earlier commit's outcome is unknown.
    look_up_ids: bool = False


@dataclass(slots=True)
class Ledger:
    """What every batch needs to know: the database, the clock, the units."""

    database: Database
    clock: Clock
    units: Units
    #: What things cost: the catalog, or nothing written.
    prices: PriceList = field(default_factory=Unwritten)
    memo: Memo = field(init=False)
    tally_memo: TallyMemo = field(default_factory=TallyMemo, init=False)
    #: When the books were last asked which catalog is in force.
    looked: Looked = field(default_factory=Looked, init=False)
    #: What the app wants to be told.
    outbox: Outbox = field(default_factory=Outbox, init=False)

    def __post_init__(self) -> None:
        self.memo = Memo(moments_are_text=not self.database.is_postgres)

    def apart(self) -> "Ledger":
        """Give one for a host's transaction: what it learns of units may yet be rolled back."""
        prices = self.prices.apart() if isinstance(self.prices, InForce) else self.prices
        made = Ledger(self.database, self.clock, self.units.apart(), prices)
        made.memo, made.tally_memo = self.memo, self.tally_memo
        made.looked = self.looked.apart(self)
        made.outbox = self.outbox.apart()
        return made


def change(
    ledger: Ledger, connection: Connection, requests: Sequence[Request], manner: Manner
) -> list[Answer]:
    """Run a batch in the order of arrival; give each request's receipt, refusal or `Later`."""
    database, units = ledger.database, ledger.units
    if manner.make_missing and (unknown := strangers(ledger, connection, requests)):
        return _without(unknown, ledger, connection, requests, manner)
    if manner.make_missing:
        customers.make_named(connection, database, requests, ledger.clock.now())
        tallying.make(connection, database, requests, ledger.clock.now())
    plan = loading.plan(connection, database, requests, skip_locked=manner.skip_locked)
    tallying.plan(
        connection,
        ledger,
        plan,
        requests,
        skip_locked=manner.skip_locked,
        again=manner.make_missing,
    )
    keys = plan.keys
    shut = None
    if manner.make_missing:
        shut = make_missing(
            connection, database, units, plan, ledger.clock.now(), skip_locked=manner.skip_locked
        )
    locked = loading.lock(connection, database, keys, skip_locked=manner.skip_locked)
    missing = locked.absent - plan.optional
    if shut is None:
        shut = customers.shut_now(connection, database, missing)
    locked.busy.update(shut.busy)
    there = [key for key in keys if key in locked.found or key not in plan.optional]
    check_proposed_units(connection, database, units, there, learn=not manner.make_missing)
    book = WorkingBook(units, ledger.memo, ledger.clock.now(), ledger.tally_memo, planned=set(keys))
    book.tallies.update(plan.tallies)
    loading.load(connection, database, plan, locked, book)
    thresholds = Thresholds(ledger, connection, book)
    notices = Notices(ledger.outbox, ledger.prices, thresholds.least_of)
    batch = Batch(connection, database, units, requests, plan, locked, book, shut, notices)
    if missing or plan.new_tallies:
        among = {name for name, _ in (*missing, *plan.new_tallies)}
        batch.strangers = strangers(ledger, connection, requests, among)
    if manner.look_up_ids:
        look_up_ids(batch)
    if manner.look_up_keys:
        look_up_keys(batch)
    answers = [_answer(batch, number, request) for number, request in enumerate(requests)]
    _write(batch, answers)
    return answers


def _write(batch: Batch, answers: Sequence[Answer]) -> None:
    """Write all that was accepted, once.

    Raises BrokenInvariant where a row to be changed is not there: the change would say nothing.
    """
    connection, database, book = batch.connection, batch.database, batch.book
    if not batch.locked.absent.isdisjoint(batch.writing.updated_at):
        raise BrokenInvariant("An account that was never opened was about to be changed.")
    if batch.plan.charge_holds:
        known, prices = book.grants, batch.notices.prices
        ended_calls.write(connection, database, batch.requests, answers, known, prices, book.now)
    batch.writing.write(connection, database, book)
    batch.notices.write(connection, database, book.now)


def _without(
    unknown: frozenset[str],
    ledger: Ledger,
    connection: Connection,
    requests: Sequence[Request],
    manner: Manner,
) -> list[Answer]:
    """Refuse strangers before anything of theirs is made, and run the others."""
    answers: list[Answer | None] = [refusal_of(request, unknown) for request in requests]
    others = [request for request, answer in zip(requests, answers, strict=True) if answer is None]
    made = iter(change(ledger, connection, others, manner) if others else [])
    return [next(made) if answer is None else answer for answer in answers]


def _answer(batch: Batch, number: int, request: Request) -> Answer:
    keys = batch.plan.accounts[number]
    if request.id in batch.done:
        return batch.done[request.id]
    later = _later(batch, number, keys)
    if later is not None:
        return later
    return replay_of(batch, request) or _decided(batch, number, request)


def _decided(batch: Batch, number: int, request: Request) -> Answer:
    """Decide a request whose key is new; a refusal must not hide a replay."""
    keys = batch.plan.accounts[number]
    if batch.strangers and (refusal := refusal_of(request, batch.strangers)):
        return refusal
    try:
        if batch.shut.refused:
            refuse_shut(keys, batch.shut)
        outcome = _outcome(batch, request, _moment(batch, number, keys))
    except TollkeeperError as error:
        return hidden_replay(batch, request) or _recorded(batch, number, request) or error
    except Unplanned:
        return _deferred(batch, number, keys)
    if outcome.replays is not None:
        return hidden_replay(batch, request) or stand_for(batch, request, outcome.replays, keys)
    if _lacks_rows(batch, number, outcome, keys):
        return _deferred(batch, number, keys)
    return _accept(batch, request, outcome, keys)


def _outcome(batch: Batch, request: Request, moment: datetime) -> Outcome:
    """Decide; what the decision asks of the books is read, and it is made anew."""
    while True:
        try:
            return request.decide(batch.book, moment)
        except Unread as unread:
            answer_questions(batch, unread.questions)


def _recorded(batch: Batch, number: int, request: Request) -> Answer | None:
    """Decide again once it is known which of the request's usage events are there already."""
    if batch.keys_known or not request.events():
        return None
    look_up_keys(batch)
    return _decided(batch, number, request)


def _lacks_rows(batch: Batch, number: int, outcome: Outcome, keys: tuple[AccountKey, ...]) -> bool:
    """Tell whether an accepted request needs rows that do not exist yet."""
    plan, absent = batch.plan, batch.locked.absent
    if number in plan.by_tally:
        absent = absent - plan.optional
    if number in plan.absent or (absent and not absent.isdisjoint(keys)):
        return True
    return not plan.new_tallies.isdisjoint([tally.key for tally in outcome.tallies])


def _moment(batch: Batch, number: int, keys: tuple[AccountKey, ...]) -> datetime:
    """Give the time of deciding and booking."""
    moment = batch.book.moment_for(keys)
    tallies = batch.plan.by_tally.get(number)
    return batch.book.moment_of(tallies, moment) if tallies else moment


def _deferred(batch: Batch, number: int, keys: tuple[AccountKey, ...]) -> Later:
    """Have a request run again, and all after it that touch the same accounts or tallies."""
    batch.deferred.update(keys, batch.plan.by_tally.get(number, ()))
    return Later.ABSENT


def _later(batch: Batch, number: int, keys: tuple[AccountKey, ...]) -> Later | None:
    """Tell whether a request must wait for a lock, or for one before it that has to run again."""
    if not (batch.plan.busy or batch.locked.busy or batch.deferred):
        return None
    tallies = batch.plan.by_tally.get(number, ())
    touched = (*keys, *tallies)
    if number in batch.plan.busy or not batch.locked.busy.isdisjoint(touched):
        # What counts one customer's use keeps its order, whoever pays.
        batch.locked.busy.update(tallies)
        return Later.BUSY
    return None if batch.deferred.isdisjoint(touched) else Later.ABSENT


def _accept(
    batch: Batch, request: Request, outcome: Outcome, keys: tuple[AccountKey, ...]
) -> Receipt:
    if outcome.tallies:
        batch.writing.add_counts(outcome)
    rows = batch.writing.add(request, outcome, batch.book, keys)
    if batch.writing.dues or not is_quiet(outcome, batch.notices.outbox.telling):
        batch.notices.add(request, outcome, batch.writing.dues, batch.book, rows[0][6])
        batch.writing.dues.clear()
    batch.book.accept(request, outcome, rows[0][6])
    private = outcome.revision.private if outcome.revision is not None else None
    receipt = receipt_from(request.customer, rows, batch.units, verb=request.verb, private=private)
    if request.idempotency_key is not None:
        batch.answered[(request.customer, request.idempotency_key)] = (request.fingerprint, receipt)
    return receipt
