"""Holds what fills accounts, and the plans that charges know, against subscriptions.

A subscription stands in three places: in its own row, in the accounts that it fills, and in the
customer's tally. Never holds more than one customer's.
"""

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.ledger.auditing.laws import PLANS, Findings, Place
from tollkeeper.ledger.codec import allowances_from
from tollkeeper.store import audits
from tollkeeper.store.audits import Cells
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment

#: What reading a damaged cell may raise.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)

#: When a subscription ends, and the units that it gives something of.
Sold = tuple[datetime | None, frozenset[str]]


class Rows:
    """Rows in the order of their customers, of which only the next is known."""

    def __init__(self, rows: Iterator[Cells]) -> None:
        self._rows = rows
        self._head = next(rows, None)

    @property
    def customer(self) -> str | None:
        """Tell whose row comes next."""
        return None if self._head is None else self._head[0]

    def of(self, customer: str) -> Iterator[Cells]:
        """Give a customer's rows."""
        while self._head is not None and self._head[0] == customer:
            yield self._head
            self._head = next(self._rows, None)


def check_plans(
    connection: Connection,
    database: Database,
    customer: str | None,
    findings: Findings,
    now: datetime,
) -> None:
    """Check every customer's subscriptions, the accounts that they fill, and his tally."""
    sold = Rows(audits.plans(connection, database, customer))
    filled = Rows(audits.filled(connection, database, customer))
    tallies = Rows(audits.on_plans(connection, database, customer))
    streams = (sold, filled, tallies)
    while waiting := [rows.customer for rows in streams if rows.customer is not None]:
        name = min(waiting)
        known = dict(_sold(sold.of(name), findings))
        fills = list(_fills(filled.of(name), findings))
        plans = list(_plans(tallies.of(name), findings))
        _compare_fills(name, known, fills, findings, now)
        _compare_plans(name, known, plans, findings, now)


def _sold(rows: Iterator[Cells], findings: Findings) -> Iterator[tuple[str, Sold]]:
    for customer, name, ends_at, text in rows:
        try:
            units = frozenset(unit for unit, _ in json.loads(text))
        except UNREADABLE as error:
            _unreadable(findings, customer, name, error)
            units = frozenset()
        yield name, (read_moment(ends_at), units)


def _fills(rows: Iterator[Cells], findings: Findings) -> Iterator[tuple[str, str, datetime | None]]:
    """Give what fills a customer's accounts: unit, subscription, and when it ends."""
    for customer, unit, text in rows:
        try:
            known = allowances_from(text)
        except UNREADABLE as error:
            _unreadable(findings, customer, f"what fills {unit}", error)
            continue
        for each in known:
            if not each.is_over:
                yield unit, each.subscription, each.ends_at


def _plans(rows: Iterator[Cells], findings: Findings) -> Iterator[str]:
    for customer, _, text in rows:
        try:
            yield from [plan[1] for plan in json.loads(text).get("p", ())]
        except UNREADABLE as error:
            _unreadable(findings, customer, "the plans of a tally", error)


def _compare_fills(
    customer: str,
    sold: dict[str, Sold],
    fills: list[tuple[str, str, datetime | None]],
    findings: Findings,
    now: datetime,
) -> None:
    """Find accounts that nothing sold fills, and live subscriptions that fill none."""
    for unit, name, ends in fills:
        known = sold.get(name)
        if known is None or unit not in known[1] or known[0] != ends:
            expected = "none of it" if known is None else f"until {known[0] or 'an end is known'}"
            says = "An account is filled otherwise than its subscription says."
            found = f"{name} until {ends or 'an end is known'}"
            findings.add(PLANS, says, Place(customer, unit), expected=expected, found=found)
    there = {(unit, name) for unit, name, _ in fills}
    for name, (ends, units) in sold.items():
        if ends is not None and ends <= now:
            continue
        for unit in sorted(units):
            if (unit, name) not in there:
                says = "A live subscription does not fill its account."
                findings.add(PLANS, says, Place(customer, unit), expected=name, found="nothing")


def _compare_plans(
    customer: str, sold: dict[str, Sold], plans: list[str], findings: Findings, now: datetime
) -> None:
    """Find plans that charges know and nobody sold, and live ones that they do not know."""
    for name in plans:
        if name not in sold:
            says = "A charge would know a plan that was never sold."
            findings.add(PLANS, says, Place(customer), expected="a subscription", found=name)
    for name, (ends, _) in sold.items():
        if (ends is None or ends > now) and name not in plans:
            says = "A charge would not know a plan that is live."
            findings.add(PLANS, says, Place(customer), expected=name, found="nothing")


def _unreadable(findings: Findings, customer: str, what: str, error: Exception) -> None:
    says = "What a plan gives cannot be read."
    findings.add(PLANS, says, Place(customer), expected=what, found=repr(error))
