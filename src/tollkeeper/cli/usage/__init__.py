"""The noun `usage`: record what was used, amend it, fill in what was missed, and sum it up."""

from typing import Final

import typer

from tollkeeper.cli.usage import filling, looking, recording

app: Final = typer.Typer(
    help="Record, amend, import and sum up what customers used.", no_args_is_help=True
)
# In the order in which the help shows their verbs.
for _part in (recording, looking):
    app.add_typer(_part.app)
app.add_typer(filling.app, name="backfill")
