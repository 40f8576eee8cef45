"""The options of `simulate`: which books, or which recorded stream, and what is different."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from tollkeeper.cli import parsing

_BOOKS: Final = "Of the books"
_TRACE: Final = "Of a recorded stream of LLM calls"

Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        parser=parsing.moment,
        help="From when on usage is played; needed unless --trace is given.",
        rich_help_panel=_BOOKS,
    ),
]
Until: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        parser=parsing.moment,
        help="Before when usage is played; now unless given.",
        rich_help_panel=_BOOKS,
    ),
]
OnlyCustomers: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="ID", help="Only this customer; may be repeated.", rich_help_panel=_BOOKS),
]
Moves: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OLD=NEW",
        help="Which plan takes the place of another; may be repeated.",
        rich_help_panel=_BOOKS,
    ),
]
BurnOrder: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCES",
        help="Sources of grants that burn first, such as promotion,allowance,purchase.",
        rich_help_panel=_BOOKS,
    ),
]
Traces: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="CSV file as `replay` reads it, instead of the books; may be repeated.",
        rich_help_panel=_TRACE,
    ),
]
Feature: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="The feature that counts tokens; of the context alone where --generated-feature "
        "counts the others.",
        rich_help_panel=_TRACE,
    ),
]
GeneratedFeature: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="The feature of generated tokens.", rich_help_panel=_TRACE),
]
Callers: TypeAlias = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, max=10_000, help="How many customers call.", rich_help_panel=_TRACE
    ),
]
Plans: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY",
        help="The plan that customers are on; several are dealt out in turn.",
        rich_help_panel=_TRACE,
    ),
]
Deposit: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="MONEY",
        help="What each wallet begins with, such as '5.00 usd'.",
        rich_help_panel=_TRACE,
    ),
]
