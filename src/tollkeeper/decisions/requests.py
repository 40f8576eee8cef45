"""What a decision is asked and what it answers: Request, Needs, Book, Outcome. Pure data.

A verb is data first: its request says which rows it needs (`needs`) and decides over the book they
make (`decide`). Many requests can therefore be loaded, decided and written together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from tollkeeper.decisions.accounts import Account, AccountKey, Entry, OpenGrant
from tollkeeper.decisions.asking import Answer, Part, Question, UseRow
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.holds import Hold
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.tallies import Running, Tally, TallyKey
from tollkeeper.notices import Notice
from tollkeeper.values.customers import Known
from tollkeeper.values.units import Unit

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Note:
    """Personal text beside an operation; erasable without touching the books (I4)."""

    reason: str | None = None
    actor: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GrantFact:
    """What a grant is, for ever: everything but what remains of it."""

    id: str
    customer: str
    unit: str
    amount: int
    source: str
    priority: int
    paid: bool
    effective_at: datetime
    expires_at: datetime | None = None
    cost: int = 0
    cost_currency: str | None = None
    features: tuple[str, ...] = ()
    #: The caller's own reference: a purchase, a campaign.
    source_id: str | None = None
    #: The grant of another customer that it was moved from, as "customer/grant".
    origin: str | None = None

    def opened(self, remaining: int, now: datetime, *, repays: bool = False) -> OpenGrant:
        """Give the open grant with this much remaining; `repays` is no part of the fact (A4)."""
        return OpenGrant(
            self.id,
            remaining,
            self.amount,
            self.priority,
            self.effective_at,
            self.expires_at,
            self.paid,
            self.cost,
            self.features,
            self.effective_at > now,
            self.source == "allowance",
            repays,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """An operation that is in the books already, as a correction needs it."""

    id: str
    kind: str
    entries: tuple["RecordedEntry", ...]


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """One entry of an operation in the books: its account, its changes and its lines."""

    customer: str
    unit: str
    kind: str
    debt: int
    lines: tuple[tuple[str, int, int], ...]


class Needs(NamedTuple):
    """The rows that a request reads or changes, besides its own key."""

    accounts: tuple[AccountKey, ...] = ()
    holds: tuple[tuple[str, str], ...] = ()
    grants: tuple[tuple[str, str], ...] = ()
    #: Accounts of whose open grants the facts are needed.
    facts_of: tuple[AccountKey, ...] = ()
    #: Accounts of which the open holds are needed.
    holds_of: tuple[AccountKey, ...] = ()
    #: Operations to be corrected, as (customer, operation).
    operations: tuple[tuple[str, str], ...] = ()
    #: Some of these whose expired grants may be granted anew: what was before is needed.
    reissues: tuple[tuple[str, str], ...] = ()
    #: Customers of whom every account is needed.
    every_account: tuple[str, ...] = ()
    #: Customers whose own rows are needed, locked before any account.
    customers: tuple[str, ...] = ()
    #: Some of these whose wallet is needed, whatever its currency.
    wallets: tuple[str, ...] = ()
    #: Pairs of them: every account of the first, and the second's in the same units.
    merges: tuple[tuple[str, str], ...] = ()
    #: Charges that were set aside, as (customer, charge hold).
    charge_holds: tuple[tuple[str, str], ...] = ()
    #: Tallies, as (customer, subject), the customer's own first; they are locked before accounts.
    tallies: tuple[TallyKey, ...] = ()


class Book(Protocol):
    """The rows a decision may look at, brought to now and locked."""

    @property
    def units(self) -> Mapping[str, Unit]:
        """Give the units by key."""
        ...

    @property
    def holds(self) -> Mapping[tuple[str, str], Hold]:
        """Give the holds that were asked for, by (customer, hold)."""
        ...

    @property
    def grants(self) -> Mapping[tuple[str, str], GrantFact]:
        """Give the facts of grants that were asked for, by (customer, grant)."""
        ...

    @property
    def operations(self) -> Mapping[tuple[str, str], Recorded]:
        """Give the operations that were asked for, by (customer, operation)."""
        ...

    @property
    def customers(self) -> Mapping[str, Known]:
        """Give the customers that were asked for, as far as they exist."""
        ...

    def account(self, customer: str, unit: str) -> Account:
        """Give an account; an empty one where none exists yet."""
        ...

    def accounts_of(self, customer: str) -> list[Account]:
        """Give every account of a customer whose accounts were all asked for."""
        ...

    @property
    def charge_holds(self) -> Mapping[tuple[str, str], ChargeHold]:
        """Give the charge holds that were asked for, by (customer, charge hold)."""
        ...

    def tally(self, customer: str, subject: str) -> Tally:
        """Give a tally that was asked for; an empty one where none exists yet."""
        ...

    @property
    def recorded(self) -> Mapping[Pair, "Kept"]:
        """Give usage events that are there already, by (customer, id): see `Request.events`."""
        ...

    def told(self, question: Question) -> Answer:
        """Give what the books say; raise `Unread` where they were not asked yet."""
        ...

    def done_by_time(self, customer: str, unit: str) -> Mapping[str, int]:
        """Count what time alone did to an account and nobody has booked yet, by kind."""
        ...


class Use(NamedTuple):
    """A usage event: the immutable fact that something was used (G1, G5). See store.usage.EVENT."""

    customer: str
    id: str
    feature: str
    #: At the feature's scale; 0 takes back the event that it amends.
    quantity: int
    #: The time that it counts by.
    counted_at: datetime
    #: When it was used, where that is another time.
    event_at: datetime | None = None
    member: str | None = None
    api_key: str | None = None
    #: Tags, as JSON.
    tags: str | None = None
    #: What else is known, as canonical JSON.
    dimensions: str | None = None
    #: What allowances, other credits and the wallet paid of the quantity; None is nothing.
    included: int | None = None
    credits: int | None = None
    wallet: int | None = None
    #: What nobody could pay of it, of a settle.
    unpaid: int | None = None
    #: Money that the wallet paid, and that the later bill asks, at the scale of the currency.
    spent: int | None = None
    owed: int | None = None
    currency: str | None = None
    #: The event that this one takes the place of.
    amends: str | None = None
    #: The backfill that it came with.
    backfill: str | None = None
    #: How it came: "late", or "rated" for money alone.
    mark: str | None = None
    fingerprint: str | None = None


class Kept(NamedTuple):
    """A usage event in the books, and when it was written down."""

    use: Use
    created_at: datetime


class Hour(NamedTuple):
    """What was used in one hour that is over, to be added to what is kept of it."""

    customer: str
    #: Its start, in microseconds since 1970.
    start: int
    uses: tuple[Running, ...]


class Claim(NamedTuple):
    """A payment that bought something: of one customer, once in the whole books (E3)."""

    payment_id: str
    customer: str
    subscription: str


class Revision(NamedTuple):
    """What a request changes in customers' own rows, besides their accounts."""

    #: The customers as they are now.
    customers: tuple[Known, ...] = ()
    #: Personal text of the answer; it stands in the operation's note, which can be erased.
    private: Mapping[str, Any] = MappingProxyType({})
    #: Whether all personal text about the request's own customer goes.
    erases: bool = False
    #: Another customer who gets a row of the operation even where no account changed.
    beside: str | None = None


