"""What every verb does with its arguments: check them, and make the common part of a request."""

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, TypedDict, cast

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import Metering, PolicyTerms, PriceList
from tollkeeper.clock import Clock
from tollkeeper.decisions.accounts import UNLIMITED
from tollkeeper.decisions.customers import other_currency
from tollkeeper.decisions.holding import ANY_CURRENCY
from tollkeeper.decisions.requests import Note
from tollkeeper.errors import (
    InvalidAmount,
    InvalidRequest,
    NotMetered,
    UnitMismatch,
    UnknownFeature,
    UnknownUnit,
)
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import Door, PlainDoor, Within
from tollkeeper.values.amounts import POSITIVE, ZERO_OR_MORE, Amount, amount_key, to_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_metadata, check_text, echo
from tollkeeper.values.units import MONEY_PREFIX, Unit, credits_unit, currency_unit

#: What the keys of our own operations begin with; callers cannot use it.
RESERVED_PREFIX = "tollkeeper:"

#: How long a hold lives unless the caller says otherwise. Such defaults are never part of a
#: fingerprint, which tells what the caller said: another version may have others.
DEFAULT_LIFETIME = timedelta(minutes=15)

MAXIMUM_REASON = 2000

Overdraft = Amount | Literal["unlimited"] | None
MoneyLimit = Money | Literal["unlimited"] | None


class Options(TypedDict, total=False):
    """What every verb that changes something takes, by keyword."""

    #: The caller's name for this one request, at most 255 characters.
    idempotency_key: str | None
    #: Why, in a human's words; erasable.
    reason: str | None
    #: Who; erasable.
    actor: str | None
    #: The app's own data, JSON of at most 16 KB; erasable.
    metadata: Mapping[str, Any] | None


OPTIONS = Options.__optional_keys__


@dataclass(frozen=True, slots=True)
class Desk:
    """What a room works with: the door to the books, and what they are."""

    door: Door
    ledger: Ledger

    @property
    def clock(self) -> Clock:
        """The clock that decides."""
        return self.ledger.clock

    @property
    def prices(self) -> PriceList:
        """Give the price list, as it stays for one call; an old look is repeated before.

        Every verb that scales or names anything by the price list passes here.
        """
        if self.ledger.looked.is_due:
            self.door.look()
        prices = self.ledger.prices
        return prices.pinned if isinstance(prices, InForce) else prices

    def beside(self, door: PlainDoor) -> "Desk":
        """Give the desk of steps that run one after another, each on the thread that asks."""
        return Desk(cast("Door", door), self.ledger)

    def within(self) -> "Desk":
        """Give the desk of what runs within a read: all that it names was looked up before."""
        return Desk(cast("Door", Within()), self.ledger)

    def scaling(self, feature: str) -> tuple[PriceList, int]:
        """Give the price list, and the digits of a feature's quantity in it.

        Raises:
            UnknownFeature: no catalog in the books has the feature, not even one just applied.
        """
        prices = self.prices
        try:
            return prices, prices.scale(feature)
        except UnknownFeature:
            self.door.look_again()
        prices = self.prices
        return prices, prices.scale(feature)

    def metering(self, feature: str) -> tuple[PriceList, Metering]:
        """Give the price list, and how a feature's usage is counted by it.

        Raises:
            UnknownFeature, NotMetered: so it is in the books, even if a catalog was just applied.
        """
        prices = self.prices
        try:
            return prices, prices.metering(feature)
        except (UnknownFeature, NotMetered):
            self.door.look_again()
        prices = self.prices
        return prices, prices.metering(feature)

    @property
    def policies(self) -> PolicyTerms:
        """Say how hard cases are decided where a call does not say it."""
        return self.prices.policy_terms

    def credits_unit(self, key: str) -> Unit:
        """Give a unit of credits, as the books hold it."""
        units = self.ledger.units
        if type(key) is not str or not units.is_confirmed(key):
            self._learn(credits_key(key))
            if not units.is_known(key):
                self.door.look_again()
                if not units.is_known(key):
                    raise _unknown_unit(key, units.names)
        unit = units[key]
        return unit if unit.kind == "credits" else units[credits_key(key)]

    def money_unit(self, code: str) -> Unit:
        """Give the unit of a currency, as the books hold it."""
        key = currency_unit(code).key
        if not self.ledger.units.is_confirmed(key):
            self._learn(key)
        return self.ledger.units[key]

    def credits_amount(
        self, key: str, amount: Amount, *, at_least: int = POSITIVE
    ) -> tuple[Unit, int]:
        """Give a unit of credits, and an amount at its scale."""
        unit = self.credits_unit(key)
        return unit, to_scaled(amount, unit.scale, at_least=at_least)

    def money_amount(self, money: Money, *, at_least: int = POSITIVE) -> tuple[Unit, int]:
        """Give the unit of a currency, and the amount at its scale."""
        unit = self.money_unit(check_money(money).currency)
        return unit, to_scaled(money.amount, unit.scale, at_least=at_least)

    def _learn(self, key: str) -> None:
        if not self.ledger.units.may_be_used(key):
            self.door.learn_unit(key)


