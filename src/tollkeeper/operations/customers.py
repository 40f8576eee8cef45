"""The room of customers: whose balances are kept. Create, get, update, merge, erase.

Personal text (e-mail, name, metadata) stands apart from the append-only rows, so it can be erased;
it is never part of a fingerprint or of a stored result.
"""

from collections.abc import Mapping
from typing import Any, Unpack

from sqlalchemy import Connection

from tollkeeper.decisions.customers import Create, Erase, Update, unknown
from tollkeeper.decisions.merging import Merge
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger import customers
from tollkeeper.operations.calls import Desk, Options, common, customer_id
from tollkeeper.operations.fields import CHECKS, Change, Fields, Why, checked
from tollkeeper.values.customers import PERSONAL, Customer, customer_from
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.texts import check_text


class Customers:
    """What the books know of customers.

    A customer comes into being by first use as well. Ids are the app's own and stay in the books
    for ever, so they must be opaque: never an e-mail address or a name.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(
        self,
        customer: str,
        *,
        zone: str | None = None,
        currency: str | None = None,
        email: str | None = None,
        name: str | None = None,
        organisation: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **why: Unpack[Why],
    ) -> Customer:
        """Introduce a customer, new or known by first use only.

        Again with the same fields it gives the customer; with others it raises CustomerExists.
        Raises CurrencyMismatch where first use has chosen another currency.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     billing.customers.create("user_1", zone="Europe/Berlin", currency="EUR").currency
        'eur'
        """
        given: Fields = {
            "zone": zone,
            "currency": currency,
            "email": email,
            "name": name,
            "organisation": organisation,
            "metadata": metadata,
        }
        fields = {field: value for field, value in checked(given).items() if value is not None}
        request = _request(customer, why, "create", fields)
        return self._desk.door.change(Create(**request, fields=fields), _answer)

    def get(self, customer: str) -> Customer:
        """Give a customer; raises CustomerNotFound."""
        name = customer_id(customer)

        def query(connection: Connection) -> Customer:
            known = customers.load(connection, self._desk.ledger.database, [name]).get(name)
            if known is None:
                raise unknown(name)
            return known.customer

        return self._desk.door.read(query)

    def update(self, customer: str, **change: Unpack[Change]) -> Customer:
        """Change the fields that are given; None clears one.

        The currency can only change while there is no wallet: else it raises CurrencyMismatch.
        Raises CustomerNotFound, and CustomerMerged for a customer who was merged.
        """
        given = {field: value for field, value in change.items() if field in CHECKS}
        why = {word: value for word, value in change.items() if word not in CHECKS}
        if not given:
            raise InvalidRequest(f"Name what to change: {', '.join(CHECKS)}.")
        fields = checked(given)
        request = _request(customer, why, "update", fields)
        return self._desk.door.change(Update(**request, fields=fields), _answer)

    def merge(self, customer: str, *, into: str, **options: Unpack[Options]) -> Receipt:
        """Move all balances of one customer to another, for good, as one operation.

        Grants keep their priority, times, cost, features and source; debt stays debt. Afterwards
        every change of the first customer raises CustomerMerged(into=…), and its history stays.
        Raises HoldsOpen while anything is held or a charge is set aside, and CurrencyMismatch where
        the wallets differ.
        """
        taker = check_text(into, "into")
        if taker == customer:
            raise InvalidRequest("A customer cannot be merged into itself.")
        request = common(customer, options, ("merge", taker))
        return self._desk.door.change(Merge(**request, into=taker))

    def erase(self, customer: str, **why: Unpack[Why]) -> Customer:
        """Erase e-mail, name and metadata, and every reason, actor and metadata beside operations.

        The books stay: amounts, times and opaque ids. A reason and an actor given here are kept,
        until the next erasure. Ids that were merged into this one are erased by calls of their own.
        """
        request = _request(customer, why, "erase", {})
        return self._desk.door.change(Erase(**request), _answer)


def _request(customer: str, why: Any, verb: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make the common part; of personal text, the fingerprint tells only whether it was given."""
    asked = sorted(
        (name, value is None if name in PERSONAL else value) for name, value in fields.items()
    )
    for word in why.keys() - Why.__optional_keys__:
        raise TypeError(f"unexpected keyword argument {word!r}")
    return common(customer, why, (verb, asked))


def _answer(result: Any) -> Customer:
    """Give the customer as the request left it, or raise the error."""
    if isinstance(result, BaseException):
        raise result
    return customer_from(result.customer, result.result)
