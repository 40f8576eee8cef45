"""What is offered beside plans, as a page shows it: packs, and what a use would cost. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tollkeeper.catalog.allowances import gifts
from tollkeeper.catalog.limits import money_of
from tollkeeper.catalog.looking import currency_for, unit_scale
from tollkeeper.catalog.names_shown import titled
from tollkeeper.catalog.selling import offer
from tollkeeper.catalog.terms import StepKind
from tollkeeper.errors import InvalidAmount, NotPriced
from tollkeeper.values.amounts import Amount, from_scaled, to_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.units import MONEY_PREFIX

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class PackShown:
    """A pack, as a page shows it in one currency."""

    #: The pack's key.
    key: str
    #: What people call it.
    name: str
    #: What it is, in a sentence.
    description: str | None
    #: What the page praises.
    highlights: tuple[str, ...]
    #: What it costs, before tax.
    price: Money
    #: What is in it, by unit.
    grants: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostShown:
    """What a use costs where one source pays all of it."""

    #: What callers name in `pay_from`.
    source: str
    #: `unit`, `wallet` or `usage`.
    kind: StepKind
    #: The unit's key, or the currency's code.
    unit: str
    #: How much of it.
    amount: Decimal


def packs_shown(
    catalog: "Catalog", *, plans: tuple[str, ...] = (), currency: str | None = None
) -> tuple[PackShown, ...]:
    """Show every pack that is sold in a currency to customers on these plans, cheapest first."""
    code = currency_for(catalog, (), currency)
    shown: list[PackShown] = []
    for key, pack in catalog.packs.items():
        price = money_of(pack.price, code)
        if price is None or (pack.plans and not set(plans) & set(pack.plans)):
            continue
        granted = gifts(catalog, pack.grants, source="purchase", currency=code)
        shown.append(
            PackShown(
                key=key,
                name=pack.name or titled(key),
                description=pack.description,
                highlights=pack.highlights,
                price=price,
                grants={
                    each.unit.removeprefix(MONEY_PREFIX): from_scaled(
                        each.amount, unit_scale(catalog, each.unit)
                    )
                    for each in granted
                },
            )
        )
    return tuple(sorted(shown, key=lambda pack: (pack.price.amount, pack.key)))


def price_of(
    catalog: "Catalog",
    key: str,
    quantity: Amount,
    *,
    plans: tuple[str, ...],
    currency: str | None,
    at: datetime,
) -> Money:
    """Give what packs of a key, or so much of a top-up, cost before tax.

    Raises:
        UnknownOffer: the catalog sells no such pack or top-up.
        NotPriced: it is not sold in this currency, to these plans, or at this moment.
        InvalidAmount: so much, or so little, is not sold at once.
    """
    pack = catalog.packs.get(key)
    if pack is None:
        return offer(catalog, key, plans=plans, currency=currency, at=at).price(quantity)
    count = to_scaled(quantity, 0)
    code = currency_for(catalog, (), currency)
    price = money_of(pack.price, code)
    if price is None:
        raise NotPriced(f"The pack {key!r} is not sold in {code or 'any currency'}.", feature=key)
    if pack.plans and not set(plans) & set(pack.plans):
        raise NotPriced(f"The pack {key!r} is for other plans.", feature=key)
    if pack.at_most is not None and count > pack.at_most:
        raise InvalidAmount(f"One customer may buy {key!r} {pack.at_most} times at most.")
    return Money.from_minor(price.minor * count, price.currency)


def costs_of(
    catalog: "Catalog",
    feature: str,
    quantity: Amount,
    *,
    plans: tuple[str, ...],
    currency: str | None,
    dimensions: Mapping[str, str],
    at: datetime,
) -> tuple[CostShown, ...]:
    """Tell what a use costs, in the order of the waterfall, where each source pays all of it.

    Rates that count from the start of a billing period are those of its first uses.
    """
    terms = catalog.terms(feature, plans, currency, dimensions, at)
    scaled = to_scaled(quantity, terms.scale)
    return tuple(
        [
            CostShown(
                source=step.source,
                kind=step.kind,
                unit=step.unit.removeprefix(MONEY_PREFIX),
                amount=from_scaled(step.rate.cost(scaled), unit_scale(catalog, step.unit)),
            )
            for step in terms.steps
        ]
    )