class Outcome(NamedTuple):
    """What is to be written for one accepted request. Nothing in it means nothing changes."""

    entries: tuple[Entry, ...] = ()
    made: tuple[GrantFact, ...] = ()
    holds: tuple[Hold, ...] = ()
    #: What the answer tells beyond the entries; stored as canonical JSON.
    result: Mapping[str, Any] = MappingProxyType({})
    #: An earlier operation that did this already; its answer is given again.
    replays: str | None = None
    revision: Revision | None = None
    #: Accounts in which only what time did is to be booked.
    swept: tuple[AccountKey, ...] = ()
    #: What the app is to be told beyond what follows from the entries.
    notices: tuple[Notice, ...] = ()
    #: Tallies as they are afterwards.
    tallies: tuple[Tally, ...] = ()
    uses: tuple[Use, ...] = ()
    hours: tuple[Hour, ...] = ()
    #: Parts of backfills as they are afterwards.
    parts: tuple[Part, ...] = ()
    charge_holds: tuple[ChargeHold, ...] = ()
    #: Subscriptions as they are afterwards.
    subscriptions: tuple[Subscribed, ...] = ()
    #: Payments that are this customer's from now on.
    claims: tuple[Claim, ...] = ()
    #: Accounts that are filled otherwise afterwards, without an entry.
    unposted: tuple[Account, ...] = ()
    #: Whether it leaves a row among the operations even where no balance changed.
    is_kept: bool = False
    #: Usage events that were there unseen, and count from now on.
    counted: tuple[UseRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of a verb, validated; its operation's id is fixed here, when it is queued."""

    verb: ClassVar[str]
    #: Whether it leaves a row among the operations; usage that is recorded leaves its events.
    is_operation: ClassVar[bool] = True

    id: str
    customer: str
    idempotency_key: str | None = None
    fingerprint: str | None = None
    note: Note | None = None

    def needs(self) -> Needs:
        """Name the rows that the decision looks at."""
        raise NotImplementedError

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Decide; raise a Refusal where the rules say no."""
        raise NotImplementedError

    def accounts(
        self, tally: Tally, units: Mapping[str, Unit], now: datetime
    ) -> tuple[tuple[AccountKey, ...], tuple[AccountKey, ...]]:
        """Name the accounts that follow from the customer's own tally.

        The first must be there, and are opened where they are not; the others are used only if they
        are. Asked of requests that need tallies.
        """
        return (), ()

    def events(self) -> tuple[Pair, ...]:
        """Name the usage events that it would write, by (customer, id); they may be there."""
        return ()

    def presumes(self) -> tuple[str, ...]:
        """Name the customers whom it takes for known, where the catalog refuses others (C7).

        They are its own, but of a verb that introduces him: one by which the app gives something.
        """
        return (self.customer, *[customer for customer, _ in self.needs().tallies])

    def agrees(self, told: Mapping[str, Any]) -> bool:
        """Tell whether what the first answer under this key told may be told to this request.

        It is asked once the fingerprints are equal: personal text is never part of one, since they
        cannot be erased.
        """
        return True
