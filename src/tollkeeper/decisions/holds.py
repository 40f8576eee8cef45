"""A hold as a value, and how what it holds is used or given back. Pure; the verbs are in `holding`.

A hold owns its value (B1): it remembers the very grants it was drawn from, with their
facts, so that a settle needs nothing else and a grant's expiry in between cannot take it away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.accounts import Account, Line, OpenGrant, find
from tollkeeper.decisions.burning import with_grant

#: Returned value burns last, as bought value does.
RETURNED_PRIORITY = 60


class Drawn(NamedTuple):
    """A part of a hold: how much came from a grant; no grant means from the overdraft."""

    grant: OpenGrant | None
    amount: int

    @property
    def id(self) -> str:
        """Name the grant, or nothing for the overdraft's share."""
        return self.grant.id if self.grant else ""


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount set aside for one customer in one unit."""

    id: str
    customer: str
    unit: str
    #: open, settled, released or lapsed.
    status: str
    drawn: tuple[Drawn, ...]
    created_at: datetime
    #: When it lapses by itself; None for a freeze.
    expires_at: datetime | None
    feature: str | None = None
    #: What was settled, once it was.
    settled: int | None = None
    #: The operation that closed it, so that a repeated close finds its first answer.
    closed_by: str | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it still holds anything."""
        return self.status == "open"

    @property
    def amount(self) -> int:
        """Tell how much it holds."""
        return sum(part.amount for part in self.drawn)

    def closed(
        self, status: str, at: datetime, by: str | None = None, settled: int | None = None
    ) -> "Hold":
        """Copy it as closed."""
        return replace(self, status=status, closed_at=at, closed_by=by, settled=settled)


class GivenBack(NamedTuple):
    """What returning parts of a hold does: lines, grants then, change of debt, a new grant."""

    lines: tuple[Line, ...]
    grants: tuple[OpenGrant, ...]
    debt: int
    #: Holds what a paid-back debt set free: nobody knows any more which grant it came from.
    made: tuple[OpenGrant, ...] = ()


def give_back(
    account: Account,
    returned: Sequence[Drawn],
    used: Sequence[Drawn] = (),
    *,
    name: str,
    now: datetime,
) -> GivenBack:
    """Return parts of a hold to the grants they came from, and let the used parts go for good.

    The overdraft's share lessens the debt. Where that debt was paid back meanwhile, the rest
    becomes a new grant, `grt_<name>`, so that no value is lost.
    """
    remaining: dict[str, int] = {}
    held: dict[str, int] = {}
    grants = account.grants
    for part in returned:
        remaining[part.id] = remaining.get(part.id, 0) + part.amount
        held[part.id] = held.get(part.id, 0) - part.amount
        if part.grant is not None:
            grants = restored(grants, part.grant, part.amount)
    for part in used:
        held[part.id] = held.get(part.id, 0) - part.amount
    owed = remaining.pop("", 0)
    debt = min(owed, account.debt)
    made = returned_grant(name, owed - debt, now)
    lines = [Line(grant, remaining.get(grant, 0), change) for grant, change in held.items()]
    for grant in made:
        lines.append(Line(grant.id, grant.remaining))
        grants = with_grant(grants, grant)
    return GivenBack(tuple(lines), grants, -debt, made)


def returned_grant(name: str, amount: int, now: datetime) -> tuple[OpenGrant, ...]:
    """Make the grant that holds value set free by a paid-back debt; none for nothing."""
    if not amount:
        return ()
    grant = OpenGrant(f"grt_{name}", amount, amount, RETURNED_PRIORITY, now, paid=True)
    return (grant,)


def split(drawn: Sequence[Drawn], amount: int) -> tuple[tuple[Drawn, ...], tuple[Drawn, ...]]:
    """Split what a hold drew, in the order of drawing, into its first `amount` and the rest."""
    first: list[Drawn] = []
    rest: list[Drawn] = []
    for part in drawn:
        taken = min(amount, part.amount)
        amount -= taken
        if taken:
            first.append(Drawn(part.grant, taken))
        if taken < part.amount:
            rest.append(Drawn(part.grant, part.amount - taken))
    return tuple(first), tuple(rest)


def restored(grants: tuple[OpenGrant, ...], grant: OpenGrant, amount: int) -> tuple[OpenGrant, ...]:
    """Add an amount to what remains of a grant, which may have left the open ones."""
    current = find(grants, grant.id)
    remaining = current.remaining if current else 0
    return with_grant(grants, (current or grant).left_with(remaining + amount))
