"""Makes the requests that grant, consume and hold, in any unit, from what a caller said."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from tollkeeper.catalog.terms import PolicyTerms
from tollkeeper.decisions.granting import Grant, defaults_of
from tollkeeper.decisions.holding import Extend, Place
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.decisions.settling import EXCESS, Release, Settle
from tollkeeper.decisions.spending import Consume
from tollkeeper.errors import InvalidAmount, InvalidRequest
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    Options,
    Overdraft,
    amount_name,
    check_lifetime,
    common,
    fingerprint_of_consume,
    hold_id,
    overdraft_scaled,
)
from tollkeeper.values.amounts import Amount
from tollkeeper.values.moments import EPOCH, utc
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_text
from tollkeeper.values.units import Unit

MAXIMUM_FEATURES = 100
MAXIMUM_PRIORITY = 1_000_000


def consume(
    customer: str,
    unit: Unit,
    scaled: int,
    feature: str | None,
    overdraft: Overdraft,
    options: Options,
) -> Consume:
    """Make a request to consume."""
    limit = None if overdraft is None else overdraft_scaled(overdraft, unit)
    feature = None if feature is None else check_text(feature, "feature")
    asked = fingerprint_of_consume(unit.key, scaled, feature, limit)
    return Consume(
        **common(customer, options, asked),
        unit=unit.key,
        amount=scaled,
        feature=feature,
        overdraft=limit,
    )


def grant(
    customer: str,
    unit: Unit,
    scaled: int,
    *,
    source: str | None,
    usual_source: str,
    source_id: str | None,
    priority: int | None,
    paid: bool | None,
    effective_at: datetime | None,
    expires_at: datetime | None,
    cost_basis: Money | None,
    features: Sequence[str],
    options: Options,
    policies: PolicyTerms,
) -> Grant:
    """Make a request to grant."""
    effective = None if effective_at is None else utc(effective_at, "effective_at")
    expires = None if expires_at is None else utc(expires_at, "expires_at")
    if effective and expires and expires <= effective:
        raise InvalidRequest("expires_at must be later than effective_at.")
    named = None if source is None else check_text(source, "source")
    origin, reference = named or usual_source, _reference(source_id)
    only = _features(features)
    defaults = defaults_of(origin)
    order = defaults.priority if priority is None else _priority(priority)
    is_paid = defaults.paid if paid is None else _paid(paid)
    cost = _cost(cost_basis)
    asked = ("grant", unit.key, scaled, named, priority, paid, effective, expires, cost, only)
    request = common(customer, options, asked)
    fact = GrantFact(
        id=f"grt_{request['id'].partition('_')[2]}",
        customer=request["customer"],
        unit=unit.key,
        amount=scaled,
        source=origin,
        priority=order,
        paid=is_paid,
        effective_at=effective or EPOCH,
        expires_at=expires,
        cost=cost.scaled if cost else 0,
        cost_currency=cost.currency if cost else None,
        features=only,
        source_id=reference,
    )
    pays_debt = policies.promotions_pay_debt
    return Grant(**request, fact=fact, effective_at=effective, pays_debt=pays_debt)


def hold(
    customer: str,
    unit: Unit,
    scaled: int,
    lifetime: timedelta | None,
    feature: str | None,
    overdraft: Overdraft,
    options: Options,
    policies: PolicyTerms,
) -> Place:
    """Make a request to hold."""
    limit = overdraft_scaled(overdraft, unit)
    feature = None if feature is None else check_text(feature, "feature")
    named = None if lifetime is None else check_lifetime(lifetime, policies.hold_lifetime)
    asked = ("hold", unit.key, scaled, feature, limit, named)
    return Place(
        **common(customer, options, asked),
        unit=unit.key,
        amount=scaled,
        lifetime=named or DEFAULT_LIFETIME,
        feature=feature,
        overdraft=limit,
    )


def extend(
    customer: str,
    hold: Any,
    amount: Amount | None,
    lifetime: timedelta | None,
    options: Options,
    policies: PolicyTerms,
    currency: str | None = None,
) -> Extend:
    """Make a request to extend a hold; of money, if there is a currency."""
    if amount is None and lifetime is None:
        raise InvalidRequest("Extend a hold by an amount, by a lifetime, or by both.")
    name = hold_id(hold)
    most = policies.hold_lifetime
    longer = None if lifetime is None else check_lifetime(lifetime, most)
    asked = ("extend", name, amount_name(amount), currency, longer)
    request = common(customer, options, asked) | {"lifetime": longer, "at_most": most}
    return Extend(**request, hold=name, amount=amount, currency=currency)


def settle(
    customer: str,
    hold: Any,
    amount: Amount | None,
    excess: str | None,
    options: Options,
    policies: PolicyTerms,
    currency: str | None = None,
) -> Settle:
    """Make a request to settle a hold; of money, if there is a currency.

    What becomes of an excess the call says, else the policy (B2).
    """
    if excess is not None and excess not in EXCESS:
        raise InvalidRequest(f"excess must be one of {', '.join(EXCESS)}, not {excess!r}.")
    name = hold_id(hold)
    asked = ("settle", name, amount_name(amount), currency, excess)
    request = common(customer, options, asked)
    chosen = excess or policies.settle_beyond
    return Settle(**request, hold=name, amount=amount, currency=currency, excess=chosen)


def release(customer: str, hold: Any, options: Options, currency: str | None = None) -> Release:
    """Make a request to release a hold; of money, if there is a currency."""
    name = hold_id(hold)
    request = common(customer, options, ("release", name, currency))
    return Release(**request, hold=name, currency=currency)


def _reference(source_id: str | None) -> str | None:
    return None if source_id is None else check_text(source_id, "source_id")


def _features(features: Sequence[str]) -> tuple[str, ...]:
    if isinstance(features, str | bytes) or not isinstance(features, Collection):
        raise InvalidRequest("features is a list of keys, such as ['chat', 'image'].")
    if len(features) > MAXIMUM_FEATURES:
        raise InvalidRequest(f"A grant may name {MAXIMUM_FEATURES} features at most.")
    return tuple(sorted({check_text(feature, "feature") for feature in features}))


def _paid(paid: object) -> bool:
    if not isinstance(paid, bool):
        raise InvalidRequest("paid is True or False; None leaves it to the source.")
    return paid


def _cost(cost_basis: object) -> Money | None:
    if cost_basis is None:
        return None
    if not isinstance(cost_basis, Money):
        raise InvalidRequest("cost_basis is Money, such as Money('9.00', 'usd').")
    if cost_basis.scaled < 0:
        raise InvalidAmount("cost_basis must be zero or more")
    return cost_basis


def _priority(priority: object) -> int:
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise InvalidRequest("priority is a whole number; lower burns first.")
    if not 0 <= priority <= MAXIMUM_PRIORITY:
        raise InvalidRequest(f"priority must be from 0 to {MAXIMUM_PRIORITY}.")
    return priority
