"""Every error that Tollkeeper raises, in one tree. Owns codes and messages; knows no HTTP, no SQL.

    TollkeeperError
    ├── Refusal                 the rules said no; expected, carries numbers, nothing was written
    │   ├── InsufficientBalance
    │   ├── BalanceOverflow
    │   ├── LimitReached
    │   ├── NothingPays
    │   ├── NotEntitled
    │   ├── AlreadySubscribed
    │   ├── StillSubscribed
    │   ├── CatalogRefused
    │   ├── AlreadyRedeemed
    │   ├── PromotionClosed
    │   ├── UsageNotAmendable
    │   ├── BackfillClosed
    │   ├── UnpricedUsage
    │   ├── CurrencyMismatch
    │   ├── HoldClosed
    │   ├── CallExhausted
    │   ├── StillRunning
    │   ├── CallIsOver
    │   ├── NotReversible
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

from typing import Any, ClassVar


class TollkeeperError(Exception):
    """Something went wrong in Tollkeeper."""

    #: Stable name of this kind of error, in snake_case; part of the public API.
    code: ClassVar[str] = "tollkeeper_error"

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or first_line(type(self).__doc__)
        self.details = details
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.details)

    def __getattr__(self, name: str) -> Any:
        """Read a detail by its name: `error.available`."""
        details = self.__dict__.get("details", {})
        if name in details:
            return details[name]
        raise AttributeError(name)


class Refusal(TollkeeperError):
    """The rules of money said no; nothing was written."""

    code = "refused"


class InsufficientBalance(Refusal):
    """The balance is too low. Carries `available`, `required` and `unit`."""

    code = "insufficient_balance"


class BalanceOverflow(Refusal):
    """The balance would pass what 64 bits can hold at the unit's scale; nothing was written."""

    code = "balance_overflow"


class LimitReached(Refusal):
    """A limit leaves less than was asked. Carries `limit`, `at_most`, `left` and `resets_at`."""

    code = "limit_reached"


class NothingPays(Refusal):
    """No source of payment that the plan allows can pay for this feature. Carries `feature`."""

    code = "nothing_pays"


class UnpricedUsage(Refusal):
    """Something was used that no rate prices. Carries `unpriced` and `cost`, that of the rest."""

    code = "unpriced_usage"


class NotEntitled(Refusal):
    """The customer's plans do not include this feature. Carries `feature` and `plans`."""

    code = "not_entitled"


class AlreadySubscribed(Refusal):
    """The customer has a plan of this group already. Carries `plan`, `group` and `subscription`."""

    code = "already_subscribed"


class StillSubscribed(Refusal):
    """The customer has a subscription; cancel it first. Carries `plans`."""

    code = "still_subscribed"


class CatalogRefused(Refusal):
    """The books cannot live with this catalog. Carries `differences`, those that are refused."""

    code = "catalog_refused"


class AlreadyRedeemed(Refusal):
    """The customer has used this promotion as often as he may. Carries `promotion` and `times`."""

    code = "already_redeemed"


class PromotionClosed(Refusal):
    """This promotion is not for now, not for the customer's plan, or used up. See `promotion`."""

    code = "promotion_closed"


class UsageNotAmendable(Refusal):
    """This usage event cannot be amended. Carries `event`; the message says what to do instead."""

    code = "usage_not_amendable"


class BackfillClosed(Refusal):
    """This backfill takes no more events for the customer. Carries `backfill` and `status`."""

    code = "backfill_closed"


class CurrencyMismatch(Refusal):
    """Money never changes currency in silence; use the wallet's own currency."""

    code = "currency_mismatch"


class HoldClosed(Refusal):
    """The hold was already settled, released or has lapsed."""

    code = "hold_closed"


class CallExhausted(Refusal):
    """A metered call may not go on: no more could be held. Carries `left`, `used` and `held`."""

    code = "call_exhausted"


class StillRunning(Refusal):
    """A call under this key is still running; ask again later. Carries `call`."""

    code = "still_running"


class CallIsOver(Refusal):
    """A call under this key is over, and its answer was not kept. Carries `call`."""

    code = "call_is_over"


class NotReversible(Refusal):
    """This operation cannot be reversed."""

    code = "not_reversible"


class CustomerExists(Refusal):
    """There is such a customer already, with other fields; use update. Carries `differing`."""

    code = "customer_exists"


class CustomerMerged(Refusal):
    """This customer was merged into another one. Carries `into`."""

    code = "customer_merged"


class HoldsOpen(Refusal):
    """Something is still held; settle or release it first. Carries `held` and `unit`."""

    code = "holds_open"


class InvalidRequest(TollkeeperError):
    """The request is not valid."""

    code = "invalid_request"


class InvalidAmount(InvalidRequest):
    """The amount is not a valid amount of its unit."""

    code = "invalid_amount"


class InvalidText(InvalidRequest):
    """The text cannot be stored."""

    code = "invalid_text"


class InvalidInterval(InvalidRequest):
    """The interval is not a number and a span of the calendar, such as "3 months"."""

    code = "invalid_interval"


class CatalogError(InvalidRequest):
    """The catalog has mistakes. Carries `mistakes`, each with its place and its problem."""

    code = "invalid_catalog"


