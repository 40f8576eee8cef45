"""The audit compares totals with events; each check is proved by breaking the books."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.usage.conftest import START, Books
from tollkeeper.values.findings import Finding

BREAKS = {
    "a total": "UPDATE {total} SET quantity = quantity + 1 WHERE customer_id = :customer",
    "a total's money": "UPDATE {total} SET owed = owed + 1 WHERE customer_id = :customer",
    "a total that is gone": "DELETE FROM {total} WHERE customer_id = :customer",
    "a running hour": (
        "UPDATE {tally} SET state = replace(state, '[\"calls\",1,', '[\"calls\",2,')"
        " WHERE customer_id = :customer AND subject = ''"
    ),
    "a backfill that is gone": "DELETE FROM {backfill} WHERE customer_id = :customer",
}


@pytest.fixture
def audited(books: Books, customer: str) -> Callable[[str], list[Finding]]:
    """Break a customer's usage in one way, look what the audit says."""
    usage = books.billing.usage
    usage.record(customer, "calls", 3, event_at=START - timedelta(hours=5))
    usage.record(customer, "calls", 4)
    usage.backfill(f"fill_{customer}", [{"customer": customer, "feature": "peak"}])
    usage.close_backfill(f"fill_{customer}")

    def found(how: str) -> list[Finding]:
        engine = create_engine(books.url)
        prefix = "tollkeeper." if engine.dialect.name == "postgresql" else "tollkeeper_"
        names = {name: f"{prefix}{table}" for name, table in TABLES.items()}
        with engine.connect() as connection:
            connection.execute(text(BREAKS[how].format(**names)), {"customer": customer})
            connection.commit()
        engine.dispose()
        return list(books.billing.books.audit(customer=customer).findings)

    return found


TABLES = {"total": "usage_total", "tally": "tally", "backfill": "backfill"}


@pytest.mark.parametrize("how", sorted(BREAKS))
def test_usage_that_does_not_add_up_is_found(
    audited: Callable[[str], list[Finding]], customer: str, how: str
) -> None:
    """It names the law, the customer, and what differs."""
    findings = audited(how)
    assert {finding.name for finding in findings} == {"usage"}
    assert {finding.customer for finding in findings} == {customer}


def test_whole_usage_is_found_whole(books: Books, customer: str) -> None:
    """Amendments leave the greatest of an hour to its events, which is no fault."""
    event = books.billing.usage.record(customer, "peak", 9)
    books.billing.usage.record(customer, "peak", 4)
    books.billing.usage.amend(customer, event.id, quantity=0)
    assert books.billing.books.audit(customer=customer).ok
