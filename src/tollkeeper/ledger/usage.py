"""Answers about usage that change nothing: sums over any span, in groups, and the report.

Laws:

- A sum over a span is the sum of the events that count in it, whatever became of them since:
  amendments, backfills, late ones. Sums of the parts of a span add up to that of the whole.
- Whole hours are read off their totals and the running hour; only hours that the span cuts are
  scanned. Filters, groups and `unique` scan the span.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tollkeeper.decisions.plans_then import plans_then
from tollkeeper.decisions.tallies import HOUR, OWN, Running, Tally
from tollkeeper.decisions.windows import period_of
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.foreseeing import looked_at
from tollkeeper.ledger.subscriptions import of_customer
from tollkeeper.store import usage_reads, usage_sums
from tollkeeper.store.database import Database
from tollkeeper.store.sums import read_sum
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import Period
from tollkeeper.values.texts import echo

#: The most groups of one answer.
MAXIMUM_GROUPS = 1000

MEMBER = "member"


@dataclass(slots=True)
class Summed:
    """Sums of events, as they add up; quantities at the feature's scale."""

    events: int = 0
    quantity: int = 0
    maximum: int | None = None
    included: int = 0
    credits: int = 0
    wallet: int = 0
    billed: int = 0
    #: Money by currency, at its scale.
    spent: dict[str, int] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    #: What the meter says, at the feature's scale; a count is as it is.
    value: int | None = None

    def add(self, currency: str, sums: Sequence[Any]) -> None:
        """Add nine sums (see store.usage_reads.event_sums)."""
        events, quantity, maximum, included, paid, wallet, billed, spent, owed = sums
        self.events += read_sum(events)
        self.quantity += read_sum(quantity)
        if maximum is not None:
            self.maximum = max(int(maximum), self.maximum or 0)
        self.included += read_sum(included)
        self.credits += read_sum(paid)
        self.wallet += read_sum(wallet)
        self.billed += read_sum(billed)
        self.spent[currency] = self.spent.get(currency, 0) + read_sum(spent)
        self.owed[currency] = self.owed.get(currency, 0) + read_sum(owed)

    @property
    def unpaid(self) -> int:
        """What nobody could pay."""
        return self.quantity - self.included - self.credits - self.wallet - self.billed


class Asked(NamedTuple):
    """What is to be summed."""

    customer: str
    feature: str
    since: int
    until: int
    member: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    group_by: tuple[str, ...] = ()
    #: The meter, and the dimension that `unique` counts.
    meter: str = "sum"
    of: str | None = None


class Found(NamedTuple):
    """The sums, those of each group, and whether every event was looked at."""

    total: Summed
    groups: tuple[tuple[dict[str, str | None], Summed], ...]
    scanned: bool


def own_tally(ledger: Ledger, connection: Connection, customer: str, now: datetime) -> Tally:
    """Read a customer's own tally, with his zone and plans; what one who was merged used stays."""
    book = looked_at(ledger, connection, ((customer, OWN),), now)
    return book.tallies[(customer, OWN)]


def period_around(ledger: Ledger, connection: Connection, own: Tally, at: int) -> Period:
    """Give the billing period of a moment, by the plans of that moment."""
    if at < own.plans_since:
        found = of_customer(connection, ledger.database, own.customer)
        own = plans_then(found, own, at).own
    start, end = period_of(own, at)
    return Period(from_microseconds(start), from_microseconds(end))


def summary(ledger: Ledger, connection: Connection, asked: Asked) -> Found:
    """Sum up a customer's use of a feature."""
    database = ledger.database
    is_plain = not (asked.member or asked.where or asked.group_by) and asked.meter != "unique"
    if not is_plain:
        return _scanned(connection, database, asked)
    total, unknown = _by_hours(connection, database, asked)
    scanned = False
    if asked.meter == "max" and unknown:
        conditions, values = _conditions(database, asked)
        rows = usage_sums.greatest(connection, database, conditions, values)
        total.maximum, scanned = (None if rows[0][0] is None else int(rows[0][0])), True
    if asked.meter == "last":
        conditions, values = _conditions(database, asked)
        rows = usage_sums.last(connection, database, conditions, values)
        total.value = int(rows[0][0]) if rows else None
    return Found(_metered(total, asked.meter), (), scanned)


