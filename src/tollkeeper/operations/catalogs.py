"""The room of the catalog: what is sold, what another one would do, and putting it into force."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from tollkeeper.errors import CatalogNotFound, CatalogRefused, InvalidRequest
from tollkeeper.ledger import catalogs
from tollkeeper.operations.applying import applied, difference, versions
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.dimensions import check_names
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.plans import in_force
from tollkeeper.values.amounts import Amount
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_text

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.offered import CostShown, PackShown
    from tollkeeper.catalog.planning import CatalogDiff, CatalogVersion
    from tollkeeper.catalog.showing import PlanShown

T = TypeVar("T")


class Catalogs:
    """What is sold, and how it changes.

    The catalog in force is the one that was applied last in this database; where none ever was, it
    is the one that this process was given. Other processes notice an applied one within seconds,
    and a subscription keeps the one that it was sold under.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def in_force(self) -> "Catalog":
        """Give the catalog in force.

        Raises:
            InvalidRequest: there is none.
        """
        return self._read(lambda catalog: catalog)

    def version(self, version: str) -> "Catalog":
        """Give an earlier catalog by its version: anything was sold under it, or it was applied.

        Raises:
            CatalogNotFound: none of this version is kept.
        """
        name = check_text(version, "version")

        def query(connection: Connection) -> "Catalog":
            found = catalogs.read(connection, self._desk.ledger.database, [name])
            if name not in found:
                raise CatalogNotFound(f"No catalog of the version {name!r} is kept.", version=name)
            return found[name]

        return self._desk.door.read(query)

    def versions(self) -> "tuple[CatalogVersion, ...]":
        """Tell which catalogs were put into force, by whom and why, the last first."""
        ledger = self._desk.ledger
        return self._desk.door.read(lambda connection: versions(ledger, connection))

    def plans(self, *, currency: str | None = None) -> "tuple[PlanShown, ...]":
        """Show every public plan as a pricing page does, the free ones first.

        >>> from tollkeeper import Billing, Catalog
        >>> catalog = Catalog.from_toml('''
        ...     [units.credits]
        ...     name = "AI credits"
        ...     [plans.pro]
        ...     prices = ["20.00 usd / month"]
        ...     allowances.credits = "1_000 / month"
        ... ''')
        >>> with Billing("sqlite://", catalog=catalog) as billing:
        ...     _ = billing.migrate()
        ...     plan = billing.catalog.plan("pro")
        >>> plan.prices[0].text, plan.included
        ('$20.00 / month', ('1,000 AI credits / month',))
        """

        def show(catalog: "Catalog") -> "tuple[PlanShown, ...]":
            from tollkeeper.catalog.showing import plans_shown

            return plans_shown(catalog, currency=currency, at=self._desk.clock.now())

        return self._read(show)

    def plan(self, plan: str, *, currency: str | None = None) -> "PlanShown":
        """Show one plan as a pricing page does.

        Raises:
            UnknownPlan: the catalog has no such plan; the message names the nearest.
        """

        def show(catalog: "Catalog") -> "PlanShown":
            from tollkeeper.catalog.showing import plan_shown

            return plan_shown(catalog, plan, currency=currency, at=self._desk.clock.now())

        return self._read(show)

    def packs(
        self, *, plan: str | None = None, currency: str | None = None
    ) -> "tuple[PackShown, ...]":
        """Show every pack that is sold in a currency to customers on a plan, the cheapest first."""

        def show(catalog: "Catalog") -> "tuple[PackShown, ...]":
            from tollkeeper.catalog.offered import packs_shown

            return packs_shown(catalog, plans=_plans(plan), currency=currency)

        return self._read(show)

    def price(
        self,
        offer: str,
        quantity: Amount = 1,
        *,
        plan: str | None = None,
        currency: str | None = None,
    ) -> Money:
        """Tell what packs, or so much of a top-up, cost before tax: the price that is charged (E1).

        `offer` is a pack's key, or the unit of a top-up.

        Raises:
            UnknownOffer: the catalog sells no such thing.
            NotPriced: it is not sold in this currency, or to this plan.
            InvalidAmount: so much or so little is not sold at once.
        """

        def ask(catalog: "Catalog") -> Money:
            from tollkeeper.catalog.offered import price_of

            return price_of(
                catalog,
                offer,
                quantity,
                plans=_plans(plan),
                currency=currency,
                at=self._desk.clock.now(),
            )

        return self._read(ask)

    def preview(
        self,
        feature: str,
        quantity: Amount = 1,
        *,
        plan: str | None = None,
        currency: str | None = None,
        dimensions: Mapping[str, str] | None = None,
    ) -> "tuple[CostShown, ...]":
        """Tell what a use would cost on a plan, for each source that could pay, in their order.

        It knows no customer; `check` says what a customer would pay.

        Raises:
            UnknownFeature: the catalog has no such feature.
            UnknownDimension: the feature declares dimensions, and this is none of them.
            NotPriced: nobody could pay for it on this plan.
        """
        prices = self._desk.prices

        def ask(catalog: "Catalog") -> "tuple[CostShown, ...]":
            from tollkeeper.catalog.offered import costs_of

            if dimensions and feature in catalog.features:
                check_names(prices, feature, dimensions)
            return costs_of(
                catalog,
                feature,
                quantity,
                plans=_plans(plan),
                currency=currency,
                dimensions=dimensions or {},
                at=self._desk.clock.now(),
            )

        return self._read(ask)

    def diff(self, new: "Catalog | str | Path") -> "CatalogDiff":
        """Tell what another catalog would change, before anything is changed (D9).

        What differs and what that means; which customers are on plans that change, how many and the
        first of them; what they bring in a month at list prices; allowances, units that are gone
        while customers hold some, and limits below present use.

        Raises:
            CatalogError: the catalog has mistakes; each is named with its line.
        """
        catalog, ledger = _loaded(new), self._desk.ledger
        return self._desk.door.read(lambda connection: difference(ledger, connection, catalog))

    def apply(self, new: "Catalog | str | Path", *, actor: str, reason: str) -> "CatalogVersion":
        """Put a catalog into force, here and in every other process, and keep it by its content.

        To go back, apply an earlier one: `apply(billing.catalog.version("…"), …)`. Applying the one
        in force changes nothing. Name who does it, and why (I2).

        Raises:
            CatalogRefused: the scale of what is in the books, or a past rate, would change.
            CatalogError: the catalog has mistakes; each is named with its line.
        """
        catalog, who, why = _loaded(new), check_text(actor, "actor"), check_text(reason, "reason")
        ledger = self._desk.ledger

        def work(door: PlainDoor) -> "CatalogVersion":
            found = door.read(lambda connection: difference(ledger, connection, catalog))
            if found.refused:
                raise CatalogRefused(
                    f"The books cannot live with this catalog: {found.refused[0]}",
                    differences=[str(each) for each in found.refused],
                )
            made = door.transact(
                lambda connection: applied(ledger, connection, catalog, actor=who, reason=why)
            )
            door.read(lambda connection: catalogs.refresh(ledger, connection))
            return made

        return self._desk.door.perform(work)

    def _read(self, ask: "Callable[[Catalog], T]") -> T:
        """Ask the catalog in force."""
        return self._desk.door.read(lambda connection: ask(in_force(self._desk, connection)))


def _plans(plan: str | None) -> tuple[str, ...]:
    return () if plan is None else (check_text(plan, "plan"),)


def _loaded(new: "Catalog | str | Path") -> "Catalog":
    """Take a catalog, or read it from its file."""
    from tollkeeper.catalog.catalog import Catalog

    if isinstance(new, Catalog):
        return new
    if not isinstance(new, str | Path):
        raise InvalidRequest(
            f"A catalog is a Catalog or the path of one, not {type(new).__name__}."
        )
    try:
        return Catalog.load(new)
    except OSError as error:
        raise InvalidRequest(f"The catalog {str(new)!r} cannot be read: {error}.") from error
