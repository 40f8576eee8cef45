"""What the grants of allowances brought: the price of the plan that they are of, as it was sold.

It reads the subscriptions behind grants and says what each grant brought as if it were its cost
basis. It changes nothing: in the books an allowance has none.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.ledger import catalogs
from tollkeeper.ledger.subscriptions import subscribed_from
from tollkeeper.store import subscriptions
from tollkeeper.store.database import Database

#: The name of a grant or a subscription: its customer and its id.
Key = tuple[str, str]


def valued(
    connection: Connection, database: Database, prices: PriceList, facts: Mapping[Key, GrantFact]
) -> dict[Key, GrantFact]:
    """Give the grants with the worth of allowances, whose plans have a price, as their cost."""
    given = {key: fact for key, fact in facts.items() if _is_given(fact)}
    if not given or not isinstance(prices, InForce):
        return dict(facts)
    # What reads catalogs is imported where there is one.
    from tollkeeper.decisions.allowance_worth import worth_of

    keys = sorted({(fact.customer, fact.source_id or "") for fact in given.values()})
    rows = subscriptions.by_ids(connection, database, keys)
    sold = [(subscribed_from(row[:-1]), row[-1]) for row in rows]
    catalogs.know(prices, connection, database, {known.version for known, _ in sold})
    by_key = {(known.customer, known.id): (known, currency) for known, currency in sold}
    found = dict(facts)
    for key, fact in given.items():
        known, currency = by_key.get((fact.customer, fact.source_id or ""), (None, None))
        catalog = None if known is None else prices.of_version(known.version)
        if known is None or catalog is None:
            continue
        worth = worth_of(catalog, known, fact, currency)
        if worth is not None:
            found[key] = replace(fact, cost=round(worth[1]), cost_currency=worth[0])
    return found


def _is_given(fact: GrantFact) -> bool:
    """Tell whether a plan gave it, and nobody said what it cost."""
    return fact.source == "allowance" and fact.source_id is not None and not fact.cost
