"""The arguments and options that verbs have of their own, each described once."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import typer

from tollkeeper.cli import parsing
from tollkeeper.cli.sources import SOURCES

Customer: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="The customer's id, as your app knows it.", show_default=False
    ),
]
UnitKey: TypeAlias = Annotated[
    str, typer.Argument(metavar="UNIT", help="What is counted, such as api_calls.")
]
AnyUnit: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[UNIT]", help="Only this unit.", show_default=False)
]
AmountText: TypeAlias = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="A decimal number, such as 12.5.")
]
Currency: TypeAlias = Annotated[
    str, typer.Argument(metavar="CURRENCY", help="ISO 4217 code of the currency, such as usd.")
]
AnyCurrency: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[CURRENCY]", help="Only this currency.", show_default=False)
]
Money: TypeAlias = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="An amount of money, such as 12.50.")
]
MoneyOfHold: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[AMOUNT]", help="An amount of money, such as 12.50.")
]
CurrencyOfHold: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[CURRENCY]", help="ISO 4217 code, with an amount.")
]
Hold: TypeAlias = Annotated[
    str, typer.Argument(metavar="HOLD", help="The hold's id, such as hld_01j….")
]
OperationId: TypeAlias = Annotated[
    str, typer.Argument(metavar="OPERATION", help="The operation's id, such as op_01j….")
]

FeatureKey: TypeAlias = Annotated[
    str, typer.Argument(metavar="FEATURE", help="What is used, such as image.")
]
Quantity: TypeAlias = Annotated[
    str, typer.Argument(metavar="[QUANTITY]", help="How much of it, a decimal number.")
]
PayFrom: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        help="Only this source may pay: a unit, 'credits' (any), 'wallet' or 'usage' (the later "
        "bill); may be repeated.",
    ),
]
Member: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="Which member of the customer uses it.")
]
ApiKey: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="Which API key of the customer uses it.")
]
Tags: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TEXT", help="What else limits count it by; may be repeated."),
]
Dimensions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--dimension",
        metavar="NAME=VALUE",
        help="What else is known, such as model=small; may be repeated.",
    ),
]
Feature: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="For this feature, whose own grants count too."),
]
OnlyFeatures: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--feature", metavar="KEY", help="Only this feature may spend it; may be repeated."
    ),
]
Source: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="WORD",
        help=f"Where it comes from: {', '.join(SOURCES)}; or a word of yours, together with --paid "
        "or --unpaid. Unless you say so, a grant is a promotion, and a deposit a deposit.",
    ),
]
Paid: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--paid/--unpaid",
        help="Whether it was paid for, so that it pays debt back first; the source sets a default.",
        show_default=False,
    ),
]
SourceId: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="Your own reference, such as a campaign.")
]
Priority: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Lower burns first; the source sets a default: 20 for an allowance, 40 for a "
        "promotion and for a word of yours, 60 for the others.",
    ),
]
EffectiveAt: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="From when on it is spendable: now."),
]
ExpiresAt: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="When its rest expires: never."),
]
CostBasis: TypeAlias = Annotated[
    str | None, typer.Option(metavar="MONEY", help="What was paid for it, like '9.00 usd'.")
]
Expired: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="POLICY",
        help="What becomes of value whose grant expired: 'expire' (unless given), or 'reissue' it.",
    ),
]
Overdraft: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="LIMIT", help="How far below zero this call may go, or 'unlimited'."),
]
Lifetime: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(metavar="SPAN", parser=parsing.span, help="How long it lives, such as 15m or 2h."),
]
Excess: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="POLICY",
        help="What becomes of more than was held: 'charge' (unless given), 'cap' or 'refuse' it.",
    ),
]
At: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="The balance at this moment."),
]
KnownAt: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        parser=parsing.moment,
        help="Together with --at: as the books knew it at this moment.",
    ),
]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="Booked at this moment or later."),
]
Until: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="Booked before this moment."),
]
Kinds: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only entries of this kind; may be repeated."),
]
Limit: TypeAlias = Annotated[
    int, typer.Option(metavar="N", min=1, help="How many entries a page has at most.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Where to go on: the next_cursor of the page before."),
]
