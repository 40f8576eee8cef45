"""The room of charges that are set aside: hold, extend, settle, release."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Unpack

from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.decisions.setting_aside import ExtendCharge
from tollkeeper.operations import set_aside
from tollkeeper.operations.calls import Desk, Options
from tollkeeper.values.amounts import Amount
from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt
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
        pay_from: str | Sequence[str] | None = None,
        member: str | None = None,
        api_key: str | None = None,
        tags: Sequence[str] = (),
        dimensions: Mapping[str, str] | None = None,
        **options: Unpack[Options],
    ) -> ChargeHoldReceipt:
        """Set a quantity aside, as `charge` would pay it; it lapses by itself after `lifetime`.

        That is 15 minutes unless you say so, and 24 hours at most. Raises what `charge` raises, and
        nothing is held then.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "tokens", 5000)
        ...     hold = billing.charges.hold("user_1", "tokens", 4000)
        ...     receipt = billing.charges.settle("user_1", hold, 1234)
        ...     receipt.quantity, receipt.balance.available
        (Decimal('1234'), Decimal('3766'))
        """
        request = set_aside.hold(
            self._desk,
            customer,
            feature,
            quantity,
            lifetime,
            pay_from=pay_from,
            member=member,
            api_key=api_key,
            tags=tags,
            dimensions=dimensions,
            options=options,
        )
        return self._desk.door.change(request)

    def extend(
        self,
        customer: str,
        hold: str | ChargeHoldReceipt,
        quantity: Amount = 0,
        *,
        lifetime: timedelta | None = None,
        **options: Unpack[Options],
    ) -> ChargeHoldReceipt:
        """Let a hold grow by a quantity, or live on for `lifetime` from now (B4).

        Raises what `charge` raises; HoldClosed where it is settled, released or has lapsed.
        """

        def make(held: ChargeHold) -> ExtendCharge:
            return set_aside.extend(self._desk, held, quantity, lifetime, options)

        return self._desk.door.perform(set_aside.changing(self._desk, customer, hold, make))

    def settle(
        self,
        customer: str,
        hold: str | ChargeHoldReceipt,
        quantity: Amount | None = None,
        *,
        excess: str | None = None,
        **options: Unpack[Options],
    ) -> ChargeReceipt:
        """Charge what was really used (None: all that is held), and give the rest back (B2).

        More than was held follows `excess`: "charge" it through the waterfall (the default), and
        record what nobody can pay as `unpaid`; "cap" it at what is held; or "refuse". A hold that
        lapsed is charged anew, marked `late` (B3). Settling again with the same quantity gives the
        first receipt; with another one it raises IdempotencyConflict.
        """

        def make(held: ChargeHold) -> SettleCharge:
            return set_aside.settle(self._desk, held, quantity, excess, options)

        return self._desk.door.perform(set_aside.changing(self._desk, customer, hold, make))

    def release(
        self, customer: str, hold: str | ChargeHoldReceipt, **options: Unpack[Options]
    ) -> Receipt:
        """Give a hold back untouched: nothing was used."""

        def make(held: ChargeHold) -> ReleaseCharge:
            return set_aside.release(self._desk, held, options)

        return self._desk.door.perform(set_aside.changing(self._desk, customer, hold, make))
