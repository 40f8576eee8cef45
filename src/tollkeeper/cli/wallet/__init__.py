"""The noun `wallet`: a customer's balance in money."""

from typing import Final

import typer

from tollkeeper.cli.wallet import correcting, holding, looking, spending

app: Final = typer.Typer(help="Deposit, spend, hold and correct money.", no_args_is_help=True)
# In the order in which the help shows their verbs.
for _part in (spending, holding, correcting, looking):
    app.add_typer(_part.app)
