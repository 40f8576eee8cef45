"""The command `run-due`: books what time did, for cron or a person; never needed to be right."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call
from tollkeeper.cli.sheets import Part, counted

if TYPE_CHECKING:
    from tollkeeper.values.findings import DueReport

#: The most accounts of one run, as the room of jobs has it.
MOST: Final = 1_000_000


def run_due(
    call: Call,
    *,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=MOST, help="How many accounts at most.")
    ] = 1000,
) -> None:
    """Book what time did: grants that expired or became effective, holds that lapsed.

    Balances are right without it; it makes the entries prompt. Run it from cron as often as you
    like, several at once too: each thing is booked once. `is_done` tells whether nothing was left.
    """
    with call.billing() as billing:
        report = billing.jobs.run_due(limit=limit)
    answers.show(call, report.to_dict(), lambda: _parts(report))


def _parts(report: "DueReport") -> list[Part]:
    booked = (
        f"{counted(report.expired, 'grant', 'grants')} expired, "
        f"{report.activated:,} became effective, "
        f"{counted(report.lapsed, 'hold', 'holds')} lapsed"
    )
    accounts = counted(report.accounts, "account", "accounts")
    told: list[Part] = ["Nothing was due."]
    if report.accounts:
        told = [f"Booked in {accounts}: {booked}."]
    elif report.skipped:
        told = []
    if report.skipped:
        skipped = counted(report.skipped, "account", "accounts")
        told += [f"{skipped} could not be booked now; the next run takes them."]
    elif not report.is_done:
        told += ["More is due: run it again."]
    return told
