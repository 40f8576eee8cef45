"""What the books tell of a span of time, customer by customer, in constant memory. Changes nothing.

It reads one unchanging state: who calls it has seen to that. Of one customer it holds his accounts
as they stood when the span began, the facts of his grants, and one row of each stream.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import Account, Line
from tollkeeper.decisions.advancing import Due, advance
from tollkeeper.decisions.recasting import unheld
from tollkeeper.decisions.requests import GrantFact, Use
from tollkeeper.decisions.retelling import OF_CHARGES, Operation, Told
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.ledger import reading
from tollkeeper.ledger.auditing.walking import Stream
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.codec import account_from, fact_from, hold_from, lines_from
from tollkeeper.ledger.subscriptions import subscribed_from
from tollkeeper.ledger.tallies import tally_from
from tollkeeper.store import holds, journal, simulations
from tollkeeper.store.simulations import Asked, Cells
from tollkeeper.store.types import read_moment

#: The last moment before another one.
INSTANT = timedelta(microseconds=1)

Happening = Use | Operation | Subscribed


class Dated(NamedTuple):
    """Something that happened, in its place: at one moment, ids tell the order."""

    at: datetime
    order: str
    rank: int
    what: Happening


@dataclass(slots=True)
class Story:
    """One customer: how he stood when the span began, and what happened in it."""

    customer: str
    #: His own tally as it stands now, with his zone, his currency and limits of his own.
    real: Tally
    accounts: tuple[Account, ...]
    facts: dict[str, GrantFact]
    #: The plans that he had at some time of the span.
    taken: tuple[Subscribed, ...]
    happenings: Iterator[Dated]
    #: What time did in the span and nobody has booked yet.
    waiting: tuple[Due, ...]
    #: What vendors asked: feature, currency, calls, cost, quantity.
    vendors: tuple[tuple[str, str, int, int, int], ...]

    @property
    def own_grants(self) -> frozenset[str]:
        """Name the grants that his plans gave."""
        plans = {known.id for known in self.taken}
        found = (f for f in self.facts.values() if f.source == "allowance")
        return frozenset([fact.id for fact in found if fact.source_id in plans])


class Stories:
    """The streams of the books, and one customer's part of each at a time."""

    def __init__(self, ledger: Ledger, connection: Connection, asked: Asked) -> None:
        self._ledger, self._connection, self._asked = ledger, connection, asked
        given = (connection, ledger.database, asked)
        self._customers = simulations.customers(*given)
        self._accounts = Stream(simulations.accounts(*given))
        self._facts = Stream(simulations.facts(*given))
        self._subscriptions = Stream(simulations.subscriptions(*given))
        self._entries = Stream(simulations.entries(*given))
        self._uses = Stream(simulations.uses(*given))
        self._vendors = Stream(simulations.vendor_costs(*given))

    def __iter__(self) -> Iterator[Story]:
        """Tell every customer's story, by their ids; each is to be heard to its end."""
        for row in self._customers:
            yield self._story(row)

    def _story(self, row: Cells) -> Story:
        customer, made_at = row[0], read_moment(row[1])
        is_new = made_at is not None and made_at >= self._asked.since
        facts = {fact.id: fact for fact in map(fact_from, self._of(self._facts, customer))}
        rows = list(self._of(self._accounts, customer))
        taken = tuple([subscribed_from(each) for each in self._of(self._subscriptions, customer)])
        waiting = self._waiting(rows)
        is_costly = any(fact.cost and fact.source != "allowance" for fact in facts.values())
        facts.update((fact.id, fact) for due in waiting for fact in due.made)
        return Story(
            customer=customer,
            real=_tally(row),
            accounts=tuple([self._began(account_from(each)) for each in rows if not is_new]),
            facts=facts,
            taken=taken,
            happenings=self._happenings(customer, taken, is_costly=is_costly),
            waiting=waiting,
            vendors=tuple([_vendor(each) for each in self._of(self._vendors, customer)]),
        )

    def _of(self, stream: Stream, customer: str) -> Iterator[Cells]:
        """Give a customer's rows."""
        self._pass_to(stream, customer)
        return stream.of_customer(customer)

    def _pass_to(self, stream: Stream, customer: str) -> None:
        """Pass over rows of nobody who is told of."""
        while (other := stream.customer()) is not None and other < customer:
            for _ in stream.of_customer(other):
                pass

    def _began(self, account: Account) -> Account:
        """Give an account as it stood just before the span, with nothing set aside."""
        last = self._asked.since - INSTANT
        if account.updated_at is None or account.updated_at >= self._asked.since:
            account, open_holds = reading.told_at(
                self._ledger, self._connection, account.key, last, last
            )
        else:
            rows = self._open_holds(account) if account.held else []
            open_holds = [hold_from(row) for row in rows]
        return advance(unheld(account, open_holds), (), last).account

    def _open_holds(self, account: Account) -> Sequence[Any]:
        return holds.open_holds(self._connection, self._ledger.database, [account.key])

    def _waiting(self, rows: Sequence[Cells]) -> tuple[Due, ...]:
        """Give what time did to accounts in the span and nobody has booked yet."""
        found: list[Due] = []
        for row in rows:
            account = account_from(row)
            if account.due_at is not None and account.due_at < self._asked.until:
                open_holds = [hold_from(each) for each in self._open_holds(account)]
                before = advance(account, open_holds, self._asked.since - INSTANT)
                gone = {due.hold.id for due in before.due if due.hold}
                left = [hold for hold in open_holds if hold.id not in gone]
                found += advance(before.account, left, self._asked.until - INSTANT).due
        return tuple(due for due in found if self._is_within(due.entries[0].event_at))

    def _is_within(self, at: datetime | None) -> bool:
        return at is not None and self._asked.since <= at < self._asked.until

    def _happenings(
        self, customer: str, taken: tuple[Subscribed, ...], *, is_costly: bool
    ) -> Iterator[Dated]:
        self._pass_to(self._entries, customer)
        began = [known for known in taken if known.started_at >= self._asked.since]
        plans = [Dated(k.started_at, _order(k.id), 0, k) for k in began]
        plans.sort(key=_place)
        if not plans and self._entries.customer() != customer:
            return self._dated_uses(customer)
        operations = self._operations(customer, is_costly=is_costly)
        return merge(plans, operations, self._dated_uses(customer), key=_place)

    def _dated_uses(self, customer: str) -> Iterator[Dated]:
        for row in self._of(self._uses, customer):
            at = read_moment(row[4]) or self._asked.since
            use = Use(row[0], row[1], row[2], row[3], at, None, *row[6:21])
            yield Dated(at, _order(use.id), 2, use)

    def _operations(self, customer: str, *, is_costly: bool) -> Iterator[Dated]:
        """Give operations; what charges drew is of interest only where a grant had a price."""
        rows = self._of(self._entries, customer)
        for name, parts in groupby(rows, key=_operation_id):
            some = list(parts)
            if not is_costly and _is_plain_charge(some[0][12]):
                continue
            told = _operation(name, some)
            if told.event_at is not None:
                if not self._is_within(told.event_at):
                    continue
            elif self._undoes_a_use(customer, told):
                told = told._replace(verb="charge")
            yield Dated(told.at, _order(name), 1, told)

    def _undoes_a_use(self, customer: str, told: Operation) -> bool:
        """Tell whether it reverses a charge of the span, which then does not count at all."""
        name = told.result.get("reverses")
        if not isinstance(name, str):
            return False
        database = self._ledger.database
        for row in journal.by_ids(self._connection, database, [(customer, name)]):
            booked = read_moment(row.created_at)
            if booked is not None and booked >= self._asked.since and row.result:
                return _verb(row.kind, json.loads(row.result)) in OF_CHARGES
        return False


