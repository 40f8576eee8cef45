"""The book that a batch decides over: accounts brought to now, and all that was loaded beside them.

It carries the state from one request to the next. Writes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import Due, advance
from tollkeeper.decisions.asking import Answer, Question, Unread
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.customers import merged
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.decisions.requests import GrantFact, Kept, Outcome, Recorded, Request, Use
from tollkeeper.decisions.tallies import Tally, TallyKey
from tollkeeper.ledger.memo import Memo
from tollkeeper.ledger.tallies import TallyMemo
from tollkeeper.values.customers import Known
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.units import Unit

Pair = tuple[str, str]


class Unplanned(Exception):
    """A decision came to look at an account that was not locked; it has to be planned again."""


@dataclass(slots=True)
class WorkingBook:
    """The state so far, as decisions see it (`decisions.requests.Book`)."""

    units: Mapping[str, Unit]
    memo: Memo
    now: datetime
    tally_memo: TallyMemo = field(default_factory=TallyMemo)
    #: Accounts as they were locked, or as the last accepted request left them.
    states: dict[AccountKey, Account] = field(default_factory=dict)
    holds: dict[Pair, Hold] = field(default_factory=dict)
    grants: dict[Pair, GrantFact] = field(default_factory=dict)
    operations: dict[Pair, Recorded] = field(default_factory=dict)
    customers: dict[str, Known] = field(default_factory=dict)
    #: What time did to accounts that no accepted request has changed yet.
    waiting: dict[AccountKey, tuple[Due, ...]] = field(default_factory=dict)
    #: When something was due in an account as it was locked, where anything was.
    due_before: dict[AccountKey, datetime] = field(default_factory=dict)
    #: What filled an account as it was locked, where anything did.
    allowances_before: dict[AccountKey, tuple[Recurrence, ...]] = field(default_factory=dict)
    #: Tallies as they were locked, or as the last accepted request left them.
    tallies: dict[TallyKey, Tally] = field(default_factory=dict)
    charge_holds: dict[Pair, ChargeHold] = field(default_factory=dict)
    now_microseconds: int = field(init=False)
    #: Usage events that were there already, by (customer, id): those looked for.
    events: dict[Pair, Kept] = field(default_factory=dict)
    #: Usage events of this batch, each with its moment, that nobody asked for yet.
    brought: list[tuple[Sequence[Use], datetime]] = field(default_factory=list)
    #: What the books said to questions of decisions; forgotten when more is used.
    answers: dict[Question, Answer] = field(default_factory=dict)
    #: The accounts that the batch was planned with; None where none was planned.
    planned: set[AccountKey] | None = None

    def __post_init__(self) -> None:
        self.now_microseconds = to_microseconds(self.now)

    def put(self, key: AccountKey, account: Account) -> None:
        """Take an account as it was locked."""
        self.states[key] = account
        if account.due_at is not None:
            self.due_before[key] = account.due_at
        if account.allowances:
            self.allowances_before[key] = account.allowances

    def account(self, customer: str, unit: str) -> Account:
        """Give an account; an empty one where none exists yet."""
        account = self.states.get((customer, unit))
        if account is None:
            if self.planned is not None and (customer, unit) not in self.planned:
                raise Unplanned
            return Account(customer, unit)
        if account.merged_into is not None:
            raise merged(customer, account.merged_into)
        return account

    def accounts_of(self, customer: str) -> list[Account]:
        """Give every account of a customer that was loaded."""
        return [self.account(*key) for key in sorted(self.states) if key[0] == customer]

    def tally(self, customer: str, subject: str) -> Tally:
        """Give a tally; an empty one where none exists yet."""
        tally = self.tallies.get((customer, subject))
        if tally is None:
            return Tally(customer, subject)
        if tally.merged_into is not None:
            raise merged(customer, tally.merged_into)
        return tally

    @property
    def recorded(self) -> Mapping[Pair, Kept]:
        """Give usage events that are there: those looked for, and those of this batch."""
        for uses, moment in self.brought:
            self.events.update({(use.customer, use.id): Kept(use, moment) for use in uses})
        self.brought.clear()
        return self.events

    def told(self, question: Question) -> Answer:
        """Give the answer to a question that was asked before."""
        if question not in self.answers:
            raise Unread(question)
        return self.answers[question]

    def done_by_time(self, customer: str, unit: str) -> Mapping[str, int]:
        """Count what time alone did to an account and nobody has booked yet, by kind."""
        return Counter(due.entries[0].kind for due in self.waiting.get((customer, unit), ()))

    def bring_to_now(self, holds: Mapping[AccountKey, list[Hold]]) -> None:
        """Advance every account in which something came due, given their open holds."""
        for key, account in self.states.items():
            if account.due_at is not None and account.due_at <= self.now:
                advanced = advance(account, holds.get(key, []), self.now)
                self.states[key] = advanced.account
                self.waiting[key] = advanced.due
                self._close(advanced.due)

    def accept(self, request: Request, outcome: Outcome, booked_at: datetime) -> None:
        """Carry an accepted request's outcome into the state.

        Where it changed several accounts, it was booked no earlier than the last entry of any of
        them, and what follows in this batch must not be booked before it on the others.
        """
        several = len(outcome.entries) > 1
        if "reverses" in outcome.result:
            done = Recorded(request.id, request.verb, ())
            self.operations[(request.customer, request.id)] = done
        for entry in outcome.entries:
            account = entry.after
            self.states[account.key] = (
                account._replace(updated_at=booked_at) if several else account
            )
        for account in outcome.unposted:
            self.states[account.key] = account
        self._keep(outcome)
        if outcome.uses or outcome.tallies:
            self._count(request, outcome)
        if outcome.revision is not None:
            for known in outcome.revision.customers:
                self.customers[known.customer.id] = known

    def _keep(self, outcome: Outcome) -> None:
        """Take over what an outcome made or changed beside accounts."""
        self.grants.update({(fact.customer, fact.id): fact for fact in outcome.made})
        self.holds.update({(hold.customer, hold.id): hold for hold in outcome.holds})
        self.charge_holds.update({(h.customer, h.id): h for h in outcome.charge_holds})
        self.tallies.update({tally.key: tally for tally in outcome.tallies})

    def _count(self, request: Request, outcome: Outcome) -> None:
        """Take over what was used; what was counted from the books before is not so any more."""
        if self.answers and outcome.tallies:
            self.answers.clear()
        if outcome.uses and not request.is_operation:
            # Few batches bring an event twice, so they are looked at once somebody asks.
            self.brought.append((outcome.uses, from_microseconds(outcome.tallies[0].updated)))

    def moment_for(self, keys: Sequence[AccountKey]) -> datetime:
        """Give the time of deciding and booking: now, but never before an account's last entry.

        A clock that steps back must not bring a grant to life again whose end is booked.
        """
        moment = self.now
        for key in keys:
            account = self.states.get(key)
            if account is not None and account.updated_at is not None:
                moment = max(moment, account.updated_at)
        return moment

    def moment_of(self, tallies: Sequence[TallyKey], moment: datetime) -> datetime:
        """Give a moment, but never one before what these tallies count already."""
        latest = max([self.tallies[k].updated for k in tallies if k in self.tallies], default=0)
        if latest <= self.now_microseconds:
            return moment
        return max(moment, from_microseconds(latest))

    def _close(self, booked: tuple[Due, ...]) -> None:
        for due in booked:
            self.grants.update({(fact.customer, fact.id): fact for fact in due.made})
            if due.hold is not None:
                self.holds[(due.hold.customer, due.hold.id)] = due.hold
