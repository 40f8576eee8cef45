"""A customer as the books know it: whose balances we keep. Owns what is personal, and what is not.

Personal text can be erased (I4), so it never becomes part of an append-only row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

#: The fields that are personal text.
PERSONAL: Final = ("email", "name", "metadata")

_FACTS: Final = ("zone", "currency", "organisation", "merged_into")
_MOMENTS: Final = ("created_at", "updated_at", "erased_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Whoever's balances are kept, a person or an organisation, by the app's own opaque id."""

    id: str
    #: IANA time zone in which the customer's days and months begin; None is UTC.
    zone: str | None = None
    #: The one currency of the wallet (ISO 4217, lower case); None until it is chosen.
    currency: str | None = None
    #: Id of the customer who is this one's organisation.
    organisation: str | None = None
    email: str | None = None
    name: str | None = None
    #: The app's own data.
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: The customer into whom this one was merged; it takes no more changes.
    merged_into: str | None = None
    #: When it was first heard of, and last changed (UTC).
    created_at: datetime
    updated_at: datetime
    #: When its personal text was last erased (UTC).
    erased_at: datetime | None = None

    def facts(self) -> dict[str, Any]:
        """Give what may stand in an append-only row, as JSON takes it: nothing personal."""
        facts = {name: getattr(self, name) for name in _FACTS}
        moments = {name: getattr(self, name) for name in _MOMENTS}
        told = facts | {name: moment and moment.isoformat() for name, moment in moments.items()}
        return {name: value for name, value in told.items() if value is not None}

    def personal(self) -> dict[str, Any]:
        """Give the personal text; nothing where there is none."""
        text = {"email": self.email, "name": self.name, "metadata": dict(self.metadata)}
        return text if any(text.values()) else {}

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: ISO 8601 times."""
        names = ("id", *_FACTS, *_MOMENTS)
        return dict.fromkeys(names) | {
            "id": self.id,
            **self.facts(),
            "email": self.email,
            "name": self.name,
            "metadata": dict(self.metadata),
        }


class Known(NamedTuple):
    """A customer, with what a decision about it has to know besides."""

    customer: Customer
    #: Whether the app has ever said anything about it; first use alone has not.
    introduced: bool
    #: Whether it has an account in money.
    has_wallet: bool


def customer_from(customer: str, told: Mapping[str, Any]) -> Customer:
    """Read a customer from `facts` and `personal` together."""
    values = {name: told.get(name) for name in (*_FACTS, "email", "name")}
    moments = {name: _moment(told.get(name)) for name in _MOMENTS}
    return Customer(id=customer, metadata=told.get("metadata") or {}, **values, **moments)  # type: ignore[arg-type]  # two of the moments are always there


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
