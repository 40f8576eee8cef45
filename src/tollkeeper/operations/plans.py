"""Finds the plan that is meant, in the catalog in force, and keeps what that catalog says."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.errors import AmbiguousPlan, InvalidRequest, UnknownPlan
from tollkeeper.ledger.catalogs import refresh
from tollkeeper.operations.calls import Desk
from tollkeeper.store import catalogs
from tollkeeper.values.intervals import Interval
from tollkeeper.values.texts import check_text, echo

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.plans import Plan


class Chosen(NamedTuple):
    """A plan, and how it is taken."""

    plan: str
    group: str
    is_add_on: bool
    #: What is paid for at once; None for a plan without a price.
    interval: str | None
    quantity: int
    #: Whether the app grants the allowances itself.
    is_manual: bool
    #: Whether it has no price.
    is_free: bool
    catalog: "Catalog"


def catalog_of(desk: Desk) -> "Catalog":
    """Give the catalog in force.

    Raises:
        InvalidRequest: there is none.
    """
    prices = desk.ledger.prices
    if not isinstance(prices, InForce) or prices.catalog is None:
        raise InvalidRequest(
            "There is no catalog: pass one, Billing(…, catalog='billing.toml'), or put one into "
            "force with catalog.apply."
        )
    return prices.catalog


def in_force(desk: Desk, connection: Connection) -> "Catalog":
    """Look which catalog is in force, and give it."""
    refresh(desk.ledger, connection)
    return catalog_of(desk)


def choose(desk: Desk, plan: object, interval: str | None, quantity: int) -> Chosen:
    """Choose a plan by its key, and what of it is paid for."""
    catalog = catalog_of(desk)
    key = check_text(plan, "plan")
    found = plan_of(catalog, key)
    return Chosen(
        key,
        found.group,
        found.add_on,
        _interval(key, found, interval),
        _seats(key, found, quantity),
        found.grants == "manual",
        not found.prices,
        catalog,
    )


def choose_free(desk: Desk, plan: str | None) -> Chosen:
    """Choose a free plan: the one that is named, else the only one that there is."""
    catalog = catalog_of(desk)
    free = [key for key, found in catalog.plans.items() if not (found.prices or found.add_on)]
    if plan is not None and check_text(plan, "plan") not in free:
        plan_of(catalog, plan)
        raise InvalidRequest(f"{plan!r} is no free plan; allocate it once it is paid for.")
    if plan is None:
        if len(free) > 1:
            raise AmbiguousPlan(
                f"There are several free plans; name one: {', '.join(free)}.", known=free
            )
        if not free:
            raise UnknownPlan("The catalog has no free plan: one without prices.", plan=None)
        plan = free[0]
    return choose(desk, plan, None, 1)


def plan_of(catalog: "Catalog", key: str) -> "Plan":
    """Give a plan, or say which is nearest."""
    from tollkeeper.catalog.looking import plan_of as found

    return found(catalog, key)


def kept(desk: Desk, catalog: "Catalog") -> Callable[[Connection], None]:
    """Keep what a catalog says, so that it can be read again by its version."""
    version, content = catalog.version, catalog.canonical()

    def keep(connection: Connection) -> None:
        catalogs.keep(connection, desk.ledger.database, version, content, desk.clock.now())

    return keep


def _interval(key: str, plan: "Plan", asked: str | None) -> str | None:
    """Choose what is paid for: as asked, else the one interval that the plan has prices for."""
    sold = list(dict.fromkeys(str(price.every) for price in plan.prices if price.every))
    if asked is None:
        if len(sold) > 1:
            raise AmbiguousPlan(
                f"The plan {key!r} is sold by the {' and by the '.join(sold)}; name the interval.",
                known=sold,
            )
        return sold[0] if sold else None
    wanted = Interval.parse(asked)
    for known in sold:
        if Interval.parse(known) == wanted:
            return known
    shown = ", ".join(sold) or "without a price"
    raise InvalidRequest(f"The plan {key!r} is not sold by {echo(asked)}; it is sold: {shown}.")


def _seats(key: str, plan: "Plan", quantity: int) -> int:
    if plan.seats is None:
        if quantity != 1:
            raise InvalidRequest(f"The plan {key!r} has no seats; its quantity is 1.")
        return quantity
    most = plan.seats.maximum
    if quantity < plan.seats.minimum or (most is not None and quantity > most):
        bounds = f"from {plan.seats.minimum}" + (f" to {most}" if most else "")
        raise InvalidRequest(f"The plan {key!r} is sold with seats {bounds}, not {quantity}.")
    return quantity
