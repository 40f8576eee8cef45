"""The room of the books: prove that they are right, and play them under another catalog."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.audit import Progress, audit
from tollkeeper.operations import simulating, simulating_usage
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.values.findings import AuditReport
from tollkeeper.values.money import Money
from tollkeeper.values.simulations import Simulation
from tollkeeper.values.usage import NewUsage

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: The most findings of one law that a report can hold.
MAXIMUM_FINDINGS = 1000


class Books:
    """What can be asked of the books as a whole."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def audit(
        self,
        *,
        customer: str | None = None,
        most: int = 10,
        progress: Progress | None = None,
    ) -> AuditReport:
        """Check every law of the ledger over the data at hand, or over one customer's.

        It reads one unchanging state in constant memory, holds nobody up and changes nothing, so
        that it can run beside a busy app. The report keeps the first `most` findings of each law
        and counts the others. `progress` is called now and then with the rows done and the rows
        there are; tasks' calls of it come from a thread of ours.

        Inside a transaction of the app's own, PostgreSQL must give it one state: InvalidRequest
        says so unless the isolation level is REPEATABLE READ or SERIALIZABLE.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "api_calls", 100)
        ...     report = billing.books.audit()
        >>> report.ok, report.checked.entries
        (True, 1)
        """
        if type(most) is not int or not 1 <= most <= MAXIMUM_FINDINGS:
            raise InvalidRequest(f"most must be a whole number from 1 to {MAXIMUM_FINDINGS}.")
        name = None if customer is None else customer_id(customer)
        ledger = self._desk.ledger
        return self._desk.door.perform(
            lambda door: door.snapshot(
                lambda connection: audit(
                    ledger, connection, customer=name, most=most, progress=progress
                )
            )
        )

    def simulate(
        self,
        catalog: "Catalog | str | Path",
        *,
        since: datetime,
        until: datetime | None = None,
        customers: str | Sequence[str] | None = None,
        move: Mapping[str, str] | None = None,
        burn_order: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> Simulation:
        """Play recorded usage again under another catalog, and compare with what happened.

        Every usage event that counts in [`since`, `until`), until now unless given, is decided anew
        by the very rules that decide charges, beginning with the balances that each customer had at
        `since`. What was bought, paid in or given meanwhile comes as it came; allowances come from
        the catalog, for the plans that customers had, moved where `move` says so ({old: new}).
        `burn_order` names sources of grants (`promotion`, `allowance`, `purchase` …) that are to
        burn first, in this order. Nothing is written, and nobody is held up.

        `progress` is called now and then with the events done and the events there are; tasks'
        calls of it come from a thread of ours. Memory does not grow with the number of events.

        Raises:
            UnknownPlan: `move` names a plan that nobody has or that the catalog does not sell; or
                customers have a plan that the catalog does not sell, and it is not moved.
            UnitMismatch: the catalog counts a unit or a feature with another scale than the books.
            CustomerNotFound: one of `customers` does not exist.
            InvalidRequest: `since` does not lie before `until`.

        >>> from datetime import UTC, datetime
        >>> from tollkeeper import Billing, Catalog
        >>> def costing(credits):
        ...     image = {"cost": {"credits": credits}}
        ...     return Catalog(units={"credits": {}}, features={"image": image})
        >>> with Billing("sqlite://", catalog=costing(1)) as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "credits", 3)
        ...     _ = [billing.charge("user_1", "image") for _ in range(3)]
        ...     found = billing.books.simulate(costing(2), since=datetime(2026, 1, 1, tzinfo=UTC))
        >>> found.total.happened.accepted, found.total.simulated.accepted
        (3, 1)
        >>> found.total.simulated.refused
        {'insufficient_balance': 2}
        """
        asked = simulating.asked_for(self._desk, since, until, customers)
        changes = simulating.changes_of(catalog, move, burn_order)
        ledger = self._desk.ledger
        return self._desk.door.perform(
            lambda door: door.snapshot(
                lambda connection: simulating.simulate(ledger, connection, asked, changes, progress)
            )
        )

    def simulate_usage(
        self,
        catalog: "Catalog | str | Path",
        usage: Iterable[NewUsage],
        *,
        plans: str | Sequence[str] = (),
        deposit: Money | None = None,
        progress: Progress | None = None,
    ) -> Simulation:
        """Play usage that is in no books under a catalog: before there are any, say.

        `usage` gives events as `usage.record_many` takes them, each with its `event_at`, in the
        order of time; each is charged at its own time. Customers begin with their first event: on
        `plans`, which are dealt out in turn, and with `deposit` in their wallets. The report says
        nothing of what happened. The books are neither read nor written, and no event is kept.

        Raises:
            UnknownPlan, UnknownFeature: the catalog has none of this key.
            InvalidRequest: an event has no `event_at`, is earlier than the one before it, or there
                are no events.

        >>> from datetime import UTC, datetime
        >>> from tollkeeper import Billing, Catalog, Money
        >>> catalog = Catalog.from_toml('features.image.rate = "0.04 usd"')
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> usage = [{"customer": "user_1", "feature": "image", "event_at": at}] * 3
        >>> with Billing("sqlite://") as billing:
        ...     found = billing.books.simulate_usage(catalog, usage, deposit=Money("0.10", "usd"))
        >>> found.total.simulated.revenue, found.total.simulated.refused
        ((Money('0.08', 'usd'),), {'insufficient_balance': 1})
        """
        return self._desk.door.perform(
            lambda _: simulating_usage.simulate_usage(
                catalog, usage, plans=plans, deposit=deposit, progress=progress
            )
        )
