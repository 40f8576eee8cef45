"""The facts that the app is told (H1). Frozen values; must never act, wait or reach for anything.

`billing.on(CreditsLow)` hears of one kind, `billing.on(Notice)` of all. Each field is public API.
"""

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
from tollkeeper.notices.base import BalanceNotice, Notice, UnknownNotice
from tollkeeper.notices.kinds import KINDS, ON_DEMAND, USUAL, from_dict
from tollkeeper.notices.states import DEAD, DELIVERED, STATUSES, WAITING, NoticePage, NoticeState
from tollkeeper.notices.uses import (
    LimitApproaching,
    LimitCleared,
    LimitNotice,
    LimitReached,
    PaymentFailed,
    TopUpFailed,
    TopUpPaid,
    UsageRecorded,
    UsageUncollected,
)

__all__ = [
    "DEAD",
    "DELIVERED",
    "KINDS",
    "ON_DEMAND",
    "STATUSES",
    "USUAL",
    "WAITING",
    "BalanceAdjusted",
    "BalanceNotice",
    "CreditsConsumed",
    "CreditsGranted",
    "CreditsLow",
    "CreditsRestored",
    "CreditsRevoked",
    "DebtCleared",
    "DebtIncurred",
    "GrantActivated",
    "GrantExpired",
    "GrantExpiring",
    "HoldLapsed",
    "LimitApproaching",
    "LimitCleared",
    "LimitNotice",
    "LimitReached",
    "Notice",
    "NoticePage",
    "NoticeState",
    "OperationReversed",
    "PaymentFailed",
    "TopUpFailed",
    "TopUpPaid",
    "TransferMade",
    "TransferReceived",
    "Uncollected",
    "UnknownNotice",
    "UsageRecorded",
    "UsageUncollected",
    "from_dict",
]
