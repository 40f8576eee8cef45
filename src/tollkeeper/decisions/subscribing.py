"""Taking a plan: the subscription, its live part in the tally, first allowances (D1, D10). Pure.

All of it is one outcome, so it is written in one transaction or not at all. What money has to do
with it is the caller's affair: who allocates says that it was paid, or is free. A payment is
claimed in the same transaction: it buys once in the whole books, whoever comes with it (E3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from tollkeeper.decisions import telling_plans
from tollkeeper.decisions.accounts import Account, AccountKey, Entry
from tollkeeper.decisions.advancing import suffix, watch, watched
from tollkeeper.decisions.asking import claimant, subscriptions
from tollkeeper.decisions.ending import ended
from tollkeeper.decisions.free_plans import TakenBefore, taken_before
from tollkeeper.decisions.recurrences import Recurrence, begun, tail_of
from tollkeeper.decisions.renewing import give
from tollkeeper.decisions.requests import Book, Claim, GrantFact, Needs, Outcome, Request
from tollkeeper.decisions.subscribed import Subscribed, with_plan
from tollkeeper.decisions.tallies import OWN, OnPlan, Tally
from tollkeeper.decisions.turning import turned
from tollkeeper.errors import AlreadySubscribed, IdempotencyConflict, PaymentClaimed
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.catalog.allowances import GrantTerms

#: The burn priority of an allowance, unless the catalog says otherwise (A1).
PRIORITY = 20


class Sold(Protocol):
    """The catalog under which a plan is sold."""

    @property
    def version(self) -> str:
        """Name what it says."""
        ...

    def allowances(
        self, plan: str, *, interval: str | None, currency: str | None, quantity: int
    ) -> "tuple[GrantTerms, ...]":
        """Tell what a plan grants, and how often."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocate(Request):
    """Give a customer a plan, and the first allowances of it."""

    verb: ClassVar[str] = "allocate"

    plan: str
    group: str
    is_add_on: bool
    #: What is paid for at once; None for a plan without a price.
    interval: str | None
    quantity: int
    catalog: Sold
    #: From when periods are counted; None is from now on.
    anchor: datetime | None = None
    #: The payment that it was sold for; one payment buys one subscription (E3).
    payment_id: str | None = None
    #: Whether the app grants the allowances itself.
    is_manual: bool = False
    #: Whether the plan has no price.
    is_free: bool = False
    #: Whether nothing happens to a customer who has a plan.
    is_default: bool = False

    def needs(self) -> Needs:
        """Ask for the customer's own tally, and for all accounts that a free plan may fill."""
        return Needs(tallies=((self.customer, OWN),), every_account=(self.customer,))

    def presumes(self) -> tuple[str, ...]:
        """Take nobody for known: who is given a plan is introduced by it."""
        return ()

    def accounts(
        self, tally: Tally, units: Mapping[str, Unit], now: datetime
    ) -> tuple[tuple[AccountKey, ...], tuple[AccountKey, ...]]:
        """Name the accounts that the plan's allowances fill."""
        return tuple([(self.customer, terms.unit) for terms in self.terms(tally)]), ()

    def terms(self, tally: Tally) -> "tuple[GrantTerms, ...]":
        """Give what the plan grants this customer."""
        if self.is_manual:
            return ()
        return self.catalog.allowances(
            self.plan, interval=self.interval, currency=tally.currency, quantity=self.quantity
        )

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take the plan, unless the customer has one of its group."""
        own = book.tally(self.customer, OWN)
        if self.payment_id is not None:
            earlier = self._paid_before(book)
            if earlier is not None:
                return Outcome(replays=f"op_{suffix(earlier.id)}")
        moment = to_microseconds(now)
        live = [plan for plan in own.plans if not plan.ends or moment < plan.ends]
        if self.is_default and any(not plan.is_add_on for plan in live):
            return Outcome(result={"subscription": None})
        state = _State(book, self.customer)
        for plan in live:
            if plan.group == self.group and not (plan.is_add_on or self.is_add_on):
                self._give_way(state, plan, now)
        if self.is_free:
            state.before = self._taken_before(book, own, now)
        return self._taken(state, own, now)

    def _taken_before(self, book: Book, own: Tally, now: datetime) -> TakenBefore:
        """Look what free plans have given before for periods that still run (D1)."""
        return taken_before(
            subscriptions(book, self.customer),
            plan=self.plan,
            group=self.group,
            is_add_on=self.is_add_on,
            zone=own.zone,
            now=now,
        )

    def _give_way(self, state: "_State", plan: OnPlan, now: datetime) -> None:
        """Let a free plan give way to one that is paid for (D5); refuse a second plan (D10)."""
        found = subscriptions(state.book, self.customer)
        known = next((each for each in found if each.id == plan.subscription), None)
        if known is None or not known.is_free or self.is_free:
            raise AlreadySubscribed(
                f"{self.customer!r} is on {plan.plan!r}, and of the group {self.group!r} a "
                "customer has one plan: cancel it with at='now', or wait until it has ended.",
                plan=plan.plan,
                group=self.group,
                subscription=plan.subscription,
            )
        left: list[tuple[str, int]] = []
        for unit in dict.fromkeys(known.units):
            account, entries, unspent = ended(state.account(unit), known.id, now, now)
            state.change(account, entries)
            left.append((unit, unspent))
        state.over.append(known._replace(ends_at=now, left_over=tuple(left), updated_at=now))

    def _paid_before(self, book: Book) -> Subscribed | None:
        """Find what the payment bought before; refuse where that was another's, or another plan."""
        for known in subscriptions(book, self.customer):
            if known.payment_id != self.payment_id:
                continue
            if (known.plan, known.interval, known.quantity) != self._asked:
                raise IdempotencyConflict(
                    f"The payment {self.payment_id!r} has bought {known.plan!r} before; one "
                    "payment buys one subscription.",
                    payment_id=self.payment_id,
                    subscription=known.id,
                )
            return known
        if claimant(book, self.customer, self.payment_id or "") is not None:
            raise PaymentClaimed(
                f"The payment {self.payment_id!r} has bought something for another customer; one "
                "payment buys once. Name the payment of this customer.",
                payment_id=self.payment_id,
            )
        return None

    @property
    def _asked(self) -> tuple[str, str | None, int]:
        return self.plan, self.interval, self.quantity

    def _taken(self, state: "_State", own: Tally, now: datetime) -> Outcome:
        anchor = self.anchor or state.before.anchor() or now
        given = [self._given(state, own, terms, anchor, now) for terms in self.terms(own)]
        made = self._subscribed(own, anchor, tuple(given), now)
        over = {known.id for known in state.over}
        plans = [plan for plan in own.plans if plan.subscription not in over]
        tally = own._replace(
            version=own.version + 1,
            plans=with_plan(plans, made.on_plan(now), now),
            updated=max(own.updated, to_microseconds(now)),
            plans_since=to_microseconds(now),
        )
        return Outcome(
            tuple(state.entries),
            tuple(state.made),
            result={"subscription": made.told(now).to_dict()},
            tallies=(turned(tally, to_microseconds(now)),),
            subscriptions=(*state.over, made),
            notices=(
                *[telling_plans.ended(known, now) for known in state.over],
                telling_plans.started(made, now),
            ),
            claims=self._claims(),
            unposted=state.unposted,
            is_kept=True,
        )

    def _claims(self) -> tuple[Claim, ...]:
        if self.payment_id is None:
            return ()
        return (Claim(self.payment_id, self.customer, self._subscription),)

    def _subscribed(
        self,
        own: Tally,
        anchor: datetime,
        allowances: tuple[tuple[str, Recurrence], ...],
        now: datetime,
    ) -> Subscribed:
        return Subscribed(
            customer=self.customer,
            id=self._subscription,
            plan=self.plan,
            group=self.group,
            is_add_on=self.is_add_on,
            is_free=self.is_free,
            interval=self.interval,
            quantity=self.quantity,
            version=self.catalog.version,
            anchor=anchor,
            zone=own.zone,
            started_at=now,
            ends_at=None,
            payment_id=self.payment_id,
            allowances=allowances,
            moved_in=None,
            left_over=(),
            created_at=now,
            updated_at=now,
        )

    @property
    def _subscription(self) -> str:
        return f"sub_{suffix(self.id)}"

    def _given(
        self,
        state: "_State",
        own: Tally,
        terms: "GrantTerms",
        anchor: datetime,
        now: datetime,
    ) -> tuple[str, Recurrence]:
        """Let an allowance fill its account from now on."""
        unit, before = terms.unit, state.before
        recurrence = recurring(self._subscription, terms, anchor, own.zone)
        recurrence, running = begun(recurrence, now, given=before.number(unit, recurrence))
        account = state.account(unit)
        account = account._replace(allowances=(*account.allowances, recurrence))
        used = before.used(unit)
        account, entries, made = give(account, recurrence, running, now, is_first=True, used=used)
        state.made += made
        state.change(account, entries)
        return terms.unit, recurrence


