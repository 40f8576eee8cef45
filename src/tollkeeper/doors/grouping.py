"""Groups calls so that each transaction stays with one customer, as distributed tables want it."""

from collections.abc import Sequence
from dataclasses import replace

from tollkeeper.decisions.requests import Request
from tollkeeper.ledger.change import Manner


def apart(requests: Sequence[Request]) -> list[list[int]]:
    """Group requests, by number, so that each group is one customer's, and all keep their order.

    A request that touches a second customer stands alone, after all before it.
    """
    groups: list[list[int]] = []
    growing: dict[str, list[int]] = {}
    for number, request in enumerate(requests):
        if not touches_one(request):
            growing.clear()
            groups.append([number])
        elif request.customer in growing:
            growing[request.customer].append(number)
        else:
            growing[request.customer] = [number]
            groups.append(growing[request.customer])
    return groups


def one_customer(request: Request, manner: Manner) -> Manner:
    """Pass over locked rows only where all of them are one customer's, on one node."""
    return manner if touches_one(request) else replace(manner, skip_locked=False)


def touches_one(request: Request) -> bool:
    """Tell whether a request surely stays with its own customer."""
    needs = request.needs()
    named = {customer for customer, _ in (*needs.accounts, *needs.tallies)} | set(needs.customers)
    return named <= {request.customer} and not needs.operations
