"""A charge set aside before the quantity is known: what it holds, where, at which terms. Pure.

It is one hold over several accounts: a ledger's hold in each that pays, headroom in the limits, and
the terms pinned when it was made, so that it is settled by the very prices it was sized by (B6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from tollkeeper.catalog.terms import Step, Terms


class Part(NamedTuple):
    """What one source of payment has set aside."""

    #: The ledger's hold; empty for the later bill, which holds nothing.
    hold: str
    step: Step
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeHold:
    """A quantity of a feature set aside for one customer."""

    id: str
    customer: str
    feature: str
    #: open, settled or released; an open one whose time is over has lapsed.
    status: str
    terms: Terms
    parts: tuple[Part, ...]
    created_at: datetime
    expires_at: datetime
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    dimensions: Mapping[str, str] = field(default_factory=dict)
    pay_from: tuple[str, ...] | None = None
    #: What was settled, once it was; scaled as the feature's quantity.
    settled: int | None = None
    #: The operation that closed it, so that a repeated close finds its first answer.
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def quantity(self) -> int:
        """Tell how much it holds."""
        return sum(part.quantity for part in self.parts)

    def is_open_at(self, now: datetime) -> bool:
        """Tell whether it still holds anything."""
        return self.status == "open" and now < self.expires_at

    def lapsed(self, now: datetime) -> bool:
        """Tell whether its time is over; the ledger's holds came back then by themselves (B1)."""
        return self.status == "open" and now >= self.expires_at

    def closed(
        self, status: str, at: datetime, by: str, settled: int | None = None
    ) -> "ChargeHold":
        """Copy it as closed."""
        return replace(self, status=status, closed_at=at, closed_by=by, settled=settled)


def part_name(hold: str, number: int) -> str:
    """Name the ledger's hold of a part; no other hold's name has a dot.

    >>> part_name("hld_x", 0)
    'hld_x.0'
    """
    return f"{hold}.{number}"


def is_part(name: str) -> bool:
    """Tell whether a ledger's hold is a part of a charge hold."""
    return "." in name


def whole_name(name: str) -> str:
    """Name the charge hold that a part is of; any other hold has the name it has.

    >>> whole_name("hld_x.0"), whole_name("hld_y")
    ('hld_x', 'hld_y')
    """
    return name.partition(".")[0]
