"""Makes the requests on charges that are set aside, from what a caller said."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.decisions.setting_aside import ExtendCharge, HoldCharge
from tollkeeper.decisions.settling import EXCESS
from tollkeeper.errors import HoldNotFound, InvalidRequest
from tollkeeper.ledger import charge_holds
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    Desk,
    Options,
    check_lifetime,
    common,
    customer_id,
    hold_id,
)
from tollkeeper.operations.door import PlainDoor, plain
from tollkeeper.operations.making import DEFAULT_EXCESS
from tollkeeper.operations.pricing import fields_of
from tollkeeper.values.amounts import ZERO_OR_MORE, Amount, to_scaled


def hold(
    desk: Desk,
    customer: str,
    feature: str,
    quantity: Amount,
    lifetime: timedelta | None,
    *,
    pay_from: str | Sequence[str] | None,
    member: str | None,
    api_key: str | None,
    tags: Sequence[str],
    dimensions: Mapping[str, str] | None,
    options: Options,
) -> HoldCharge:
    """Make a request to set a charge aside."""
    asked = None if lifetime is None else check_lifetime(lifetime)
    made = fields_of(
        desk,
        customer,
        feature,
        quantity,
        pay_from=pay_from,
        member=member,
        api_key=api_key,
        tags=tags,
        dimensions=dimensions,
        options=options,
        asks=("hold_charge", asked),
    )
    return HoldCharge(**made, lifetime=asked or DEFAULT_LIFETIME)


def extend(
    desk: Desk, held: ChargeHold, quantity: Amount, lifetime: timedelta | None, options: Options
) -> ExtendCharge:
    """Make a request to let a hold grow, or live longer."""
    longer = None if lifetime is None else check_lifetime(lifetime)
    added = to_scaled(quantity, held.terms.scale, at_least=ZERO_OR_MORE)
    if not added and longer is None:
        raise InvalidRequest("extend takes a quantity to add, a lifetime, or both.")
    asked = ("extend_charge", held.id, added, longer)
    return ExtendCharge(**_on(desk, held, added, options, asked), lifetime=longer)


def settle(
    desk: Desk, held: ChargeHold, quantity: Amount | None, excess: str | None, options: Options
) -> SettleCharge:
    """Make a request to settle a hold."""
    if excess is not None and excess not in EXCESS:
        raise InvalidRequest(f"excess is one of {', '.join(EXCESS)}.")
    used = held.quantity if held.settled is None else held.settled
    if quantity is not None:
        used = to_scaled(quantity, held.terms.scale, at_least=ZERO_OR_MORE)
    asked = ("settle_charge", held.id, None if quantity is None else used, excess)
    return SettleCharge(**_on(desk, held, used, options, asked), excess=excess or DEFAULT_EXCESS)


def release(desk: Desk, held: ChargeHold, options: Options) -> ReleaseCharge:
    """Make a request to give a hold back."""
    return ReleaseCharge(**_on(desk, held, 0, options, ("release_charge", held.id)))


def changing(
    desk: Desk,
    customer: object,
    hold: object,
    make: Callable[[ChargeHold], ExtendCharge | SettleCharge | ReleaseCharge],
) -> Callable[[PlainDoor], Any]:
    """Read a hold's pinned terms, which never change, then run the request made of it."""
    name = (customer_id(customer), hold_id(hold))

    def work(door: PlainDoor) -> Any:
        database = desk.ledger.database
        found = door.read(lambda connection: charge_holds.read(connection, database, [name]))
        if not found:
            raise HoldNotFound(
                f"Customer {name[0]!r} has no charge hold {name[1]!r}.", hold=name[1]
            )
        return plain(door.change_all([make(found[0])])[0])

    return work


def _on(
    desk: Desk, held: ChargeHold, quantity: int, options: Options, asked: tuple[object, ...]
) -> dict[str, Any]:
    return common(held.customer, options, asked) | {
        "hold": held.id,
        "feature": held.feature,
        "quantity": quantity,
        "prices": desk.ledger.prices,
        "pay_from": held.pay_from,
        "member": held.member,
        "api_key": held.api_key,
        "tags": held.tags,
        "dimensions": held.dimensions,
        "pinned": held.terms,
    }
