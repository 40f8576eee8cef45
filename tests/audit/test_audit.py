"""The audit of books in which nothing is wrong, and how its report reads."""

from tollkeeper import Billing


def test_a_history_without_a_fault_has_no_findings(books: Billing) -> None:
    """Every kind of entry is there, and every law holds."""
    report = books.books.audit()
    assert report.findings == ()
    assert report.ok