def recurring(
    subscription: str, terms: "GrantTerms", anchor: datetime, zone: str | None
) -> Recurrence:
    """Make the recurrence of an allowance, before its first period."""
    return Recurrence(
        subscription=subscription,
        tail=tail_of(subscription, terms.unit),
        amount=terms.amount,
        every=terms.every or "",
        anchor=anchor,
        zone=zone,
        number=0,
        next_at=None,
        adds=terms.on_renewal == "add",
        cap=terms.cap,
        lifetime=terms.lifetime or "",
        priority=PRIORITY if terms.priority is None else terms.priority,
        features=terms.features,
    )


class _State:
    """The accounts of one customer as far as this outcome has changed them."""

    def __init__(self, book: Book, customer: str) -> None:
        self.book, self.customer = book, customer
        self.entries: list[Entry] = []
        self.made: list[GrantFact] = []
        #: Subscriptions that gave way.
        self.over: list[Subscribed] = []
        #: What free plans gave before, where a free plan is taken.
        self.before = TakenBefore()
        self._accounts: dict[str, Account] = {}

    def account(self, unit: str) -> Account:
        """Give an account as it is by now."""
        known = self._accounts.get(unit)
        return self.book.account(self.customer, unit) if known is None else known

    def change(self, account: Account, entries: Sequence[Entry]) -> None:
        """Take an account as it is now, and what was booked on the way."""
        if entries:
            account, booked = watch(account, [*entries[:-1], entries[-1]._replace(after=account)])
            self.entries += booked
        else:
            account = watched(account)
        self._accounts[account.unit] = account

    @property
    def unposted(self) -> tuple[Account, ...]:
        """Give the accounts that changed without an entry."""
        booked = {entry.after.unit for entry in self.entries}
        return tuple([each for each in self._accounts.values() if each.unit not in booked])
