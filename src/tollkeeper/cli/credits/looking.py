"""Looks at credits: balances, entries, grants. Changes nothing."""

from typing import Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import (
    AmountText,
    AnyUnit,
    At,
    Cursor,
    Customer,
    Feature,
    Kinds,
    KnownAt,
    Limit,
    Since,
    UnitKey,
    Until,
)

app: Final = typer.Typer()


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
