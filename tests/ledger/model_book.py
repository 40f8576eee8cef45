"""The whole book by docs/concepts/rules.md: customers' accounts, holds, corrections, transfers.

Each verb looks at copies and keeps them only if the rules allow it, so a refusal changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.ledger.model import (
    HOURS_OF_A_HOLD,
    Account,
    Entry,
    Grant,
    Hold,
    Refused,
    bought,
    first_of,
)

#: What cannot be undone by its opposite (A6).
NOT_REVERSIBLE = frozenset({"hold", "extend", "release", "reverse", "set_overdraft"})

Key = tuple[str, str]
NOBODY = timedelta(0)


@dataclass
class Operation:
    """An accepted request, as far as undoing it needs it."""

    kind: str
    entries: list[Entry]
    is_reversed: bool = False


@dataclass
class Book:
    """Everybody's accounts; `limits` are the units' own overdraft limits."""

    limits: dict[str, int | None]
    accounts: dict[Key, Account] = field(default_factory=dict)
    operations: dict[tuple[str, str], Operation] = field(default_factory=dict)
    #: Accounts under change, kept by `commit`.
    draft: dict[Key, Account] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop what was changed: the rules said no."""
        self.draft = {}

    def name_new(self, made: Mapping[Key, Sequence[str]], entries: Iterable[Entry]) -> None:
        """Give grants that were made under a name of ours ("?…") the ids that the books gave."""
        for key, account in self.draft.items():
            ours = [name for name in account.grants if name.startswith("?")]
            theirs = made.get(key, [])
            assert len(ours) == len(theirs), (key, ours, theirs)
            renamed = dict(zip(ours, theirs, strict=True))
            for old, new in renamed.items():
                grant = account.grants.pop(old)
                grant.id = new
                account.grants[new] = grant
            for entry in entries:
                if (entry.customer, entry.unit) == key:
                    entry.lines = [(renamed.get(name, name), n) for name, n in entry.lines]

    def look(self, customer: str, unit: str, now: datetime) -> Account:
        """Show an account as it is at a moment, without changing it (A8)."""
        account = self.accounts.get((customer, unit), Account(customer, unit)).copy()
        account.advance(now)
        return account

    def open(self, customer: str, unit: str, now: datetime) -> Account:
        """Begin to change an account."""
        if (customer, unit) not in self.draft:
            self.draft[(customer, unit)] = self.look(customer, unit, now)
        return self.draft[(customer, unit)]

    def commit(self, customer: str, operation: str, kind: str, entries: Iterable[Entry]) -> None:
        """Keep what was changed, under the operation's id."""
        self.accounts |= self.draft
        self.operations[(customer, operation)] = Operation(kind, list(entries))
        self.draft = {}

    def limit(self, account: Account, asked: int | None = None) -> int | None:
        """A3: the call's limit, else the account's, else the unit's; -1 stands for unlimited."""
        for limit in (asked, account.limit):
            if limit is not None:
                return None if limit < 0 else limit
        return self.limits[account.unit]

    def grant(self, customer: str, unit: str, grant: Grant, now: datetime) -> list[Entry]:
        return self.open(customer, unit, now).add(grant, now)

    def consume(
        self,
        customer: str,
        unit: str,
        amount: int,
        feature: str | None,
        overdraft: int | None,
        now: datetime,
    ) -> list[Entry]:
        account = self.open(customer, unit, now)
        parts = account.take(amount, feature, self.limit(account, overdraft))
        return [account.spent("consume", parts)]

    # What holds do, by rules B1 to B4.

    def hold(self, customer: str, hold: Hold, amount: int, overdraft: int | None) -> list[Entry]:
        account = self.open(customer, hold.unit, hold.created)
        hold.parts = account.take(amount, hold.feature, self.limit(account, overdraft))
        account.holds[hold.id] = hold
        return []

    def find_hold(self, customer: str, unit: str, name: str, now: datetime) -> tuple[Account, Hold]:
        account = self.open(customer, unit, now)
        return account, account.holds[name]

    def extend(
        self,
        customer: str,
        unit: str,
        name: str,
        amount: int | None,
        lifetime: timedelta | None,
        now: datetime,
    ) -> list[Entry]:
        account, hold = self.find_hold(customer, unit, name, now)
        if hold.status != "open":
            raise Refused("hold_closed")
        more = account.take(amount or 0, hold.feature, self.limit(account))
        until = max(hold.expires, now + (lifetime or NOBODY)) if lifetime else hold.expires
        if lifetime and until > hold.created + timedelta(hours=HOURS_OF_A_HOLD):
            raise Refused("invalid_request")
        hold.expires = until
        together = [*hold.parts, *more]
        owed = sum(part for grant, part in together if grant is None)
        hold.parts = [part for part in together if part[0] is not None]
        hold.parts += [(None, owed)] if owed else []
        return []

    def settle(
        self, customer: str, unit: str, name: str, amount: int | None, excess: str, now: datetime
    ) -> list[Entry] | None:
        """None: it was settled so before, and that answer is given again."""
        account, hold = self.find_hold(customer, unit, name, now)
        if amount is None:
            amount = hold.amount if hold.settled is None else hold.settled
        if hold.status == "settled":
            if hold.settled == amount:
                return None
            raise Refused("idempotency_conflict")
        if hold.status == "released":
            raise Refused("hold_closed")
        if amount > hold.amount and excess == "refuse":
            raise Refused("beyond_hold")
        was_open, hold.status, hold.settled = hold.status == "open", "settled", amount
        charged = min(amount, hold.amount) if excess == "cap" else amount
        if not was_open:
            return [self._collect(account, charged, hold.feature)]
        used, rest = first_of(hold.parts, amount)
        made = account.give_back(rest, "?made", now)
        entry = account.spent("settle", used)
        entry.lines += made
        entry.owed += sum(part for _, part in made)
        excess_amount = max(0, charged - hold.amount)
        more = [self._collect(account, excess_amount, hold.feature)] if excess_amount else []
        return [entry, *more]

    def _collect(self, account: Account, amount: int, feature: str | None) -> Entry:
        """B2: take what can be had; what nobody can pay is told as uncollected."""
        limit = self.limit(account)
        room = None if limit is None else max(0, account.available + limit)
        parts, _ = account.take_most(amount, feature, room)
        return account.spent("consume", parts)

    def release(self, customer: str, unit: str, name: str, now: datetime) -> list[Entry] | None:
        """None: it was released or has lapsed before, so nothing changes."""
        account, hold = self.find_hold(customer, unit, name, now)
        if hold.status == "settled":
            raise Refused("hold_closed")
        if hold.status != "open":
            return None
        hold.status = "released"
        account.give_back(hold.parts, "?made", now)
        return []

    # What people correct.

    def revoke(
        self, customer: str, unit: str, amount: int | None, grant: str | None, now: datetime
    ) -> list[Entry]:
        """S8: never below zero; with no amount, what is restricted goes as well."""
        account = self.open(customer, unit, now)
        general = max(0, account.available)
        if grant is not None:
            return self._revoke_one(account, account.grants[grant], amount, general)
        wanted = general if amount is None else min(amount, general)
        parts, _ = account.take_most(wanted, None, wanted)
        for other in account.ranked() if amount is None else ():
            if not other.pays_for(None) and other.remaining:
                parts.append((other, other.remaining))
                other.remaining = 0
        return [account.spent("revoke", parts)] if parts else []

    def _revoke_one(
        self, account: Account, grant: Grant, amount: int | None, general: int
    ) -> list[Entry]:
        most = grant.remaining if amount is None else min(amount, grant.remaining)
        if grant.pays_for(None):
            most = min(most, general)
        grant.remaining -= most
        return [account.spent("revoke", [(grant, most)])] if most else []

    def adjust(self, customer: str, unit: str, amount: int, now: datetime) -> list[Entry]:
        account = self.open(customer, unit, now)
        if amount < 0:
            return [account.spent("adjust", account.take(-amount, None, None))]
        return account.add(bought("?up", amount, now), now)

    def set_balance(self, customer: str, unit: str, amount: int, now: datetime) -> list[Entry]:
        difference = amount - self.open(customer, unit, now).available
        return self.adjust(customer, unit, difference, now) if difference else []

    def transfer(
        self, customer: str, unit: str, amount: int, to: str, now: datetime
    ) -> list[Entry]:
        """A7: each grant goes with its times, priority and its share of the cost."""
        giver, taker = self.open(customer, unit, now), self.open(to, unit, now)
        parts = giver.take(amount, None, 0)
        out = giver.spent("transfer_out", parts)
        arrived = []
        for number, (grant, part) in enumerate(parts):
            assert grant is not None
            moved = Grant(
                f"?{number}",
                part,
                part,
                grant.priority,
                grant.paid,
                grant.effective,
                grant.expires,
                grant.cost_of(grant.remaining + part) - grant.cost_of(grant.remaining),
            )
            taker.grants[moved.id] = moved
            arrived.append(moved)
        into = taker.entry("transfer_in", [(grant.id, grant.amount) for grant in arrived])
        repaid = [entry for grant in arrived for entry in taker.repay(grant)]
        return [out, into, *repaid]

    # How an operation is undone, by rule A6.

    def reverse(
        self, customer: str, operation: str, now: datetime, *, reissue: bool
    ) -> list[Entry] | None:
        """None: it was undone before. Last entry first, to the very grants."""
        done = self.operations[(customer, operation)]
        if done.kind in NOT_REVERSIBLE:
            raise Refused("not_reversible")
        if done.is_reversed:
            return None
        for number, entry in enumerate(reversed(done.entries)):
            account = self.open(entry.customer, entry.unit, now)
            self._undo(account, entry, f"?{number}", now, reissue=reissue)
        done.is_reversed = True
        return []

    def _undo(
        self, account: Account, entry: Entry, name: str, now: datetime, *, reissue: bool
    ) -> None:
        made = 0
        for grant_id, change in entry.lines:
            grant = account.grants[grant_id]
            dead = grant.expires is not None and grant.expires <= now
            if change < 0 and dead and reissue:
                self._reissue(account, grant, -change, f"{name}_{made}", now)
                made += 1
            elif grant.remaining < change:
                raise Refused("not_reversible")
            else:
                grant.remaining -= change
                grant.begun = grant.begun or grant.effective <= now
        lessened = min(entry.owed, account.debt)
        account.debt -= lessened
        if rest := entry.owed - lessened:
            free = f"{name}_free"
            account.grants[free] = bought(free, rest, now)
        account.expire_dead(now)

    def _reissue(
        self, account: Account, grant: Grant, amount: int, name: str, now: datetime
    ) -> None:
        cost = grant.cost_of(grant.reissued + amount) - grant.reissued_cost
        grant.reissued += amount
        grant.reissued_cost += cost
        made = Grant(name, amount, amount, grant.priority, grant.paid, now, None, cost)
        made.features = grant.features
        account.grants[name] = made
