"""Money comes in and is spent at once."""

from typing import Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import (
    CostBasis,
    Currency,
    Customer,
    EffectiveAt,
    ExpiresAt,
    Feature,
    Money,
    OnlyFeatures,
    Overdraft,
    Paid,
    Priority,
    Source,
    SourceId,
)
from tollkeeper.cli.sources import check_source
from tollkeeper.cli.wallet.reading import limit_of

app: Final = typer.Typer()


@verb(app, "deposit", changes=True)
def deposit(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
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
    """Put money into the wallet; the first deposit fixes its currency."""
    from tollkeeper import Money

    check_source(source, paid=paid)
    with call.billing() as billing:
        receipt = billing.wallet.deposit(
            customer,
            Money(amount, currency),
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


@verb(app, "spend", changes=True)
def spend(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
    *,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Spend money at once, in burn order."""
    from tollkeeper import Money

    with call.billing() as billing:
        receipt = billing.wallet.spend(
            customer,
            Money(amount, currency),
            feature=feature,
            overdraft=limit_of(overdraft, currency),
            **call.change,
        )
    answers.show_receipt(call, receipt)
