"""Runs the audit behind a progress bar, and shows what it found. Decides nothing about it."""

from typing import TYPE_CHECKING, Final

from tollkeeper.cli import screen
from tollkeeper.cli.sheets import Column, Part, Sheet, counted

if TYPE_CHECKING:
    from tollkeeper import Billing
    from tollkeeper.values.findings import AuditReport, Finding

#: How many findings of each law are shown, unless the command says otherwise.
MOST_FINDINGS: Final = 10


def audited(
    billing: "Billing", *, customer: str | None = None, most: int = MOST_FINDINGS
) -> "AuditReport":
    """Check every law over the books, or over one customer's."""
    with screen.progress("Auditing the books") as moved:
        return billing.books.audit(customer=customer, most=most, progress=moved)


def finding_parts(report: "AuditReport") -> list[Part]:
    """Show what an audit found: a line where every law holds, else a table of findings."""
    checked = report.checked
    looked = (
        f"{counted(checked.entries, 'entry', 'entries')}, "
        f"{counted(checked.grants, 'grant', 'grants')} and "
        f"{counted(checked.customers, 'customer', 'customers')}"
    )
    if report.ok:
        return [f"Audit: every law holds over {looked}."]
    broken = ", ".join(
        f"{name} {counted(count, 'time', 'times')}" for name, count in sorted(report.broken.items())
    )
    return [f"Audit: BROKEN over {looked}: {broken}.", _findings(report)]


def _findings(report: "AuditReport") -> Sheet:
    columns = (
        Column("Law", is_number=True),
        Column("Name"),
        Column("What is wrong"),
        Column("Expected"),
        Column("Found"),
        Column("Customer"),
        Column("Where", drop=1),
    )
    return Sheet(columns=columns, rows=tuple(_row(finding) for finding in report.findings))


def _row(finding: "Finding") -> tuple[str, ...]:
    places = (finding.unit, finding.operation, finding.grant, finding.hold)
    return (
        str(finding.law or ""),
        finding.name,
        finding.says,
        finding.expected,
        finding.found,
        finding.customer or "",
        " ".join(place for place in places if place),
    )