def _unknown_unit(key: str, names: Sequence[str]) -> UnknownUnit:
    """Make the error for credits that the catalog does not know, with the nearest that it does."""
    near = get_close_matches(key, names, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it has: {', '.join(names) or 'none'}."
    return UnknownUnit(f"The catalog has no unit {echo(key)}{hint}", unit=key, known=list(names))


def credits_key(key: object) -> str:
    """Check a key of credits; money has a room of its own."""
    text = check_text(key, "unit")
    if text.startswith(MONEY_PREFIX):
        raise UnitMismatch(f"{text!r} is money; use the wallet.", unit=text)
    return credits_unit(text).key


def check_money(money: object) -> Money:
    """Check that money is money."""
    if not isinstance(money, Money):
        raise InvalidAmount(
            f"{type(money).__name__} is not money; pass Money('12.50', 'usd'), an amount with its "
            "currency."
        )
    return money


def customer_id(value: object) -> str:
    """Check a customer's id."""
    return check_text(value, "customer")


def common(
    customer: object, options: Options, fingerprint: tuple[object, ...] | str = ()
) -> dict[str, Any]:
    """Make the part of a request that every verb has; its operation's id is fixed here."""
    made: dict[str, Any] = {"id": new_id(OPERATION), "customer": customer_id(customer)}
    key = options.get("idempotency_key") if options else None
    if key is not None:
        made["idempotency_key"] = check_key(key)
        made["fingerprint"] = (
            fingerprint if isinstance(fingerprint, str) else fingerprint_of(fingerprint)
        )
    if len(options) > (key is not None):
        _check_options(options)
        made["note"] = note(options)
    return made


def _check_options(options: Options) -> None:
    unknown = options.keys() - OPTIONS
    if unknown:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")


def check_key(key: object) -> str:
    """Check an idempotency key."""
    text = check_text(key, "idempotency_key")
    if text.startswith(RESERVED_PREFIX):
        raise InvalidRequest(f"Keys that begin with {RESERVED_PREFIX!r} are reserved.")
    return text


def fingerprint_of(parts: tuple[object, ...]) -> str:
    """Name a request by what it asks for: 96 bits of BLAKE2b, in 16 characters."""
    digest = blake2b(repr(parts).encode(), digest_size=12).digest()
    return b2a_base64(digest, newline=False).decode()


@lru_cache(maxsize=4096, typed=True)
def fingerprint_of_consume(
    unit: str, scaled: int, feature: str | None, overdraft: int | None
) -> str:
    """Name a consume; most ask for the same as many others, so the names are remembered."""
    return fingerprint_of(("consume", unit, scaled, feature, overdraft))


def note(options: Options) -> Note | None:
    """Check the personal text beside an operation; None where there is none."""
    reason, actor = options.get("reason"), options.get("actor")
    metadata = options.get("metadata")
    if reason is None and actor is None and metadata is None:
        return None
    return Note(
        None if reason is None else check_text(reason, "reason", MAXIMUM_REASON, lines=True),
        None if actor is None else check_text(actor, "actor"),
        None if metadata is None else check_metadata(metadata),
    )


def overdraft_scaled(limit: Overdraft, unit: Unit) -> int | None:
    """Read an overdraft limit: an amount, "unlimited", or none of its own."""
    if limit is None:
        return None
    return (
        UNLIMITED if limit == "unlimited" else to_scaled(limit, unit.scale, at_least=ZERO_OR_MORE)
    )


def money_limit(limit: MoneyLimit, unit: Unit, customer: str) -> Overdraft:
    """Read a call's overdraft limit in money, as an amount of the unit."""
    if limit is None or limit == "unlimited":
        return limit
    if check_money(limit).currency != unit.currency:
        raise other_currency(customer, unit.currency or "", limit.currency)
    return limit.amount


def check_lifetime(lifetime: object, at_most: timedelta) -> timedelta:
    """Check how long a hold is to live, or go on living (B4)."""
    if not isinstance(lifetime, timedelta) or not timedelta(0) < lifetime <= at_most:
        raise InvalidRequest(f"lifetime must be a timedelta above zero and at most {at_most}.")
    return lifetime


def hold_id(hold: object) -> str:
    """Take a hold's id, or the answer that opened it."""
    return check_text(getattr(hold, "id", hold), "hold")


def part_of_hold(money: Money | None) -> tuple[Amount | None, str]:
    """Give the amount and currency of a part of a hold; none is all of it, in its own currency."""
    if money is None:
        return None, ANY_CURRENCY
    return check_money(money).amount, money.currency


def amount_name(amount: Amount | None) -> int | None:
    """Name an amount whose unit is not known yet, the same however it was written."""
    return None if amount is None else amount_key(amount)
