"""That the books which were measured are right: a sample of their customers, audited by every law.

Speed that loses track of an amount would be none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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


def sample(customers: int) -> Iterator[str]:
    """Name customers, evenly spread."""
    for number in range(1, customers + 1, max(1, customers // SAMPLE)):
        yield f"{PREFIX}{number}"


def prove(database: str, customers: int) -> Proof:
    """Audit a sample of the customers.

    Raises:
        BooksAreWrong: an audit found something; the message says what.
    """
    count = entries = 0
    with Billing(database) as billing:
        for name in sample(customers):
            report = billing.books.audit(customer=name)
            if not report.ok:
                raise BooksAreWrong("; ".join(map(str, report.findings)))
            count += 1
            entries += report.checked.entries
    return Proof(customers=count, entries=entries)
