"""The noun `credits`: give, spend, hold and correct a customer's credits, and look at them."""

from typing import Final

import typer

from tollkeeper.cli.credits import correcting, holding, looking, spending

app: Final = typer.Typer(help="Give, spend, hold and correct credits.", no_args_is_help=True)
# In the order in which the help shows their verbs.
for _part in (spending, holding, correcting, looking):
    app.add_typer(_part.app)
