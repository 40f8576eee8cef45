"""The noun `usage backfill`: usage that was missed is put in unseen, then counted, or undone."""

from typing import Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.usage import tables
from tollkeeper.cli.usage.options import File, Name
from tollkeeper.cli.usage.recording import carried

app: Final = typer.Typer(
    help="Fill in usage that was missed: unseen until it is closed, reversible afterwards.",
    no_args_is_help=True,
)


@verb(app, "add")
def add(call: Call, name: Name, file: File) -> None:
    """Put the events of a file into a backfill, where they count nowhere yet.

    The file is read as by `usage import`; events count by their own time, however long ago.
    """
    with call.billing() as billing:
        recorded, replayed = carried(file, lambda some: billing.usage.backfill(name, some))
    data = {"recorded": recorded, "replayed": replayed}
    answers.show(call, data, lambda: tables.imported(recorded, replayed))


@verb(app, "show")
def show(call: Call, name: Name) -> None:
    """Show how a backfill stands, customer by customer."""
    with call.billing() as billing:
        found = billing.usage.get_backfill(name)
    answers.show(call, found.to_dict(), lambda: tables.backfill(found))


@verb(app, "close")
def close(call: Call, name: Name) -> None:
    """Let the events of a backfill count, each customer's all at once."""
    with call.billing() as billing:
        found = billing.usage.close_backfill(name)
    answers.show(call, found.to_dict(), lambda: tables.backfill(found))


@verb(app, "undo")
def undo(call: Call, name: Name) -> None:
    """Let the events of a backfill count no more, closed or not."""
    with call.billing() as billing:
        found = billing.usage.undo_backfill(name)
    answers.show(call, found.to_dict(), lambda: tables.backfill(found))
