"""Units: what an amount counts. Owns keys, kinds and scales; must never hold anybody's amount.

A unit's kind and scale are fixed for life, because every amount in the ledger is an integer of that
scale.
"""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from tollkeeper.errors import InvalidRequest, InvalidText, UnitMismatch
from tollkeeper.values.amounts import MAXIMUM, MAXIMUM_SCALE, ZERO_OR_MORE, Amount, to_scaled
from tollkeeper.values.currencies import currencies, currency, is_currency
from tollkeeper.values.texts import echo

#: What a unit is made of: credits of some kind, or a currency.
Kind: TypeAlias = Literal["credits", "currency"]

#: Decimal digits of credits, unless the catalog says otherwise.
CREDITS_SCALE: Final = 6
#: Decimal digits of a currency that has a scaled unit; 64 bits leave nine thousand million before.
CURRENCY_SCALE: Final = 9
#: Decimal digits of a currency without a scaled unit; its amounts are larger by themselves.
ZERO_DECIMAL_SCALE: Final = 6
#: What the key of a currency's unit begins with: `money:usd`.
MONEY_PREFIX: Final = "money:"

_CREDITS_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

#: How far below zero an account may go, as a caller says it.
Limit: TypeAlias = Amount | Literal["unlimited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What an amount counts: credits of some kind, or a currency."""

    #: Name of the unit: `api_calls`, or `money:usd` for a currency.
    key: str
    #: `credits` or `currency`.
    kind: Kind
    #: Decimal digits that an amount keeps; fixed for life.
    scale: int
    #: How far below zero an account may go, in the ledger's integers; None is unlimited.
    overdraft: int | None = 0

    def __post_init__(self) -> None:
        _check_kind(self.kind)
        _check_key(self.key, self.kind)
        _check_scale(self.scale)
        _check_overdraft(self.overdraft)

    @property
    def currency(self) -> str | None:
        """Code of the currency, or None for credits."""
        return self.key.removeprefix(MONEY_PREFIX) if self.kind == "currency" else None


def credits_unit(key: str, scale: int = CREDITS_SCALE, *, overdraft: Limit = 0) -> Unit:
    """Give the unit that counts credits of one kind.

    Args:
        key: its name.
        scale: decimal digits that amounts keep, 0 to 12; fixed for life.
        overdraft: how far below zero each account may go, as an amount of the unit, or
            "unlimited"; an account's own limit, or a call's, goes before it.

    Raises:
        InvalidText: the key is not 1 to 64 letters, digits, `_`, `.` or `-`, beginning with a
            letter or digit.
        UnitMismatch: the key is the code of a currency (`usd`, `EUR`): money is in the wallet.
        InvalidRequest: the scale is not 0 to 12.
        InvalidAmount: the overdraft is no amount of this unit.

    >>> credits_unit("api_calls").scale, credits_unit("api_calls", overdraft="2.5").overdraft
    (6, 2500000)
    """
    unit = Unit(key=key, kind="credits", scale=scale)
    return replace(unit, overdraft=_limit(overdraft, unit))


def currency_unit(code: str, *, overdraft: Limit = 0) -> Unit:
    """Give the unit that counts a currency.

    Args:
        code: the currency, by ISO 4217.
        overdraft: how far below zero each wallet may go, in the currency ("12.50"), or "unlimited".

    Raises:
        UnknownCurrency: the code is not in ISO 4217.
        InvalidAmount: the overdraft is no amount of this currency.

    >>> currency_unit("USD").key, currency_unit("usd").scale, currency_unit("jpy").scale
    ('money:usd', 9, 6)
    """
    unit = _CURRENCY_UNITS[currency(code).code]
    limit = _limit(overdraft, unit)
    return replace(unit, overdraft=limit) if limit != 0 else unit


def is_money(key: object) -> bool:
    """Tell whether a unit's key is that of a currency.

    >>> is_money("money:usd"), is_money("api_calls")
    (True, False)
    """
    return isinstance(key, str) and key.startswith(MONEY_PREFIX)


def _limit(overdraft: Limit, unit: Unit) -> int | None:
    if overdraft == "unlimited":
        return None
    return to_scaled(overdraft, unit.scale, at_least=ZERO_OR_MORE)


def _check_kind(kind: object) -> None:
    if kind not in ("credits", "currency"):
        raise InvalidRequest("a unit's kind is 'credits' or 'currency'")


def _check_key(key: object, kind: Kind) -> None:
    if not isinstance(key, str):
        raise InvalidText(f"a unit's key must be a str, not {type(key).__name__}")
    if kind == "credits" and not _CREDITS_KEY.fullmatch(key):
        raise InvalidText(
            f"{echo(key)} is no key of a unit; write 1 to 64 letters, digits, '_', '.' or '-', "
            "beginning with a letter or digit"
        )
    if kind == "credits" and is_currency(key):
        raise UnitMismatch(
            f"{key!r} is a currency; money is in the wallet. Name credits otherwise, such as "
            f"'{key}_credits'.",
            unit=key,
        )
    if kind == "currency" and key != MONEY_PREFIX + currency(key.removeprefix(MONEY_PREFIX)).code:
        raise InvalidText(f"{echo(key)} is no key of a currency; write it like 'money:usd'")


def _check_scale(scale: object) -> None:
    if type(scale) is not int or not 0 <= scale <= MAXIMUM_SCALE:
        raise InvalidRequest(f"a unit's scale is an integer from 0 to {MAXIMUM_SCALE}")


def _check_overdraft(overdraft: object) -> None:
    if overdraft is not None and (type(overdraft) is not int or not 0 <= overdraft <= MAXIMUM):
        raise InvalidRequest("a unit's overdraft is an integer from 0, or None for unlimited")


_CURRENCY_UNITS: Final = {
    money.code: Unit(
        key=MONEY_PREFIX + money.code,
        kind="currency",
        scale=CURRENCY_SCALE if money.exponent else ZERO_DECIMAL_SCALE,
    )
    for money in currencies()
}
