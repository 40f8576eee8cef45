"""The room of promotions: welcome credits, and codes that give credits (132)."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tollkeeper.decisions.granting import Grant, defaults_of
from tollkeeper.decisions.requests import GrantFact
from tollkeeper.errors import PromotionClosed
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import customers, promotions, subscriptions
from tollkeeper.ledger.catalogs import refresh
from tollkeeper.operations.calls import (
    RESERVED_PREFIX,
    Desk,
    check_key,
    customer_id,
    fingerprint_of,
)
from tollkeeper.operations.door import PlainDoor, plain
from tollkeeper.operations.plans import catalog_of
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import EPOCH
from tollkeeper.values.periods import period
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.texts import check_text

if TYPE_CHECKING:
    from tollkeeper.catalog.allowances import GrantTerms
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.purchases import Gift, Promotion

#: Where gifts come from, for the burn order (A1): promotional.
SOURCE = "promotion"


class Promotions:
    """What is given away: credits at the sign-up, and by codes of the catalog."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def welcome(self, customer: str) -> tuple[Receipt, ...]:
        """Grant what the catalog gives at the sign-up, once per customer and unit.

        Call it whenever a customer signs up: what was granted before is not granted again, and its
        first receipt comes back. A unit that the catalog gives from later on is granted then.

        >>> from tollkeeper import Billing, Catalog
        >>> catalog = Catalog.from_toml('''
        ...     [units.credits]
        ...     [sign_up]
        ...     credits = 25
        ... ''')
        >>> with Billing("sqlite://", catalog=catalog) as billing:
        ...     _ = billing.migrate()
        ...     first = billing.promotions.welcome("user_1")
        ...     again = billing.promotions.welcome("user_1")
        ...     first == again, billing.credits.balance("user_1", "credits").available
        (True, Decimal('25'))
        """
        name = customer_id(customer)

        def work(door: PlainDoor) -> tuple[Receipt, ...]:
            catalog = self._catalog(door)
            given = self._gifts(door, name, catalog, catalog.sign_up)
            made = [self._grant(name, each, "sign_up", f"welcome:{each.unit}") for each in given]
            return tuple([plain(result) for result in door.change_all(made)])

        return self._desk.door.perform(work)

    def redeem(
        self, customer: str, code: str, *, idempotency_key: str | None = None
    ) -> tuple[Receipt, ...]:
        """Grant what a code gives, as often as the catalog lets a customer use it.

        Upper and lower case are the same. A call that died on the way is finished by the next one;
        with an `idempotency_key` by the next one with that key, which never uses the code again:
        the first receipts come back, also when the promotion is over by then.

        Raises:
            UnknownOffer: there is no such code.
            IdempotencyConflict: the key was used for something else.
            AlreadyRedeemed: the customer has used it as often as he may.
            PromotionClosed: it is used up, is not for now, or not for the customer's plan.
        """
        name, written = customer_id(customer), check_text(code, "code")
        asked = None if idempotency_key is None else check_key(idempotency_key)

        def work(door: PlainDoor) -> tuple[Receipt, ...]:
            catalog = self._catalog(door)
            key, promotion = _of_code(catalog, written)
            given = self._gifts(door, name, catalog, promotion.grants)
            number = self._claimed(door, name, key, promotion, given, asked)
            made = [
                self._grant(name, each, key, f"promotion:{key}:{number}:{each.unit}")
                for each in given
            ]
            return tuple([plain(result) for result in door.change_all(made)])

        return self._desk.door.perform(work)

    def _claimed(
        self,
        door: PlainDoor,
        customer: str,
        key: str,
        promotion: "Promotion",
        given: "tuple[GrantTerms, ...]",
        asked: str | None,
    ) -> int:
        """Claim one use, or find the one of the key, or one that was not granted yet."""
        database, now = self._desk.ledger.database, self._desk.clock.now()
        if asked is not None:
            begun = door.read(
                lambda connection: promotions.claimed_under(
                    connection, database, customer, key, asked
                )
            )
            if begun:
                return begun
        keys = [f"{RESERVED_PREFIX}promotion:{key}:{{number}}:{each.unit}" for each in given]
        begun = door.read(
            lambda connection: promotions.unfinished(connection, database, customer, key, keys)
        )
        if begun:
            return begun
        self._check_open(door, customer, key, promotion, now)
        return door.transact(
            lambda connection: promotions.claim(
                connection,
                database,
                customer,
                key,
                per_customer=promotion.per_customer,
                at_most=promotion.at_most,
                now=now,
                idempotency_key=asked,
            )
        )

    def _check_open(
        self, door: PlainDoor, customer: str, key: str, promotion: "Promotion", now: datetime
    ) -> None:
        """Refuse what is not for now, or not for the customer's plans."""
        if promotion.from_ is not None and now < promotion.from_:
            raise PromotionClosed("This promotion has not begun yet.", promotion=key)
        if promotion.until is not None and now >= promotion.until:
            raise PromotionClosed("This promotion is over.", promotion=key)
        if not promotion.plans:
            return
        database = self._desk.ledger.database
        found = door.read(
            lambda connection: subscriptions.of_customer(connection, database, customer)
        )
        if not any(known.is_live(now) and known.plan in promotion.plans for known in found):
            plans = ", ".join(promotion.plans)
            raise PromotionClosed(f"This promotion is for customers on {plans}.", promotion=key)

    def _catalog(self, door: PlainDoor) -> "Catalog":
        door.read(lambda connection: refresh(self._desk.ledger, connection))
        return catalog_of(self._desk)

    def _gifts(
        self, door: PlainDoor, customer: str, catalog: "Catalog", given: "Mapping[str, Gift]"
    ) -> "tuple[GrantTerms, ...]":
        """Give what is to be granted; money in the customer's own currency."""
        from tollkeeper.catalog.allowances import gifts

        database = self._desk.ledger.database
        known = door.read(lambda connection: customers.load(connection, database, [customer]))
        currency = known[customer].customer.currency if customer in known else None
        return gifts(catalog, given, source=SOURCE, currency=currency)

    def _grant(self, customer: str, terms: "GrantTerms", reference: str, key: str) -> Grant:
        """Make a request to grant a gift, under a key of our own: it happens once."""
        operation, now = new_id(OPERATION), self._desk.clock.now()
        defaults = defaults_of(SOURCE)
        lifetime = Interval.parse(terms.lifetime) if terms.lifetime else None
        fact = GrantFact(
            id=f"grt_{operation.partition('_')[2]}",
            customer=customer,
            unit=terms.unit,
            amount=terms.amount,
            source=SOURCE,
            priority=defaults.priority if terms.priority is None else terms.priority,
            paid=defaults.paid,
            effective_at=EPOCH,
            expires_at=None if lifetime is None else period(now, lifetime, 0).end,
            features=terms.features,
            source_id=reference,
        )
        return Grant(
            id=operation,
            customer=customer,
            idempotency_key=RESERVED_PREFIX + key,
            fingerprint=fingerprint_of((key,)),
            fact=fact,
            pays_debt=self._desk.ledger.prices.policy_terms.promotions_pay_debt,
        )


def _of_code(catalog: "Catalog", code: str) -> "tuple[str, Promotion]":
    """Find a promotion by the code that customers type."""
    from tollkeeper.catalog.looking import promotion_of

    found = promotion_of(catalog, code)
    return next((key, each) for key, each in catalog.promotions.items() if each is found)
