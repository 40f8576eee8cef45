"""Reverse: unwind the very entries of an operation, to the very grants (A6). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.accounts import Account, AccountKey, Entry, Line, OpenGrant, find, post
from tollkeeper.decisions.advancing import expire_dead, suffix, watch
from tollkeeper.decisions.amending import withdrawn
from tollkeeper.decisions.asking import standing
from tollkeeper.decisions.burning import with_grant
from tollkeeper.decisions.costs import REISSUE, cost_of_next, reissues_of
from tollkeeper.decisions.holds import restored, returned_grant
from tollkeeper.decisions.recording import Recorder
from tollkeeper.decisions.requests import (
    Book,
    GrantFact,
    Needs,
    Outcome,
    Recorded,
    RecordedEntry,
    Request,
)
from tollkeeper.decisions.spending import overdraft_limit
from tollkeeper.errors import NotReversible, OperationNotFound

#: The kinds of entries that have an opposite.
REVERSIBLE = frozenset(
    {
        "consume",
        "charge",
        "settle",
        "grant",
        "repay",
        "revoke",
        "adjust",
        "set_balance",
        "transfer_out",
        "transfer_in",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Request):
    """Undo one operation by its opposite, linked to it."""

    verb: ClassVar[str] = "reverse"

    operation: str
    #: What happens with value that comes back to an expired grant: "expire" or "reissue".
    dead: str = "expire"
    #: What things cost, where the operation may be a charge: its usage goes back with it (G5).
    prices: PriceList | None = None

    def needs(self) -> Needs:
        """Ask for the operation; its accounts and grants follow from it."""
        asked = (self.customer, self.operation)
        again = (self.customer, reversal_id(self.operation))
        reissues = (asked,) if self.dead == "reissue" else ()
        return Needs(operations=(asked, again), reissues=reissues)

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Unwind the entries, last first; refuse where a grant has been spent meanwhile."""
        recorded = book.operations.get((self.customer, self.operation))
        if recorded is None:
            raise OperationNotFound(
                f"{self.customer!r} has no operation {self.operation!r}.", operation=self.operation
            )
        _check(recorded)
        _refuse_allowances(recorded, book)
        again = reversal_id(self.operation)
        if (self.customer, again) in book.operations:
            return Outcome(replays=again)
        unwound = _unwound(self, recorded, book, now)
        return self._with_usage(unwound, book, now) if self.prices is not None else unwound

    def _with_usage(self, unwound: Outcome, book: Book, now: datetime) -> Outcome:
        """Take the usage of a charge back, too; most operations have none."""
        used = standing(book, self.customer, self.operation)
        if used is None or self.prices is None or not used.latest.quantity:
            return unwound
        recorder = Recorder(book, self.prices, now)
        use = withdrawn(recorder, used.latest, self)
        tallies, hours = recorder.changes()
        told = (*unwound.notices, *recorder.warned())
        return unwound._replace(notices=told, tallies=tallies, uses=(use,), hours=hours)


def reversal_id(operation: str) -> str:
    """Name the one operation that can reverse another, so that it happens at most once."""
    return f"rev_{suffix(operation)}"


def _check(recorded: Recorded) -> None:
    """Refuse what has no opposite, and to undo a transfer from the receiving end alone.

    What expired at once, within an operation, needs no opposite: it would only expire again.
    """
    kinds = {entry.kind for entry in recorded.entries} or {recorded.kind}
    if recorded.kind not in ("expire", "transfer_in") and kinds <= REVERSIBLE | {"expire"}:
        return
    raise NotReversible(_reason(recorded.kind), kind=recorded.kind)


def _refuse_allowances(recorded: Recorded, book: Book) -> None:
    """Refuse to undo what a plan granted: the plan would go on without it."""
    granted = [
        (e.customer, line[0]) for e in recorded.entries if e.kind == "grant" for line in e.lines
    ]
    for fact in [book.grants[name] for name in granted if name in book.grants]:
        if fact.source == "allowance" and (fact.source_id or "").startswith("sub_"):
            raise NotReversible(
                "What a plan granted cannot be reversed; cancel the subscription, or revoke the "
                "grant.",
                kind="grant",
                subscription=fact.source_id,
            )


def _reason(kind: str) -> str:
    if kind == "transfer_in":
        return "A transfer is reversed in the name of the customer who gave."
    if kind in ("merge", "merge_out", "merge_in"):
        return "A merge of customers cannot be reversed."
    return f"A {kind} cannot be reversed; adjust the balance instead."


