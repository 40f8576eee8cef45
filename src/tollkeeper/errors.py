"""Every error that Tollkeeper raises, in one tree. Owns codes and messages; knows no HTTP, no SQL.

    TollkeeperError
    ├── Refusal                 the rules said no; expected, carries numbers, nothing was written
    │   ├── InsufficientBalance
    │   ├── BalanceOverflow
    │   ├── CurrencyMismatch
    │   ├── HoldClosed
    │   ├── NotReversible
    │   ├── CustomerExists
    │   ├── CustomerMerged
    │   └── HoldsOpen
    ├── InvalidRequest          the call itself is wrong; repeat it corrected
    │   ├── InvalidAmount
    │   ├── InvalidText
    │   ├── UnknownCurrency
    │   ├── UnitMismatch
    │   └── IdempotencyConflict
    ├── NotFound                the thing named is not there
    │   ├── CustomerNotFound
    │   ├── GrantNotFound
    │   ├── HoldNotFound
    │   └── OperationNotFound
    ├── StoreError              the database could not do it; nothing written unless it says so
    │   ├── StoreBusy           locked elsewhere for longer than the time-out; repeat it
    │   ├── SerializationFailure
    │   ├── StoreUnavailable
    │   ├── OutcomeUnknown      the commit's answer was lost; repeat with the same key
    │   ├── NotMigrated
    │   └── NoTransaction
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


class CurrencyMismatch(Refusal):
    """Money never changes currency in silence; use the wallet's own currency."""

    code = "currency_mismatch"


class HoldClosed(Refusal):
    """The hold was already settled, released or has lapsed."""

    code = "hold_closed"


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


class UnknownCurrency(InvalidRequest):
    """The currency is not in ISO 4217."""

    code = "unknown_currency"


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


class HoldNotFound(NotFound):
    """This customer has no such hold."""

    code = "hold_not_found"


class OperationNotFound(NotFound):
    """This customer has no such operation."""

    code = "operation_not_found"


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
