"""The arguments and options that commands share, each described once."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

import typer

from tollkeeper.cli import parsing, version

#: Which environment variable names the database.
DATABASE_VARIABLE: Final = "TOLLKEEPER_DATABASE_URL"

_ALL: Final = "Options of every command"
_CHANGE: Final = "Options of every change"

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
    str,
    typer.Option(
        metavar="WORD",
        help="Where it comes from: promotion, allowance, purchase, deposit or a word of yours.",
    ),
]
SourceId: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="Your own reference, such as a campaign.")
]
Priority: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Lower burns first; the source sets a default.")
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
    str,
    typer.Option(
        metavar="POLICY",
        help="What becomes of value whose grant has expired: 'expire', or 'reissue' it anew.",
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
    str,
    typer.Option(
        metavar="POLICY",
        help="What becomes of more than was held: 'charge' it, 'cap' it or 'refuse' it.",
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

# Of every command; the command line's own callback takes them too, so that they may stand before
# the noun as well. Neither reads the environment: there it would hide what was written elsewhere.
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help=f"The database, such as sqlite:///app.db; otherwise ${DATABASE_VARIABLE} names it.",
        rich_help_panel=_ALL,
    ),
]
TrialDatabase: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database; without it a SQLite file that is deleted afterwards. "
        f"${DATABASE_VARIABLE} is not read.",
        rich_help_panel=_ALL,
    ),
]
Schema: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="NAME",
        help="Our PostgreSQL schema, or our tables' prefix on SQLite; 'tollkeeper' by default.",
        rich_help_panel=_ALL,
    ),
]
Json: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one line of JSON instead of tables.",
        rich_help_panel=_ALL,
    ),
]

Version: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--version",
        help="Show which version of Tollkeeper this is.",
        is_eager=True,
        callback=version.shown,
    ),
]

IdempotencyKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="Your name for this one request; given again, it gives the first answer again.",
        rich_help_panel=_CHANGE,
    ),
]
Reason: TypeAlias = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why.", rich_help_panel=_CHANGE),
]
Actor: TypeAlias = Annotated[
    str | None,
    typer.Option("--actor", metavar="WHO", help="Who does it.", rich_help_panel=_CHANGE),
]
Metadata: TypeAlias = Annotated[
    dict[str, Any] | None,
    typer.Option(
        "--metadata",
        metavar="JSON",
        parser=parsing.metadata,
        help="Your own data, as a JSON object.",
        rich_help_panel=_CHANGE,
    ),
]