def _metered(summed: Summed, meter: str) -> Summed:
    if meter == "sum":
        summed.value = summed.quantity
    elif meter == "count":
        summed.value = summed.events
    elif meter == "max":
        summed.value = summed.maximum
    return summed


def _by_hours(connection: Connection, database: Database, asked: Asked) -> tuple[Summed, int]:
    """Add up totals, edges and the running hour; tell how many hours lack their greatest."""
    first, last = -(-asked.since // HOUR) * HOUR, asked.until - asked.until % HOUR
    values: dict[str, Any] = {"customer": asked.customer, "feature": asked.feature}
    spans = [(asked.since, first), (last, asked.until)]
    if first >= last:
        spans, first, last = [(asked.since, asked.until)], 0, 0
    hours = "t.hour >= :first AND t.hour < :last"
    values["first"], values["last"] = _at(database, first), _at(database, last)
    edges: list[str] = []
    for number, (start, end) in enumerate(spans):
        if start < end:
            edges.append(f"(e.counted_at >= :start{number} AND e.counted_at < :end{number})")
            values[f"start{number}"] = _at(database, start)
            values[f"end{number}"] = _at(database, end)
    total, unknown = Summed(), 0
    for kind, currency, *sums, lacking, state in usage_sums.by_hours(
        connection, database, hours, " OR ".join(edges), values
    ):
        if kind == "tally":
            unknown += _add_running(total, state, asked.feature, first, last)
        else:
            total.add(currency, sums)
            unknown += int(lacking)
    return total, unknown


def _add_running(total: Summed, state: str, feature: str, first: int, last: int) -> int:
    """Add the running hour, where it lies within; tell whether its greatest is not known."""
    hour, running = json.loads(state).get("t", (0, ()))
    unknown = 0
    if first <= hour < last:
        for cells in running:
            use = Running(*cells)
            if use.feature == feature:
                total.add(
                    use.currency,
                    (use.events, use.quantity, use.maximum, *use[6:12]),
                )
                unknown += use.maximum is None
    return unknown


def _scanned(connection: Connection, database: Database, asked: Asked) -> Found:
    """Sum up events one by one, in groups."""
    conditions, values = _conditions(database, asked)
    groups = _groups(database, asked.group_by, values)
    most = (MAXIMUM_GROUPS + 1) * 4
    rows = usage_sums.by_events(connection, database, conditions, groups, values, most=most)
    total, found = Summed(), grouped(rows, len(groups))
    for row in rows:
        total.add(row[len(groups)], row[len(groups) + 1 :])
    if len(found) > MAXIMUM_GROUPS:
        raise InvalidRequest(
            f"There are more than {MAXIMUM_GROUPS:,} groups; narrow the span, or filter with where."
        )
    for summed in (total, *found.values()):
        _metered(summed, asked.meter)
    _set_values(connection, database, asked, conditions, values, (total, found))
    if not asked.group_by:
        found = {}
    named = [(dict(zip(asked.group_by, key, strict=True)), sums) for key, sums in found.items()]
    return Found(total, tuple(named), scanned=True)


def grouped(rows: Iterable[Sequence[Any]], width: int) -> dict[tuple[Any, ...], Summed]:
    """Add up rows that begin with the cells of their group, then the currency and the sums."""
    found: dict[tuple[Any, ...], Summed] = {}
    for row in rows:
        found.setdefault(tuple(row[:width]), Summed()).add(row[width], row[width + 1 :])
    return found


def _set_values(
    connection: Connection,
    database: Database,
    asked: Asked,
    conditions: list[str],
    values: dict[str, Any],
    sums: tuple[Summed, dict[tuple[Any, ...], Summed]],
) -> None:
    """Set what meters say that sums do not tell."""
    total, found = sums
    groups = _groups(database, asked.group_by, values)
    if asked.meter == "unique" and asked.of is not None:
        values["of"] = usage_sums.dimension_key(database, check_name(asked.of))
        what = usage_sums.dimension(database, "of")
        rows = usage_sums.different(connection, database, what, conditions, (), values)
        total.value = int(rows[0][0])
        if groups:
            rows = usage_sums.different(connection, database, what, conditions, groups, values)
            _take(rows, found)
    elif asked.meter == "last":
        rows = usage_sums.last(connection, database, conditions, values)
        total.value = int(rows[0][0]) if rows else None
        if groups:
            _take(
                usage_sums.last_of_groups(connection, database, conditions, groups, values), found
            )


def _take(rows: Sequence[Any], found: dict[tuple[Any, ...], Summed]) -> None:
    for row in rows:
        summed = found.get(tuple(row[:-1]))
        if summed is not None:
            summed.value = int(row[-1])


def _conditions(database: Database, asked: Asked) -> tuple[list[str], dict[str, Any]]:
    """Write which events are summed."""
    conditions = [
        "e.customer_id = :customer",
        "e.feature = :feature",
        "e.counted_at >= :since",
        "e.counted_at < :until",
    ]
    values: dict[str, Any] = {
        "customer": asked.customer,
        "feature": asked.feature,
        "since": _at(database, asked.since),
        "until": _at(database, asked.until),
    }
    if asked.member is not None:
        conditions.append("e.member = :member")
        values["member"] = asked.member
    filters(database, dict(asked.where), conditions, values)
    return conditions, values


def filters(
    database: Database, where: Mapping[str, str], conditions: list[str], values: dict[str, Any]
) -> None:
    """Write what is asked of dimensions."""
    for number, (name, value) in enumerate(sorted(where.items())):
        values[f"name{number}"] = usage_sums.dimension_key(database, check_name(name))
        values[f"value{number}"] = value
        conditions.append(f"{usage_sums.dimension(database, f'name{number}')} = :value{number}")


def _groups(database: Database, names: Sequence[str], values: dict[str, Any]) -> list[str]:
    """Write what events are grouped by."""
    made: list[str] = []
    for number, name in enumerate(names):
        if name == MEMBER:
            made.append("e.member")
        else:
            values[f"group{number}"] = usage_sums.dimension_key(database, check_name(name))
            made.append(usage_sums.dimension(database, f"group{number}"))
    return made


def check_name(name: str) -> str:
    """Refuse the name of a dimension that a filter cannot have."""
    if '"' in name or "\\" in name:
        raise InvalidRequest(
            f"{echo(name)} has a quotation mark or a backslash; such a dimension can be neither "
            "filtered nor grouped by."
        )
    return name


def _at(database: Database, microseconds: int) -> Any:
    return usage_reads.at(database, from_microseconds(microseconds))


def report(
    ledger: Ledger,
    connection: Connection,
    *,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    customer: str | None,
    most: int,
) -> dict[tuple[Any, ...], Summed]:
    """Sum up the usage of all customers by group; the feature is the last cell of each."""
    database = ledger.database
    conditions = ["e.counted_at >= :since", "e.counted_at < :until"]
    values: dict[str, Any] = {
        "since": _at(database, to_microseconds(since)),
        "until": _at(database, to_microseconds(until)),
    }
    if customer is not None:
        conditions.append("e.customer_id = :customer")
        values["customer"] = customer
    columns = {
        "month": usage_sums.month(database),
        "customer": "e.customer_id",
        "feature": "e.feature",
        MEMBER: "e.member",
    }
    groups: list[str] = []
    for number, name in enumerate(by):
        known = columns.get(name)
        if known is None:
            values[f"group{number}"] = usage_sums.dimension_key(database, check_name(name))
            known = usage_sums.dimension(database, f"group{number}")
        groups.append(known)
    groups.append("e.feature")
    rows = usage_sums.by_events(connection, database, conditions, groups, values, most=most)
    return grouped(rows, len(groups))
