"""Requests that play again what the books tell: uses, and what came beside them. Pure.

Uses are decided anew. What people did to balances by hand is done again, as far as it still can be:
what is no longer in a grant is not taken from it, and nothing becomes debt that was none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.accounts import (
    UNLIMITED,
    Account,
    Entry,
    Line,
    OpenGrant,
    find,
    post,
)
from tollkeeper.decisions.advancing import next_due
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.ending import Cancel, Resume
from tollkeeper.decisions.granting import Grant
from tollkeeper.decisions.limiting import subjects
from tollkeeper.decisions.recording import NewUse, Record
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request, Use
from tollkeeper.decisions.spending import Consume
from tollkeeper.decisions.tallies import OWN

#: How long after its use an event may be recorded here; it was recorded in time.
LATE = "3 days"

_NO_DIMENSIONS: Mapping[str, str] = {}


def is_charge(use: Use) -> bool:
    """Tell whether a use was charged for; usage that was recorded has a fingerprint (G1)."""
    return use.fingerprint is None


def charged_again(use: Use, prices: PriceList, pay_from: tuple[str, ...] | None = None) -> Charge:
    """Give the request by which a charge came."""
    return Charge(
        id=use.id,
        customer=use.customer,
        feature=use.feature,
        quantity=use.quantity,
        prices=prices,
        pay_from=pay_from,
        member=use.member,
        api_key=use.api_key,
        tags=tuple(json.loads(use.tags)) if use.tags else (),
        dimensions=_dimensions(use.dimensions) if use.dimensions else _NO_DIMENSIONS,
    )


def recorded_again(uses: Sequence[Use], prices: PriceList) -> Record:
    """Give the request that records some usage of one customer, each at its own time."""
    names = {use.member: None for use in uses}
    named = [subject for name in names for subject in subjects(name, None, ())]
    return Record(
        id=uses[0].id,
        customer=uses[0].customer,
        new=tuple([_new(use) for use in uses]),
        prices=prices,
        tallies=tuple([(uses[0].customer, name) for name in (OWN, *named)]),
    )


def _new(use: Use) -> NewUse:
    return NewUse(
        use.customer,
        use.id,
        use.feature,
        use.quantity,
        use.counted_at,
        use.member,
        _dimensions(use.dimensions) if use.dimensions else _NO_DIMENSIONS,
        use.dimensions,
        use.fingerprint or "",
        LATE,
    )


@lru_cache(maxsize=4096)
def _dimensions(told: str) -> Mapping[str, str]:
    """Read what else is known of a use; many have the same, and nobody changes it."""
    found: Mapping[str, str] = json.loads(told)
    return found


class Told(NamedTuple):
    """One entry that the books tell."""

    kind: str
    unit: str
    lines: tuple[Line, ...]
    #: How much value the account lost by it; below zero is a gain.
    lost: int = 0
    debt: int = 0


class Operation(NamedTuple):
    """One operation that the books tell, as far as it concerns one customer."""

    id: str
    at: datetime
    entries: tuple[Told, ...]
    #: What its answer told.
    result: Mapping[str, Any]
    #: The verb, or the first entry's kind.
    verb: str
    #: When it happened, where it was booked later.
    event_at: datetime | None = None

    @property
    def is_of_a_charge(self) -> bool:
        """Tell whether it books a use, which has a usage event."""
        return self.verb in OF_CHARGES


#: What the ids of operations begin with that time alone did: it does so again by itself.
_BY_TIME = frozenset({"exp", "act", "lps", "rnw", "end"})
#: Verbs whose uses are played from their usage events.
OF_CHARGES = frozenset(
    {"charge", "hold_charge", "extend_charge", "settle_charge", "release_charge"}
)
#: Verbs that set something aside, which is played when it is used; and plans, which are taken anew.
_PASSED_OVER = frozenset({"hold", "extend", "release", "allocate", "assign_free"})


def done_again(
    told: Operation, customer: str, facts: Mapping[str, GrantFact], own_grants: frozenset[str]
) -> Request | None:
    """Give the request that does an operation again; None where it comes by itself, or not at all.

    `own_grants` are those of the customer's plans, which another catalog gives.
    """
    if told.id.partition("_")[0] in _BY_TIME or told.is_of_a_charge or told.verb in _PASSED_OVER:
        return None
    if told.verb in (Cancel.verb, Resume.verb):
        return _ending(told, customer)
    first = told.entries[0] if told.entries else None
    if first is None:
        return None
    if first.kind == "grant":
        return _granting(told, customer, facts, own_grants)
    if first.kind in ("consume", "settle"):
        return _consuming(told, customer, facts)
    return Again(id=told.id, customer=customer, told=told.entries, result=told.result, facts=facts)


def _ending(told: Operation, customer: str) -> Request | None:
    known = told.result.get("subscription") or {}
    name, ends = known.get("id"), known.get("ends_at")
    if told.verb == Resume.verb:
        return Resume(id=told.id, customer=customer, subscription=name)
    is_now = ends is not None and datetime.fromisoformat(ends) <= told.at
    at: Any = "now" if is_now else "period_end"
    return Cancel(id=told.id, customer=customer, subscription=name, at=at)


def _granting(
    told: Operation, customer: str, facts: Mapping[str, GrantFact], own_grants: frozenset[str]
) -> Grant | None:
    lines = told.entries[0].lines
    fact = facts.get(lines[0].grant) if lines else None
    if fact is None or fact.id in own_grants:
        return None
    effective = fact.effective_at if fact.effective_at != told.at else None
    return Grant(id=told.id, customer=customer, fact=fact, effective_at=effective)


def _consuming(told: Operation, customer: str, facts: Mapping[str, GrantFact]) -> Consume | None:
    """Consume again what was consumed by itself; whether over a limit of the call's own or not."""
    entry = next(each for each in told.entries if each.kind in ("consume", "settle"))
    if entry.lost <= 0:
        return None
    known = [facts[line.grant] for line in entry.lines if line.grant in facts]
    feature = next((fact.features[0] for fact in known if fact.features), None)
    return Consume(
        id=told.id,
        customer=customer,
        unit=entry.unit,
        amount=entry.lost,
        feature=feature,
        overdraft=UNLIMITED if entry.debt > 0 else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Again(Request):
    """Do again what was done to balances by hand, grant by grant."""

    verb: ClassVar[str] = "again"

    told: tuple[Told, ...]
    facts: Mapping[str, GrantFact]
    #: What the answer told: the account's own overdraft limit, where it was set.
    result: Mapping[str, Any]

    def needs(self) -> Needs:
        """Ask for the accounts."""
        return Needs(accounts=tuple([(self.customer, told.unit) for told in self.told]))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Post each entry, as far as the grants still have what it takes."""
        entries: list[Entry] = []
        states: dict[str, Account] = {}
        for told in self.told:
            account = states.get(told.unit) or book.account(self.customer, told.unit)
            account, entry = self._posted(account, told, now)
            states[told.unit] = account
            entries.append(entry)
        return Outcome(tuple(entries))

    def _posted(self, account: Account, told: Told, now: datetime) -> tuple[Account, Entry]:
        if told.kind == "set_overdraft":
            account = account._replace(overdraft=self.result.get("overdraft"))
        grants, lines = account.grants, list[Line]()
        for name, remaining, held in told.lines:
            grant = find(grants, name) or self._closed(name, now)
            if grant is None:
                continue
            change = max(-grant.remaining, remaining + held)
            grants = with_grant(grants, grant.left_with(grant.remaining + change))
            lines.append(Line(name, change))
        debt = max(-account.debt, told.debt)
        account, entry = post(account, told.kind, tuple(lines), grants, debt=debt)
        account = account._replace(due_at=next_due(account, ()))
        return account, entry._replace(after=account)

    def _closed(self, name: str, now: datetime) -> OpenGrant | None:
        fact = self.facts.get(name)
        return None if fact is None else fact.opened(0, now)
