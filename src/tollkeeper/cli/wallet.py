"""The noun `wallet`: a customer's balance in money."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import NEGATIVE_AMOUNTS, Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import (
    AnyCurrency,
    At,
    CostBasis,
    Currency,
    CurrencyOfHold,
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
    Money,
    MoneyOfHold,
    OnlyFeatures,
    OperationId,
    Overdraft,
    Priority,
    Since,
    Source,
    SourceId,
    Until,
)

if TYPE_CHECKING:
    from tollkeeper import Money as Value

app: Final = typer.Typer(help="Deposit, spend, hold and correct money.", no_args_is_help=True)


@verb(app, "deposit", changes=True)
def deposit(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
    *,
    source: Source = "deposit",
    source_id: SourceId = None,
    priority: Priority = None,
    effective_at: EffectiveAt = None,
    expires_at: ExpiresAt = None,
    cost_basis: CostBasis = None,
    feature: OnlyFeatures = None,
) -> None:
    """Put money into the wallet; the first deposit fixes its currency."""
    from tollkeeper import Money

    with call.billing() as billing:
        receipt = billing.wallet.deposit(
            customer,
            Money(amount, currency),
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
            overdraft=_limit(overdraft, currency),
            **call.change,
        )
    answers.show_receipt(call, receipt)


@verb(app, "hold", changes=True)
def hold(
    call: Call,
    customer: Customer,
    amount: Money,
    currency: Currency,
    *,
    lifetime: Lifetime = None,
    feature: Feature = None,
    overdraft: Overdraft = None,
) -> None:
    """Set money aside before the cost is known; without --lifetime it comes back after 15m."""
    from tollkeeper import Money

    spans: dict[str, Any] = {} if lifetime is None else {"lifetime": lifetime}
    with call.billing() as billing:
        receipt = billing.wallet.hold(
            customer,
            Money(amount, currency),
            feature=feature,
            overdraft=_limit(overdraft, currency),
            **spans,
            **call.change,
        )
    answers.show_receipt(call, receipt)


@verb(app, "extend", changes=True)
def extend(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: MoneyOfHold = None,
    currency: CurrencyOfHold = None,
    *,
    lifetime: Lifetime = None,
) -> None:
    """Add money to an open hold, or let it live on for --lifetime from now."""
    with call.billing() as billing:
        receipt = billing.wallet.extend(
            customer, hold, _part(amount, currency), lifetime=lifetime, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "settle", changes=True)
def settle(
    call: Call,
    customer: Customer,
    hold: Hold,
    amount: MoneyOfHold = None,
    currency: CurrencyOfHold = None,
    *,
    excess: Excess = "charge",
) -> None:
    """Spend what a hold turned out to cost (all of it without AMOUNT), and give the rest back."""
    with call.billing() as billing:
        receipt = billing.wallet.settle(
            customer, hold, _part(amount, currency), excess=excess, **call.change
        )
    answers.show_receipt(call, receipt)


@verb(app, "release", changes=True)
def release(call: Call, customer: Customer, hold: Hold) -> None:
    """Give a hold back, untouched, to the deposits it came from."""
    with call.billing() as billing:
        receipt = billing.wallet.release(customer, hold, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "adjust", changes=True, context_settings=NEGATIVE_AMOUNTS)
def adjust(call: Call, customer: Customer, amount: Money, currency: Currency) -> None:
    """Correct the wallet by hand, up or down (-5.00); --reason and --actor must be given."""
    from tollkeeper import Money

    with call.billing() as billing:
        receipt = billing.wallet.adjust(customer, Money(amount, currency), **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "set-overdraft", changes=True)
def set_overdraft(
    call: Call,
    customer: Customer,
    limit: Annotated[
        str,
        typer.Argument(
            metavar="LIMIT", help="An amount, 'unlimited', or 'default' for the unit's own limit."
        ),
    ],
    currency: CurrencyOfHold = None,
) -> None:
    """Set how far below zero this wallet may go."""
    asked = None if limit == "default" else _limit(limit, currency)
    with call.billing() as billing:
        receipt = billing.wallet.set_overdraft(customer, asked, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "reverse", changes=True)
def reverse(
    call: Call, customer: Customer, operation: OperationId, *, expired: Expired = "expire"
) -> None:
    """Undo one operation: give back to the very deposits that it drew from."""
    with call.billing() as billing:
        receipt = billing.wallet.reverse(customer, operation, expired=expired, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "balance")
def balance(
    call: Call,
    customer: Customer,
    currency: AnyCurrency = None,
    *,
    feature: Feature = None,
    at: At = None,
    known_at: KnownAt = None,
) -> None:
    """Show the wallet's balance, now or at another moment; JSON is null where there is none."""
    with call.billing() as billing:
        found = billing.wallet.balance(
            customer, currency, feature=feature, at=at, known_at=known_at
        )
    if found is None:
        answers.show(call, None, lambda: ["No money was ever deposited."])
    else:
        answers.show_balance(call, found)


@verb(app, "has")
def has(
    call: Call, customer: Customer, amount: Money, currency: Currency, *, feature: Feature = None
) -> int:
    """Tell whether this much could be spent now; exit code 1 means no."""
    from tollkeeper import Money

    with call.billing() as billing:
        enough = billing.wallet.has(customer, Money(amount, currency), feature=feature)
    answers.show_yes_or_no(call, "has", answer=enough)
    return DONE if enough else FOUND


@verb(app, "history")
def history(
    call: Call,
    customer: Customer,
    *,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List the wallet's entries, newest first, by pages."""
    with call.billing() as billing:
        page = billing.wallet.history(
            customer, kinds=kind or (), since=since, until=until, limit=limit, cursor=cursor
        )
    answers.show_page(call, page)


@verb(app, "grants")
def grants(call: Call, customer: Customer) -> None:
    """List the wallet's deposits, oldest first, with what remains of each now."""
    with call.billing() as billing:
        found = billing.wallet.grants(customer)
    answers.show_grants(call, found)


def _part(amount: str | None, currency: str | None) -> "Value | None":
    """Read the money of a part of a hold; none means all of it."""
    from tollkeeper import Money

    if amount is None:
        return None
    return Money(amount, _needed(currency))


def _limit(limit: str | None, currency: str | None) -> "Value | Any":
    """Read an overdraft limit."""
    from tollkeeper import Money

    if limit is None or limit == "unlimited":
        return limit
    return Money(limit, _needed(currency))


def _needed(currency: str | None) -> str:
    if currency is None:
        raise typer.BadParameter("An amount of money has a currency: write it behind it, like usd.")
    return currency
