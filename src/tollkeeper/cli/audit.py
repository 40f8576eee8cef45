"""The command `audit`: checks every law of the ledger over the books at hand."""

from typing import Annotated

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.auditing import MOST_FINDINGS, audited, finding_parts
from tollkeeper.cli.calls import Call
from tollkeeper.cli.failures import DONE, FOUND


def audit(
    call: Call,
    *,
    customer: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only this customer's books; an unknown one is refused."),
    ] = None,
    most: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=1000, help="Findings of each law to show."),
    ] = MOST_FINDINGS,
) -> int:
    """Check every law of the ledger over the books; exit code 1 means that one is broken.

    It reads all entries, grants and holds as they stood when it began, in constant memory, and
    shows the first offending rows of each law.
    """
    with call.billing() as billing:
        report = audited(billing, customer=customer, most=most)
        if customer is not None and report.ok and not report.checked.customers:
            # A check must not pass for a slip of the pen: this raises CustomerNotFound.
            billing.customers.get(customer)
    answers.show(call, report.to_dict(), lambda: finding_parts(report))
    return DONE if report.ok else FOUND
