"""That the books which were measured are right: a sample of their customers, audited by every law.

What was counted of their usage is compared with the events. Speed that loses track would be none.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from bench.counting import Counts, CountsAreWrong
from tollkeeper import Billing
from tollkeeper.cli.bench.load import PREFIX

#: How many customers' books are audited; the first, who may be the hot one, is among them.
SAMPLE: Final = 20


class BooksAreWrong(Exception):
    """A law of the ledger does not hold in the books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was audited."""

    customers: int
    entries: int
    #: Usage events that totals and counters were compared with.
    events: int


def sample(customers: int) -> Iterator[str]:
    """Name customers, evenly spread."""
    for number in range(1, customers + 1, max(1, customers // SAMPLE)):
        yield f"{PREFIX}{number}"


def prove(database: str, customers: int) -> Proof:
    """Audit a sample of the customers.

    Raises:
        BooksAreWrong: an audit found something, or counts differ; the message says what.
    """
    count = entries = events = 0
    with Billing(database) as billing, closing(Counts(database)) as counts:
        for name in sample(customers):
            report = billing.books.audit(customer=name)
            if not report.ok:
                raise BooksAreWrong("; ".join(map(str, report.findings)))
            count += 1
            entries += report.checked.entries
            try:
                events += counts.check(name)
            except CountsAreWrong as error:
                raise BooksAreWrong(str(error)) from error
    return Proof(customers=count, entries=entries, events=events)
