"""How a grant's cost is shared out among the parts that leave it, to the last digit (A7). Pure.

A share is the difference of two totals rounded in the same way, so shares that leave one way, one
after another, add up to the whole: nothing of a cost is lost, and nothing is made. Where a grant
leaves partly by transfers and partly by reissues, or value comes back between two parts, each such
turn can be off by one of the smallest digit.
"""

from collections.abc import Iterable

from tollkeeper.decisions.advancing import suffix
from tollkeeper.decisions.requests import GrantFact

#: Where the grant comes from that carries an expired grant's value on.
REISSUE = "reissue"


def cost_between(fact: GrantFact, before: int, after: int) -> int:
    """Give the cost of what takes a grant from `before` remaining down to `after`."""
    return _cost_of(fact, before) - _cost_of(fact, after)


def cost_of_next(fact: GrantFact, amount: int, parts: Iterable[GrantFact]) -> int:
    """Give the cost of one more part of a grant, beside the parts that left it before."""
    gone = cost = 0
    for part in parts:
        gone += part.amount
        cost += part.cost
    return _cost_of(fact, gone + amount) - cost


def reissues_of(fact: GrantFact, grants: Iterable[GrantFact]) -> list[GrantFact]:
    """Find the grants that carry an expired grant's value on.

    An app may call a source of its own by the same word, but only the parts of an operation have a
    number behind their ids.
    """
    return [
        grant
        for grant in grants
        if grant.source == REISSUE
        and grant.customer == fact.customer
        and grant.source_id == fact.id
        and "_" in suffix(grant.id)
    ]


def _cost_of(fact: GrantFact, amount: int) -> int:
    """Give the cost of the first `amount` of a grant, rounded down."""
    return fact.cost * amount // fact.amount
