"""Makes the requests that correct, take back or move, in any unit, from what a caller said."""

from tollkeeper.catalog.terms import PolicyTerms, PriceList
from tollkeeper.decisions.correcting import Adjust, Revoke, SetBalance, SetOverdraft
from tollkeeper.decisions.moving import Transfer
from tollkeeper.decisions.reversing import Reverse, reversal_id
from tollkeeper.errors import InvalidRequest
from tollkeeper.operations.calls import Options, common
from tollkeeper.values.amounts import Amount, to_scaled
from tollkeeper.values.texts import check_text
from tollkeeper.values.units import Unit


def revoke(
    customer: str, unit: Unit | None, amount: Amount | None, grant: str | None, options: Options
) -> Revoke:
    """Make a request to revoke, in one unit or in every one."""
    if unit is None and (amount is not None or grant is not None):
        raise InvalidRequest("Name the unit whose amount or grant is to be revoked.")
    scaled = None if unit is None or amount is None else to_scaled(amount, unit.scale)
    name = None if grant is None else check_text(grant, "grant")
    key = unit.key if unit else None
    request = common(customer, options, ("revoke", key, scaled, name))
    return Revoke(**request, unit=key, amount=scaled, grant=name)


def adjust(customer: str, unit: Unit, scaled: int, options: Options) -> Adjust:
    """Make a request to adjust; who and why are not optional (I2)."""
    if not scaled:
        raise InvalidRequest("An adjustment of zero changes nothing.")
    if options.get("reason") is None or options.get("actor") is None:
        raise InvalidRequest("An adjustment names its reason and its actor.")
    request = common(customer, options, ("adjust", unit.key, scaled))
    return Adjust(**request, unit=unit.key, amount=scaled)


def set_balance(customer: str, unit: Unit, scaled: int, options: Options) -> SetBalance:
    """Make a request to set a balance."""
    request = common(customer, options, ("set_balance", unit.key, scaled))
    return SetBalance(**request, unit=unit.key, amount=scaled)


def set_overdraft(
    customer: str, unit: str | None, limit: int | None, options: Options
) -> SetOverdraft:
    """Make a request to set an overdraft limit; without a unit, that of the customer's wallet."""
    request = common(customer, options, ("set_overdraft", unit, limit))
    return SetOverdraft(**request, unit=unit, limit=limit)


def transfer(
    customer: str, unit: Unit, scaled: int, to: str, options: Options, policies: PolicyTerms
) -> Transfer:
    """Make a request to transfer to another customer."""
    taker = check_text(to, "to")
    if taker == customer:
        raise InvalidRequest("A customer cannot transfer to itself.")
    request = common(customer, options, ("transfer", unit.key, scaled, taker))
    return Transfer(
        **request,
        unit=unit.key,
        amount=scaled,
        to=taker,
        pays_debt=policies.promotions_pay_debt,
        moves_money=policies.wallet_transfers,
    )


def reverse(
    customer: str,
    operation: object,
    expired: str | None,
    options: Options,
    prices: PriceList,
) -> Reverse:
    """Make a request to reverse an operation; its id makes it happen at most once.

    What becomes of value of an expired grant the call says, else the policy (A6).
    """
    name = check_text(getattr(operation, "operation_id", operation), "operation_id")
    if expired not in (None, "expire", "reissue"):
        raise InvalidRequest(f"expired must be 'expire' or 'reissue', not {expired!r}.")
    request = common(customer, options, ("reverse", name, expired))
    request["id"] = reversal_id(name)
    dead = expired or prices.policy_terms.reversal
    return Reverse(**request, operation=name, dead=dead, prices=prices)
