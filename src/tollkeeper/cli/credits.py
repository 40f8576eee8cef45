"""The noun `credits`: give, spend, hold and correct a customer's credits, and look at them."""

from typing import Annotated, Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import NEGATIVE_AMOUNTS, Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import (
    AmountText,
    AnyUnit,
    At,
    CostBasis,
    Cursor,
    Customer,
    EffectiveAt,
    Excess,
    Expired,
    ExpiresAt,
    Feature,
    Hold,
    Kinds,
    KnownAt,
    Lifetime,
    Limit,
    OnlyFeatures,
    OperationId,
    Overdraft,
    Priority,
    Since,
    Source,
    SourceId,
    UnitKey,
    Until,
)

app: Final = typer.Typer(help="Give, spend, hold and correct credits.", no_args_is_help=True)


@verb(app, "grant", changes=True)
def grant(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    source: Source = "promotion",
    source_id: SourceId = None,
    priority: Priority = None,
    effective_at: EffectiveAt = None,
    expires_at: ExpiresAt = None,
    cost_basis: CostBasis = None,
    feature: OnlyFeatures = None,
) -> None:
    """Give credits, as a grant with its own priority, times and cost."""
    from tollkeeper import Money

    with call.billing() as billing:
        receipt = billing.credits.grant(
            customer,
            unit,
            amount,
            source=source,
            source_id=source_id,
            priority=priority,
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


@verb(app, "hold", changes=True)
def hold(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    lifetime: Lifetime = None,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Set credits aside before the cost is known; without --lifetime they come back after 15m."""
    spans: dict[str, Any] = {} if lifetime is None else {"lifetime": lifetime}
    with call.billing() as billing:
        receipt = billing.credits.hold(
            customer, unit, amount, feature=feature, overdraft=overdraft, **spans, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "extend", changes=True)
def extend(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much more to hold.")
    ] = None,
    *,
    lifetime: Lifetime = None,
) -> None:
    """Add an amount to an open hold, or let it live on for --lifetime from now."""
    with call.billing() as billing:
        receipt = billing.credits.extend(customer, hold, amount, lifetime=lifetime, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "settle", changes=True)
def settle(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What it did cost: all that is held.")
    ] = None,
    *,
    excess: Excess = "charge",
) -> None:
    """Consume what a hold turned out to cost, and give the rest back."""
    with call.billing() as billing:
        receipt = billing.credits.settle(customer, hold, amount, excess=excess, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "release", changes=True)
def release(call: Call, customer: Customer, hold: Hold) -> None:
    """Give a hold back, untouched, to the grants it came from."""
    with call.billing() as billing:
        receipt = billing.credits.release(customer, hold, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "revoke", changes=True)
def revoke(
    call: Call,
    customer: Customer,
    unit: AnyUnit = None,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much: all that is left.")
    ] = None,
    *,
    grant: Annotated[
        str | None, typer.Option(metavar="GRANT", help="Only what is left of this grant.")
    ] = None,
) -> None:
    """Take back what is left: an amount, one grant's rest, a unit, or all credits."""
    with call.billing() as billing:
        receipt = billing.credits.revoke(customer, unit, amount, grant=grant, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "adjust", changes=True, context_settings=NEGATIVE_AMOUNTS)
def adjust(call: Call, customer: Customer, unit: UnitKey, amount: AmountText) -> None:
    """Correct a balance by hand, up or down (-5); --reason and --actor must be given."""
    with call.billing() as billing:
        receipt = billing.credits.adjust(customer, unit, amount, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-balance", changes=True, context_settings=NEGATIVE_AMOUNTS)
def set_balance(call: Call, customer: Customer, unit: UnitKey, amount: AmountText) -> None:
    """Make what is available this amount, whatever it was; below zero (-5) it is debt."""
    with call.billing() as billing:
        receipt = billing.credits.set_balance(customer, unit, amount, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-overdraft", changes=True)
def set_overdraft(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    limit: Annotated[
        str, typer.Argument(help="An amount, 'unlimited', or 'default' for the unit's own limit.")
    ],
) -> None:
    """Set how far below zero this customer may go."""
    asked = None if limit == "default" else limit
    with call.billing() as billing:
        receipt = billing.credits.set_overdraft(customer, unit, asked, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "transfer", changes=True)
def transfer(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    amount: AmountText,
    *,
    to: Annotated[str, typer.Option(metavar="CUSTOMER", help="Who gets them.")],
) -> None:
    """Move credits to another customer, with their expiry and their cost."""
    with call.billing() as billing:
        receipt = billing.credits.transfer(customer, unit, amount, to=to, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "reverse", changes=True)
def reverse(
    call: Call,
    customer: Customer,
    operation: OperationId,
    *,
    expired: Expired = "expire",
) -> None:
    """Undo one operation: give back to the very grants that it drew from."""
    with call.billing() as billing:
        receipt = billing.credits.reverse(customer, operation, expired=expired, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "balance")
def balance(
    call: Call,
    customer: Customer,
    unit: UnitKey,
    *,
    feature: Feature = None,
    at: At = None,
    known_at: KnownAt = None,
) -> None:
    """Show the balance of one unit, now or at another moment."""
    with call.billing() as billing:
        found = billing.credits.balance(customer, unit, feature=feature, at=at, known_at=known_at)
    answers.show_balance(call, found)


@verb(app, "balances")
def balances(call: Call, customer: Customer) -> None:
    """Show the balances of all of a customer's credits."""
    with call.billing() as billing:
        found = billing.credits.balances(customer)
    answers.show_balances(call, found)


@verb(app, "has")
def has(
    call: Call, customer: Customer, unit: UnitKey, amount: AmountText, *, feature: Feature = None
) -> int:
    """Tell whether this much could be consumed now; exit code 1 means no."""
    with call.billing() as billing:
        enough = billing.credits.has(customer, unit, amount, feature=feature)
    answers.show_yes_or_no(call, "has", answer=enough)
    return DONE if enough else FOUND


@verb(app, "history")
def history(
    call: Call,
    customer: Customer,
    unit: AnyUnit = None,
    *,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List entries, newest first, by pages."""
    with call.billing() as billing:
        page = billing.credits.history(
            customer, unit, kinds=kind or (), since=since, until=until, limit=limit, cursor=cursor
        )
    answers.show_page(call, page)


@verb(app, "grants")
def grants(call: Call, customer: Customer, unit: AnyUnit = None) -> None:
    """List grants, oldest first, with what remains of each now."""
    with call.billing() as billing:
        found = billing.credits.grants(customer, unit)
    answers.show_grants(call, found)
