"""What a top-up costs: for every quantity the price that is shown is the one that is charged (E1).

Owns that one price, in whole minor units, rounded once; and the bounds within which it is sold.
Taxes come on top and are not known here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tollkeeper.catalog import rating
from tollkeeper.catalog.limits import money_of
from tollkeeper.catalog.looking import currency_for, moments_of, plans_of, unit_scale
from tollkeeper.catalog.mistakes import nearest
from tollkeeper.catalog.processing import minimum_charge, why_not_charged
from tollkeeper.catalog.purchases import TopUp
from tollkeeper.catalog.rates import Rate
from tollkeeper.catalog.scalars import write_amount
from tollkeeper.catalog.waterfalls import WALLET
from tollkeeper.errors import InvalidAmount, NotPriced, TollkeeperError, UnknownOffer
from tollkeeper.values.amounts import MAXIMUM, POWERS_OF_TEN, Amount, from_scaled, to_scaled
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.money import Money
from tollkeeper.values.texts import echo

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: Most of a unit that is sold at once where a top-up names no maximum.
_ENDLESS: Final = MAXIMUM


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a top-up sells to a customer: its price, and from where to where."""

    #: The unit's key, or `wallet`.
    unit: str
    #: The currency it is sold in.
    currency: str
    #: The least that is sold at once.
    minimum: Decimal
    #: The most that is sold at once; None is as much as the unit can hold.
    maximum: Decimal | None
    #: What quantities must be a multiple of; None is any.
    step: Decimal | None
    #: Decimal digits of a quantity.
    scale: int
    #: The price of a quantity at that scale, in minor units.
    rate: Rate

    def price(self, quantity: Amount) -> Money:
        """Give what a quantity costs before tax.

        Raises:
            InvalidAmount: less or more than is sold at once, no multiple of the step, or less money
                than can be charged; the message names what would do.
        """
        scaled = to_scaled(quantity, self.scale)
        asked = from_scaled(scaled, self.scale)
        if asked < self.minimum or (self.maximum is not None and asked > self.maximum):
            raise self._outside(asked)
        if self.step is not None and asked % self.step:
            step = write_amount(self.step)
            raise InvalidAmount(f"{self.unit!r} is sold in multiples of {step}.", step=step)
        money = Money.from_minor(self.rate.cost(scaled), self.currency)
        if problem := why_not_charged(money):
            needed = write_amount(chargeable(self.rate, self.scale, self.currency))
            raise InvalidAmount(
                f"{write_amount(asked)} of {self.unit!r} cost {problem}; buy {needed} or more.",
                minimum=needed,
            )
        return money

    def _outside(self, asked: Decimal) -> InvalidAmount:
        least = write_amount(self.minimum)
        most = None if self.maximum is None else write_amount(self.maximum)
        bounds = f"from {least} to {most}" if most else f"from {least}"
        return InvalidAmount(
            f"{write_amount(asked)} of {self.unit!r} is not sold at once; it is sold {bounds}.",
            minimum=least,
            maximum=most,
        )


def offer(
    catalog: "Catalog",
    unit: str,
    *,
    plans: tuple[str, ...] = (),
    currency: str | None = None,
    at: datetime | None = None,
) -> Offer:
    """Give what a top-up sells to a customer on these plans.

    The currency is the customer's own, else his plan's, else the catalog's.

    Raises:
        UnknownOffer: the catalog sells no top-up of this unit.
        NotPriced: it is not sold in this currency, to these plans, or at this moment.
    """
    top_up = catalog.top_ups.get(unit)
    if top_up is None:
        raise UnknownOffer(
            f"There is no top-up of {echo(unit)}; {nearest(unit, catalog.top_ups)}", offer=unit
        )
    names, known = plans_of(catalog, plans)
    if top_up.plans and not set(names) & set(top_up.plans):
        raise NotPriced(f"The top-up of {unit!r} is for other plans.", feature=unit)
    code = currency_for(catalog, known, currency)
    if code is None:
        raise NotPriced(f"Name the currency in which {unit!r} is bought.", feature=unit)
    if unit == WALLET:
        return _of_money(top_up, code)
    main = {rating.PLAN: names[0]} if names else {}
    return _of_credits(catalog, unit, top_up, code, main, at)


def offers_of(catalog: "Catalog", unit: str) -> Iterator[Offer]:
    """Give what a top-up sells in each currency, on each plan, at each card's beginning."""
    top_up = catalog.top_ups[unit]
    rates = list(top_up.rate)
    codes = {code for rate in rates for code in rating.currencies_of(rate, catalog.rates) if code}
    if unit == WALLET:
        bounds = (top_up.minimum, top_up.maximum, top_up.auto and top_up.auto.buy)
        codes = {money.currency for bound in bounds if isinstance(bound, tuple) for money in bound}
    moments = moments_of(catalog, rates) or (None,)
    for code in sorted(codes):
        for plan in (None, *(top_up.plans or catalog.plans)):
            for at in moments:
                try:
                    plans = () if plan is None else (plan,)
                    yield offer(catalog, unit, plans=plans, currency=code, at=at)
                except TollkeeperError:
                    continue


def chargeable(rate: Rate, scale: int, currency: str) -> Decimal:
    """Give a whole quantity from which on every price is high enough to be charged."""
    too_little = minimum_charge(currency).minor - 1
    largest = rate.affordable(0, too_little, _ENDLESS)
    return Decimal(largest // POWERS_OF_TEN[scale] + 1)


def _of_money(top_up: TopUp, currency: str) -> Offer:
    """Sell money: it costs itself."""
    least = _bound(top_up.minimum, currency)
    most = _bound(top_up.maximum, currency)
    digits = currency_of(currency).exponent
    return Offer(
        unit=WALLET,
        currency=currency,
        minimum=minimum_charge(currency).amount if least is None else least,
        maximum=most,
        step=top_up.step,
        scale=digits,
        rate=rating.compiled(rating.one(), rating.Scales(digits, digits)).rate,
    )


def _of_credits(
    catalog: "Catalog",
    unit: str,
    top_up: TopUp,
    currency: str,
    dimensions: dict[str, str],
    at: datetime | None,
) -> Offer:
    found = rating.of_currency(top_up.rate, currency, catalog.rates)
    plain = rating.resolve(found, currency, dimensions, at, catalog.rates) if found else None
    if plain is None:
        raise NotPriced(f"The top-up of {unit!r} has no price in {currency} here.", feature=unit)
    scale = unit_scale(catalog, unit)
    exact = rating.compiled(plain, rating.Scales(scale, currency_of(currency).exponent)).rate
    least = _bound(top_up.minimum, currency)
    most = _bound(top_up.maximum, currency)
    end = exact.tiers[-1].up_to
    ends = [each for each in (most, None if end is None else from_scaled(end, scale)) if each]
    return Offer(
        unit=unit,
        currency=currency,
        minimum=chargeable(exact, scale, currency) if least is None else least,
        maximum=min(ends, default=None),
        step=top_up.step,
        scale=scale,
        rate=exact,
    )


def _bound(amount: Decimal | Sequence[Money] | None, currency: str) -> Decimal | None:
    if amount is None or isinstance(amount, Decimal):
        return amount
    money = money_of(amount, currency)
    return None if money is None else money.amount
