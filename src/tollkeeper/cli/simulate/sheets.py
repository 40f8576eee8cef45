"""Shows a simulation as tables: what happened beside what would have. Decides nothing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, counted

if TYPE_CHECKING:
    from tollkeeper import Money
    from tollkeeper.values.simulations import Comparison, Simulation, SpanResult

NOTHING = "–"


def parts(simulation: "Simulation", *, compares: bool) -> list[Part]:
    """Show it all; without books there is nothing to compare with."""
    found: list[Part] = [_facts(simulation), _results(simulation.total, compares=compares)]
    found.append(_features(simulation.total.simulated))
    found.append(_compared("Plan", simulation.plans, compares=compares))
    for title, named in (
        ("Pays less", simulation.winners),
        ("Pays more, or is refused", simulation.losers),
        ("Customer", simulation.customers),
    ):
        if named:
            found.append(_compared(title, named, compares=compares))
    return found


def _facts(simulation: "Simulation") -> Facts:
    seconds, speed = f"{simulation.seconds:,.1f}", f"{simulation.events_per_second:,.0f}"
    memory = f"{simulation.memory_bytes / 1_000_000:,.0f} MB at most"
    return Facts(
        (
            ("played", counted(simulation.events, "usage event", "usage events")),
            ("from", simulation.since.isoformat()),
            ("to", simulation.until.isoformat()),
            ("customers", f"{simulation.total.customers:,}"),
            ("catalog", simulation.catalog_version),
            ("took", f"{seconds} seconds, {speed} events a second, {memory}"),
        )
    )


def _results(total: "Comparison", *, compares: bool) -> Sheet:
    """Set what happened beside what would have, a line for each figure."""
    then, now = _figures(total.happened), _figures(total.simulated)
    if not compares:
        alone = (Column("In all"), Column("Simulated", is_number=True))
        return Sheet(columns=alone, rows=tuple([(name, text) for name, text in now.items()]))
    columns = (
        Column("In all"),
        Column("Happened", is_number=True),
        Column("Simulated", is_number=True),
    )
    names = [*then, *(name for name in now if name not in then)]
    rows = [(name, then.get(name, NOTHING), now.get(name, NOTHING)) for name in names]
    rows.append(("difference in revenue", "", _money(total.difference)))
    return Sheet(columns=columns, rows=tuple(rows))


def _figures(result: "SpanResult") -> dict[str, str]:
    found = {"events": f"{result.events:,}", "accepted": f"{result.accepted:,}"}
    found |= {f"refused: {reason}": f"{count:,}" for reason, count in result.refused.items()}
    found |= {
        "wallets": _money(result.spent),
        "later bill": _money(result.owed),
        "bought credits": _money(result.credits_used),
        "plans": _money(result.plans),
        "revenue": _money(result.revenue),
        "breakage": _money(result.breakage),
    }
    found |= {f"expired: {unit}": f"{amount:,f}" for unit, amount in result.expired.items()}
    if result.metered_calls:
        margin = () if result.margin is None else (result.margin,)
        found |= {"vendors": _money(result.vendor_cost), "margin": _money(margin)}
    return found


def _features(result: "SpanResult") -> Sheet:
    columns = (
        Column("Simulated use of"),
        Column("Events", is_number=True),
        Column("Accepted", is_number=True),
        Column("Quantity", is_number=True),
        Column("Included", is_number=True, drop=2),
        Column("Credits", is_number=True, drop=2),
        Column("Wallet", is_number=True, drop=1),
        Column("Billed", is_number=True, drop=1),
        Column("Money", is_number=True),
    )
    rows = [
        (
            each.feature,
            f"{each.events:,}",
            f"{each.accepted:,}",
            f"{each.quantity:,f}",
            f"{each.paid.included:,f}",
            f"{each.paid.credits:,f}",
            f"{each.paid.wallet:,f}",
            f"{each.paid.billed:,f}",
            _money(each.paid.cost),
        )
        for each in result.features
    ]
    return Sheet(columns=columns, rows=tuple(rows), empty="No usage in this span.")


def _compared(title: str, some: "Iterable[Comparison]", *, compares: bool) -> Sheet:
    columns = [
        Column(title),
        Column("Plan", drop=1),
        Column("Customers", is_number=True, drop=2),
        Column("Accepted", is_number=True),
        Column("Refused", is_number=True),
        Column("Revenue", is_number=True),
    ]
    if compares:
        columns += [Column("Happened", is_number=True), Column("Difference", is_number=True)]
    rows = []
    for each in some:
        cells = [
            each.name or "no plan",
            each.plan or "",
            f"{each.customers:,}",
            f"{each.simulated.accepted:,}",
            f"{each.refused:,}",
            _money(each.simulated.revenue),
        ]
        if compares:
            cells += [_money(each.happened.revenue), _money(each.difference)]
        rows.append(tuple(cells))
    return Sheet(columns=tuple(columns), rows=tuple(rows), empty="No customers in this span.")


def _money(moneys: "Iterable[Money]") -> str:
    return ", ".join(money.format() for money in moneys) or NOTHING
