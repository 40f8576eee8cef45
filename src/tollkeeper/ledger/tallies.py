"""Between rows and tallies, and what a batch locks and keeps of them. Decides nothing.

A tally's state is JSON: `p` live plans, `s` since when they are these, `c` counters, `h` charges
that are set aside, `l` limits of the customer's own, `t` the running hour; what is empty is left
out.
"""

import json
from collections.abc import Sequence
from typing import Any

from tollkeeper.decisions.tallies import Counter, Held, OnPlan, OwnLimit, Running, Tally
from tollkeeper.ledger.charge_holds import limit_from
from tollkeeper.store.types import read_moment
from tollkeeper.values.moments import from_microseconds, to_microseconds

_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

#: The most tallies whose meaning is remembered.
MOST_TALLIES = 20_000


class TallyMemo:
    """Remembers what rows mean, so that one that comes back unchanged is not read again.

    An entry serves only if version and text are equal, so this affects cost and never meaning.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, str, Tally]] = {}

    def read(self, row: Sequence[Any]) -> Tally:
        """Give the tally of a row, remembered or read."""
        version, state = row[2], row[3]
        known = self._known.get((row[0], row[1]))
        if known is None or known[0] != version or known[1] != state:
            return tally_from(row)
        zone, currency, merged_into = row[5:8]
        tally = known[2]
        if (tally.zone, tally.currency, tally.merged_into) == (zone, currency, merged_into):
            return tally
        return tally._replace(zone=zone, currency=currency, merged_into=merged_into)

    def keep(self, row: Sequence[Any], tally: Tally) -> None:
        """Remember the row that a tally was written as."""
        if len(self._known) >= MOST_TALLIES:
            self._forget_oldest()
        self._known[tally.key] = (row[2], row[3], tally)

    def _forget_oldest(self) -> None:
        """Make room; lanes share the memo, so another one may have been quicker."""
        try:
            del self._known[next(iter(self._known))]
        except (KeyError, StopIteration, RuntimeError):
            return


def tally_from(row: Sequence[Any]) -> Tally:
    """Read a tally's row (see store.tallies)."""
    customer, subject, version, text, updated, zone, currency, merged_into = row
    state = json.loads(text)
    hour, running = state.get("t", (0, ()))
    moment = read_moment(updated)
    return Tally(
        customer=customer,
        subject=subject,
        version=version,
        zone=zone,
        currency=currency,
        merged_into=merged_into,
        plans=tuple([OnPlan(*cells) for cells in state.get("p", ())]),
        counters=tuple([Counter(*cells) for cells in state.get("c", ())]),
        held=tuple([_held(cells) for cells in state.get("h", ())]),
        limits=tuple([_own_limit(cells) for cells in state.get("l", ())]),
        hour=hour,
        running=tuple([Running(*cells) for cells in running]),
        updated=to_microseconds(moment) if moment else 0,
        plans_since=state.get("s", 0),
    )


def tally_row(tally: Tally) -> tuple[Any, ...]:
    """Write a tally's row: key, version, state, when it was written."""
    updated = from_microseconds(tally.updated)
    return (tally.customer, tally.subject, tally.version, state_text(tally), updated)


def state_text(tally: Tally) -> str:
    """Write what a tally holds."""
    state: dict[str, Any] = {}
    if tally.plans:
        state["p"] = tally.plans
    if tally.plans_since:
        state["s"] = tally.plans_since
    if tally.counters:
        state["c"] = tally.counters
    if tally.held:
        state["h"] = tally.held
    if tally.limits:
        state["l"] = tally.limits
    if tally.running:
        state["t"] = (tally.hour, tally.running)
    return _dumps(state)


def _held(cells: Sequence[Any]) -> Held:
    hold, expires, feature, quantity, amounts, subjects = cells
    taken = tuple([(unit, amount) for unit, amount in amounts])
    return Held(hold, expires, feature, quantity, taken, tuple(subjects))


def _own_limit(cells: Sequence[Any]) -> OwnLimit:
    limit, until = cells
    return OwnLimit(limit_from(limit), until)
