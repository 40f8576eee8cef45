"""That what was counted is what was used: events, totals, limits' counters and charges agree.

Reads the tables themselves, by statements of its own, so that nothing which made the counts is
trusted to check them. Writes nothing.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import create_engine, make_url, text

from tollkeeper.cli.bench.selling import CALLS, IMAGES

#: What is summed of the events and of the totals of hours; what no source paid is billed.
_SUMS: Final = ("quantity", "included", "credits", "wallet", "spent", "owed")
#: Where these stand in a running hour's cells, after the feature and the number of events.
_RUNNING: Final = (2, 6, 7, 8, 10, 11)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: One of a feature, at its scale.
_ONE: Final = 1_000_000

Ask = Callable[..., Sequence[Any]]
Sums = dict[str, tuple[int, ...]]


class CountsAreWrong(Exception):
    """What was counted is not what was used."""


class Counts:
    """The tables of one database, asked about one customer at a time."""

    def __init__(self, database: str) -> None:
        self._engine = create_engine(make_url(database))
        is_sqlite = self._engine.dialect.name == "sqlite"
        self._before = "tollkeeper_" if is_sqlite else "tollkeeper."
        self._is_sqlite = is_sqlite

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def check(self, customer: str) -> int:
        """Compare all counts of a customer; tell how many usage events he has.

        Raises:
            CountsAreWrong: two of them differ; the message says which.
        """
        with self._engine.connect() as connection:

            def ask(statement: str, **values: Any) -> Sequence[Any]:
                named = statement.replace("@", self._before)
                return connection.execute(text(named), {"customer": customer, **values}).fetchall()

            state = _state(ask)
            by_events = _by_events(ask)
            _agree(customer, "totals", by_events, _by_totals(ask, state))
            for name, start, end, used in state.get("c", ()):
                if name in (CALLS, IMAGES):
                    _agree(customer, f"counter {name}", self._used(ask, name, start, end), used)
            _check_charges(customer, ask)
        return sum(sums[0] for sums in by_events.values())

    def _used(self, ask: Ask, feature: str, start: int, end: int) -> int:
        """Sum up what was used of a feature in a window."""
        rows = ask(
            "SELECT coalesce(sum(quantity), 0) FROM @usage_event WHERE customer_id = :customer"
            " AND feature = :feature AND counted_at >= :start AND counted_at < :end",
            feature=feature,
            start=self._moment(start),
            end=self._moment(end),
        )
        return int(rows[0][0])

    def _moment(self, microseconds: int) -> Any:
        moment = _EPOCH + timedelta(microseconds=microseconds)
        return f"{moment:%Y-%m-%d %H:%M:%S.%f}" if self._is_sqlite else moment


def _state(ask: Ask) -> dict[str, Any]:
    rows = ask("SELECT state FROM @tally WHERE customer_id = :customer AND subject = ''")
    return dict(json.loads(rows[0][0])) if rows else {}


def _by_events(ask: Ask) -> Sums:
    """Sum up the events of each feature: how many they are, then the sums."""
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in _SUMS)
    rows = ask(
        f"SELECT feature, count(*), {sums} FROM @usage_event"  # noqa: S608  # names are ours
        " WHERE customer_id = :customer GROUP BY feature"
    )
    return {row[0]: tuple(map(int, row[1:])) for row in rows}


def _by_totals(ask: Ask, state: dict[str, Any]) -> Sums:
    """Sum up what is kept of the hours that are over, and what runs."""
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    rows = ask(
        f"SELECT feature, sum(events), {sums} FROM @usage_total"  # noqa: S608  # names are ours
        " WHERE customer_id = :customer GROUP BY feature"
    )
    found = {row[0]: tuple(map(int, row[1:])) for row in rows}
    for cells in state.get("t", (0, ()))[1]:
        running = (cells[1], *(cells[place] for place in _RUNNING))
        before = found.get(cells[0], (0,) * len(running))
        found[cells[0]] = tuple(map(sum, zip(before, running, strict=True)))
    return found


def _check_charges(customer: str, ask: Ask) -> None:
    """See that every charge has its event, every event its charge, and who paid each third."""
    charges = ask(
        "SELECT count(*) FROM @operation AS o WHERE o.customer_id = :customer AND o.part = 0"
        " AND o.result LIKE :charge AND NOT EXISTS (SELECT 1 FROM @usage_event AS e"
        " WHERE e.customer_id = o.customer_id AND e.id = o.id)",
        charge='%"verb":"charge"%',
    )
    _agree(customer, "charges without an event", 0, charges[0][0])
    events = ask(
        "SELECT count(*) FROM @usage_event AS e WHERE e.customer_id = :customer"
        " AND e.feature IN (:one, :three) AND NOT EXISTS (SELECT 1 FROM @operation AS o"
        " WHERE o.customer_id = e.customer_id AND o.id = e.id)",
        one=CALLS,
        three=IMAGES,
    )
    _agree(customer, "events without a charge", 0, events[0][0])
    paid = ask(
        "SELECT count(*) FROM @usage_event WHERE customer_id = :customer AND feature = :three"
        " AND NOT (quantity = 3 * :one AND coalesce(credits, 0) = 2 * :one"
        " AND coalesce(wallet, 0) = :one)",
        one=_ONE,
        three=IMAGES,
    )
    _agree(customer, "charges that three sources did not pay", 0, paid[0][0])
    accounts = ask(
        "SELECT count(*) FROM (SELECT e.id FROM @usage_event AS e JOIN @operation AS o"
        " ON o.customer_id = e.customer_id AND o.id = e.id WHERE e.customer_id = :customer"
        " AND e.feature = :three GROUP BY e.id HAVING count(DISTINCT o.unit) <> 3) AS others",
        three=IMAGES,
    )
    _agree(customer, "charges without an entry of each source", 0, accounts[0][0])


def _agree(customer: str, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise CountsAreWrong(f"{customer}: {what}: expected {expected}, found {found}")
