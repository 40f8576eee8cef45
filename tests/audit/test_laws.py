"""Each check is proved by breaking the books: exactly that law is reported, and the place."""

import pytest

from tests.audit.breaking import broken
from tests.audit.cases import LAWS, Case, account, entry
from tests.audit.conftest import History
from tollkeeper.store.migrations.guard import APPEND_ONLY
from tollkeeper.values.findings import AuditReport

CASES = [pytest.param(law, case, id=f"{law}: {case.name}") for law in LAWS for case in LAWS[law]]


@pytest.mark.parametrize(("law", "case"), CASES)
def test_a_broken_law_is_found(history: History, law: str, case: Case) -> None:
    """Exactly the law that was broken is reported, with what is wrong and where."""
    with broken(history.url) as raw:
        case.breaks(raw)
        report = raw.audit(history.billing)
    assert set(report.broken) == {law}, [str(finding) for finding in report.findings]
    assert not report.ok
    assert any(case.says in finding.says for finding in report.findings), report.findings
    if case.customer is not None:
        assert {finding.customer for finding in report.findings} == {case.customer}


def test_nothing_is_found_where_nothing_was_broken(history: History) -> None:
    """The transaction in which the books are broken finds them whole before that."""
    with broken(history.url) as raw:
        assert raw.audit(history.billing).findings == ()


def numbers(report: AuditReport) -> set[int | None]:
    """Tell the numbers of the laws that were found broken."""
    return {finding.law for finding in report.findings}


def test_the_whole_book_does_not_add_up(history: History) -> None:
    """Value out of nothing breaks the account's sums (law 1) and the whole book's (law 7)."""
    with broken(history.url) as raw:
        raw.run(account("ann", "available = available + 5"))
        report = raw.audit(history.billing)
    assert numbers(report) == {1, 7}
    said = next(finding for finding in report.findings if finding.law == 7)
    assert said.customer is None
    assert "grant" in said.expected
    assert "consume" in said.expected


def test_a_guard_that_is_gone_is_found(history: History) -> None:
    """Facts that anybody could change prove nothing (law 8)."""
    with broken(history.url) as raw:
        report = raw.audit(history.billing, guarded=False)
    assert numbers(report) == {8}
    assert report.broken == {"append_only": 2 * len(APPEND_ONLY)}


def test_a_guard_that_is_switched_off_is_found(history: History) -> None:
    """PostgreSQL's owner of a table can disable its triggers; SQLite has no such switch."""
    with broken(history.url) as raw:
        raw.audit(history.billing)
        if raw.is_postgres:
            raw.run("ALTER TABLE {operation} DISABLE TRIGGER append_only")
            report = raw.audit(history.billing, guarded=False)
            assert [finding.expected for finding in report.findings] == ["append_only on operation"]


def test_an_entry_of_no_account_is_found(history: History) -> None:
    """Its version is missed by its account, and the walk ends all the same."""
    with broken(history.url) as raw:
        raw.run(entry("eve", "consume", "unit = NULL"))
        report = raw.audit(history.billing)
    assert {"keys", "sums"} <= set(report.broken)


def test_text_where_a_number_belongs_is_found(history: History) -> None:
    """SQLite keeps whatever is written; PostgreSQL refuses it."""
    with broken(history.url) as raw:
        if raw.is_postgres:
            return
        raw.run(account("ann", "held = 'much'"))
        report = raw.audit(history.billing)
    assert {"sums"} <= set(report.broken)
