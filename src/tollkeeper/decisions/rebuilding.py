"""An account told again from its entries: for balances at a moment, and for the audit. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tollkeeper.decisions.accounts import Account, Line, OpenGrant
from tollkeeper.decisions.advancing import next_due
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.holds import Drawn, Hold
from tollkeeper.decisions.recurrences import Recurrence, passed
from tollkeeper.decisions.requests import GrantFact

#: Entries that open a hold or add to it.
HOLDING = frozenset({"hold", "extend"})
#: Entries that end a hold.
CLOSING = frozenset({"settle", "release", "lapse"})


@dataclass(frozen=True, slots=True)
class Past:
    """One entry of the past, as far as it takes to tell the account again."""

    kind: str
    version: int
    available: int
    restricted: int
    held: int
    debt: int
    lines: tuple[tuple[str, int, int], ...]
    created_at: datetime
    #: The hold that the entry is about, and when that was to lapse.
    hold: str | None = None
    expires_at: datetime | None = None
    #: The account's own overdraft limit, where the entry set it.
    overdraft: int | None = None
    #: Whether it gave promotional value that pays debt back.
    repays: bool = False


@dataclass(slots=True)
class Rebuilt:
    """An account as its entries tell it so far, with its open holds."""

    account: Account
    facts: Mapping[str, GrantFact]
    holds: dict[str, Hold] = field(default_factory=dict)
    #: Grants that an entry named.
    seen: set[str] = field(default_factory=set)
    #: When anything was last booked by the moment that is told.
    booked: datetime | None = None

    def add(self, past: Past) -> None:
        """Tell one more entry."""
        grants = self.account.grants
        for line in past.lines:
            self.seen.add(line[0])
            grants = self._line(grants, Line(*line), past)
        account = self.account
        self.account = account._replace(
            available=account.available + past.available,
            restricted=account.restricted + past.restricted,
            held=account.held + past.held,
            debt=account.debt + past.debt,
            version=past.version,
            overdraft=past.overdraft if past.kind == "set_overdraft" else account.overdraft,
            grants=grants,
            updated_at=past.created_at,
        )
        self._tell_hold(past)

    def finished(self) -> tuple[Account, list[Hold]]:
        """Give the account and its open holds, ready to be advanced to a moment."""
        holds = list(self.holds.values())
        return self.account._replace(due_at=next_due(self.account, holds)), holds

    def _line(self, grants: tuple[OpenGrant, ...], line: Line, past: Past) -> tuple[OpenGrant, ...]:
        if not line.grant:
            return grants
        current = next((g for g in grants if g.id == line.grant), None)
        if current is None:
            fact = self.facts.get(line.grant)
            if fact is None:
                return grants
            current = fact.opened(0, past.created_at, repays=past.repays)
        if past.kind == "activate":
            current = current._replace(pending=False)
        return with_grant(grants, current.left_with(current.remaining + line.remaining))

    def _tell_hold(self, past: Past) -> None:
        if past.hold is None:
            return
        if past.kind in CLOSING:
            self.holds.pop(past.hold, None)
        elif past.kind in HOLDING:
            before = self.holds.get(past.hold)
            drawn = self._drawn(past)
            if before is None:
                self.holds[past.hold] = self._opened(past, drawn)
            else:
                self.holds[past.hold] = replace(
                    before, drawn=(*before.drawn, *drawn), expires_at=past.expires_at
                )

    def _opened(self, past: Past, drawn: tuple[Drawn, ...]) -> Hold:
        return Hold(
            id=past.hold or "",
            customer=self.account.customer,
            unit=self.account.unit,
            status="open",
            drawn=drawn,
            created_at=past.created_at,
            expires_at=past.expires_at,
        )

    def _drawn(self, past: Past) -> tuple[Drawn, ...]:
        parts: list[Drawn] = []
        for name, _, held in past.lines:
            fact = self.facts.get(name)
            grant = fact.opened(0, past.created_at) if fact else None
            parts.append(Drawn(grant, held))
        return tuple(parts)


def rebuild(
    customer: str,
    unit: str,
    entries: Iterable[Past],
    facts: Mapping[str, GrantFact],
    filled: Iterable[Recurrence] = (),
    at: datetime | None = None,
) -> tuple[Account, list[Hold]]:
    """Tell an account again from its entries, in the order of their versions.

    `filled` are the allowances that filled it, as they began; those of their periods until `at`
    that no entry granted are still to come.
    """
    told = Rebuilt(Account(customer, unit), facts)
    for past in entries:
        told.add(past)
        if at is not None and past.created_at <= at:
            told.booked = past.created_at
    if at is not None:
        told.account = told.account._replace(
            allowances=tuple([_reached(known, told, at) for known in filled])
        )
    return told.finished()


def _reached(recurrence: Recurrence, told: Rebuilt, at: datetime) -> Recurrence:
    """Bring a recurrence behind the last of its periods that was decided by then.

    Those are the periods that an entry granted, and those that had begun when anything was booked
    by then: whoever books something has brought the account to that moment.
    """
    if recurrence.next_at is None or at < recurrence.next_at:
        return recurrence
    decided = [recurrence.granted_at(name) for name in told.seen if recurrence.gave(name)]
    if told.booked is not None:
        decided.append(told.booked)
    return passed(recurrence, max(decided)) if decided else recurrence
