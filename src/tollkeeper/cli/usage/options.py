"""The arguments and options of the verbs of usage, each described once."""

from datetime import datetime
from typing import Annotated, TypeAlias

import typer

from tollkeeper.cli import parsing

EventId: TypeAlias = Annotated[
    str, typer.Argument(metavar="EVENT", help="The event's id, such as evt_01j….")
]
AnyFeature: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="[FEATURE]", help="Only this feature.", show_default=False),
]
File: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A file of events, .csv or .jsonl; - reads JSON lines from stdin.",
    ),
]
Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="The backfill's name, as you choose it.")
]
EventKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="The event's id; given again, it changes nothing. Ours where none is given.",
    ),
]
EventAt: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="When it was used; now by default."),
]
Since: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="From this moment on."),
]
Until: TypeAlias = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="Before this moment."),
]
PeriodWord: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="WORD", help="The billing period: 'current' or 'previous'."),
]
Where: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help="Only events with this dimension; may be repeated.",
    ),
]
GroupBy: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--group-by", metavar="NAME", help="By this dimension, or member; may be repeated."
    ),
]
By: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="NAME",
        help="By month, customer, member or a dimension such as model; may be repeated. "
        "By month and customer unless given; features are always told apart.",
    ),
]
OnlyCustomer: TypeAlias = Annotated[
    str | None, typer.Option("--customer", metavar="CUSTOMER", help="Only this customer.")
]
NewQuantity: TypeAlias = Annotated[
    str | None,
    typer.Option("--quantity", metavar="NUMBER", help="How much it was; 0 takes it back."),
]
EVENTS_A_PAGE = 50
Limit: TypeAlias = Annotated[
    int, typer.Option(metavar="N", min=1, help="How many events a page has at most.")
]
