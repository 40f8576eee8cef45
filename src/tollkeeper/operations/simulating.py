"""What-if: checks what is asked, plays the books again, and reports. Writes nothing."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.decisions.recasting import Recast
from tollkeeper.errors import CustomerNotFound, InvalidRequest, UnitMismatch, UnknownPlan
from tollkeeper.ledger import catalogs
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.simulating import Progress, Simulating
from tollkeeper.ledger.units import Units
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.operations.metering import scale_of
from tollkeeper.operations.simulation_reports import Report
from tollkeeper.store import simulations
from tollkeeper.store.simulations import Asked
from tollkeeper.store.units import all_units
from tollkeeper.values.moments import utc
from tollkeeper.values.simulations import Simulation
from tollkeeper.values.texts import check_text, echo

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

#: Most customers, moves and sources that may be named.
MAXIMUM_CUSTOMERS = 1000
MAXIMUM_MOVES = 100
MAXIMUM_SOURCES = 20
#: What sources that are named burn before, whatever their priorities are.
_FIRST = -1000


def asked_for(desk: Desk, since: object, until: object, customers: object) -> Asked:
    """Check which span is asked for, and whose books."""
    start = utc(since, "since")
    end = desk.clock.now() if until is None else utc(until, "until")
    if start >= end:
        raise InvalidRequest(
            f"since ({start.isoformat()}) must lie before until ({end.isoformat()})."
        )
    return Asked(start, end, None if customers is None else _customers(customers))


def changes_of(catalog: "Catalog | str | Path", move: object, burn_order: object) -> Recast:
    """Check what is to be different.

    Raises:
        UnknownPlan: a plan that is moved to is not in the catalog.
    """
    from tollkeeper.catalog.catalog import Catalog

    found = catalog if isinstance(catalog, Catalog) else Catalog.load(catalog)
    return Recast(catalog=found, move=_moves(found, move), priorities=_priorities(burn_order))


def simulate(
    ledger: Ledger,
    connection: Connection,
    asked: Asked,
    changes: Recast,
    progress: Progress | None,
) -> Simulation:
    """Play the books of a span again; the whole of it reads one unchanging state."""
    begun = time.perf_counter()
    units = _units(ledger, connection, changes)
    _check_plans(ledger, connection, asked, changes)
    _check_features(ledger, changes)
    _check_customers(ledger, connection, asked)
    report = Report(
        units,
        lambda feature: _scale(ledger, changes, feature),
        changes.catalog.currency,
        tells_all=asked.customers is not None,
    )
    work = Simulating(ledger, connection, asked, changes, units, report.add, progress)
    events = work.run()
    made = report.finished(asked.since, asked.until, changes.version, events)
    return measured(made, begun)


def measured(made: Simulation, begun: float) -> Simulation:
    """Tell how long it took, and how much memory the process had at most."""
    seconds = time.perf_counter() - begun
    return replace(made, seconds=seconds, memory_bytes=peak_memory())


def peak_memory() -> int:
    """Give the most memory that this process had so far, in bytes; 0 where nobody tells it."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _customers(customers: object) -> tuple[str, ...]:
    named = [customers] if isinstance(customers, str) else customers
    if not isinstance(named, Sequence) or not 0 < len(named) <= MAXIMUM_CUSTOMERS:
        raise InvalidRequest(f"customers is a list of 1 to {MAXIMUM_CUSTOMERS:,} ids.")
    return tuple(sorted({customer_id(name) for name in named}))


def _moves(catalog: "Catalog", move: object) -> dict[str, str]:
    from tollkeeper.catalog.looking import plan_of

    if move is None:
        return {}
    if not isinstance(move, Mapping) or len(move) > MAXIMUM_MOVES:
        raise InvalidRequest(f"move is a dict of at most {MAXIMUM_MOVES} plans: {{old: new}}.")
    made = {check_text(old, "move"): check_text(new, "move") for old, new in move.items()}
    for new in made.values():
        plan_of(catalog, new)
    return made


def _priorities(burn_order: object) -> dict[str, int]:
    """Let the sources that are named burn first, in their order."""
    if burn_order is None:
        return {}
    if isinstance(burn_order, str) or not isinstance(burn_order, Sequence):
        raise InvalidRequest("burn_order is a list of sources, such as ['promotion', 'allowance'].")
    named = [check_text(source, "burn_order") for source in burn_order]
    if len({*named}) != len(named) or len(named) > MAXIMUM_SOURCES:
        raise InvalidRequest(f"burn_order names at most {MAXIMUM_SOURCES} sources, each once.")
    return {source: _FIRST + number for number, source in enumerate(named)}


def _units(ledger: Ledger, connection: Connection, changes: Recast) -> Units:
    """Give the units of the catalog and the books; raises UnitMismatch where they differ."""
    units = Units(changes.catalog.declared_units())
    units.confirm(all_units(connection, ledger.database))
    return units


def _check_plans(ledger: Ledger, connection: Connection, asked: Asked, changes: Recast) -> None:
    """Refuse plans that neither the catalog nor a move knows."""
    catalogs.refresh(ledger, connection)
    taken = {row[0] for row in simulations.plans_taken(connection, ledger.database, asked)}
    prices = ledger.prices
    sold = prices.catalog.plans if isinstance(prices, InForce) and prices.catalog else {}
    for old in changes.move:
        if old not in taken and old not in sold:
            known = ", ".join(sorted({*taken, *sold})) or "none"
            raise UnknownPlan(
                f"Nobody has the plan {echo(old)}, which is to be moved; there are: {known}.",
                plan=old,
            )
    for plan in sorted(taken - changes.move.keys()):
        if plan not in changes.catalog.plans:
            raise UnknownPlan(
                f"Customers have the plan {echo(plan)}, which the catalog does not sell; say with "
                f"move={{{plan!r}: …}} which plan they would have.",
                plan=plan,
            )


def _check_features(ledger: Ledger, changes: Recast) -> None:
    """Refuse a catalog that counts a feature otherwise than the books do."""
    prices = ledger.prices
    if not isinstance(prices, InForce) or prices.catalog is None:
        return
    for feature in prices.catalog.features:
        if feature not in changes.catalog.features:
            continue
        kept, asked = prices.catalog.scale(feature), changes.catalog.scale(feature)
        if kept != asked:
            raise UnitMismatch(
                f"The catalog counts {feature!r} with scale {asked}, but the books keep it with "
                f"scale {kept}; give it that scale to compare the two.",
                feature=feature,
            )


def _check_customers(ledger: Ledger, connection: Connection, asked: Asked) -> None:
    if asked.customers is None:
        return
    there = {row[0] for row in simulations.customers(connection, ledger.database, asked)}
    for name in asked.customers:
        if name not in there:
            raise CustomerNotFound(f"There is no customer {echo(name)}.", customer=name)


def _scale(ledger: Ledger, changes: Recast, feature: str) -> int:
    if feature in changes.catalog.features:
        return changes.catalog.scale(feature)
    return scale_of(ledger.prices, feature)
