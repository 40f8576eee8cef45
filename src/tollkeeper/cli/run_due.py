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
    It also warns of grants that expire soon and clears old notices; to tell notices to functions
    of your app, run `worker --app`.
    """
    with call.billing() as billing:
        report = billing.jobs.run_due(limit=limit)
    answers.show(call, report.to_dict(), lambda: parts(report))


def parts(report: "DueReport") -> list[Part]:
    """Say in words what a run did."""
    told: list[Part] = [*_booked(report), *_told(report)]
    if report.skipped:
        skipped = counted(report.skipped, "account", "accounts")
        told += [f"{skipped} could not be booked now; the next run takes them."]
    elif not report.is_done:
        told += ["More is due: run it again."]
    return told or ["Nothing was due."]


def _booked(report: "DueReport") -> list[Part]:
    if not report.accounts:
        return []
    booked = (
        f"{counted(report.expired, 'grant', 'grants')} expired, "
        f"{report.activated:,} became effective, "
        f"{counted(report.lapsed, 'hold', 'holds')} lapsed"
    )
    if report.renewed:
        booked += f", {counted(report.renewed, 'allowance', 'allowances')} renewed"
    return [f"Booked in {counted(report.accounts, 'account', 'accounts')}: {booked}."]


def _told(report: "DueReport") -> list[Part]:
    """Say what became of notices, and what other jobs did."""
    named = {
        "delivered": report.delivered,
        "to be tried again": report.failed,
        "given up": report.dead,
        "cleared": report.cleared,
    }
    lines: list[Part] = []
    if some := [f"{count:,} {word}" for word, count in named.items() if count]:
        lines.append(f"Notices: {', '.join(some)}.")
    if report.warned:
        lines.append(f"Warned of {counted(report.warned, 'grant', 'grants')} that expire soon.")
    if report.ended:
        found = counted(report.ended, "subscription", "subscriptions")
        lines.append(f"Told of {found} that ended.")
    return lines + [f"{name}: {count:,}." for name, count in report.others.items() if count]
