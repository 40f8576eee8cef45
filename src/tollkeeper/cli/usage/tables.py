"""What tables say of usage: events, sums, backfills."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, counted, moment, number

if TYPE_CHECKING:
    from tollkeeper.values.money import Money
    from tollkeeper.values.summaries import UsageGroup, UsageReport, UsageSummary
    from tollkeeper.values.usage import Backfill, UsageEvent, UsagePage


def event(found: "UsageEvent") -> list[Part]:
    """Show one event."""
    pairs = [
        ("Event", found.id),
        ("Customer", found.customer),
        ("Feature", found.feature),
        ("Quantity", number(found.quantity)),
        ("Used at", moment(found.event_at)),
        ("Counts at", moment(found.counted_at)),
        ("Member", found.member or ""),
        ("Dimensions", _dimensions(found)),
        ("Owed", moneys(found.paid.owed)),
        ("Amends", found.amends or ""),
        ("Mark", found.mark or ""),
    ]
    return [Facts(tuple([(name, cell) for name, cell in pairs if cell]))]


def page(found: "UsagePage") -> list[Part]:
    """Show events, newest first."""
    columns = (
        Column("Counts at"),
        Column("Feature"),
        Column("Quantity", is_number=True),
        Column("Cost", is_number=True, drop=2),
        Column("Member", drop=3),
        Column("Dimensions", drop=4),
        Column("Mark", drop=5),
        Column("Amended by", drop=1),
        Column("Event", drop=6),
    )
    rows = tuple(
        (
            moment(each.counted_at),
            each.feature,
            number(each.quantity),
            moneys(each.paid.cost),
            each.member or "",
            _dimensions(each),
            each.mark or "",
            each.amended_by or "",
            each.id,
        )
        for each in found.events
    )
    note = f"More: --cursor {found.next_cursor}" if found.next_cursor else None
    return [Sheet(columns=columns, rows=rows, empty="No events.", note=note)]


def summary(found: "UsageSummary") -> list[Part]:
    """Show a summary, and its groups."""
    paid = found.paid
    value = "none" if found.value is None else number(found.value)
    meter = f"{found.meter} of {found.of}" if found.of else found.meter
    pairs = (
        ("Span", f"{moment(found.since)} to {moment(found.until)}"),
        (meter.capitalize(), value),
        ("Quantity", number(found.quantity)),
        ("Events", f"{found.events:,}"),
        ("Included", number(paid.included)),
        ("Credits", number(paid.credits)),
        ("Wallet", number(paid.wallet)),
        ("Billed", number(paid.billed)),
        ("Cost", moneys(paid.cost) or "none"),
    )
    parts: list[Part] = [Facts(pairs)]
    if found.groups:
        parts.append(groups(found.groups))
    return parts


def report(found: "UsageReport") -> list[Part]:
    """Show a report."""
    span = f"{moment(found.since)} to {moment(found.until)}"
    cut = "; there are more groups than it can show" if found.is_cut else ""
    return [groups(found.rows, note=f"{span}{cut}")]


def groups(found: "Sequence[UsageGroup]", note: str | None = None) -> Sheet:
    """Show groups, a line each."""
    names = tuple(found[0].key) if found else ()
    columns = (
        *(Column(name.capitalize()) for name in names),
        Column("Quantity", is_number=True),
        Column("Events", is_number=True, drop=2),
        Column("Included", is_number=True, drop=5),
        Column("Credits", is_number=True, drop=4),
        Column("Wallet", is_number=True, drop=3),
        Column("Billed", is_number=True, drop=1),
        Column("Cost", is_number=True),
    )
    rows = tuple(
        (
            *(str(each.key[name] or "") for name in names),
            number(each.quantity),
            f"{each.events:,}",
            number(each.paid.included),
            number(each.paid.credits),
            number(each.paid.wallet),
            number(each.paid.billed),
            moneys(each.paid.cost),
        )
        for each in found
    )
    return Sheet(columns=columns, rows=rows, empty="No usage.", note=note)


def backfill(found: "Backfill") -> list[Part]:
    """Show a backfill, a line a customer."""
    columns = (
        Column("Customer"),
        Column("Status"),
        Column("Events", is_number=True),
        Column("Opened at", drop=1),
        Column("Closed at", drop=2),
        Column("Undone at", drop=3),
    )
    rows = tuple(
        (
            part.customer,
            part.status,
            f"{part.events:,}",
            moment(part.opened_at),
            moment(part.closed_at) if part.closed_at else "",
            moment(part.undone_at) if part.undone_at else "",
        )
        for part in found.parts
    )
    return [Sheet(columns=columns, rows=rows, empty="No parts.")]


def imported(recorded: int, replayed: int) -> list[Part]:
    """Tell what an import did."""
    there = f"; {counted(replayed, 'was', 'were')} there already" if replayed else ""
    return [f"{counted(recorded, 'event', 'events')} recorded{there}."]


def moneys(found: "Sequence[Money]") -> str:
    """Write amounts of money."""
    return ", ".join(str(money) for money in found)


def _dimensions(found: "UsageEvent") -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(found.dimensions.items()))
