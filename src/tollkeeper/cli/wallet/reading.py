"""Reads amounts of money as they are typed. Must never guess a currency."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tollkeeper import Money


def part(amount: str | None, currency: str | None) -> "Money | None":
    """Read the money of a part of a hold; none means all of it."""
    from tollkeeper import Money

    if amount is None:
        return None
    return Money(amount, _needed(currency))


def limit_of(limit: str | None, currency: str | None) -> "Money | Any":
    """Read an overdraft limit."""
    from tollkeeper import Money

    if limit is None or limit == "unlimited":
        return limit
    return Money(limit, _needed(currency))


def _needed(currency: str | None) -> str:
    if currency is None:
        raise typer.BadParameter("An amount of money has a currency: write it behind it, like usd.")
    return currency
