"""What a decision may ask of the books beyond what was loaded for it: questions and answers. Pure.

Most decisions never ask, so nothing is read for them beforehand. `Book.told` gives the answer, or
raises `Unread`: then it is read, under the locks that are held already, and the decision is made
anew.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from tollkeeper.decisions.subscribed import Subscribed, SubscriptionsOf
from tollkeeper.decisions.tallies import OWN

#: What a span sums: quantities, those for the later bill, or these and what wallets paid.
QUANTITY, BILLED, PRICED = "quantity", "billed", "priced"


@dataclass(frozen=True, slots=True)
class Span:
    """How much was used in a span of time, by the time that events count by."""

    customer: str
    #: None is every feature.
    feature: str | None
    #: Whose use: the customer's own, a member's, a key's, a tag's (see `tallies.PREFIXES`).
    subject: str = OWN
    #: `quantity`, `billed`, `priced`, or the key of a unit whose amounts are summed.
    measure: str = QUANTITY
    #: From when on, and before when, in microseconds; 0 has no end.
    start: int = 0
    end: int = 0


class Used(NamedTuple):
    """The answer to a span."""

    amount: int = 0
    #: When the first of it was used, in microseconds; 0 where nothing was.
    first: int = 0


@dataclass(frozen=True, slots=True)
class WhatOf:
    """How a usage event stands: what it says, and what took its place."""

    customer: str
    event: str


class UseRow(NamedTuple):
    """A usage event in the books, as a correction needs it."""

    id: str
    feature: str
    quantity: int
    counted_at: datetime
    event_at: datetime | None
    member: str | None
    api_key: str | None
    tags: tuple[str, ...]
    dimensions: str | None
    included: int
    credits: int
    wallet: int
    unpaid: int
    spent: int
    owed: int
    currency: str
    amends: str | None
    backfill: str | None
    mark: str | None
    fingerprint: str | None
    created_at: datetime

    @property
    def billed(self) -> int:
        """What was left to the later bill."""
        return self.quantity - self.included - self.credits - self.wallet - self.unpaid


class Standing(NamedTuple):
    """The answer to `WhatOf`."""

    #: The last event of its chain: the one that counts.
    latest: UseRow
    #: What became of the backfill with which the event came; None where it came with none.
    status: str | None = None


@dataclass(frozen=True, slots=True)
class PartOf:
    """A customer's part of a backfill."""

    customer: str
    backfill: str


class Part(NamedTuple):
    """The answer to `PartOf`, and what a decision makes of it: `open`, `closed` or `undone`."""

    customer: str
    backfill: str
    status: str
    opened_at: datetime
    closed_at: datetime | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventsOf:
    """The events of a customer's part of a backfill that count once it is closed."""

    customer: str
    backfill: str


@dataclass(frozen=True, slots=True)
class ClaimantOf:
    """Whose a payment is that bought something: a customer, or None. Asked for a customer."""

    customer: str
    payment_id: str


Question = Span | WhatOf | PartOf | EventsOf | SubscriptionsOf | ClaimantOf
Answer = Used | Standing | Part | tuple[UseRow, ...] | tuple[Subscribed, ...] | str | None


class Unread(Exception):
    """A decision asks what was not read yet: one thing, or several at once."""

    def __init__(self, *questions: Question) -> None:
        self.questions = questions
        super().__init__(*questions)


class Asked(Protocol):
    """Whoever can be asked: the book of a decision."""

    def told(self, question: Question) -> Answer:
        """Give the answer; raise `Unread` where it was not read yet."""
        ...


def used(book: Asked, span: Span) -> Used:
    """Ask how much was used in a span of time."""
    answer = book.told(span)
    assert isinstance(answer, Used)
    return answer


def standing(book: Asked, customer: str, event: str) -> Standing | None:
    """Ask how a usage event stands; None where there is none of this id."""
    answer = book.told(WhatOf(customer, event))
    assert answer is None or isinstance(answer, Standing)
    return answer


def part(book: Asked, customer: str, backfill: str) -> Part | None:
    """Ask for a customer's part of a backfill; None where there is none."""
    answer = book.told(PartOf(customer, backfill))
    assert answer is None or isinstance(answer, Part)
    return answer


def events(book: Asked, customer: str, backfill: str) -> tuple[UseRow, ...]:
    """Ask for the events of a customer's part of a backfill."""
    answer = book.told(EventsOf(customer, backfill))
    assert isinstance(answer, tuple)
    return answer  # type: ignore[return-value]  # the one answer that is a plain tuple


def subscriptions(book: Asked, customer: str) -> tuple[Subscribed, ...]:
    """Ask for every subscription that a customer has or had."""
    answer = book.told(SubscriptionsOf(customer))
    assert isinstance(answer, tuple)
    return answer  # type: ignore[return-value]  # the answer to this question


def claimant(book: Asked, customer: str, payment_id: str) -> str | None:
    """Ask whose a payment is; None where nobody has claimed it."""
    answer = book.told(ClaimantOf(customer, payment_id))
    assert answer is None or isinstance(answer, str)
    return answer
