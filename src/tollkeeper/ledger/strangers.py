"""Who is not known yet, where the catalog refuses unknown customers (C7). It writes nothing.

A customer is known once the books have him: by `customers.create`, by something that he was given,
or by what he did before the catalog refused others. It is asked only where something of a customer
is missing, so that it costs nothing to charge those who are known.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from tollkeeper.decisions.customers import not_introduced
from tollkeeper.decisions.requests import Request
from tollkeeper.errors import CustomerNotFound
from tollkeeper.ledger import catalogs
from tollkeeper.ledger.catalogs import Shelf
from tollkeeper.store import customers

#: Where everybody is known, or comes into being with his first use.
NOBODY: Final[frozenset[str]] = frozenset()


def strangers(
    shelf: Shelf,
    connection: Connection,
    requests: Sequence[Request],
    among: Iterable[str] | None = None,
) -> frozenset[str]:
    """Tell which customers these requests take for known, and the books do not know.

    Who is introduced by one of the requests is known to the others. `among` leaves all but these
    customers out.
    """
    catalogs.look(shelf, connection)
    if shelf.prices.policy_terms.unknown_customers == "create":
        return NOBODY
    presumed = [request.presumes() for request in requests]
    introduced = {
        request.customer
        for request, names in zip(requests, presumed, strict=True)
        if request.customer not in names
    }
    wanted = {name for names in presumed for name in names} - introduced
    if among is not None:
        wanted.intersection_update(among)
    if not wanted:
        return NOBODY
    return frozenset(wanted - customers.standings(connection, shelf.database, wanted).keys())


def refusal_of(request: Request, unknown: frozenset[str]) -> CustomerNotFound | None:
    """Give the error of a request that takes a stranger for known; None where it does not."""
    named = sorted(unknown.intersection(request.presumes()))
    return not_introduced(named[0]) if named else None


def refuse_stranger(shelf: Shelf, connection: Connection, customer: str) -> None:
    """Refuse to tell what a customer might do whom nobody introduced.

    Raises:
        CustomerNotFound: he is not known, and the catalog refuses such customers.
    """
    catalogs.look(shelf, connection)
    if shelf.prices.policy_terms.unknown_customers == "create":
        return
    if customer not in customers.standings(connection, shelf.database, [customer]):
        raise not_introduced(customer)
