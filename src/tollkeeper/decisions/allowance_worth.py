"""What a period's allowance of a plan is worth: its part of the plan's list price. Pure.

The law: the allowances of one period of a plan are worth its price together, times the seats: a
like part for each, whatever is in it. List prices are what the catalog says that the plan was sold
under; no discount, tax or refund of a payment company is in them.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

from tollkeeper.catalog.list_prices import allowance_worth, list_price
from tollkeeper.decisions.effects import Worth
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.decisions.subscribed import Subscribed

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def worth_of(
    catalog: "Catalog", known: Subscribed, fact: GrantFact, currency: str | None
) -> Worth | None:
    """Give what an allowance's grant is worth; None where the plan has no price.

    One grant may stand for many periods that nobody looked at (see `catching_up`).
    """
    price = list_price(catalog, known.plan, interval=known.interval, currency=currency)
    given = next((each for named, each in known.allowances if named == fact.unit), None)
    if price is None or given is None:
        return None
    part = allowance_worth(price, given.every, known.interval, len(known.allowances))
    periods = max(Fraction(1), Fraction(fact.amount, given.amount or 1))
    return price.currency, part * known.quantity * periods
