"""The room of the books: prove that they are right."""

from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.audit import Progress, audit
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.values.findings import AuditReport

#: The most findings of one law that a report can hold.
MAXIMUM_FINDINGS = 1000


class Books:
    """What can be asked of the books as a whole."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def audit(
        self,
        *,
        customer: str | None = None,
        most: int = 10,
        progress: Progress | None = None,
    ) -> AuditReport:
        """Check every law of the ledger over the data at hand, or over one customer's.

        It reads one unchanging state in constant memory, holds nobody up and changes nothing, so
        that it can run beside a busy app. The report keeps the first `most` findings of each law
        and counts the others. `progress` is called now and then with the rows done and the rows
        there are; tasks' calls of it come from a thread of ours.

        Inside a transaction of the app's own, PostgreSQL must give it one state: InvalidRequest
        says so unless the isolation level is REPEATABLE READ or SERIALIZABLE.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "api_calls", 100)
        ...     report = billing.books.audit()
        >>> report.ok, report.checked.entries
        (True, 1)
        """
        if type(most) is not int or not 1 <= most <= MAXIMUM_FINDINGS:
            raise InvalidRequest(f"most must be a whole number from 1 to {MAXIMUM_FINDINGS}.")
        name = None if customer is None else customer_id(customer)
        ledger = self._desk.ledger
        return self._desk.door.perform(
            lambda door: door.snapshot(
                lambda connection: audit(
                    ledger, connection, customer=name, most=most, progress=progress
                )
            )
        )
