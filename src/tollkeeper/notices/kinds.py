"""Every kind of notice by its name, which of them are told without asking, and how one is read."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from tollkeeper.errors import InvalidRequest
from tollkeeper.notices.balances import (
    BalanceAdjusted,
    CreditsConsumed,
    CreditsGranted,
    CreditsLow,
    CreditsRestored,
    CreditsRevoked,
    DebtCleared,
    DebtIncurred,
    GrantActivated,
    GrantExpired,
    GrantExpiring,
    HoldLapsed,
    OperationReversed,
    TransferMade,
    TransferReceived,
    Uncollected,
)
from tollkeeper.notices.base import Notice, UnknownNotice
from tollkeeper.notices.subscriptions import (
    SubscriptionEnded,
    SubscriptionEnding,
    SubscriptionResumed,
    SubscriptionStarted,
)
from tollkeeper.notices.uses import (
    LimitApproaching,
    LimitCleared,
    LimitReached,
    MarginLow,
    PaymentFailed,
    TopUpFailed,
    TopUpPaid,
    UsageRecorded,
    UsageUncollected,
)

_ALL: Final[tuple[type[Notice], ...]] = (
    CreditsGranted,
    GrantActivated,
    CreditsRevoked,
    CreditsConsumed,
    CreditsLow,
    CreditsRestored,
    DebtIncurred,
    DebtCleared,
    GrantExpiring,
    GrantExpired,
    HoldLapsed,
    Uncollected,
    BalanceAdjusted,
    OperationReversed,
    TransferMade,
    TransferReceived,
    LimitApproaching,
    LimitReached,
    LimitCleared,
    UsageRecorded,
    UsageUncollected,
    MarginLow,
    SubscriptionStarted,
    SubscriptionEnding,
    SubscriptionResumed,
    SubscriptionEnded,
    TopUpPaid,
    TopUpFailed,
    PaymentFailed,
)

#: Every kind that is ever told, by its name.
KINDS: Final[Mapping[str, type[Notice]]] = MappingProxyType({each.kind: each for each in _ALL})

#: One a call: written only where somebody asks (H1).
ON_DEMAND: Final = frozenset({CreditsConsumed.kind, UsageRecorded.kind})

#: Written without asking.
USUAL: Final = frozenset(KINDS) - ON_DEMAND


def from_dict(told: Mapping[str, Any]) -> Notice:
    """Make a notice from what its `to_dict` gave, in this release or in another one.

    A kind that only a newer release knows becomes an `UnknownNotice`, and no field is lost.

    Raises:
        InvalidRequest: this is not what a notice gives.

    >>> from decimal import Decimal
    >>> few, least = Decimal("3.5"), Decimal(9)
    >>> low = CreditsLow(customer="user_1", unit="credits", balance=few, threshold=least)
    >>> from_dict(low.to_dict()) == low
    True
    """
    written = told.get("kind")
    if not isinstance(written, str):
        raise InvalidRequest("This is no notice: its kind is missing.")
    kind = KINDS.get(written)
    if kind is not None:
        return kind.read(told)
    return replace(UnknownNotice.read(told), written_as=written)
