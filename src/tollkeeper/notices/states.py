"""How far the delivery of a notice is, and lists of them, as operators see it. Frozen; no SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tollkeeper.notices.base import Notice

#: Not delivered yet: nobody has taken it, or it is tried again.
WAITING: Final = "waiting"
#: Every callback has heard it.
DELIVERED: Final = "delivered"
#: Tried too often; it is left alone until somebody calls `redeliver`.
DEAD: Final = "dead"

STATUSES: Final = (WAITING, DELIVERED, DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeState:
    """A notice in the outbox, and how far its delivery is."""

    #: What is told.
    notice: Notice
    #: Who is to hear it: `callbacks`, the functions that the app registered with `billing.on`.
    endpoint: str
    #: `waiting`, `delivered` or `dead`.
    status: str
    #: How often it was tried.
    attempts: int
    #: When it will be tried next (UTC); None once it is delivered or dead.
    next_attempt_at: datetime | None = None
    #: When it was delivered or given up (UTC); None while it waits.
    concluded_at: datetime | None = None
    #: What went wrong last.
    error: str | None = None
    #: The callbacks that have heard it already; they are not called again with the others.
    heard: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "notice": self.notice.to_dict(),
            "endpoint": self.endpoint,
            "status": self.status,
            "attempts": self.attempts,
            "next_attempt_at": _text(self.next_attempt_at),
            "concluded_at": _text(self.concluded_at),
            "error": self.error,
            "heard": list(self.heard),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePage:
    """Some notices of the outbox, newest first, and where to go on."""

    #: The notices, each with its state.
    notices: tuple[NoticeState, ...]
    #: Give it to the next call; None at the end.
    next_cursor: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "notices": [each.to_dict() for each in self.notices],
            "next_cursor": self.next_cursor,
        }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
