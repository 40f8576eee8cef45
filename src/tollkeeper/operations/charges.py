"""The room of charges that are set aside: hold, extend, settle, release, get, list."""

from datetime import timedelta
from typing import Unpack

from tollkeeper.operations import held_charges, set_aside
from tollkeeper.operations.calls import Desk, Options
from tollkeeper.operations.uses import ChargeOptions
from tollkeeper.values.amounts import Amount
from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt
from tollkeeper.values.held_charges import HeldCharge, HeldChargePage
from tollkeeper.values.receipts import Receipt


class Charges:
    """A charge whose quantity is known only later: held first, settled at what was really used.

    A hold spans every source of payment that would pay, takes headroom from limits, and pins the
    prices: it is settled by the very terms that it was made at (B6). It lapses by itself.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def hold(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[ChargeOptions],
    ) -> ChargeHoldReceipt:
        """Set a quantity aside, as `charge` would pay it; it lapses by itself after `lifetime`.

        That is 15 minutes unless you say so, and 24 hours at most, or what the catalog's policy
        `hold_lifetime` says. Raises what `charge` raises, and TooManyHolds where the customer has
        1,000 charges set aside; nothing is held then.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "tokens", 5000)
        ...     hold = billing.charges.hold("user_1", "tokens", 4000)
        ...     receipt = billing.charges.settle("user_1", hold, 1234)
        ...     receipt.quantity, receipt.balance.available
        (Decimal('1234'), Decimal('3766'))
        """
        request = set_aside.hold(self._desk, customer, feature, quantity, lifetime, options)
        return self._desk.door.change(request)

    def extend(
        self,
        customer: str,
        hold: str | ChargeHoldReceipt | HeldCharge,
        quantity: Amount = 0,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[Options],
    ) -> ChargeHoldReceipt:
        """Let a hold grow by a quantity, or live on for `lifetime` from now (B4).

        Raises what `charge` raises; HoldClosed where it is settled, released or has lapsed.
        """
        request = set_aside.extend(self._desk, customer, hold, quantity, lifetime, options)
        return self._desk.door.change(request)

    def settle(
        self,
        customer: str,
        hold: str | ChargeHoldReceipt | HeldCharge,
        quantity: Amount | None = None,
        *,
        excess: str | None = None,
        **options: Unpack[Options],
    ) -> ChargeReceipt:
        """Charge what was really used (None: all that is held), and give the rest back (B2).

        More than was held follows `excess`: "charge" it through the waterfall (the default), and
        record what nobody can pay as `uncollected`; "cap" it at the quantity that was held; or
        "refuse" it with BeyondHold. What passes a limit is overage, as of a charge (C5). A hold
        that lapsed is charged anew, marked `late` (B3). Settling again with the same quantity gives
        the first receipt; with another one it raises IdempotencyConflict.
        """
        request = set_aside.settle(self._desk, customer, hold, quantity, excess, options)
        return self._desk.door.change(request)

    def release(
        self, customer: str, hold: str | ChargeHoldReceipt | HeldCharge, **options: Unpack[Options]
    ) -> Receipt:
        """Give a hold back untouched: nothing was used."""
        return self._desk.door.change(set_aside.release(self._desk, customer, hold, options))

    def get(self, customer: str, hold: str | ChargeHoldReceipt | HeldCharge) -> HeldCharge:
        """Give a hold as it stands now: what each source has set aside, until when.

        Raises HoldNotFound where the customer has no such hold of a charge.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "tokens", 5000)
        ...     hold = billing.charges.hold("user_1", "tokens", 4000)
        ...     found = billing.charges.get("user_1", hold)
        ...     found.status, [(share.source, share.amount) for share in found.shares]
        ('open', [('tokens', Decimal('4000'))])
        """
        return self._desk.door.read(held_charges.one(self._desk, customer, hold))

    def list(
        self,
        customer: str,
        feature: str | None = None,
        *,
        status: str | None = "open",
        limit: int = 50,
        cursor: str | None = None,
    ) -> HeldChargePage:
        """List a customer's holds, newest first, by pages: those that are open, unless you say so.

        `status` is `open`, `lapsed`, `settled`, `released`, or None for all. `next_cursor` of a
        page, given as `cursor`, gives the next one.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "tokens", 5000)
        ...     _ = billing.charges.hold("user_1", "tokens", 4000)
        ...     [held] = billing.charges.list("user_1").holds
        ...     _ = billing.charges.release("user_1", held)
        ...     billing.charges.list("user_1").holds
        ()
        """
        made = held_charges.listed(self._desk, customer, feature, status, limit, cursor)
        return self._desk.door.read(made)
