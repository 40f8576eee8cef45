"""A customer's books in memory, over which uses are played again as if it were then. Pure.

It carries the outcome of each request to the next, as the ledger's own book does for a batch, but
for one customer and for any span of time. Nothing of it is ever written. Laws:

- The decisions are those of the ledger, asked the same way: `advance`, then `decide`.
- What one customer's uses do depends on no other customer.
- Memory grows with the customer's accounts and hours of use, never with the number of uses.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tollkeeper.decisions.accounts import Account, Entry
from tollkeeper.decisions.advancing import advance
from tollkeeper.decisions.asking import (
    BILLED,
    PRICED,
    QUANTITY,
    Answer,
    Question,
    Span,
    Used,
)
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import GrantFact, Kept, Outcome, Recorded, Request
from tollkeeper.decisions.subscribed import Subscribed, SubscriptionsOf
from tollkeeper.decisions.tallies import OWN, Running, Tally, TallyKey
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.customers import Known
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import Unit

#: Tells how much was used before the span that is played; nothing, unless somebody knows.
AskedBefore = Callable[[Span], Used]

#: Told each entry that is booked, by whomever it was.
Watching = Callable[[Entry], None]


def never_used(span: Span) -> Used:  # noqa: ARG001  # the signature of who asks
    """Know of no use before."""
    return Used()


@dataclass(slots=True)
class PlayedBook:
    """One customer's state so far, as decisions see it (`decisions.requests.Book`)."""

    customer: str
    units: Mapping[str, Unit]
    #: From when on uses are played; what was before is asked.
    since: datetime
    own: Tally
    before: AskedBefore = never_used
    watch: Watching | None = None
    states: dict[str, Account] = field(default_factory=dict)
    tallies: dict[TallyKey, Tally] = field(default_factory=dict)
    subscribed: dict[str, Subscribed] = field(default_factory=dict)
    #: Grants that were made, or were there: their facts.
    facts: dict[str, GrantFact] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    #: When time alone next changes an account; None is never.
    due_at: datetime | None = None
    _hours: list[tuple[int, tuple[Running, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tallies[self.own.key] = self.own

    def put(self, account: Account) -> None:
        """Take an account as it stands."""
        self.states[account.unit] = account
        self._look_at(account.due_at)

    def advance(self, now: datetime) -> None:
        """Bring every account to a moment."""
        if self.due_at is None or now < self.due_at:
            return
        self.due_at = None
        for unit, account in list(self.states.items()):
            advanced = advance(account, (), now)
            self.states[unit] = advanced.account
            self._look_at(advanced.account.due_at)
            for due in advanced.due:
                self._keep(due.entries, due.made)

    def play(self, request: Request, now: datetime) -> Outcome:
        """Decide a request at a moment, and carry what it does into the state.

        Raises whatever the decision raises; nothing has changed then but by time.
        """
        self.advance(now)
        outcome = request.decide(self, now)
        self.accept(outcome)
        return outcome

    def accept(self, outcome: Outcome) -> None:
        """Carry an outcome into the state."""
        for entry in outcome.entries:
            self.states[entry.after.unit] = entry.after
            self._look_at(entry.after.due_at)
        for account in outcome.unposted:
            self.put(account)
        if outcome.entries or outcome.made:
            self._keep(outcome.entries, outcome.made)
        for tally in outcome.tallies:
            self.tallies[tally.key] = tally
        for hour in outcome.hours:
            self._hours.append((hour.start, hour.uses))
        for known in outcome.subscriptions:
            self.subscribed[known.id] = known

    def told(self, question: Question) -> Answer:
        """Say what was used so far, before and since, or which subscriptions there are."""
        if isinstance(question, SubscriptionsOf):
            return tuple(self.subscribed[key] for key in sorted(self.subscribed))
        if isinstance(question, Span):
            return self._used(question)
        raise InvalidRequest(f"Nobody is asked for {type(question).__name__} here.")

    def _used(self, span: Span) -> Used:
        """Sum what was used before the span that is played, and the hours since.

        The hours are whole ones: of a window that began in the middle of one, all of it counts.
        """
        since = to_microseconds(self.since)
        found = Used()
        if span.start < since:
            end = min(span.end, since) if span.end else since
            found = self.before(
                Span(span.customer, span.feature, span.subject, span.measure, span.start, end)
            )
        if span.subject != OWN or (span.end and span.end <= since):
            return found
        amount = found.amount + sum(self._in_hours(span))
        return Used(amount, found.first or span.start if amount else 0)

    def _in_hours(self, span: Span) -> Iterable[int]:
        own = self.tallies[(self.customer, OWN)]
        first = span.start - span.start % _HOUR
        for start, uses in (*self._hours, (own.hour, own.running)):
            if first <= start and not (span.end and start >= span.end):
                for use in uses:
                    if span.feature in (None, use.feature):
                        yield _measured(use, span.measure)

    def _keep(self, entries: Iterable[Entry], made: Iterable[GrantFact]) -> None:
        for fact in made:
            self.facts[fact.id] = fact
        if self.watch is not None:
            for entry in entries:
                self.watch(entry)

    def _look_at(self, due_at: datetime | None) -> None:
        if due_at is not None and (self.due_at is None or due_at < self.due_at):
            self.due_at = due_at

    def account(self, customer: str, unit: str) -> Account:
        """Give an account; an empty one where none exists yet."""
        return self.states.get(unit) or Account(customer, unit)

    def accounts_of(self, customer: str) -> list[Account]:  # there is one customer
        """Give every account."""
        return [self.states[unit] for unit in sorted(self.states)]

    def tally(self, customer: str, subject: str) -> Tally:
        """Give a tally; an empty one where none exists yet."""
        return self.tallies.get((customer, subject)) or Tally(customer, subject)

    @property
    def grants(self) -> Mapping[tuple[str, str], GrantFact]:
        """Give the facts of grants."""
        return {(self.customer, key): fact for key, fact in self.facts.items()}

    @property
    def operations(self) -> Mapping[tuple[str, str], Recorded]:
        """Give no operation: none is corrected here."""
        return _NOTHING

    @property
    def customers(self) -> Mapping[str, Known]:
        """Give no customer's own row."""
        return _NOTHING

    @property
    def charge_holds(self) -> Mapping[tuple[str, str], ChargeHold]:
        """Give no charge hold: a charge that was set aside is played when it was settled."""
        return _NOTHING

    @property
    def recorded(self) -> Mapping[tuple[str, str], Kept]:
        """Give no usage event: none is played twice."""
        return _NOTHING

    def done_by_time(self, customer: str, unit: str) -> Mapping[str, int]:  # all of it is booked
        """Count nothing: what time did is booked at once."""
        return _NOTHING


_HOUR = 3_600_000_000
_NOTHING: dict[Any, Any] = {}


def _measured(use: Running, measure: str) -> int:
    if measure == QUANTITY:
        return use.quantity
    if measure in (BILLED, PRICED):
        return use.billed + (use.wallet if measure == PRICED else 0)
    return use.spent + use.owed if measure == f"money:{use.currency}" else 0
