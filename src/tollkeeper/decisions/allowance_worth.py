"""What a period's allowance of a plan is worth: its part of the plan's list price. Pure.

The law: the allowances of one period of a plan are worth its price together, times the seats: a
like part for each, whatever is in it. List prices are what the catalog says that the plan was sold
under; no discount, tax or refund of a payment company is in them.
"""

from typing import TYPE_CHECKING

from tollkeeper.catalog.list_prices import allowance_worth, list_price
from tollkeeper.decisions.effects import Worth
from tollkeeper.decisions.subscribed import Subscribed

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def worth_of(
    catalog: "Catalog", known: Subscribed, unit: str, currency: str | None
) -> Worth | None:
    """Give what one period's allowance in a unit is worth; None where the plan has no price."""
    price = list_price(catalog, known.plan, interval=known.interval, currency=currency)
    every = next((each.every for named, each in known.allowances if named == unit), None)
    if price is None or every is None:
        return None
    part = allowance_worth(price, every, known.interval, len(known.allowances))
    return price.currency, part * known.quantity
