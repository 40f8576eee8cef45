"""Every error that Tollkeeper raises, in one tree. Owns codes and messages; knows no HTTP, no SQL.

    TollkeeperError
    ├── Refusal                 the rules said no; expected, carries numbers, nothing was written
    │   ├── InsufficientBalance
    │   ├── BalanceOverflow
    │   ├── LimitReached
    │   ├── NothingPays
    │   ├── NotEntitled
    │   ├── AlreadySubscribed
    │   ├── PaymentClaimed
    │   ├── StillSubscribed
    │   ├── CatalogRefused
    │   ├── AlreadyRedeemed
    │   ├── PromotionClosed
    │   ├── UsageNotAmendable
    │   ├── BackfillClosed
    │   ├── UnpricedUsage
    │   ├── CurrencyMismatch
    │   ├── HoldClosed
    │   ├── BeyondHold
    │   ├── TooManyHolds
    │   ├── CallExhausted
    │   ├── StillRunning
    │   ├── CallIsOver
    │   ├── NotReversible
    │   ├── TransferNotAllowed
    │   ├── CustomerExists
    │   ├── CustomerMerged
    │   └── HoldsOpen
    ├── InvalidRequest          the call itself is wrong; repeat it corrected
    │   ├── InvalidAmount
    │   ├── InvalidText
    │   ├── InvalidInterval
    │   ├── CatalogError        what is wrong with it, every mistake at once
    │   ├── UnknownCurrency
    │   ├── UnknownFeature
    │   ├── UnknownDimension
    │   ├── UnknownPlan
    │   ├── AmbiguousPlan
    │   ├── UnknownUnit
    │   ├── UnknownOffer
    │   ├── NotPriced
    │   ├── NotMetered
    │   ├── UsageInFuture
    │   ├── UnknownZone
    │   ├── UnknownVendor
    │   ├── UnknownModel
    │   ├── InvalidUsage
    │   ├── UsageMismatch
    │   ├── InvalidRates
    │   ├── UnitMismatch
    │   └── IdempotencyConflict
    ├── NotFound                the thing named is not there
    │   ├── CustomerNotFound
    │   ├── GrantNotFound
    │   ├── HoldNotFound
    │   ├── CallNotFound
    │   ├── SubscriptionNotFound
    │   ├── LimitNotFound
    │   ├── CatalogNotFound
    │   ├── UsageNotFound
    │   ├── BackfillNotFound
    │   ├── OperationNotFound
    │   └── NoticeNotFound
    ├── StoreError              the database could not do it; nothing written unless it says so
    │   ├── StoreBusy           locked elsewhere for longer than the time-out; repeat it
    │   ├── SerializationFailure
    │   ├── StoreUnavailable
    │   ├── OutcomeUnknown      the commit's answer was lost; repeat with the same key
    │   ├── NotMigrated
    │   └── NoTransaction
    ├── MissingExtra            an optional package is not installed; the message names it
    ├── Closed                  this Billing was closed
    └── BrokenInvariant         a law of the ledger would break; the transaction rolled back

Each error has a stable `code` in snake_case, and `details`, the numbers it carries. A subclass's
docstring is its default message.
"""

from tollkeeper.errors.absences import (
    BackfillNotFound,
    CallNotFound,
    CatalogNotFound,
    CustomerNotFound,
    GrantNotFound,
    HoldNotFound,
    LimitNotFound,
    NoticeNotFound,
    OperationNotFound,
    SubscriptionNotFound,
    UsageNotFound,
)
from tollkeeper.errors.base import (
    BrokenInvariant,
    Closed,
    InvalidRequest,
    MissingExtra,
    NotFound,
    Refusal,
    StoreError,
    TollkeeperError,
    first_line,
)
from tollkeeper.errors.refusals import (
    AlreadyRedeemed,
    AlreadySubscribed,
    BackfillClosed,
    BalanceOverflow,
    BeyondHold,
    CallExhausted,
    CallIsOver,
    CatalogRefused,
    CurrencyMismatch,
    CustomerExists,
    CustomerMerged,
    HoldClosed,
    HoldsOpen,
    InsufficientBalance,
    LimitReached,
    NotEntitled,
    NothingPays,
    NotReversible,
    PaymentClaimed,
    PromotionClosed,
    StillRunning,
    StillSubscribed,
    TooManyHolds,
    TransferNotAllowed,
    UnpricedUsage,
    UsageNotAmendable,
)
from tollkeeper.errors.requests import (
    AmbiguousPlan,
    CatalogError,
    IdempotencyConflict,
    InvalidAmount,
    InvalidInterval,
    InvalidRates,
    InvalidText,
    InvalidUsage,
    NotMetered,
    NotPriced,
    UnitMismatch,
    UnknownCurrency,
    UnknownDimension,
    UnknownFeature,
    UnknownModel,
    UnknownOffer,
    UnknownPlan,
    UnknownUnit,
    UnknownVendor,
    UnknownZone,
    UsageInFuture,
    UsageMismatch,
)
from tollkeeper.errors.stores import (
    NotMigrated,
    NoTransaction,
    OutcomeUnknown,
    SerializationFailure,
    StoreBusy,
    StoreUnavailable,
)

__all__ = [
    "AlreadyRedeemed",
    "AlreadySubscribed",
    "AmbiguousPlan",
    "BackfillClosed",
    "BackfillNotFound",
    "BalanceOverflow",
    "BeyondHold",
    "BrokenInvariant",
    "CallExhausted",
    "CallIsOver",
    "CallNotFound",
    "CatalogError",
    "CatalogNotFound",
    "CatalogRefused",
    "Closed",
    "CurrencyMismatch",
    "CustomerExists",
    "CustomerMerged",
    "CustomerNotFound",
    "GrantNotFound",
    "HoldClosed",
    "HoldNotFound",
    "HoldsOpen",
    "IdempotencyConflict",
    "InsufficientBalance",
    "InvalidAmount",
    "InvalidInterval",
    "InvalidRates",
    "InvalidRequest",
    "InvalidText",
    "InvalidUsage",
    "LimitNotFound",
    "LimitReached",
    "MissingExtra",
    "NoTransaction",
    "NotEntitled",
    "NotFound",
    "NotMetered",
    "NotMigrated",
    "NotPriced",
    "NotReversible",
    "NothingPays",
    "NoticeNotFound",
    "OperationNotFound",
    "OutcomeUnknown",
    "PaymentClaimed",
    "PromotionClosed",
    "Refusal",
    "SerializationFailure",
    "StillRunning",
    "StillSubscribed",
    "StoreBusy",
    "StoreError",
    "StoreUnavailable",
    "SubscriptionNotFound",
    "TollkeeperError",
    "TooManyHolds",
    "TransferNotAllowed",
    "UnitMismatch",
    "UnknownCurrency",
    "UnknownDimension",
    "UnknownFeature",
    "UnknownModel",
    "UnknownOffer",
    "UnknownPlan",
    "UnknownUnit",
    "UnknownVendor",
    "UnknownZone",
    "UnpricedUsage",
    "UsageInFuture",
    "UsageMismatch",
    "UsageNotAmendable",
    "UsageNotFound",
    "first_line",
]

# Tracebacks and logs name an error by the place that apps import it from.
for _name in __all__:
    globals()[_name].__module__ = __name__
