"""What is known of customers: create, update, erase, and the currency of a wallet. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from tollkeeper.decisions.requests import Book, Needs, Outcome, Request, Revision
from tollkeeper.decisions.rezoning import moved
from tollkeeper.decisions.tallies import OWN
from tollkeeper.errors import (
    CurrencyMismatch,
    CustomerExists,
    CustomerMerged,
    CustomerNotFound,
    InvalidRequest,
)
from tollkeeper.values.customers import PERSONAL, Customer, Known
from tollkeeper.values.units import MONEY_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCustomer(Request):
    """What the verbs on a customer's own row have in common."""

    #: The fields that were given, checked; None clears one.
    fields: Mapping[str, Any] = field(default_factory=dict)

    def needs(self) -> Needs:
        """Ask for the customer, and for no account."""
        return Needs(customers=(self.customer,))

    def agrees(self, told: Mapping[str, Any]) -> bool:
        """Compare personal text with what the first answer told, unless that was erased."""
        asked = [name for name in self.fields if name in PERSONAL and name in told]
        return all((told[name] or None) == (self.fields[name] or None) for name in asked)

    def revised(self, known: Known, customer: Customer) -> Outcome:
        """Write the customer where it changed, or where a key must remember the answer."""
        is_news = customer != known.customer or not known.introduced
        told = known._replace(customer=customer, introduced=True)
        kept = (told,) if is_news or self.idempotency_key is not None else ()
        revision = Revision(customers=kept, private=customer.personal())
        return Outcome(result=customer.facts(), revision=revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(OnCustomer):
    """Introduce a customer, who may exist already by first use."""

    verb: ClassVar[str] = "create_customer"

    def presumes(self) -> tuple[str, ...]:
        """Take nobody for known: this introduces him."""
        return ()

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take the fields over, unless the customer is known otherwise."""
        known = book.customers.get(self.customer)
        if known is None:
            empty = Customer(id=self.customer, created_at=now, updated_at=now)
            known = Known(empty, introduced=False, has_wallet=False)
        refuse_merged(known.customer)
        if not known.introduced:
            return self.revised(known, changed(known, self.fields, now))
        differing = sorted(
            name for name, value in self.fields.items() if getattr(known.customer, name) != value
        )
        if differing:
            raise CustomerExists(
                f"{self.customer!r} exists with another {', '.join(differing)}; use update.",
                customer=self.customer,
                differing=differing,
            )
        return self.revised(known, known.customer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(OnCustomer):
    """Change the fields that are given."""

    verb: ClassVar[str] = "update_customer"

    def needs(self) -> Needs:
        """Ask for the customer; where he moves to another zone, for all that his periods fill."""
        if "zone" not in self.fields:
            return Needs(customers=(self.customer,))
        own = (self.customer, OWN)
        return Needs(customers=(self.customer,), tallies=(own,), every_account=(self.customer,))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Take the fields over; the currency only as long as there is no wallet (E8).

        Another zone holds from the next period on (D4).
        """
        known = found(book, self.customer)
        refuse_merged(known.customer)
        customer = changed(known, self.fields, now)
        outcome = self.revised(known, customer)
        if customer.zone == known.customer.zone:
            return outcome
        return moved(book, outcome, self.customer, customer.zone, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(OnCustomer):
    """Erase a customer's personal text; the books stay (I4)."""

    verb: ClassVar[str] = "erase_customer"

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Forget it, of a merged customer as well: the law asks for that at any time."""
        known = found(book, self.customer)
        bare = replace(
            known.customer, email=None, name=None, metadata={}, updated_at=now, erased_at=now
        )
        revision = Revision(
            customers=(known._replace(customer=bare, introduced=True),), erases=True
        )
        return Outcome(result=bare.facts(), revision=revision)


def found(book: Book, customer: str) -> Known:
    """Find a customer, or say that there is none."""
    known = book.customers.get(customer)
    if known is None:
        raise unknown(customer)
    return known


def wallet_unit(book: Book, customer: str) -> str:
    """Name the unit of a customer's wallet, or say that its currency was never chosen."""
    known = found(book, customer).customer
    refuse_merged(known)
    if known.currency is None:
        raise InvalidRequest(
            f"{customer!r} has no wallet yet; deposit first, or choose its currency with "
            "customers.update.",
            customer=customer,
        )
    return MONEY_PREFIX + known.currency


def not_introduced(customer: str) -> CustomerNotFound:
    """Make the refusal of a customer's first use, where the catalog wants him introduced (C7)."""
    return CustomerNotFound(
        f"There is no customer {customer!r}, and the catalog refuses those whom nobody introduced "
        "(policies.unknown_customers): call customers.create first, or give him a plan or a grant.",
        customer=customer,
    )


def unknown(customer: str) -> CustomerNotFound:
    """Make the error for a customer nobody has heard of."""
    return CustomerNotFound(f"There is no customer {customer!r}.", customer=customer)


def changed(known: Known, fields: Mapping[str, Any], now: datetime) -> Customer:
    """Give the customer with other fields; the same one where nothing differs."""
    before = known.customer
    given = {name: {} if name == "metadata" and v is None else v for name, v in fields.items()}
    after = replace(before, **given)
    if after.currency != before.currency and known.has_wallet:
        raise CurrencyMismatch(
            f"{before.id!r} has a wallet in {before.currency}; its currency cannot change.",
            customer=before.id,
            wallet=before.currency,
            asked=after.currency,
        )
    return before if after == before else replace(after, updated_at=now)


def refuse_merged(customer: Customer) -> None:
    """Refuse to change a customer who was merged into another one."""
    if customer.merged_into is not None:
        raise merged(customer.id, customer.merged_into)


def merged(customer: str, into: str) -> CustomerMerged:
    """Make the refusal that says which customer to use instead."""
    return CustomerMerged(
        f"{customer!r} was merged into {into!r}; use that customer.", customer=customer, into=into
    )


def other_currency(customer: str, wallet: str, asked: str) -> CurrencyMismatch:
    """Make the refusal with both currencies: a customer's wallet has one, for good (E8)."""
    return CurrencyMismatch(
        f"The wallet of {customer!r} is in {wallet}, not in {asked}; money never changes currency "
        "in silence.",
        customer=customer,
        wallet=wallet,
        asked=asked,
    )