def _unwound(request: Reverse, recorded: Recorded, book: Book, now: datetime) -> Outcome:
    """Undo the entries in reverse order, carrying each account from one to the next.

    The caller's own entries come first in the books: they carry the key and the result.
    """
    current: dict[AccountKey, Account] = {}
    entries: list[Entry] = []
    made: list[GrantFact] = []
    undone = [entry for entry in reversed(recorded.entries) if entry.kind != "expire"]
    for number, entry in enumerate(undone):
        key = (entry.customer, entry.unit)
        account = current.get(key) or book.account(*key)
        name = f"{suffix(request.id)}_{number}"
        account, booked, facts = _undo(account, entry, book, request, name, made, now)
        current[key] = account
        entries += booked
        made += facts
    entries.sort(key=lambda entry: entry.after.customer != request.customer)
    result = {"reverses": recorded.id}
    for other in {entry.customer for entry in undone} - {request.customer}:
        result["to"] = other
    return Outcome(tuple(entries), tuple(made), result=result)


def _undo(
    account: Account,
    entry: RecordedEntry,
    book: Book,
    request: Reverse,
    name: str,
    made: Sequence[GrantFact],
    now: datetime,
) -> tuple[Account, list[Entry], list[GrantFact]]:
    grants = account.grants
    lines: list[Line] = []
    facts: list[GrantFact] = []
    for grant_id, remaining, held in entry.lines:
        change = -(remaining + held)
        if not grant_id:
            continue
        fact = book.grants[(entry.customer, grant_id)]
        if change > 0 and request.dead == "reissue" and fact.expires_at and fact.expires_at <= now:
            earlier = reissues_of(fact, [*book.grants.values(), *made, *facts])
            fact = _reissued(fact, change, earlier, f"grt_{name}_{len(facts)}", now)
            facts.append(fact)
        grants = _changed(grants, fact, change, now)
        lines.append(Line(fact.id, change))
    owed = _overdrawn(entry)
    debt = min(owed, account.debt) if owed > 0 else owed
    free = returned_grant(f"{name}_free", owed - debt if owed > 0 else 0, now)
    for grant in free:
        grants = with_grant(grants, grant)
        lines.append(Line(grant.id, grant.remaining))
        facts.append(_free_fact(grant, account, now))
    mark = _mark(account, -debt, book)
    account, entries = _posted(account, tuple(lines), grants, -debt, mark, now)
    return account, entries, facts


def _mark(account: Account, debt: int, book: Book) -> str | None:
    """Mark debt that comes back beyond the limit, as when what paid it is undone (law 4)."""
    limit = overdraft_limit(account, book.units[account.unit], None)
    return "beyond_limit" if debt > 0 and account.debt + debt > limit else None


def _overdrawn(entry: RecordedEntry) -> int:
    """Tell how much debt the entry made for good (its holds' share included)."""
    held = sum(change for grant, _, change in entry.lines if not grant)
    return entry.debt - held


def _posted(
    account: Account,
    lines: tuple[Line, ...],
    grants: tuple[OpenGrant, ...],
    debt: int,
    mark: str | None,
    now: datetime,
) -> tuple[Account, list[Entry]]:
    account, booked = post(account, "reverse", lines, grants, debt=debt, mark=mark)
    returned = [line.grant for line in lines if line.remaining > 0]
    account, expired = expire_dead(account, returned, now)
    return watch(account, [booked, *expired])


def _changed(
    grants: tuple[OpenGrant, ...], fact: GrantFact, change: int, now: datetime
) -> tuple[OpenGrant, ...]:
    if change >= 0:
        return restored(grants, fact.opened(0, now), change)
    grant = find(grants, fact.id)
    if grant is None or grant.remaining + change < 0:
        raise NotReversible(
            f"The grant {fact.id} has been spent meanwhile; revoke what is left of it instead.",
            grant=fact.id,
        )
    return with_grant(grants, grant.left_with(grant.remaining + change))


def _reissued(
    fact: GrantFact, amount: int, earlier: Sequence[GrantFact], name: str, now: datetime
) -> GrantFact:
    """Make the grant that carries an expired grant's value on; it does not expire again."""
    return GrantFact(
        id=name,
        customer=fact.customer,
        unit=fact.unit,
        amount=amount,
        source=REISSUE,
        priority=fact.priority,
        paid=fact.paid,
        effective_at=now,
        cost=cost_of_next(fact, amount, earlier),
        cost_currency=fact.cost_currency,
        features=fact.features,
        source_id=fact.id,
    )


def _free_fact(grant: OpenGrant, account: Account, now: datetime) -> GrantFact:
    return GrantFact(
        id=grant.id,
        customer=account.customer,
        unit=account.unit,
        amount=grant.amount,
        source="returned",
        priority=grant.priority,
        paid=grant.paid,
        effective_at=now,
    )
