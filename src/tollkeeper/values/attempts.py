"""The answer of a `try_` verb: a refusal for want of balance is a result there, and no error."""

from dataclasses import dataclass
from decimal import Decimal

from tollkeeper.errors import Refusal
from tollkeeper.values.books import Balance
from tollkeeper.values.charges import ChargeReceipt
from tollkeeper.values.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a `try_` verb answers: whether it succeeded, and the balance in either case."""

    success: bool
    balance: Balance
    #: The receipt of a success.
    receipt: Receipt | None = None
    #: What was required, where the balance was too low.
    required: Decimal | None = None

    def __bool__(self) -> bool:
        """Be true for a success alone, so that `if` reads as it sounds."""
        return self.success


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAttempt:
    """What `try_charge` answers: a receipt, or the refusal that `charge` would have raised."""

    success: bool
    #: The receipt of a success.
    receipt: ChargeReceipt | None = None
    #: Why not: LimitReached, InsufficientBalance, NothingPays …, with its code and details.
    refusal: Refusal | None = None

    def __bool__(self) -> bool:
        """Be true for a success alone, so that `if` reads as it sounds."""
        return self.success
