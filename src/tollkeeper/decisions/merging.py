"""Merging one customer into another: every balance moves, under one operation. Pure.

Nothing is valued anew: each open grant keeps its priority, times, cost, features and source, and
debt stays debt. So the sum of both customers' balances is the same afterwards, in every unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.accounts import Account, Entry, Line, post
from tollkeeper.decisions.advancing import suffix, watch
from tollkeeper.decisions.customers import found, other_currency, refuse_merged
from tollkeeper.decisions.moving import moved_facts, receive
from tollkeeper.decisions.requests import Book, GrantFact, Needs, Outcome, Request, Revision
from tollkeeper.decisions.spending import overdraft_limit
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.errors import HoldsOpen, StillSubscribed
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import MONEY_PREFIX, is_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Request):
    """Move everything a customer has to another one; the first takes no more changes."""

    verb: ClassVar[str] = "merge"

    into: str

    def needs(self) -> Needs:
        """Ask for both customers, the giver's accounts, and the taker's in the same units."""
        pair = (self.customer, self.into)
        return Needs(customers=pair, merges=(pair,), tallies=((self.customer, OWN),))

    def presumes(self) -> tuple[str, ...]:
        """Take both for known."""
        return self.customer, self.into

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Empty each of the giver's accounts, and book what was in it in the taker's."""
        giver = found(book, self.customer)
        refuse_merged(giver.customer)
        taker = book.customers.get(self.into)
        if taker is not None:
            refuse_merged(taker.customer)
        own = book.tally(self.customer, OWN)
        _refuse_subscribed(own, now)
        _refuse_set_aside(own, now)
        accounts = book.accounts_of(self.customer)
        _check(accounts, book, self.into, taker.customer.currency if taker else None)
        entries = [_emptied(account, self.into) for account in accounts]
        made: list[GrantFact] = []
        for number, account in enumerate(accounts):
            name = f"{suffix(self.id)}_{number}"
            arrived, facts = _moved(account, book, self.into, name, now)
            entries += arrived
            made += facts
        customer = replace(giver.customer, merged_into=self.into, updated_at=now)
        revision = Revision((giver._replace(customer=customer),), beside=self.into)
        return Outcome(tuple(entries), tuple(made), result={"to": self.into}, revision=revision)


def _refuse_subscribed(own: Tally, now: datetime) -> None:
    """Refuse while a plan is live: who pays for it, and from when, is not ours to guess."""
    plans = own.plans_at(to_microseconds(now))
    if plans:
        raise StillSubscribed(
            f"{own.customer!r} is on {', '.join(plans)}; cancel that before the merge.",
            customer=own.customer,
            plans=list(plans),
        )


def _refuse_set_aside(own: Tally, now: datetime) -> None:
    """Refuse while a charge is set aside, though nothing be held for it: its use would be lost."""
    found = own.open_holds(to_microseconds(now))
    if found:
        features = tuple(dict.fromkeys(held.feature for held in found))
        raise HoldsOpen(
            f"{own.customer!r} has charges of {', '.join(features)} set aside ({len(found)}); "
            "settle or release them before the merge.",
            customer=own.customer,
            open=len(found),
            features=list(features),
        )


def _check(accounts: Sequence[Account], book: Book, into: str, currency: str | None) -> None:
    """Refuse while anything is held, and where the wallets differ in currency (E8)."""
    for account in accounts:
        if account.held:
            unit = book.units[account.unit]
            held = from_scaled(account.held, unit.scale)
            shown = unit.currency or unit.key
            raise HoldsOpen(
                f"{account.customer!r} has open holds of {held} {shown}; settle or release them "
                "before the merge.",
                customer=account.customer,
                held=held,
                unit=shown,
            )
        if is_money(account.unit) and currency not in (None, _code(account)):
            raise other_currency(into, currency or "", _code(account))


def _code(account: Account) -> str:
    return account.unit.removeprefix(MONEY_PREFIX)


def _emptied(account: Account, into: str) -> Entry:
    """Take everything out of the giver's account, and close it for good."""
    lines = tuple(Line(grant.id, -grant.remaining) for grant in account.grants)
    after, entry = post(account, "merge_out", lines, (), debt=-account.debt)
    return entry._replace(after=after._replace(merged_into=into, due_at=None, allowances=()))


def _moved(
    giver: Account, book: Book, into: str, name: str, now: datetime
) -> tuple[list[Entry], tuple[GrantFact, ...]]:
    """Book in the taker's account what was in the giver's; nothing where there was nothing."""
    if not giver.grants and not giver.debt:
        return [], ()
    lines = tuple(Line(grant.id, -grant.remaining) for grant in giver.grants)
    facts = tuple(
        _as_it_was(book.grants[(giver.customer, line.grant)], fact)
        for line, fact in zip(lines, moved_facts(book, giver, lines, into, name), strict=True)
    )
    taker = book.account(into, giver.unit)
    limit = overdraft_limit(taker, book.units[giver.unit], None)
    mark = "beyond_limit" if giver.debt and taker.debt + giver.debt > limit else None
    taker, entry = receive(taker, facts, now, "merge_in", debt=giver.debt)
    _, entries = watch(taker, [entry._replace(mark=mark)])
    return entries, facts


def _as_it_was(before: GrantFact, moved: GrantFact) -> GrantFact:
    """Let a merged grant keep where it came from, so that a refund still finds its purchase."""
    return replace(moved, source=before.source, source_id=before.source_id)
