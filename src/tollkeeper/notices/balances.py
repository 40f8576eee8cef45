"""Notices about balances: given, taken, spent, expired, low, in debt. One kind for every unit.

Money in a wallet is told by the same kinds as credits; `currency` tells them apart.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from tollkeeper.notices.base import BalanceNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsGranted(BalanceNotice):
    """Credits were granted, or money was deposited."""

    kind: ClassVar[str] = "credits_granted"

    #: How much was given.
    amount: Decimal
    #: The grant that it became.
    grant_id: str
    #: Where it came from: `purchase`, `promotion`, `allowance`, `deposit`, or a word of the app's.
    source: str
    #: The app's own reference, such as a purchase.
    source_id: str | None = None
    #: From when it can be spent (UTC).
    effective_at: datetime
    #: Until when it can be spent (UTC); None is for ever.
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantActivated(BalanceNotice):
    """A grant that was made for later became effective."""

    kind: ClassVar[str] = "grant_activated"

    #: The grant.
    grant_id: str
    #: How much can be spent from now on; zero where only named features may spend it.
    amount: Decimal
    #: Since when (UTC); it may have been noticed later.
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsRevoked(BalanceNotice):
    """What was left of credits was taken back."""

    kind: ClassVar[str] = "credits_revoked"

    #: How much was taken.
    amount: Decimal
    #: The grants that it was taken from.
    grant_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsConsumed(BalanceNotice):
    """Credits or money were spent: one notice a call, so it is off unless somebody asks (H1)."""

    kind: ClassVar[str] = "credits_consumed"

    #: How much was spent, above zero.
    amount: Decimal
    #: The grants that paid; what is missing from them became debt.
    grant_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsLow(BalanceNotice):
    """What is available fell below the unit's threshold: once for each crossing (H3)."""

    kind: ClassVar[str] = "credits_low"

    #: The threshold; the balance was at it or above, and is strictly below it now.
    threshold: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsRestored(BalanceNotice):
    """What is available reached the unit's threshold again, from below."""

    kind: ClassVar[str] = "credits_restored"

    #: The threshold; the balance was below it, and is at it or above now.
    threshold: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtIncurred(BalanceNotice):
    """The customer, who owed nothing in this unit, owes something now."""

    kind: ClassVar[str] = "debt_incurred"

    #: How much he owes, above zero.
    debt: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtCleared(BalanceNotice):
    """The customer, who owed something in this unit, owes nothing now."""

    kind: ClassVar[str] = "debt_cleared"

    #: How much he owed before.
    repaid: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantExpiring(BalanceNotice):
    """A grant of which something is left will expire within days: once for each grant."""

    kind: ClassVar[str] = "grant_expiring"

    #: The grant.
    grant_id: str
    #: What is left of it now.
    remaining: Decimal
    #: When the rest will be gone (UTC).
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantExpired(BalanceNotice):
    """A grant's time was over, and what was left of it is gone."""

    kind: ClassVar[str] = "grant_expired"

    #: The grant.
    grant_id: str
    #: How much was lost, above zero.
    amount: Decimal
    #: When it expired (UTC); it may have been noticed later.
    expired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLapsed(BalanceNotice):
    """A hold was neither settled nor released in time; what it held is available again."""

    kind: ClassVar[str] = "hold_lapsed"

    #: The hold.
    hold_id: str
    #: How much it held.
    amount: Decimal
    #: When it lapsed (UTC); it may have been noticed later.
    lapsed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncollected(BalanceNotice):
    """A settle used more than anybody could pay; nobody paid the rest (B2)."""

    kind: ClassVar[str] = "uncollected"

    #: How much was used and not paid, above zero.
    amount: Decimal
    #: The hold that was settled; None where there was none.
    hold_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAdjusted(BalanceNotice):
    """A human corrected the balance; who and why stand in the history."""

    kind: ClassVar[str] = "balance_adjusted"

    #: By how much, with its sign.
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationReversed(BalanceNotice):
    """An operation was undone by its opposite (A6); one notice for each balance that it changed."""

    kind: ClassVar[str] = "operation_reversed"

    #: The operation that was undone.
    reversed_operation_id: str | None = None
    #: By how much the value of this balance changed, with its sign; held value counts.
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMade(BalanceNotice):
    """Credits were moved to another customer."""

    kind: ClassVar[str] = "transfer_made"

    #: How much was moved.
    amount: Decimal
    #: The customer who got them.
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReceived(BalanceNotice):
    """Credits came from another customer."""

    kind: ClassVar[str] = "transfer_received"

    #: How much came.
    amount: Decimal
    #: The customer who gave them.
    giver: str
