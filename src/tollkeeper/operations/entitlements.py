"""The room of entitlements: what a customer has of each feature, and gauges that go up and down."""

from typing import Any, Unpack

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.decisions.gauging import MoveGauge, in_use, sold
from tollkeeper.decisions.tallies import OWN, Tally
from tollkeeper.errors import InvalidRequest, NotPriced
from tollkeeper.ledger.foreseeing import looked_at
from tollkeeper.ledger.strangers import refuse_stranger
from tollkeeper.operations import foretelling, pricing
from tollkeeper.operations.calls import Desk, Options, common, customer_id
from tollkeeper.operations.plans import catalog_of
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.entitlements import Entitlement
from tollkeeper.values.features import FeatureEntitlement, Gauge
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.texts import check_text


class Entitlements:
    """What a customer's plans give him: features had or not, values, how many, how much.

    Gauges count what a customer has at once (seats, projects): the app says when one is added or
    taken away, and a ceiling holds whatever happens at the same moment.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def of(self, customer: str) -> dict[str, FeatureEntitlement]:
        """Tell what a customer has of every feature, by its key.

        Of a metered feature `metered` is what `check` says of one: whether, how much is left, who
        pays, which limits. An answer is true in an `if` where the feature may be used.

        Raises:
            InvalidRequest: there is no catalog.

        >>> from tollkeeper import Billing, Catalog
        >>> catalog = Catalog.from_toml('''
        ...     [features.export]
        ...     type = "boolean"
        ...     [features.projects]
        ...     type = "gauge"
        ...     [plans.free]
        ...     entitlements = { projects = 2 }
        ... ''')
        >>> with Billing("sqlite://", catalog=catalog) as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.subscriptions.assign_free("user_1")
        ...     _ = billing.entitlements.move_gauge("user_1", "projects")
        ...     found = billing.entitlements.of("user_1")
        ...     found["export"].is_allowed, found["projects"].left
        (False, 1)
        """
        name, prices = customer_id(customer), _prices(self._desk)

        def query(connection: Connection) -> dict[str, FeatureEntitlement]:
            own = self._own(connection, name)
            now = to_microseconds(self._desk.clock.now())
            catalog = prices.sold(sold(own, now)) or catalog_of(self._desk)
            return {
                key: self._told(connection, own, key, now, prices)
                for key in sorted(catalog.features)
            }

        return self._desk.door.read(query)

    def get(self, customer: str, feature: str) -> FeatureEntitlement:
        """Tell what a customer has of one feature.

        Raises:
            UnknownFeature: the catalog has no such feature; the message names the nearest.
        """
        name, key = customer_id(customer), check_text(feature, "feature")
        prices = _prices_with(self._desk, key)

        def query(connection: Connection) -> FeatureEntitlement:
            own = self._own(connection, name)
            now = to_microseconds(self._desk.clock.now())
            return self._told(connection, own, key, now, prices)

        return self._desk.door.read(query)

    def move_gauge(
        self, customer: str, feature: str, by: int = 1, **options: Unpack[Options]
    ) -> Gauge:
        """Add to a gauge, or take from it where `by` is below zero.

        Raises:
            LimitReached: there would be more than the plans allow; nothing is counted.
            NotEntitled: the plans allow none at all.
            InvalidRequest: there would be fewer than none, or this is no gauge.
        """
        return self._moved(customer, feature, by=_whole(by, "by"), to=None, options=options)

    def set_gauge(self, customer: str, feature: str, to: int, **options: Unpack[Options]) -> Gauge:
        """Say how many there are, as the app has counted them.

        Fewer than before is always taken; more is compared with the ceiling, as `move_gauge` does.
        """
        return self._moved(customer, feature, by=None, to=_whole(to, "to"), options=options)

    def _moved(
        self, customer: str, feature: str, *, by: int | None, to: int | None, options: Options
    ) -> Any:
        key = check_text(feature, "feature")
        prices = _prices_with(self._desk, key)
        if prices.promised(key, ()).type != "gauge":
            raise InvalidRequest(f"{key!r} is no gauge; the catalog says what it is.")
        request = common(customer, options, ("move_gauge", key, by, to))
        made = MoveGauge(**request, feature=key, by=by, to=to, prices=prices)
        return self._desk.door.change(made, _answer)

    def _own(self, connection: Connection, customer: str) -> Tally:
        ledger = self._desk.ledger
        refuse_stranger(ledger, connection, customer)
        book = looked_at(ledger, connection, ((customer, OWN),), ledger.clock.now())
        return book.tally(customer, OWN)

    def _told(
        self, connection: Connection, own: Tally, key: str, now: int, prices: InForce
    ) -> FeatureEntitlement:
        """Tell what a feature is to a customer, and what is left of it."""
        promised = prices.promised(key, sold(own, now))
        metered = None
        if promised.type == "metered" and promised.is_allowed:
            metered = self._checked(connection, own.customer, key)
        return FeatureEntitlement(
            feature=key,
            type=promised.type,
            is_allowed=promised.is_allowed if metered is None else metered.is_allowed,
            value=promised.value,
            ceiling=promised.ceiling,
            in_use=in_use(own, key) if promised.type == "gauge" else None,
            plan=promised.plan,
            metered=metered,
        )

    def _checked(self, connection: Connection, customer: str, feature: str) -> Entitlement | None:
        """Tell what `check` says of one; None of what is counted and nobody pays for."""
        desk = self._desk.within()
        try:
            charge = pricing.question(desk, customer, feature, 1, {})
            return foretelling.entitlement(desk, charge)(connection)
        except NotPriced:
            return None


def _prices(desk: Desk) -> InForce:
    prices = desk.prices
    if not isinstance(prices, InForce):
        raise InvalidRequest("There is no catalog, and so no entitlements.")
    return prices


def _prices_with(desk: Desk, feature: str) -> InForce:
    """Give the price list; a feature that it lacks is looked for in the books."""
    _prices(desk)
    desk.scaling(feature)
    return _prices(desk)


def _whole(value: object, name: str) -> int:
    if type(value) is not int or not -MAXIMUM <= value <= MAXIMUM:
        raise InvalidRequest(f"{name} is a whole number.")
    return value


def _answer(result: Any) -> Gauge:
    """Give the gauge as the request left it, or raise the error."""
    if isinstance(result, BaseException):
        raise result
    return Gauge(**result.result["gauge"])
