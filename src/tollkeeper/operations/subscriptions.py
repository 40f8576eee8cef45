"""The room of subscriptions: who is on which plan. Allocate, assign a free one, cancel, look."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection

from tollkeeper.decisions.ending import Cancel, Resume, When
from tollkeeper.decisions.subscribed import preferred
from tollkeeper.decisions.subscribing import Allocate
from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger import subscriptions
from tollkeeper.ledger.catalogs import refresh
from tollkeeper.operations.calls import Desk, Options, common, customer_id
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.plans import Chosen, choose, choose_free, kept
from tollkeeper.values.moments import utc
from tollkeeper.values.subscriptions import Subscription, subscription_from
from tollkeeper.values.texts import check_text

#: Most seats of one subscription.
MAXIMUM_QUANTITY = 1_000_000


class Subscriptions:
    """Which plans customers are on, and what these give them.

    A subscription keeps the catalog that it was sold under. Its allowances come by their own
    recurrence, period after period, and whoever looks at a balance sees what is so at that moment,
    whether or not a job has run.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def allocate(
        self,
        customer: str,
        plan: str,
        *,
        interval: str | None = None,
        quantity: int = 1,
        anchor: datetime | None = None,
        payment_id: str | None = None,
        **options: Unpack[Options],
    ) -> Subscription:
        """Put a customer on a plan that is paid for, and grant its first allowances at once.

        For apps with a checkout of their own: call it when the money is there. The same
        `payment_id` never gives a second subscription, whatever the key and whoever the customer
        (E3). `interval` is what is paid for ("month", "year"), needed where the plan has prices for
        several; `quantity` counts seats; `anchor` is the moment that periods are counted from, now
        unless given. A plan without a price gives once a period, as `assign_free` does.

        Raises:
            UnknownPlan: the catalog has no such plan; the message names the nearest.
            AmbiguousPlan: the plan is sold by several intervals; name one.
            AlreadySubscribed: the customer has a plan of the same group (D10). A free plan gives
                way: what is left of its allowance is revoked first (D5).
            IdempotencyConflict: the payment bought something else.
            PaymentClaimed: the payment bought something for another customer.

        >>> from tollkeeper import Billing, Catalog
        >>> catalog = Catalog.from_toml('''
        ...     [units.credits]
        ...     [plans.pro]
        ...     prices = ["20.00 usd / month"]
        ...     allowances.credits = "1_000 / month"
        ... ''')
        >>> with Billing("sqlite://", catalog=catalog) as billing:
        ...     _ = billing.migrate()
        ...     subscription = billing.subscriptions.allocate("user_1", "pro", payment_id="pay_1")
        ...     subscription.is_active, billing.credits.balance("user_1", "credits").available
        (True, Decimal('1000'))
        """
        count = _quantity(quantity)
        start = None if anchor is None else utc(anchor, "anchor")
        payment = None if payment_id is None else check_text(payment_id, "payment_id")
        asked = ("allocate", check_text(plan, "plan"), interval, count, start, payment)
        request = common(customer, options, asked)
        return self._sold(
            lambda: choose(self._desk, plan, interval, count),
            request,
            anchor=start,
            payment_id=payment,
        )

    def assign_free(
        self, customer: str, plan: str | None = None, **options: Unpack[Options]
    ) -> Subscription | None:
        """Put a customer on the free plan; None where he has a plan already, and nothing changes.

        What it gives, it gives once a period: who cancels it and takes it again finds what was left
        of the period that runs, and the next one comes when it would have come (D1).

        Raises:
            AmbiguousPlan: there are several free plans; name one.
            UnknownPlan: there is none, or none of this key.
            InvalidRequest: the plan that is named has a price.

        >>> from tollkeeper import Billing, Catalog
        >>> catalog = Catalog.from_toml('''
        ...     [units.credits]
        ...     [plans.free]
        ...     allowances.credits = "50 / month"
        ... ''')
        >>> with Billing("sqlite://", catalog=catalog) as billing:
        ...     _ = billing.migrate()
        ...     first = billing.subscriptions.assign_free("user_1")
        ...     first.plan, billing.subscriptions.assign_free("user_1")
        ('free', None)
        """
        request = common(customer, options, ("assign_free", plan))
        return self._sold(lambda: choose_free(self._desk, plan), request, is_default=True)

    def cancel(
        self,
        customer: str,
        subscription: str | Subscription | None = None,
        *,
        at: When = "period_end",
        **options: Unpack[Options],
    ) -> Subscription:
        """End a subscription: with the period that is paid for, or `now` (D6).

        Its allowance ends with it; what was bought, given or paid in stays, and open holds can
        still be settled. Asked for twice, it has one effect. Without a name it is the customer's
        only subscription.

        Raises:
            SubscriptionNotFound: there is none.
            AmbiguousPlan: there are several; name one.
        """
        if at not in ("period_end", "now"):
            raise InvalidRequest(f"at is 'period_end' or 'now', not {at!r}.")
        name = _name(subscription)
        request = common(customer, options, ("cancel_subscription", name, at))
        return self._desk.door.change(Cancel(**request, subscription=name, at=at), _answer)

    def resume(
        self,
        customer: str,
        subscription: str | Subscription | None = None,
        **options: Unpack[Options],
    ) -> Subscription:
        """Take back a cancellation before the period is over.

        Raises:
            SubscriptionNotFound: there is none, or it is over.
            AmbiguousPlan: there are several; name one.
        """
        name = _name(subscription)
        request = common(customer, options, ("resume_subscription", name))
        return self._desk.door.change(Resume(**request, subscription=name), _answer)

    def get(self, customer: str) -> Subscription | None:
        """Give the subscription that counts: one that is active before one that is over.

        None where the customer never had one. Add-ons come after plans; `list` gives all.
        """
        name = customer_id(customer)

        def query(connection: Connection) -> Subscription | None:
            now = self._desk.clock.now()
            database = self._desk.ledger.database
            found = preferred(subscriptions.of_customer(connection, database, name), now)
            return None if found is None else found.told(now)

        return self._desk.door.read(query)

    def list(self, customer: str) -> tuple[Subscription, ...]:
        """Give every subscription that a customer has or had, the latest first."""
        name = customer_id(customer)

        def query(connection: Connection) -> tuple[Subscription, ...]:
            now = self._desk.clock.now()
            found = subscriptions.of_customer(connection, self._desk.ledger.database, name)
            return tuple([known.told(now) for known in reversed(found)])

        return self._desk.door.read(query)

    def is_active(self, customer: str, plan: str | None = None) -> bool:
        """Tell whether a customer has a plan now, or this very plan."""
        name = customer_id(customer)

        def query(connection: Connection) -> bool:
            now = self._desk.clock.now()
            found = subscriptions.of_customer(connection, self._desk.ledger.database, name)
            return any(known.is_live(now) and plan in (None, known.plan) for known in found)

        return self._desk.door.read(query)

    def _sold(
        self,
        choose: Callable[[], Chosen],
        request: dict[str, Any],
        *,
        anchor: datetime | None = None,
        payment_id: str | None = None,
        is_default: bool = False,
    ) -> Any:
        """Keep what the catalog in force says, then allocate: who subscribes keeps it (D9)."""

        def work(door: PlainDoor) -> Subscription | None:
            door.read(lambda connection: refresh(self._desk.ledger, connection))
            found = choose()
            door.transact(kept(self._desk, found.catalog))
            allocate = Allocate(
                **request,
                plan=found.plan,
                group=found.group,
                is_add_on=found.is_add_on,
                interval=found.interval,
                quantity=found.quantity,
                catalog=found.catalog,
                anchor=anchor,
                payment_id=payment_id,
                is_manual=found.is_manual,
                is_free=found.is_free,
                is_default=is_default,
            )
            return _answer(door.change_all([allocate])[0])

        return self._desk.door.perform(work)


def _quantity(quantity: object) -> int:
    if type(quantity) is not int or not 1 <= quantity <= MAXIMUM_QUANTITY:
        raise InvalidRequest(f"quantity is a whole number from 1 to {MAXIMUM_QUANTITY:,}.")
    return quantity


def _name(subscription: object) -> str | None:
    """Take a subscription's id, or the answer that made it."""
    if subscription is None:
        return None
    return check_text(getattr(subscription, "id", subscription), "subscription")


def _answer(result: Any) -> Any:
    """Give the subscription as the request left it, or raise the error."""
    if isinstance(result, BaseException):
        raise result
    told = result.result["subscription"]
    return None if told is None else subscription_from(told)
