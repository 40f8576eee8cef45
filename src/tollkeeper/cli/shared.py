"""The options of every command, and those of every change; and the variables beside them."""

from typing import Annotated, Any, Final, TypeAlias

import typer

from tollkeeper.cli import parsing, version

#: Which environment variable names the database.
DATABASE_VARIABLE: Final = "TOLLKEEPER_DATABASE_URL"
#: Which environment variable names the catalog's file.
CATALOG_VARIABLE: Final = "TOLLKEEPER_CATALOG"
#: Which environment variable says who works here, where no option does.
ACTOR_VARIABLE: Final = "TOLLKEEPER_ACTOR"

_ALL: Final = "Options of every command"
_CHANGE: Final = "Options of every change"

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
CatalogFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        metavar="FILE",
        help=f"What things cost, such as billing.toml; otherwise ${CATALOG_VARIABLE} names it. "
        "Without one a feature is paid from the unit of its own name.",
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
    typer.Option(
        "--actor",
        metavar="WHO",
        envvar=ACTOR_VARIABLE,
        show_envvar=False,
        help=f"Who does it; otherwise ${ACTOR_VARIABLE} says so.",
        rich_help_panel=_CHANGE,
    ),
]
# Of a change by hand. The parser does not demand them: a request without them is invalid, as it is
# in the library, and no slip in how a command is written.
ReasonByHand: TypeAlias = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why; must be given.", rich_help_panel=_CHANGE),
]
ActorByHand: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--actor",
        metavar="WHO",
        envvar=ACTOR_VARIABLE,
        show_envvar=False,
        help=f"Who does it; must be given, here or by ${ACTOR_VARIABLE}.",
        rich_help_panel=_CHANGE,
    ),
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