def _place(dated: Dated) -> tuple[datetime, str, int]:
    return dated[0], dated[1], dated[2]


def _order(name: str) -> str:
    """Give what of an id tells the order in which ids were made."""
    return name.partition("_")[2]


def _tally(row: Cells) -> Tally:
    customer, _, zone, currency, merged_into, version, state, updated = row
    if version is None:
        return Tally(customer, OWN, 0, zone, currency, merged_into)
    return tally_from((customer, OWN, version, state, updated, zone, currency, merged_into))


def _vendor(row: Cells) -> tuple[str, str, int, int, int]:
    return row[1], row[2], int(row[3]), int(row[4]), int(row[5])


def _operation(name: str, rows: Sequence[Cells]) -> Operation:
    """Read one operation from its rows."""
    head = rows[0]
    result: dict[str, Any] = json.loads(head[12]) if head[12] else {}
    entries = tuple([_told(row) for row in rows if row[13] is not None])
    at = read_moment(head[5])
    assert at is not None, "every operation is booked at a time"
    return Operation(name, at, entries, result, _verb(head[3], result), read_moment(head[6]))


def _operation_id(row: Cells) -> str:
    return str(row[1])


def _is_plain_charge(result: str | None) -> bool:
    """Tell by its looks, since there are so many: it tells shares, and not who was to pay."""
    return result is not None and '"shares":' in result and '"pay_from":' not in result


def _verb(kind: str, result: dict[str, Any]) -> str:
    """Give the verb; it is told where it is not the kind of the first entry."""
    return str(result.get("verb", kind))


def _told(row: Cells) -> Told:
    available, restricted, held, debt = row[7:11]
    lines = tuple([Line(*line) for line in lines_from(row[11])])
    return Told(row[3], row[4], lines, -(available + restricted + held), debt)
