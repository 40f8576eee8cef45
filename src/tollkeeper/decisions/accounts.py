"""The state of one account, and `post`, the only way an entry changes it. Pure.

`available` = Σ remaining of general grants − debt; `restricted` = Σ remaining of the other open
grants (not effective yet, or only for named features); `held` = Σ open holds. `post` keeps these
true by construction: callers name grants and amounts, never balances. Amounts are scaled integers.
The values are named tuples, because a frozen dataclass of this size takes five times as long to
make, and each consume makes four.
"""

from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.recurrences import Recurrence
from tollkeeper.errors import BalanceOverflow, BrokenInvariant
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.units import MONEY_PREFIX

#: An overdraft limit that never binds.
UNLIMITED = MAXIMUM

AccountKey = tuple[str, str]


class OpenGrant(NamedTuple):
    """What is left of a grant, with the facts that decide when it burns."""

    id: str
    remaining: int
    amount: int
    priority: int
    effective_at: datetime
    expires_at: datetime | None = None
    paid: bool = False
    #: What the whole grant cost, net of tax and discounts, at its currency's scale.
    cost: int = 0
    features: tuple[str, ...] = ()
    #: True until the entry that makes it spendable, at `effective_at`, is booked.
    pending: bool = False
    #: Whether a plan's allowance gave it: what it pays counts as included in the plan.
    included: bool = False
    #: Whether it pays debt back though nobody paid for it: the catalog said so of promotional
    #: grants when it was given (A4).
    repays: bool = False

    @property
    def is_general(self) -> bool:
        """Tell whether its remaining amount counts as `available`."""
        return not self.pending and not self.features

    def covers(self, feature: str | None) -> bool:
        """Tell whether it may pay for this feature now."""
        return not self.pending and (not self.features or feature in self.features)

    def left_with(self, remaining: int) -> "OpenGrant":
        """Copy it with another remaining amount (by position: this is the hot path)."""
        return OpenGrant(self[0], remaining, *self[2:])


class Line(NamedTuple):
    """How an entry changed one grant: what remains and what is held; no id is the debt's share."""

    grant: str
    remaining: int
    held: int = 0


class Account(NamedTuple):
    """One customer's balance in one unit, with every open grant in burn order."""

    customer: str
    unit: str
    available: int = 0
    restricted: int = 0
    held: int = 0
    debt: int = 0
    version: int = 0
    #: The account's own overdraft limit; None leaves it to the unit.
    overdraft: int | None = None
    #: The customer into whom this one was merged; such an account takes no more changes.
    merged_into: str | None = None
    grants: tuple[OpenGrant, ...] = ()
    #: The first moment at which time alone may change something; None when nothing is due.
    due_at: datetime | None = None
    updated_at: datetime | None = None
    #: The allowances of plans that fill it.
    allowances: tuple[Recurrence, ...] = ()

    @property
    def key(self) -> AccountKey:
        """Name the account: customer and unit."""
        return self.customer, self.unit


class Entry(NamedTuple):
    """One signed change of one account, and the account as it stood after it."""

    kind: str
    after: Account
    available: int
    restricted: int
    held: int
    debt: int
    lines: tuple[Line, ...]
    #: The world's time of the change where it is not the time of booking (an expiry, a lapse).
    event_at: datetime | None = None
    #: Why the entry may pass a limit, or how it came late.
    mark: str | None = None


def post(
    account: Account,
    kind: str,
    lines: tuple[Line, ...],
    grants: tuple[OpenGrant, ...],
    *,
    debt: int = 0,
    event_at: datetime | None = None,
    mark: str | None = None,
) -> tuple[Account, Entry]:
    """Change an account: `grants` are its open grants afterwards, `lines` what changed in each.

    The balances follow from the grants touched and the debt. Raises BalanceOverflow where 64 bits
    would not hold the result.
    """
    available, restricted, held = _moved(account.grants, grants, lines)
    available -= debt
    after = Account(
        account.customer,
        account.unit,
        account.available + available,
        account.restricted + restricted,
        account.held + held,
        account.debt + debt,
        account.version + 1,
        account.overdraft,
        account.merged_into,
        grants,
        account.due_at,
        account.updated_at,
        account.allowances,
    )
    _check(after, available)
    return after, Entry(kind, after, available, restricted, held, debt, lines, event_at, mark)


def _moved(
    before: tuple[OpenGrant, ...], after: tuple[OpenGrant, ...], lines: tuple[Line, ...]
) -> tuple[int, int, int]:
    """Sum what the lines change: in general grants, in restricted ones, in holds."""
    available = restricted = held = 0
    for name, remaining, holding in lines:
        held += holding
        if remaining:
            grant = find(before, name) or find(after, name)
            if grant is None:
                raise BrokenInvariant(f"An entry names the grant {name!r}, which is not open.")
            if grant.is_general:
                available += remaining
            else:
                restricted += remaining
    return available, restricted, held


def find(grants: tuple[OpenGrant, ...], grant_id: str) -> OpenGrant | None:
    """Find an open grant by its id."""
    for grant in grants:
        if grant.id == grant_id:
            return grant
    return None


def _check(account: Account, change: int) -> None:
    _, _, available, restricted, held, debt, *_ = account
    if held < 0 or debt < 0 or restricted < 0 or available < -debt:
        raise BrokenInvariant(f"Account {account.key} would hold impossible balances.")
    if (
        available + held + restricted > MAXIMUM
        or debt > MAXIMUM
        or held > MAXIMUM
        or not -MAXIMUM <= change <= MAXIMUM
    ):
        raise BalanceOverflow(unit=account.unit.removeprefix(MONEY_PREFIX))
