"""The answer of a `try_` verb: a refusal for want of balance is a result there, and no error."""

from dataclasses import dataclass
from decimal import Decimal

from tollkeeper.errors import Refusal, TollkeeperError
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
    """What became of a charge: its receipt, or what `charge` would have raised.

    `try_charge` answers one, and `charge_many` one for each charge of the batch.
    """

    success: bool
    #: The receipt of a success.
    receipt: ChargeReceipt | None = None
    #: Why not: LimitReached, InsufficientBalance, NothingPays …, with its code and details.
    refusal: Refusal | None = None
    #: What else went wrong with a charge of a batch: IdempotencyConflict, NotPriced, StoreBusy …
    failure: TollkeeperError | None = None

    def __bool__(self) -> bool:
        """Be true for a success alone, so that `if` reads as it sounds."""
        return self.success
