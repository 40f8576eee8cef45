"""Credits come in and are spent at once."""

from typing import Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import (
    AmountText,
    CostBasis,
    Customer,
    EffectiveAt,
    ExpiresAt,
    Feature,
    OnlyFeatures,
    Overdraft,
    Paid,
    Priority,
    Source,
    SourceId,
    UnitKey,
)
from tollkeeper.cli.sources import check_source

app: Final = typer.Typer()


@verb(app, "grant", changes=True)
def grant(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    source: Source = None,
    source_id: SourceId = None,
    priority: Priority = None,
    paid: Paid = None,
    effective_at: EffectiveAt = None,
    expires_at: ExpiresAt = None,
    cost_basis: CostBasis = None,
    feature: OnlyFeatures = None,
) -> None:
    """Give credits, as a grant with its own priority, times and cost."""
    from tollkeeper import Money

    check_source(source, paid=paid)
    with call.billing() as billing:
        receipt = billing.credits.grant(
            customer,
            unit,
            amount,
            source=source,
            source_id=source_id,
            priority=priority,
            paid=paid,
            effective_at=effective_at,
            expires_at=expires_at,
            cost_basis=Money.parse(cost_basis) if cost_basis else None,
            features=feature or (),
            **call.change,
        )
    answers.show_receipt(call, receipt)


@verb(app, "consume", changes=True)
def consume(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Spend credits at once, from the grants in burn order."""
    with call.billing() as billing:
        receipt = billing.credits.consume(
            customer, unit, amount, feature=feature, overdraft=overdraft, **call.change
        )
    answers.show_receipt(call, receipt)
