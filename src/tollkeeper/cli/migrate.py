"""The command `migrate`: makes our tables, or brings them up to date."""

from typing import Annotated

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call


def migrate(
    call: Call,
    *,
    citus: Annotated[
        bool, typer.Option("--citus", help="Distribute the tables by customer, with Citus.")
    ] = False,
) -> None:
    """Make Tollkeeper's tables in the database, or bring them up to date; safe to repeat."""
    with call.billing() as billing:
        done = billing.migrate(citus=citus)
    data = {"before": done.before, "after": done.after, "applied": list(done.applied)}
    steps = ", ".join(done.applied)
    told = f"Applied {steps}; the tables are of version {done.after}."
    unchanged = f"The tables are of version {done.after}; there was nothing to do."
    answers.show(call, data, lambda: [told if done.applied else unchanged])
