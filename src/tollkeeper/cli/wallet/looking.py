"""Looks at the wallet: its balance, its entries, its deposits. Changes nothing."""

from typing import Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import (
    AnyCurrency,
    At,
    Currency,
    Cursor,
    Customer,
    Feature,
    Kinds,
    KnownAt,
    Limit,
    Money,
    Since,
    Until,
)

app: Final = typer.Typer()


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