class UnknownCurrency(InvalidRequest):
    """The currency is not in ISO 4217."""

    code = "unknown_currency"


class UnknownFeature(InvalidRequest):
    """The catalog has no such feature. Carries `feature`."""

    code = "unknown_feature"


class UnknownPlan(InvalidRequest):
    """The catalog has no such plan. Carries `plan`."""

    code = "unknown_plan"


class AmbiguousPlan(InvalidRequest):
    """Several plans, prices or subscriptions would do; name one. Carries the names as `known`."""

    code = "ambiguous_plan"


class UnknownUnit(InvalidRequest):
    """The catalog has no such unit. Carries `unit`."""

    code = "unknown_unit"


class UnknownOffer(InvalidRequest):
    """The catalog sells no such pack or top-up. Carries `offer`."""

    code = "unknown_offer"


class NotMetered(InvalidRequest):
    """Nothing is counted of this feature. Carries `feature`."""

    code = "not_metered"


class UsageInFuture(InvalidRequest):
    """A usage event lies more than five minutes in the future. Carries `event_at` and `now`."""

    code = "usage_in_future"


class NotPriced(InvalidRequest):
    """The catalog does not say what this costs. Carries `feature`."""

    code = "not_priced"


class UnknownZone(InvalidRequest):
    """The time zone is not in the tz database. Carries `zone` and the `nearest` names."""

    code = "unknown_zone"


class UnknownVendor(InvalidRequest):
    """No reader and no price book knows this AI vendor. Carries `vendor` and the `nearest` names."""

    code = "unknown_vendor"


class UnknownModel(InvalidRequest):
    """No price book knows the price of this model. Carries `vendor`, `model` and `nearest` ones."""

    code = "unknown_model"


class InvalidUsage(InvalidRequest):
    """What a model call used cannot be so."""

    code = "invalid_usage"


class UsageMismatch(InvalidRequest):
    """Usages of different models or conditions do not add up."""

    code = "usage_mismatch"


class InvalidRates(InvalidRequest):
    """The rates or markups of a price book cannot be so."""

    code = "invalid_rates"


class UnitMismatch(InvalidRequest):
    """A unit's kind and scale are fixed for life."""

    code = "unit_mismatch"


class IdempotencyConflict(InvalidRequest):
    """This idempotency key was used before, for another request."""

    code = "idempotency_conflict"


class NotFound(TollkeeperError):
    """What was named does not exist."""

    code = "not_found"


class CustomerNotFound(NotFound):
    """There is no such customer."""

    code = "customer_not_found"


class GrantNotFound(NotFound):
    """This customer has no such grant."""

    code = "grant_not_found"


class UsageNotFound(NotFound):
    """The customer has no usage event of this id."""

    code = "usage_not_found"


class BackfillNotFound(NotFound):
    """There is no backfill of this name."""

    code = "backfill_not_found"


class HoldNotFound(NotFound):
    """This customer has no such hold."""

    code = "hold_not_found"


class CallNotFound(NotFound):
    """There is no such metered call."""

    code = "call_not_found"


class SubscriptionNotFound(NotFound):
    """This customer has no such subscription."""

    code = "subscription_not_found"


class LimitNotFound(NotFound):
    """This customer has no such limit of his own. Carries `limit` and the `known` names."""

    code = "limit_not_found"


class CatalogNotFound(NotFound):
    """No catalog of this version is kept. Carries `version`."""

    code = "catalog_not_found"


class OperationNotFound(NotFound):
    """This customer has no such operation."""

    code = "operation_not_found"


class NoticeNotFound(NotFound):
    """There is no such notice, or it is kept no longer. Carries `notice`."""

    code = "notice_not_found"


class StoreError(TollkeeperError):
    """The database refused or failed; nothing was written."""

    code = "store_error"


class StoreBusy(StoreError):
    """Locked by another transaction for too long; nothing was written, try again."""

    code = "store_busy"


class SerializationFailure(StoreError):
    """Another transaction changed the same rows; roll back and run your transaction again."""

    code = "serialization_failure"


class StoreUnavailable(StoreError):
    """The database cannot be reached; nothing was written."""

    code = "store_unavailable"


class OutcomeUnknown(StoreError):
    """The connection was lost during the commit; repeat the call with the same key."""

    code = "outcome_unknown"


class NotMigrated(StoreError):
    """Tollkeeper's tables are missing or of another version; run `tollkeeper migrate`."""

    code = "not_migrated"


class NoTransaction(StoreError):
    """The connection commits by itself; begin a transaction first, so that all commits as one."""

    code = "no_transaction"


class MissingExtra(TollkeeperError):
    """An optional package is not installed."""

    code = "missing_extra"


class Closed(TollkeeperError):
    """This Billing was closed."""

    code = "closed"


class BrokenInvariant(TollkeeperError):
    """A law of the ledger would break; nothing was written. This is a bug: please report it."""

    code = "broken_invariant"


def first_line(docstring: str | None) -> str:
    """Give the first line of a docstring: the default message of an error."""
    return (docstring or "").strip().split("\n", 1)[0]


def _rebuild(kind: type[TollkeeperError], message: str, details: dict[str, Any]) -> TollkeeperError:
    return kind(message, **details)
