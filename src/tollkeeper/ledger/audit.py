"""The audit: every law of the ledger over the data at hand, in constant memory. Changes nothing.

It reads one unchanging state of the books, so that it can run under load: who calls it has seen to
that. What each law means for the rows stands in `ledger/auditing`.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from tollkeeper.ledger.auditing import keys, pointing
from tollkeeper.ledger.auditing.laws import Findings
from tollkeeper.ledger.auditing.plans import check_plans
from tollkeeper.ledger.auditing.rows import EntryRow
from tollkeeper.ledger.auditing.usage import check_usage
from tollkeeper.ledger.auditing.walking import Walk
from tollkeeper.ledger.change import Ledger
from tollkeeper.store import audits
from tollkeeper.values.findings import AuditReport, Checked

#: Called now and then with how many rows are done, and how many there are.
Progress = Callable[[int, int], None]

#: After how many rows the progress is told again.
TOLD_EVERY = 1000


class _Meter:
    """Counts rows and tells the progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def step(self) -> None:
        """Count one row."""
        self._done += 1
        if self._done % TOLD_EVERY == 0:
            self.tell()

    def tell(self) -> None:
        """Tell how far it is."""
        if self._progress is not None:
            self._progress(self._done, self._total)


def audit(
    ledger: Ledger,
    connection: Connection,
    *,
    customer: str | None,
    most: int,
    progress: Progress | None,
) -> AuditReport:
    """Check every law; keep the first `most` findings of each."""
    database, findings = ledger.database, Findings(most)
    read_at = ledger.clock.now()
    meter = _Meter(progress, audits.count_operations(connection, database, customer))
    meter.tell()
    units = pointing.check_units(connection, database, findings)
    pointing.check_guards(connection, database, findings)
    walk = Walk(connection, database, customer, findings)
    walk.run(meter.step)
    walk.totals.compare(is_whole=customer is None)
    bare = 0
    for row in audits.bare_operations(connection, database, customer):
        keys.check_bare(EntryRow(*row), findings)
        bare += 1
        meter.step()
    keys.check_book(connection, database, customer, findings)
    pointing.check_orphans(connection, database, customer, findings)
    check_usage(connection, database, customer, findings)
    check_plans(connection, database, customer, findings, read_at)
    meter.tell()
    return AuditReport(
        read_at=read_at,
        customer=customer,
        checked=_checked(walk, units=units, bare=bare),
        findings=findings.in_order(),
        broken={law.name: count for law, count in findings.counts.items()},
    )


def _checked(walk: Walk, *, units: int, bare: int) -> Checked:
    return Checked(
        units=units,
        customers=walk.customers,
        accounts=walk.accounts.count,
        entries=walk.entries.count,
        bare_operations=bare,
        grants=walk.facts.count,
        open_holds=walk.holds.count,
    )
