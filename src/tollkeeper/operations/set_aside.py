"""Makes the requests on charges that are set aside, from what a caller said."""

from datetime import timedelta
from typing import Any

from tollkeeper.decisions.closing import ReleaseCharge, SettleCharge
from tollkeeper.decisions.setting_aside import ExtendCharge, HoldCharge
from tollkeeper.decisions.settling import EXCESS
from tollkeeper.errors import InvalidRequest
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    Desk,
    Options,
    amount_name,
    check_lifetime,
    common,
    hold_id,
)
from tollkeeper.operations.pricing import fields_of
from tollkeeper.operations.uses import ChargeOptions
from tollkeeper.values.amounts import Amount


def hold(
    desk: Desk,
    customer: str,
    feature: str,
    quantity: Amount,
    lifetime: timedelta | None,
    options: ChargeOptions,
) -> HoldCharge:
    """Make a request to set a charge aside."""
    most = desk.policies.hold_lifetime
    asked = None if lifetime is None else check_lifetime(lifetime, most)
    made = fields_of(desk, customer, feature, quantity, options, asks=("hold_charge", asked))
    return HoldCharge(**made, lifetime=asked or DEFAULT_LIFETIME)


def extend(
    desk: Desk,
    customer: object,
    hold: object,
    quantity: Amount,
    lifetime: timedelta | None,
    options: Options,
    *,
    scaled: int | None = None,
) -> ExtendCharge:
    """Make a request to let a hold grow, or live longer; see `settle` for `scaled`."""
    most = desk.policies.hold_lifetime
    longer = None if lifetime is None else check_lifetime(lifetime, most)
    added = amount_name(quantity)
    if not added and not scaled and longer is None:
        raise InvalidRequest("extend takes a quantity to add, a lifetime, or both.")
    made = _on(desk, customer, hold, options, ("extend_charge", added, longer))
    return ExtendCharge(**made, said=quantity, scaled=scaled, lifetime=longer, at_most=most)


def settle(
    desk: Desk,
    customer: object,
    hold: object,
    quantity: Amount | None,
    excess: str | None,
    options: Options,
    *,
    scaled: int | None = None,
) -> SettleCharge:
    """Make a request to settle a hold; `scaled` is a quantity at the hold's own scale already."""
    if excess is not None and excess not in EXCESS:
        raise InvalidRequest(f"excess is one of {', '.join(EXCESS)}.")
    made = _on(desk, customer, hold, options, ("settle_charge", amount_name(quantity), excess))
    chosen = excess or desk.policies.settle_beyond
    return SettleCharge(**made, said=quantity, scaled=scaled, excess=chosen)


def release(desk: Desk, customer: object, hold: object, options: Options) -> ReleaseCharge:
    """Make a request to give a hold back."""
    return ReleaseCharge(**_on(desk, customer, hold, options, ("release_charge",)))


def _on(
    desk: Desk, customer: object, hold: object, options: Options, asked: tuple[object, ...]
) -> dict[str, Any]:
    """Make what the verbs on a hold have in common; whose and what it is, the ledger reads."""
    name, prices = hold_id(hold), desk.prices
    made = common(customer, options, (*asked, name))
    made.update(hold=name, prices=prices)
    return made
