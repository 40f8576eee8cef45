"""The database could not do it; nothing was written unless the error says so."""

from tollkeeper.errors.base import StoreError


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
