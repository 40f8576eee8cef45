"""Money in a catalog: one currency at a time, each once, and amounts that can be charged at all."""

from collections.abc import Iterator
from typing import Any, Final

from tollkeeper.catalog.checking.amounts import once
from tollkeeper.catalog.checking.looks import (
    Check,
    Finding,
    Look,
    RateList,
    gifts,
    modes,
    rate_lists,
)
from tollkeeper.catalog.looking import sold_currencies
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.plans import PlanPrice
from tollkeeper.catalog.processing import why_not_charged
from tollkeeper.catalog.rating import currencies_of
from tollkeeper.catalog.written_rates import OnCard, parts, quotes
from tollkeeper.values.intervals import Interval
from tollkeeper.values.money import Money


def _default(look: Look) -> Iterator[Finding]:
    used = sold_currencies(look.catalog)
    if look.catalog.currency is None and "currency" not in look.data and len(used) > 1:
        listed = ", ".join(used)
        yield (
            ("currency",),
            f'several currencies are used ({listed}); name the default one: currency = "{used[0]}"',
        )


def _rates(look: Look) -> Iterator[Finding]:
    for rates in rate_lists(look):
        seen: list[str | None] = []
        for place, rate in enumerate(rates.rates):
            path = (*rates.path, place)
            codes = list(dict.fromkeys(quote.currency for _, quote in quotes(rate)))
            yield from _one_currency(path, codes, rates)
            yield from _on_cards(look, path, rate, rates)
            if codes and codes[0] in seen:
                yield path, f"{codes[0] or 'a rate in credits'} stands here twice"
            seen += codes[:1]


def _one_currency(path: Path, codes: list[str | None], rates: RateList) -> Iterator[Finding]:
    if len(codes) > 1:
        named = " and ".join(code or "credits" for code in codes)
        yield path, f"one rate is in {named}; write one rate for each currency"
    elif codes and rates.in_money is True and codes[0] is None:
        yield path, 'this is a rate in money; name the currency, like "0.01 usd"'
    elif codes and rates.in_money is False and codes[0] is not None:
        yield path, f"this costs credits, not {codes[0]}; what it costs in money is its `rate`"


def _on_cards(look: Look, path: Path, rate: Any, rates: RateList) -> Iterator[Finding]:
    """A card that stands for money says something in money, and one for credits in credits."""
    cards = [part.card for _, part in parts(rate) if isinstance(part, OnCard)]
    codes = currencies_of(rate, look.catalog.rates)
    if cards and codes and rates.in_money is True and codes == {None}:
        yield path, f"this is a rate in money, but the card {cards[0]!r} is in credits"
    elif cards and codes and rates.in_money is False and codes != {None}:
        yield path, f"this costs credits, but the card {cards[0]!r} is in money"


def _plan_prices(look: Look) -> Iterator[Finding]:
    for key, plan in look.catalog.plans.items():
        yield from _priced(("plans", key, "prices"), plan.prices)
    for mode, there in modes(look):
        for key, sold in there.plans.items():
            yield from _priced((mode, "plans", key, "prices"), sold.prices or ())


def _priced(path: Path, prices: tuple[PlanPrice, ...]) -> Iterator[Finding]:
    seen: set[tuple[str, Interval | None]] = set()
    for place, price in enumerate(prices):
        name = (price.amount.currency, price.every)
        if name in seen:
            span = f"per {price.every}" if price.every else "once"
            yield (*path, place), f"there is a price in {name[0]} {span} already"
        seen.add(name)
        if problem := why_not_charged(price.amount, zero=True):
            yield (*path, place), problem


def _packs(look: Look) -> Iterator[Finding]:
    for key, pack in look.catalog.packs.items():
        yield from _chargeable(("packs", key, "price"), pack.price)
    for mode, there in modes(look):
        for key, sold in there.packs.items():
            yield from _chargeable((mode, "packs", key, "price"), sold.price or ())


def _chargeable(path: Path, prices: tuple[Money, ...]) -> Iterator[Finding]:
    yield from once(path, prices)
    for place, money in enumerate(prices):
        if problem := why_not_charged(money):
            yield (*path, place), problem


def _wallet(look: Look) -> Iterator[Finding]:
    for name in ("low_balance", "overdraft"):
        yield from once(("wallet", name), getattr(look.catalog.wallet, name))


def _gifts(look: Look) -> Iterator[Finding]:
    """What a pack gives of the wallet is in every currency that the pack is sold in."""
    for path, _, gift in gifts(look):
        if path[0] != "packs" or not isinstance(gift.amount, tuple):
            continue
        given = {money.currency for money in gift.amount}
        for money in look.catalog.packs[str(path[1])].price:
            if money.currency not in given:
                yield path, f"it is sold in {money.currency}, too, but gives none of it"


CHECKS: Final[tuple[Check, ...]] = (_default, _rates, _plan_prices, _packs, _wallet, _gifts)
