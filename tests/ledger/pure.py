"""A book in memory, for laws about decisions alone: no database, no door, no clock.

Owns the carrying of one outcome to the next; decides nothing itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import advance
from tollkeeper.decisions.asking import Answer, Question, Unread
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.granting import Grant
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.requests import (
    GrantFact,
    Kept,
    Outcome,
    Recorded,
    RecordedEntry,
    Request,
)
from tollkeeper.decisions.tallies import Tally
from tollkeeper.values.customers import Known
from tollkeeper.values.units import Unit, credits_unit

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMER, UNIT = "customer", "calls"


@dataclass
class PureBook:
    """Accounts, holds, grants and operations, as decisions see them."""

    units: Mapping[str, Unit] = field(default_factory=lambda: {UNIT: credits_unit(UNIT)})
    states: dict[AccountKey, Account] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    grants: dict[tuple[str, str], GrantFact] = field(default_factory=dict)
    operations: dict[tuple[str, str], Recorded] = field(default_factory=dict)
    customers: Mapping[str, Known] = field(default_factory=dict)
    number: int = 0
    recorded: Mapping[tuple[str, str], Kept] = field(default_factory=dict)
    charge_holds: Mapping[tuple[str, str], ChargeHold] = field(default_factory=dict)

    def tally(self, customer: str, subject: str) -> Tally:
        return Tally(customer, subject)

    def account(self, customer: str, unit: str) -> Account:
        return self.states.get((customer, unit), Account(customer, unit))

    def accounts_of(self, customer: str) -> list[Account]:
        return [account for key, account in sorted(self.states.items()) if key[0] == customer]

    def told(self, question: Question) -> Answer:
        raise Unread(question)

    def done_by_time(self, customer: str, unit: str) -> Mapping[str, int]:
        return {}

    def copy(self) -> "PureBook":
        """Copy it, so that two ways can be compared from one beginning."""
        return PureBook(
            self.units,
            dict(self.states),
            dict(self.holds),
            dict(self.grants),
            dict(self.operations),
            self.customers,
            self.number,
        )

    def name(self) -> dict[str, Any]:
        """Give the next operation's id, and whose it is."""
        self.number += 1
        return {"id": f"op_{self.number:06}", "customer": CUSTOMER}

    def run(self, request: Request, now: datetime = START) -> Outcome:
        """Bring the accounts to a moment, decide, and carry the outcome; a refusal is raised."""
        self.advance(now)
        outcome = request.decide(self, now)
        for entry in outcome.entries:
            self.states[entry.after.key] = entry.after
        for fact in outcome.made:
            self.grants[(fact.customer, fact.id)] = fact
        for hold in outcome.holds:
            self.holds[(hold.customer, hold.id)] = hold
        self.operations[(request.customer, request.id)] = _recorded(request, outcome)
        return outcome

    def advance(self, now: datetime) -> None:
        """Let time do what it does."""
        for key, account in self.states.items():
            holds = [hold for hold in self.holds.values() if (hold.customer, hold.unit) == key]
            advanced = advance(account, [hold for hold in holds if hold.is_open], now)
            self.states[key] = advanced.account
            for due in advanced.due:
                self.grants.update({(fact.customer, fact.id): fact for fact in due.made})
                if due.hold is not None:
                    self.holds[(due.hold.customer, due.hold.id)] = due.hold

    def grant(self, amount: int, now: datetime = START, **facts: Any) -> GrantFact:
        """Give an amount; the rest is as in GrantFact, a promotion unless said otherwise."""
        name = self.name()
        suffix = name["id"].partition("_")[2]
        told: dict[str, Any] = {
            "source": "promotion",
            "priority": 40,
            "paid": False,
            "effective_at": now,
        } | facts
        fact = GrantFact(id=f"grt_{suffix}", customer=CUSTOMER, unit=UNIT, amount=amount, **told)
        self.run(Grant(**name, fact=fact, effective_at=fact.effective_at), now)
        return fact

    @property
    def state(self) -> Account:
        """The account that everything here is about."""
        return self.account(CUSTOMER, UNIT)

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """Available, restricted, held, debt."""
        return self.state.available, self.state.restricted, self.state.held, self.state.debt

    @property
    def remains(self) -> dict[str, int]:
        """What is left of each open grant, in burn order."""
        return {grant.id: grant.remaining for grant in self.state.grants}


def _recorded(request: Request, outcome: Outcome) -> Recorded:
    entries = tuple(
        RecordedEntry(
            entry.after.customer,
            entry.after.unit,
            entry.kind,
            entry.debt,
            tuple((line.grant, line.remaining, line.held) for line in entry.lines),
        )
        for entry in outcome.entries
    )
    kind = outcome.entries[0].kind if outcome.entries else request.verb
    return Recorded(request.id, kind, entries)
