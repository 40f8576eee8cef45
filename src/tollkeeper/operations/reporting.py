"""Puts the sums of metered calls together into the lines of a report, and judges them. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tollkeeper.decisions.losing import WarnOfMargin
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.notices import MarginLow
from tollkeeper.values.model_calls import ModelReport, ModelReportLine, moneys
from tollkeeper.values.money import Money


@dataclass(slots=True)
class _Sums:
    """What is summed of one group so far."""

    counts: list[int] = field(default_factory=lambda: [0] * 5)
    cost: list[Money] = field(default_factory=list)
    revenue: list[Money] = field(default_factory=list)


def lines_of(
    groups: tuple[str, ...], rows: Sequence[Sequence[Any]], further: Sequence[Sequence[Any]]
) -> tuple[ModelReportLine, ...]:
    """Give a line for each group from sums by group and currency, dearest first."""
    found: dict[tuple[Any, ...], _Sums] = {}
    size = len(groups)
    for row in rows:
        sums = found.setdefault(tuple(row[:size]), _Sums())
        cost_currency, revenue_currency, *counted = row[size:]
        *counts, cost, revenue = [int(number) for number in counted]
        sums.counts = [old + new for old, new in zip(sums.counts, counts, strict=True)]
        _add(sums.cost, cost, cost_currency)
        _add(sums.revenue, revenue, revenue_currency)
    for row in further:
        texts = json.loads(row[size])
        found[tuple(row[:size])].revenue += [Money.parse(text) for text in texts]
    lines = [_line(groups, key, sums) for key, sums in found.items()]
    return tuple(sorted(lines, key=_dearest_first))


def loses(line: ModelReportLine, least: Decimal) -> bool:
    """Tell whether a customer's margin is below so many percent of the revenue."""
    margin = line.margin
    if margin is None:
        return False
    earned = sum((money.amount for money in line.revenue), Decimal(0))
    return margin.amount * 100 < least * earned or (not earned and margin.amount < 0)


def warning(report: ModelReport, line: ModelReportLine, least: Decimal) -> WarnOfMargin:
    """Make the request that tells the app of a customer who loses money."""
    customer, margin = line.group["customer"], line.margin
    assert customer is not None
    assert margin is not None
    notice = MarginLow(
        id=f"ntc_margin_{report.since:%Y%m%dT%H%M%S}_{least.normalize():f}",
        customer=customer,
        since=report.since,
        until=report.until,
        calls=line.calls,
        vendor_cost=sum((money.amount for money in line.vendor_cost), Decimal(0)),
        revenue=sum((money.amount for money in line.revenue), Decimal(0)),
        currency=margin.currency,
        least=least,
    )
    return WarnOfMargin(id=new_id(OPERATION), customer=customer, notice=notice)


def _add(sums: list[Money], scaled: int, currency: str | None) -> None:
    if currency is not None and scaled:
        sums.append(Money.from_scaled(scaled, currency))


def _line(groups: tuple[str, ...], key: tuple[Any, ...], sums: _Sums) -> ModelReportLine:
    calls, estimated, unpriced, input_tokens, output_tokens = sums.counts
    return ModelReportLine(
        group=dict(zip(groups, key, strict=True)),
        calls=calls,
        estimated=estimated,
        unpriced=unpriced,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        vendor_cost=moneys(sums.cost),
        revenue=moneys(sums.revenue),
    )


def _dearest_first(line: ModelReportLine) -> tuple[Any, ...]:
    dearest = max((money.amount for money in line.vendor_cost), default=0)
    return -dearest, [value or "" for value in line.group.values()]
