"""What each kind of entry may do to an account's value and to its debt. Knows no amounts."""

from enum import Enum
from typing import NamedTuple


class Value(Enum):
    """What an entry does to `available` + `restricted` + `held`: the account's value."""

    GIVES = "give value"
    TAKES = "take value"
    KEEPS = "keep value"
    CORRECTS = "give or take value"

    def allows(self, change: int) -> bool:
        """Tell whether a change of value fits."""
        if self is Value.KEEPS:
            return change == 0
        if self is Value.GIVES:
            return change >= 0
        return change <= 0 if self is Value.TAKES else True


class Debt(Enum):
    """How an entry may make debt grow (law 4)."""

    NEVER = "never"
    #: Within the overdraft limit, and only when nothing else is left.
    LIMITED = "limited"
    #: Beyond any limit, but marked.
    MARKED = "marked"
    #: Because debt that was paid or moved comes back: within the account's limit, else marked.
    RETURNS = "returns"


class Kind(NamedTuple):
    """What a kind of entry may do."""

    value: Value
    debt: Debt = Debt.NEVER


KINDS = {
    "grant": Kind(Value.GIVES),
    "repay": Kind(Value.KEEPS),
    "forgive": Kind(Value.GIVES),
    "consume": Kind(Value.TAKES, Debt.LIMITED),
    "hold": Kind(Value.KEEPS, Debt.LIMITED),
    "extend": Kind(Value.KEEPS, Debt.LIMITED),
    "settle": Kind(Value.TAKES),
    "release": Kind(Value.KEEPS),
    "lapse": Kind(Value.KEEPS),
    "expire": Kind(Value.TAKES),
    "activate": Kind(Value.KEEPS),
    "revoke": Kind(Value.TAKES),
    "adjust": Kind(Value.CORRECTS, Debt.MARKED),
    "set_balance": Kind(Value.CORRECTS, Debt.MARKED),
    "set_overdraft": Kind(Value.KEEPS),
    "transfer_out": Kind(Value.TAKES),
    "transfer_in": Kind(Value.GIVES),
    "reverse": Kind(Value.CORRECTS, Debt.RETURNS),
    "merge_out": Kind(Value.CORRECTS),
    "merge_in": Kind(Value.CORRECTS, Debt.RETURNS),
}

#: Kinds that move value between accounts of one unit: over the whole book they cancel out.
MOVES = (("transfer_out", "transfer_in"), ("merge_out", "merge_in"))

#: What marks an entry that may pass the overdraft limit.
BEYOND_LIMIT = "beyond_limit"
