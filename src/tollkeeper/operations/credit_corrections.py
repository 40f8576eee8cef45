"""The room of credits, where it corrects: revoke, adjust, set, transfer, reverse."""

from typing import Unpack

from tollkeeper.decisions.correcting import Revoke, SetBalance, SetOverdraft
from tollkeeper.decisions.moving import Transfer
from tollkeeper.errors import InvalidRequest
from tollkeeper.operations import making
from tollkeeper.operations.calls import Options, Overdraft, Room, common, overdraft_scaled
from tollkeeper.values.amounts import ANY_SIGN, Amount, to_scaled
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.texts import check_text


class CreditCorrections(Room):
    """What takes credits back, sets them right, or moves them."""

    def revoke(
        self,
        customer: str,
        unit: str | None = None,
        amount: Amount | None = None,
        *,
        grant: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Take back what is left: an amount, all (None), one grant's rest, or every unit (None).

        It never brings a balance below zero; the receipt tells what was taken. What is held is not
        revoked.
        """
        found = None if unit is None else self._desk.credits_unit(unit)
        if found is None and (amount is not None or grant is not None):
            raise InvalidRequest("Name the unit whose amount or grant is to be revoked.")
        scaled = None if found is None or amount is None else to_scaled(amount, found.scale)
        name = None if grant is None else check_text(grant, "grant")
        key = found.key if found else None
        asked = ("revoke", key, scaled, name)
        request = common(customer, options, asked)
        revoke = Revoke(**request, unit=key, amount=scaled, grant=name)
        return self._desk.door.change(revoke)

    def adjust(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        **options: Unpack[Options],
    ) -> Receipt:
        """Correct a balance by hand, up or down (a negative amount), with a reason and an author.

        Upwards it pays debt back first; downwards it may go into debt beyond any limit, marked.
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale, at_least=ANY_SIGN)
        request = making.adjust(customer, found, scaled, options)
        return self._desk.door.change(request)

    def set_balance(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        **options: Unpack[Options],
    ) -> Receipt:
        """Make `available` this amount (negative: debt), whatever it was; no entry where it is."""
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale, at_least=ANY_SIGN)
        asked = ("set_balance", found.key, scaled)
        request = common(customer, options, asked)
        return self._desk.door.change(SetBalance(**request, unit=found.key, amount=scaled))

    def set_overdraft(
        self,
        customer: str,
        unit: str,
        limit: Overdraft,
        **options: Unpack[Options],
    ) -> Receipt:
        """Set how far below zero this customer may go: an amount, "unlimited", or None (unit's)."""
        found = self._desk.credits_unit(unit)
        scaled = overdraft_scaled(limit, found)
        asked = ("set_overdraft", found.key, scaled)
        request = common(customer, options, asked)
        return self._desk.door.change(SetOverdraft(**request, unit=found.key, limit=scaled))

    def transfer(
        self,
        customer: str,
        unit: str,
        amount: Amount,
        *,
        to: str,
        **options: Unpack[Options],
    ) -> Receipt:
        """Move credits to another customer: two entries under one operation (A7).

        Expiry and cost basis go with them. Only what is available can be moved, never an overdraft.
        """
        found = self._desk.credits_unit(unit)
        scaled = to_scaled(amount, found.scale)
        taker = check_text(to, "to")
        if taker == customer:
            raise InvalidRequest("A customer cannot transfer credits to itself.")
        asked = ("transfer", found.key, scaled, taker)
        request = common(customer, options, asked)
        transfer = Transfer(**request, unit=found.key, amount=scaled, to=taker)
        return self._desk.door.change(transfer)

    def reverse(
        self,
        customer: str,
        operation_id: str | Receipt,
        *,
        expired: str | None = None,
        **options: Unpack[Options],
    ) -> Receipt:
        """Undo one operation: unwind its very entries, to the very grants (A6).

        Value that returns to an expired grant expires at once, visibly; with `expired="reissue"` it
        becomes a new grant. Reversing again gives the first receipt. Raises NotReversible.
        """
        request = making.reverse(customer, operation_id, expired, options)
        return self._desk.door.change(request)
