"""The book that a batch decides over: accounts brought to now, and all that was loaded beside them.

It carries the state from one request to the next. Writes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import Due, advance
from tollkeeper.decisions.customers import merged
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import GrantFact, Outcome, Recorded, Request
from tollkeeper.ledger.memo import Memo
from tollkeeper.values.customers import Known
from tollkeeper.values.units import Unit

Pair = tuple[str, str]


@dataclass(slots=True)
class WorkingBook:
    """The state so far, as decisions see it (`decisions.requests.Book`)."""

    units: Mapping[str, Unit]
    memo: Memo
    now: datetime
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

    def put(self, key: AccountKey, account: Account) -> None:
        """Take an account as it was locked."""
        self.states[key] = account
        if account.due_at is not None:
            self.due_before[key] = account.due_at

    def account(self, customer: str, unit: str) -> Account:
        """Give an account; an empty one where none exists yet."""
        account = self.states.get((customer, unit))
        if account is None:
            return Account(customer, unit)
        if account.merged_into is not None:
            raise merged(customer, account.merged_into)
        return account

    def accounts_of(self, customer: str) -> list[Account]:
        """Give every account of a customer that was loaded."""
        return [self.account(*key) for key in sorted(self.states) if key[0] == customer]

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
        for fact in outcome.made:
            self.grants[(fact.customer, fact.id)] = fact
        for hold in outcome.holds:
            self.holds[(hold.customer, hold.id)] = hold
        if outcome.revision is not None:
            for known in outcome.revision.customers:
                self.customers[known.customer.id] = known

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

    def _close(self, booked: tuple[Due, ...]) -> None:
        for due in booked:
            self.grants.update({(fact.customer, fact.id): fact for fact in due.made})
            if due.hold is not None:
                self.holds[(due.hold.customer, due.hold.id)] = due.hold
