"""The noun `entitlements`: what a customer has of each feature, and gauges."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import NEGATIVE_AMOUNTS, Call, verb
from tollkeeper.cli.options import Customer
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, number

if TYPE_CHECKING:
    from tollkeeper.values.features import FeatureEntitlement, Gauge

app: Final = typer.Typer(help="Look at what customers may use; move gauges.", no_args_is_help=True)

GaugeKey = Annotated[str, typer.Argument(metavar="FEATURE", help="The gauge, such as seats.")]
By = Annotated[int, typer.Argument(metavar="N", help="How many more; below zero, fewer.")]
To = Annotated[int, typer.Argument(metavar="N", min=0, help="How many there are.")]


@verb(app, "of")
def of(call: Call, customer: Customer) -> None:
    """Show what a customer has of every feature."""
    with call.billing() as billing:
        found = billing.entitlements.of(customer)
    data = {"entitlements": [each.to_dict() for each in found.values()]}
    answers.show(call, data, lambda: [_sheet(found)])


@verb(app, "move-gauge", changes=True, context_settings=NEGATIVE_AMOUNTS)
def move_gauge(call: Call, customer: Customer, feature: GaugeKey, by: By = 1) -> None:
    """Add to a gauge, or take from it; it never passes its ceiling."""
    with call.billing() as billing:
        found = billing.entitlements.move_gauge(customer, feature, by, **call.change)
    _show(call, found)


@verb(app, "set-gauge", changes=True)
def set_gauge(call: Call, customer: Customer, feature: GaugeKey, to: To) -> None:
    """Say how many there are, as you have counted them."""
    with call.billing() as billing:
        found = billing.entitlements.set_gauge(customer, feature, to, **call.change)
    _show(call, found)


def _show(call: Call, found: "Gauge") -> None:
    pairs = (
        ("feature", found.feature),
        ("in use", f"{found.in_use:,}"),
        ("at most", "no end" if found.ceiling is None else f"{found.ceiling:,}"),
    )
    answers.show(call, found.to_dict(), lambda: [Facts(pairs)])


def _sheet(found: "dict[str, FeatureEntitlement]") -> Part:
    columns = (
        Column("feature"),
        Column("type", drop=2),
        Column("allowed"),
        Column("what"),
        Column("plan", drop=1),
    )
    rows = [
        (each.feature, each.type, "yes" if each else "no", _what(each), each.plan or "")
        for each in found.values()
    ]
    return Sheet(columns=columns, rows=tuple(rows), empty="The catalog has no features.")


def _what(each: "FeatureEntitlement") -> str:
    if each.type == "value":
        return "" if each.value is None else str(each.value)
    if each.type == "gauge":
        most = "no end" if each.ceiling is None else f"{each.ceiling:,}"
        return f"{each.in_use or 0:,} of {most}"
    if each.metered is None:
        return ""
    left = each.metered.left
    return "no end" if left is None else f"{number(left)} left"
