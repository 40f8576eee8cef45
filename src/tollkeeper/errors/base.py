"""The root of the tree and its families: codes, messages, details. Knows no HTTP and no SQL."""

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


class InvalidRequest(TollkeeperError):
    """The request is not valid."""

    code = "invalid_request"


class NotFound(TollkeeperError):
    """What was named does not exist."""

    code = "not_found"


class StoreError(TollkeeperError):
    """The database refused or failed; nothing was written."""

    code = "store_error"


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
